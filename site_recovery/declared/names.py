"""Validators for names and ids, as AWS and Azure accept them.

Sources: "Naming rules and restrictions for Azure resources", "Resolve errors for reserved
resource names", and the Azure VM requirements in "Support matrix for disaster recovery of
VMware VMs and physical servers to Azure" (Microsoft Learn); "Resource IDs" (Amazon EC2).
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from site_recovery.declared.model import broken, form
from site_recovery.declared.wording import said

VIRTUAL_MACHINE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
MACHINE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
"""The name of a machine or a wave in the config. It becomes part of ids in both clouds."""

RESOURCE_GROUP = re.compile(r"[\w().-]{0,89}[\w()-]")

_INSTANCE_ID = re.compile(r"i-(?:[0-9a-f]{8}|[0-9a-f]{17})")

_RESERVED_WORDS = frozenset(
    word
    for line in (
        "access azure bing bizspark biztalk cortana directx dotnet dynamics excel exchange",
        "forefront groove hololens hyperv kinect lync msdn o365 office office365 onedrive",
        "onenote outlook powerpoint sharepoint skype visio visualstudio xbox",
    )
    for word in line.split()
)
_RESERVED_ANYWHERE = ("microsoft", "windows")
_RESERVED_AT_THE_START = "login"


def reserved(name: str) -> str | None:
    """The reserved word because of which Azure refuses a name, or None."""
    lower = name.lower()
    if lower in _RESERVED_WORDS:
        return lower
    if lower.startswith(_RESERVED_AT_THE_START):
        return _RESERVED_AT_THE_START
    return next((word for word in _RESERVED_ANYWHERE if word in lower), None)


_SUBNETS_OF_SERVICES = (
    "GatewaySubnet",
    "AzureFirewallSubnet",
    "AzureFirewallManagementSubnet",
    "AzureBastionSubnet",
    "RouteServerSubnet",
)
"""Subnets that only one service may use, by their names ("Virtual network integration of Azure
services for network isolation", Microsoft Learn)."""


def _refuse_service_subnet(name: str) -> str:
    if name.lower() in map(str.lower, _SUBNETS_OF_SERVICES):
        raise broken(
            f"{said(name)} is a subnet of an Azure service, and takes no machines",
            "Name another subnet",
        )
    return name


def _refuse_reserved(name: str) -> str:
    word = reserved(name)
    if word:
        raise broken(
            f"{name!r} is refused by Azure: {word!r} is a reserved word", "Choose another name"
        )
    return name


def _name(pattern: str, what: str, letters: str) -> AfterValidator:
    return form(pattern, "{value} is not a valid " + what, f"Use {letters}")


def is_instance_id(text: str) -> bool:
    """Whether a text has the form of an EC2 instance id."""
    return _INSTANCE_ID.fullmatch(text) is not None


def _id(prefix: str, what: str) -> AfterValidator:
    return _name(
        rf"{prefix}-(?:[0-9a-f]{{8}}|[0-9a-f]{{17}})",
        f"id of {what}",
        f"the id as EC2 shows it: {prefix}- and 8 or 17 hexadecimal digits",
    )


InstanceId = Annotated[str, _id("i", "an instance"), Field(title="`i-…`")]
VpcId = Annotated[str, _id("vpc", "a VPC"), Field(title="`vpc-…`")]
SubnetId = Annotated[str, _id("subnet", "a subnet"), Field(title="`subnet-…`")]
ImageId = Annotated[str, _id("ami", "a machine image"), Field(title="`ami-…`")]
SecurityGroupId = Annotated[str, _id("sg", "a security group"), Field(title="`sg-…`")]


InstanceTypeName = Annotated[
    str,
    _name(
        r"[a-z][a-z0-9-]*\.[a-z0-9-]+",
        "name of an EC2 instance type",
        "a name as EC2 shows it, such as c5.2xlarge",
    ),
]

_RESOURCE = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,78}[A-Za-z0-9_])?"
"""The name of most resources of Microsoft.Compute and Microsoft.Network."""


