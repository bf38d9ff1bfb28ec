"""Makes the policies and roles of a stack from the templates in this folder.

The templates contain placeholders such as `<prefix>` and `<region>`. Their values are read from the
stack's config, without an engine and without a request to a cloud.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).resolve().parent
POLICIES = ("aws-read", "aws-server", "aws-agents", "aws-cutover")
ROLES = ("azure-read", "azure-change")
READS = ("aws-read", "azure-read")
"""The templates that are enough for `pulumi preview` in one subscription."""

MACHINES_ROLES = ("azure-machines-read", "azure-machines-change")
"""The roles in the machines' subscription, if that is another than the vault's."""

_OF_MACHINES = (
    "Microsoft.Compute/",
    "Microsoft.Network/",
    "Microsoft.Resources/deployments/",
    "Microsoft.Resources/subscriptions/resourceGroups/resources/",
)
"""Actions that are needed in the machines' subscription alone, by how they begin."""
_OF_BOTH = (
    "Microsoft.Authorization/locks/read",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.Resources/subscriptions/resourceGroups/write",
)
"""Actions that are needed in both subscriptions. All others are needed in the vault's alone."""

_PREFIX_MAX = 42
_PARTITIONS = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "us-isof-": "aws-iso-f",
    "eu-isoe-": "aws-iso-e",
    "eusc-": "aws-eusc",
}
"""Partitions other than that of the commercial regions, by how their regions begin."""
_NAMESPACE = "ec2-to-azure"
_MACHINES = "azure-machines-"
_PLACEHOLDER = re.compile(r"<([a-z-]+)>")
_ACCOUNT = re.compile(r"\d{12}")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_VPC = re.compile(r"vpc-[0-9a-f]{8,17}")
_GROUP = re.compile(r"sg-[0-9a-f]{8,17}")
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class RenderingError(Exception):
    """The stack's config lacks a value for the files; one problem per line."""


@dataclass(frozen=True)
class Names:
    """The values of a stack's placeholders.

    Attributes:
        prefix: the prefix of the names of everything that the stack makes in AWS.
        region: its AWS region.
        account: its AWS account; `*` for the account in which the policies are attached.
        vpc: the machines' VPC.
        subscription: the Azure subscription of its vault.
        machines_subscription: that of its machines, if it is another one.
        server_group: the security group of a server that was registered by hand; None if there is
            none.
    """

    prefix: str
    region: str
    account: str
    vpc: str
    subscription: str
    server_group: str | None = None
    machines_subscription: str | None = None

    @property
    def roles(self) -> tuple[str, ...]:
        """The names of the roles that this stack needs."""
        return ROLES if self.machines_subscription is None else (*ROLES, *MACHINES_ROLES)

    @property
    def reads(self) -> tuple[str, ...]:
        """The names of what is enough for `pulumi preview`."""
        return READS if self.machines_subscription is None else (*READS, MACHINES_ROLES[0])

    @property
    def partition(self) -> str:
        """The partition of the region, which is the second part of every ARN there.

        Source: "Amazon Resource Names (ARNs)" (AWS General Reference).
        """
        return next(
            (name for start, name in _PARTITIONS.items() if self.region.startswith(start)), "aws"
        )

    @property
    def placeholders(self) -> Mapping[str, str | None]:
        """The value of each placeholder; None for what this stack does not have."""
        return {
            "prefix": self.prefix,
            "partition": self.partition,
            "region": self.region,
            "account": self.account,
            "vpc": self.vpc,
            "subscription": self.subscription,
            "server-group": self.server_group,
        }


