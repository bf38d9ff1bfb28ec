"""The machines, and the waves that they move in."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictBool

from settings.schema.recovery_plan import RecoveryPlanSettings
from settings.schema.target import Tags
from site_recovery.aws.inventory import Driver
from site_recovery.declared.addresses import Address
from site_recovery.declared.model import Model, defaults_to
from site_recovery.declared.names import (
    InstanceId,
    SubnetName,
    VirtualMachineName,
    VirtualMachineSize,
)
from site_recovery.fleet import RecoveryPoint
from site_recovery.phases import Phase


class WaveTarget(Model):
    """What the Azure virtual machines of a wave have in common. A machine's own target wins."""

    vm_size: VirtualMachineSize | None = Field(
        default=None,
        description="Size of the virtual machine, one of those that the vault offers for it. A "
        "larger general purpose size that somebody set in the vault is kept. The default is never "
        "of version 6 or newer: those sizes attach disks by NVMe only, and older systems cannot "
        "boot from it.",
        json_schema_extra=defaults_to(
            "smallest general purpose size of the machine's generation that has its vCPUs, memory, "
            "data disks and interfaces"
        ),
    )
    disk_type: Literal["Standard_LRS", "StandardSSD_LRS", "Premium_LRS"] | None = Field(
        default=None,
        description="Type of the managed disks.",
        json_schema_extra=defaults_to("chosen by Site Recovery"),
    )
    availability_zone: Literal["1", "2", "3"] | None = Field(
        default=None, description="Availability zone, in quotes."
    )
    license_type: Literal["NoLicenseType", "WindowsServer"] | None = Field(
        default=None,
        description="`WindowsServer` uses a licence that you own (Azure Hybrid Benefit).",
    )
    tags: Tags = Field(
        default_factory=dict,
        description="Tags of the virtual machine. A machine has its own and those of its wave.",
    )
    subnet: SubnetName | None = Field(
        default=None,
        description="Subnet of the production network. A subnet other than "
        "`target.network.subnet.name` needs an adopted network.",
        json_schema_extra=defaults_to("`target.network.subnet.name`"),
    )


class TargetMachine(WaveTarget):
    """The Azure virtual machine that a machine becomes."""

    vm_name: VirtualMachineName | None = Field(
        default=None,
        description="Name of the Azure virtual machine.",
        json_schema_extra=defaults_to("the machine's name"),
    )
    private_ip: Address | None = Field(
        default=None,
        description="Static address of the network interface, in the subnet, and not one of the "
        "five that Azure keeps. It is set after replication is enabled and before the machine "
        "counts as `protected`.",
        json_schema_extra=defaults_to("chosen by Azure"),
    )

    def over(self, wave: WaveTarget) -> TargetMachine:
        """This machine's target, with the wave's where it says nothing; tags of both."""
        said = {
            name: getattr(self, name)
            for name in type(self).model_fields
            if getattr(self, name) is not None
        }
        common = {name: getattr(wave, name) for name in WaveTarget.model_fields}
        return self.model_copy(update={**common, **said, "tags": {**wave.tags, **self.tags}})


class MachineSettings(Model):
    """One EC2 instance to migrate."""

    instance_id: InstanceId = Field(
        description="The EC2 instance. Its platform, address, disks and state are read from AWS."
    )
    os: str | None = Field(
        default=None,
        title="key of the [table of operating systems](#what-can-be-migrated)",
        description="Operating system, if neither the name of the image nor the SSM Agent tells "
        "it.",
        json_schema_extra=defaults_to("read from AWS"),
    )
    drivers: Driver | None = Field(
        default=None,
        description="Paravirtual drivers. Required for Windows Server 2008 R2 SP1 with `classic`, "
        "unless the inventory of Systems Manager (`AWS-GatherSoftwareInventory`) lists them. The "
        "two must not contradict each other.",
        json_schema_extra=defaults_to("read from the inventory"),
    )
    target: TargetMachine = Field(
        default_factory=TargetMachine,
        description="What the machine becomes in Azure. A key that is left out follows the "
        "`target` of its wave.",
    )


class WaveSettings(Model):
    """Machines that share a phase. `machines` is read from EC2 where `select` is given."""

    phase: Phase = Field(
        description="The [phase](../README.md#phases) that the machines of the wave should be in."
    )
    machines: Annotated[list[str], Field(min_length=1, validate_default=False)] = Field(
        default_factory=list,
        description="Names of machines. A machine is in at most one wave. A machine in no wave is "
        "left alone.",
        json_schema_extra=defaults_to("required, unless `select`"),
    )
    select: Annotated[dict[str, str], Field(min_length=1)] | None = Field(
        default=None,
        description="In place of `machines`: every instance of the VPC that has all these tags and "
        "is not terminated. See [by tags](#a-wave-by-tags).",
    )
    target: WaveTarget = Field(
        default_factory=WaveTarget,
        description="What the Azure virtual machines of the wave have in common. A machine's own "
        "`target` wins.",
    )
    require_test_failover: StrictBool | None = Field(
        default=None,
        description="Overrides `convergence.requireTestFailover` for this wave.",
        json_schema_extra=defaults_to("`convergence.requireTestFailover`"),
    )
    recovery_point: RecoveryPoint = Field(
        default=RecoveryPoint.LATEST, description="Recovery point that a failover uses."
    )
    recovery_plan: RecoveryPlanSettings | None = Field(
        default=None,
        description="Runs test failover, cleanup and failover of the whole wave as one "
        "[recovery plan](recovery-plans.md), group after group.",
        json_schema_extra=defaults_to("machines go side by side"),
    )