def _resource(namespace: str, kind: str, what: str) -> AfterValidator:
    return _name(
        rf"(?i)/subscriptions/[^/\s]+/resourceGroups/{RESOURCE_GROUP.pattern}/providers/"
        rf"{re.escape(namespace)}/{kind}/{_RESOURCE}",
        f"id of {what}",
        f"/subscriptions/<subscription>/resourceGroups/<group>/providers/{namespace}/{kind}/<name>",
    )


NetworkSecurityGroupId = Annotated[
    str,
    _resource("Microsoft.Network", "networkSecurityGroups", "a network security group"),
    Field(title="ARM id"),
]
AvailabilitySetId = Annotated[
    str,
    _resource("Microsoft.Compute", "availabilitySets", "an availability set"),
    Field(title="ARM id"),
]
PlacementGroupId = Annotated[
    str,
    _resource("Microsoft.Compute", "proximityPlacementGroups", "a proximity placement group"),
    Field(title="ARM id"),
]
CapacityReservationGroupId = Annotated[
    str,
    _resource("Microsoft.Compute", "capacityReservationGroups", "a capacity reservation group"),
    Field(title="ARM id"),
]
DiskEncryptionSetId = Annotated[
    str,
    _resource("Microsoft.Compute", "diskEncryptionSets", "a disk encryption set"),
    Field(title="ARM id"),
]

ResourceGroupName = Annotated[
    str,
    _name(
        RESOURCE_GROUP.pattern,
        "resource group name",
        "1 to 90 letters (of any alphabet), digits, underscores, parentheses, hyphens and full stops, not a full "
        "stop at the end",
    ),
    Field(title="1 to 90 letters, digits and `_().-`"),
]
VaultName = Annotated[
    str,
    _name(
        r"[A-Za-z][A-Za-z0-9-]{1,49}",
        "vault name",
        "2 to 50 letters, digits and hyphens, a letter first",
    ),
    Field(title="2 to 50 letters, digits and hyphens"),
]
NetworkName = Annotated[
    str,
    _name(
        r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}[A-Za-z0-9_]",
        "virtual network name",
        "2 to 64 letters, digits, underscores, full stops and hyphens, a letter or digit first",
    ),
    Field(title="2 to 64 letters, digits and `_.-`"),
]
SubnetName = Annotated[
    str,
    _name(
        r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,78}[A-Za-z0-9_])?",
        "subnet name",
        "1 to 80 letters, digits, underscores, full stops and hyphens, a letter or digit first",
    ),
    AfterValidator(_refuse_service_subnet),
    Field(title="1 to 80 letters, digits and `_.-`"),
]
StorageAccountName = Annotated[
    str,
    _name(r"[a-z0-9]{3,24}", "storage account name", "3 to 24 lower-case letters and digits"),
    AfterValidator(_refuse_reserved),
    Field(title="3 to 24 lower-case letters and digits"),
]
VirtualMachineName = Annotated[
    str,
    _name(
        VIRTUAL_MACHINE.pattern,
        "Azure virtual machine name",
        "1 to 63 letters, digits and hyphens, no hyphen first or last",
    ),
    AfterValidator(_refuse_reserved),
    Field(title="1 to 63 letters, digits and hyphens"),
]
ComputerName = Annotated[
    str,
    _name(
        r"(?!\d+\Z)[A-Za-z0-9](?:[A-Za-z0-9-]{0,13}[A-Za-z0-9])?",
        "Windows computer name",
        "1 to 15 letters, digits and hyphens, no hyphen first or last, not digits alone",
    ),
    Field(title="1 to 15 letters, digits and hyphens"),
]
VirtualMachineSize = Annotated[
    str,
    _name(
        r"(?i:standard|basic)_[A-Za-z0-9_-]+",
        "virtual machine size",
        "a size as `az vm list-sizes` shows it, such as Standard_D2s_v3",
    ),
    Field(title="size such as `Standard_D2s_v3`"),
]