def _prefix(project: str, stack: str) -> str:
    """The beginning of the stack's names; a test compares it with that of the program."""
    name = f"{project}-{stack}"
    if len(name) <= _PREFIX_MAX and stack == stack.lower():
        return name
    return f"{name[: _PREFIX_MAX - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def names(project: Mapping[str, Any], stack: str, config: Mapping[str, Any], account: str) -> Names:
    """The names of a stack.

    Args:
        project: the content of Pulumi.yaml.
        stack: the stack's name.
        config: `config` of Pulumi.<stack>.yaml.
        account: 12 digits, or `*`.

    Raises:
        RenderingError: a value is missing or malformed.
    """
    source = config.get(f"{_NAMESPACE}:source") or {}
    problems: list[str] = []

    def one(path: str, value: object, shape: re.Pattern[str], what: str) -> str:
        if isinstance(value, str) and shape.fullmatch(value):
            return value
        said = "is missing" if value is None else f"'{value}' is not a valid {what}"
        problems.append(f"{path}: {said}. Put the {what} there")
        return ""

    group = None
    registered = (source.get("replicationAppliance") or {}).get("registered")
    if registered and config.get(f"{_NAMESPACE}:experience") != "classic":
        place = "source.replicationAppliance.registered.securityGroupId"
        group = one(place, registered.get("securityGroupId"), _GROUP, "security group id")
    machines = (config.get(f"{_NAMESPACE}:target") or {}).get("machinesSubscriptionId")
    if machines is not None:
        machines = one("target.machinesSubscriptionId", machines, _GUID, "subscription id")
    if account != "*" and not _ACCOUNT.fullmatch(account):
        problems.append(f"ACCOUNT: '{account}' is not a valid AWS account id. It has 12 digits")
    found = Names(
        prefix=_prefix(project["name"], stack),
        region=one("aws:region", config.get("aws:region"), _REGION, "AWS region"),
        account=account,
        vpc=one("source.vpcId", source.get("vpcId"), _VPC, "VPC id"),
        subscription=one(
            "azure-native:subscriptionId",
            config.get("azure-native:subscriptionId"),
            _GUID,
            "subscription id",
        ),
        server_group=group,
        machines_subscription=machines,
    )
    if machines is not None and machines.lower() == found.subscription.lower():
        found = replace(found, machines_subscription=None)
    if problems:
        raise RenderingError("\n".join(problems))
    return found


def of_stack(root: Path, stack: str, account: str = "*") -> Names:
    """The names of a stack whose file is in a checkout.

    Raises:
        RenderingError: the file does not exist, or lacks a value.
    """
    path = root / f"Pulumi.{stack}.yaml"
    if not path.exists():
        raise RenderingError(
            f"{path.name} does not exist. Name a stack that has such a file: STACK=prod"
        )
    project = yaml.safe_load((root / "Pulumi.yaml").read_text("utf-8"))
    config = (yaml.safe_load(path.read_text("utf-8")) or {}).get("config") or {}
    try:
        return names(project, stack, config, account)
    except RenderingError as error:
        lines = "\n".join(f"  - {line}" for line in str(error).splitlines())
        raise RenderingError(f"{path.name} lacks values that the files need:\n{lines}") from error


def document(name: str) -> dict[str, Any]:
    """A template of this folder, with its placeholders."""
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return found


def rendered(name: str, own: Names) -> dict[str, Any]:
    """A template filled in; statements about what the stack does not have are left out.

    Args:
        name: the name of a policy, or of a role of `own.roles`.
        own: the names of the stack.
    """
    if own.machines_subscription is None or name in POLICIES:
        filled: dict[str, Any] = _filled(document(name), own.placeholders)
        return filled
    of_machines = name in MACHINES_ROLES
    role = document(name.replace(_MACHINES, "azure-"))
    role["Actions"] = [each for each in role["Actions"] if _needed_in(each, of_machines)]
    if of_machines:
        own = replace(own, subscription=own.machines_subscription)
        role["Name"] = role["Name"].replace("<prefix>", "<prefix> machines")
        role["Description"] = f"In the subscription of the machines: {role['Description']}"
    filled = _filled(role, own.placeholders)
    return filled


def _needed_in(action: str, of_machines: bool) -> bool:
    if action in _OF_BOTH:
        return True
    return action.startswith(_OF_MACHINES) is of_machines


def _filled(value: Any, known: Mapping[str, str | None]) -> Any:
    if isinstance(value, str):
        return _PLACEHOLDER.sub(lambda found: str(known[found[1]]), value)
    if isinstance(value, list):
        return [_filled(one, known) for one in value if not _lacks_a_value(one, known)]
    if isinstance(value, dict):
        return {key: _filled(one, known) for key, one in value.items()}
    return value


def _lacks_a_value(value: Any, known: Mapping[str, str | None]) -> bool:
    return any(known[name] is None for name in _PLACEHOLDER.findall(json.dumps(value)))
