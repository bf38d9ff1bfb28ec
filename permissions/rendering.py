"""Makes the policies and roles of a stack from the templates in this folder.

The templates contain placeholders such as `<prefix>` and `<region>`. Their values are read from the
stack's config, without an engine and without a request to a cloud.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from settings import fleet_file
from site_recovery.aws import regions
from site_recovery.declared import own_names
from site_recovery.declared.wording import another_kind
from site_recovery.problems import Problem

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

_MACHINES = "azure-machines-"
_PLACEHOLDER = re.compile(r"<([a-z-]+)>")
_ACCOUNT = re.compile(r"\d{12}")
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
        return regions.partition_of(self.region)

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


def names(
    project: Mapping[str, Any],
    stack: str,
    config: Mapping[str, Any],
    account: str,
    folder: Path = Path(),
) -> Names:
    """The names of a stack.

    Args:
        project: the content of Pulumi.yaml.
        stack: the stack's name.
        config: `config` of Pulumi.<stack>.yaml.
        account: 12 digits, or `*`.
        folder: the folder of Pulumi.yaml. The name of a fleet file is relative to it.

    Raises:
        RenderingError: a value is missing or malformed, or the fleet file cannot be read.
    """
    prefix = f"{project['name']}:"
    merged = fleet_file.merged({k.removeprefix(prefix): v for k, v in config.items()}, folder)
    if merged.problems:
        # What the file would say is not known, so nothing can be said of the values.
        raise _rendering_error(merged.problems)
    given = merged.config
    problems: list[Problem] = []

    def part(key: str, within: Mapping[str, Any] = given, above: str = "") -> Mapping[str, Any]:
        value = within.get(key)
        if value is None or isinstance(value, dict):
            return value or {}
        problems.append(
            Problem(f"{above}{key}", *another_kind(value, "a mapping of keys to values"))
        )
        return {}

    def one(path: str, value: object, fits: Callable[[str], object], what: str) -> str:
        if isinstance(value, str) and fits(value):
            return value
        said = "is missing" if value is None else f"'{value}' is not a valid {what}"
        problems.append(Problem(path, said, f"Put the {what} there"))
        return ""

    source, target = part("source"), part("target")
    group = None
    appliance = part("replicationAppliance", source, "source.")
    registered = part("registered", appliance, "source.replicationAppliance.")
    if registered and given.get("experience") != "classic":
        place = "source.replicationAppliance.registered.securityGroupId"
        group = one(place, registered.get("securityGroupId"), _GROUP.fullmatch, "security group id")
    machines = target.get("machinesSubscriptionId")
    if machines is not None:
        place = "target.machinesSubscriptionId"
        machines = one(place, machines, _GUID.fullmatch, "subscription id")
    if account != "*" and not _ACCOUNT.fullmatch(account):
        said = f"'{account}' is not a valid AWS account id"
        problems.append(Problem("ACCOUNT", said, "It has 12 digits"))
    region = given.get("aws:region")
    vault = given.get("azure-native:subscriptionId")
    found = Names(
        prefix=own_names.prefix(project["name"], stack),
        region=one("aws:region", region, regions.partitions().__contains__, "AWS region"),
        account=account,
        vpc=one("source.vpcId", source.get("vpcId"), _VPC.fullmatch, "VPC id"),
        subscription=one("azure-native:subscriptionId", vault, _GUID.fullmatch, "subscription id"),
        server_group=group,
        machines_subscription=machines,
    )
    if problems:
        raise _rendering_error(merged.placed(problems))
    if machines is not None and machines.lower() == found.subscription.lower():
        return replace(found, machines_subscription=None)
    return found


def of_stack(root: Path, stack: str, account: str = "*") -> Names:
    """The names of a stack whose file is in a checkout.

    Raises:
        RenderingError: the file does not exist, cannot be read, or lacks a value.
    """
    path = root / f"Pulumi.{stack}.yaml"
    if not path.exists():
        raise RenderingError(
            f"{path.name} does not exist. Name a stack that has such a file: STACK=prod"
        )
    config = _read(path).get("config") or {}
    if not isinstance(config, dict):
        raise RenderingError(f"{path.name} has no mapping `config`. Correct it")
    try:
        return names(_read(root / "Pulumi.yaml"), stack, config, account, root)
    except RenderingError as error:
        lines = "\n".join(f"  - {line}" for line in str(error).splitlines())
        raise RenderingError(f"{path.name} lacks values that the files need:\n{lines}") from error


def _read(path: Path) -> Mapping[str, Any]:
    """The content of a file of Pulumi.

    Raises:
        RenderingError: it cannot be read, or it is no mapping.
    """
    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise RenderingError(f"{path.name} cannot be read: {error.strerror or error}") from error
    except (yaml.YAMLError, ValueError) as error:
        said = " ".join(str(error).split())
        raise RenderingError(f"{path.name} is not YAML: {said}. Correct it") from error
    if content is not None and not isinstance(content, dict):
        raise RenderingError(f"{path.name} is not a mapping of keys to values. Correct it")
    return content or {}


def _rendering_error(problems: Iterable[Problem]) -> RenderingError:
    return RenderingError("\n".join(map(str, problems)))


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
