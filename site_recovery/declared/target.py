"""The Azure virtual machine that the config declares for a machine.

`TargetSpec` is its only type: the settings validate the config into it, the inputs of a wave carry
it as `wire()` writes it, the wave's provider validates that again, and the request bodies are made
from it. What Site Recovery shows of a target has another type: see `target_settings`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from site_recovery.declared.addresses import InterfaceAddresses
from site_recovery.declared.disks import DiskKey, DiskSpec, DiskType
from site_recovery.declared.interfaces import InterfaceKey, InterfaceSpec
from site_recovery.declared.model import Model, defaults_to
from site_recovery.declared.names import (
    AvailabilitySetId,
    CapacityReservationGroupId,
    DiskEncryptionSetId,
    NetworkSecurityGroupId,
    PlacementGroupId,
    SubnetName,
    VirtualMachineName,
    VirtualMachineSize,
)
from site_recovery.declared.tags import MachineTags, TagPatterns, matching, merged

_NO_LICENCE = "NoLicenseType"


class SharedTarget(Model):
    """The part of a target that all machines of a wave may share. A machine's own target wins."""

    vm_size: VirtualMachineSize | None = Field(
        default=None,
        description="Size of the virtual machine, one that Azure offers for it: checked in the "
        "region before the machine replicates, then by the vault. A larger general purpose size that somebody set in the vault is kept. The default is never "
        "of version 6 or newer: those sizes attach disks by NVMe only, and older systems cannot "
        "boot from it.",
        json_schema_extra=defaults_to(
            "smallest general purpose size of the machine's generation that has its vCPUs, memory, "
            "data disks and interfaces"
        ),
    )
    disk_type: DiskType | None = Field(
        default=None,
        description="Type of the managed disks.",
        json_schema_extra=defaults_to("chosen by Site Recovery"),
    )
    availability_zone: Literal["1", "2", "3"] | None = Field(
        default=None, description="Availability zone, in quotes."
    )
    availability_set: AvailabilitySetId | None = Field(
        default=None,
        description="An existing availability set, in the region and the resource group of the "
        "machines. A machine is in a set or in a zone, not in both.",
    )
    proximity_placement_group: PlacementGroupId | None = Field(
        default=None, description="An existing proximity placement group in the region."
    )
    capacity_reservation_group: CapacityReservationGroupId | None = Field(
        default=None,
        description="An existing capacity reservation group in the region, with a reservation of "
        "the size. Only with `modernized`.",
    )
    disk_encryption_set: DiskEncryptionSetId | None = Field(
        default=None,
        description="An existing disk encryption set in the region, whose key encrypts the disks.",
    )
    license_type: Literal["NoLicenseType", "WindowsServer"] | None = Field(
        default=None,
        description="`WindowsServer` uses a licence that you own (Azure Hybrid Benefit). On a wave "
        "it counts for its Windows machines.",
    )
    linux_license_type: Literal["NoLicenseType", "LinuxServer"] | None = Field(
        default=None,
        description="`LinuxServer` uses a subscription of RHEL or SLES that you own. On a wave it "
        "counts for its Linux machines. Only with `modernized`.",
    )
    sql_server_license_type: Literal["NoLicenseType", "PAYG", "AHUB"] | None = Field(
        default=None,
        description="Licence of SQL Server: pay as you go, or one that you own (`AHUB`).",
    )
    tags: MachineTags = Field(
        default_factory=dict,
        description="Tags of the virtual machine, at most 48 beside the two of the program. A machine has "
        "its own and those of its wave; the case of their names does not count.",
    )
    tags_from_source: TagPatterns | None = Field(
        default=None,
        description="Tags of the EC2 instance that the virtual machine gets too: names in which `*` "
        "stands for any text, and with a `!` before it, names to leave out. The last pattern that "
        "fits decides. Tags in `tags` win. AWS's own tags (`aws:`) and those of this program are "
        "never among them.",
    )
    subnet: SubnetName | None = Field(
        default=None,
        description="Subnet of the production network. A subnet other than "
        "`target.network.subnet.name` needs an adopted network.",
        json_schema_extra=defaults_to("`target.network.subnet.name`"),
    )
    network_security_group: NetworkSecurityGroupId | None = Field(
        default=None,
        description="An existing network security group in the region, which the network interfaces "
        "of the virtual machine get right after its failover: "
        "[their own group](#a-network-security-group-of-their-own). The group of the subnet counts "
        "too.",
        json_schema_extra=defaults_to("that of the subnet alone"),
    )


class TargetSpec(SharedTarget, InterfaceAddresses):
    """The Azure virtual machine that one machine becomes."""

    vm_name: VirtualMachineName | None = Field(
        default=None,
        description="Name of the Azure virtual machine.",
        json_schema_extra=defaults_to("the machine's name"),
    )
    interfaces: dict[InterfaceKey, InterfaceSpec] | None = Field(
        default=None,
        description="Its further network interfaces, each by its device index in EC2 (in quotes), "
        "its id or its MAC address. The first one is `subnet` and `privateIp` of the target itself.",
    )

    disks: dict[DiskKey, DiskSpec] | None = Field(
        default=None,
        description="Disks with a type or a key of their own, by the id of the volume or its device "
        "name in EC2. It is set when replication is enabled. Disks of one size get the same.",
    )

    @property
    def disk_types(self) -> frozenset[str]:
        """The types that are declared for its disks."""
        own = [spec.type for spec in (self.disks or {}).values()]
        return frozenset(kind for kind in (self.disk_type, *own) if kind is not None)

    def over(self, shared: SharedTarget) -> TargetSpec:
        """A copy that takes missing values from `shared` and has the tags of both."""
        own = {name: value for name, value in self if value is not None}
        tags = merged(self.tags, shared.tags)
        return self.model_copy(update={**dict(shared), **own, "tags": tags})

    def with_tags_of(self, source: Mapping[str, str]) -> TargetSpec:
        """A copy with those tags of its EC2 instance that the config wants, under its own."""
        carried = self.carried(source)
        return self.model_copy(
            update={"tags": merged(self.tags, carried), "tags_from_source": None}
        )

    def carried(self, source: Mapping[str, str]) -> dict[str, str]:
        """The tags of its EC2 instance that the config wants and does not set itself."""
        own = {name.lower() for name in self.tags}
        return {
            name: value
            for name, value in matching(self.tags_from_source or (), source).items()
            if name.lower() not in own
        }

    def on(self, platform: Literal["windows", "linux"]) -> TargetSpec:
        """A copy without the licences of the other platform, which a wave may set for its others.

        Azure refuses to create a Linux machine with a licence of Windows Server, and the reverse.
        The copy says that none is used, because an item keeps a licence that is left out.
        """
        other = "license_type" if platform == "linux" else "linux_license_type"
        if getattr(self, other) in (None, _NO_LICENCE):
            return self
        return self.model_copy(update={other: _NO_LICENCE})

    def vm_name_of(self, machine: str) -> str:
        """The name of the Azure virtual machine. It defaults to the name of the machine."""
        return self.vm_name or machine
