"""The policies and roles with a stack's own names in them.

In the files of this folder `<prefix>`, `<region>` and so on stand for what is a stack's own. What
they stand for is read from the stack's config, without an engine and without asking any cloud.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).resolve().parent
POLICIES = ("aws-read", "aws-server", "aws-agents")
ROLES = ("azure-read", "azure-change")
READS = ("aws-read", "azure-read")
"""What is enough for `pulumi preview`."""

_NAMESPACE = "ec2-to-azure"
_PLACEHOLDER = re.compile(r"<([a-z-]+)>")
_ACCOUNT = re.compile(r"\d{12}")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_VPC = re.compile(r"vpc-[0-9a-f]{8,17}")
_GROUP = re.compile(r"sg-[0-9a-f]{8,17}")
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class RenderingError(Exception):
    """The stack's config does not say what has to stand in the files; one problem a line."""


@dataclass(frozen=True)
class Names:
    """What is a stack's own.

    Attributes:
        prefix: what the names of all that it makes in AWS begin with.
        region: its AWS region.
        account: its AWS account; `*` for whichever the policies are attached in.
        vpc: the machines' VPC.
        subscription: its Azure subscription.
        server_group: the security group of a server that was registered by hand; None without.
    """

    prefix: str
    region: str
    account: str
    vpc: str
    subscription: str
    server_group: str | None = None

    @property
    def placeholders(self) -> Mapping[str, str | None]:
        """What stands for each placeholder; None for what this stack has not."""
        return {
            "prefix": self.prefix,
            "region": self.region,
            "account": self.account,
            "vpc": self.vpc,
            "subscription": self.subscription,
            "server-group": self.server_group,
        }


def names(project: Mapping[str, Any], stack: str, config: Mapping[str, Any], account: str) -> Names:
    """The names of a stack.

    Args:
        project: the content of Pulumi.yaml.
        stack: the stack's name.
        config: `config` of Pulumi.<stack>.yaml.
        account: 12 digits, or `*`.

    Raises:
        RenderingError: what is not there, or is not what it should be.
    """
    source = config.get(f"{_NAMESPACE}:source") or {}
    problems: list[str] = []

    def one(path: str, value: object, shape: re.Pattern[str], what: str) -> str:
        if isinstance(value, str) and shape.fullmatch(value):
            return value
        said = "is missing" if value is None else f"'{value}' is no {what}"
        problems.append(f"{path}: {said}. Put the {what} there")
        return ""

    group = None
    registered = (source.get("replicationAppliance") or {}).get("registered")
    if registered and config.get(f"{_NAMESPACE}:experience") != "classic":
        place = "source.replicationAppliance.registered.securityGroupId"
        group = one(place, registered.get("securityGroupId"), _GROUP, "id of a security group")
    if account != "*" and not _ACCOUNT.fullmatch(account):
        problems.append(f"ACCOUNT: '{account}' is no id of an AWS account. It has 12 digits")
    found = Names(
        prefix=f"{project['name']}-{stack}",
        region=one("aws:region", config.get("aws:region"), _REGION, "AWS region"),
        account=account,
        vpc=one("source.vpcId", source.get("vpcId"), _VPC, "id of a VPC"),
        subscription=one(
            "azure-native:subscriptionId",
            config.get("azure-native:subscriptionId"),
            _GUID,
            "subscription id",
        ),
        server_group=group,
    )
    if problems:
        raise RenderingError("\n".join(problems))
    return found


def of_stack(root: Path, stack: str, account: str = "*") -> Names:
    """The names of a stack whose file is in a checkout.

    Raises:
        RenderingError: there is no such file, or it lacks something.
    """
    path = root / f"Pulumi.{stack}.yaml"
    if not path.exists():
        raise RenderingError(f"{path.name} is not there. Name a stack that has one: STACK=prod")
    project = yaml.safe_load((root / "Pulumi.yaml").read_text("utf-8"))
    config = (yaml.safe_load(path.read_text("utf-8")) or {}).get("config") or {}
    try:
        return names(project, stack, config, account)
    except RenderingError as error:
        lines = "\n".join(f"  - {line}" for line in str(error).splitlines())
        raise RenderingError(f"{path.name} does not say all that is needed:\n{lines}") from error


def document(name: str) -> dict[str, Any]:
    """A file of this folder, with its placeholders."""
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return found


def rendered(name: str, own: Names) -> dict[str, Any]:
    """A file with a stack's names; statements about what the stack has not are left out."""
    filled: dict[str, Any] = _filled(document(name), own.placeholders)
    return filled


def _filled(value: Any, known: Mapping[str, str | None]) -> Any:
    if isinstance(value, str):
        return _PLACEHOLDER.sub(lambda found: str(known[found[1]]), value)
    if isinstance(value, list):
        return [_filled(one, known) for one in value if not _is_of_nothing(one, known)]
    if isinstance(value, dict):
        return {key: _filled(one, known) for key, one in value.items()}
    return value


def _is_of_nothing(value: Any, known: Mapping[str, str | None]) -> bool:
    return any(known[name] is None for name in _PLACEHOLDER.findall(json.dumps(value)))
