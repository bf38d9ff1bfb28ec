"""The machines, and the waves that they move in."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictBool

from settings.schema.recovery_plan import RecoveryPlanSettings
from settings.schema.target import Tags
from site_recovery.aws.inventory import Driver
from site_recovery.declared.addresses import Address
from site_recovery.declared.model import Model
from site_recovery.declared.names import (
    InstanceId,
    SubnetName,
    VirtualMachineName,
    VirtualMachineSize,
)
from site_recovery.fleet import RecoveryPoint
from site_recovery.phases import Phase


class WaveTarget(Model):
    """What the Azure virtual machines of a wave have in common, where a machine says nothing.

    Attributes:
        vm_size: chosen from the machine's vCPUs and memory unless given.
        subnet: a subnet of the production network; the one of `target.network` unless given.
    """

    vm_size: VirtualMachineSize | None = None
    disk_type: Literal["Standard_LRS", "StandardSSD_LRS", "Premium_LRS"] | None = None
    availability_zone: Literal["1", "2", "3"] | None = None
    license_type: Literal["NoLicenseType", "WindowsServer"] | None = None
    tags: Tags = Field(default_factory=dict)
    subnet: SubnetName | None = None


class TargetMachine(WaveTarget):
    """The Azure virtual machine that a machine becomes.

    Attributes:
        vm_name: the machine's own name unless given.
        private_ip: the address of its network interface; chosen by Azure unless given.
    """

    vm_name: VirtualMachineName | None = None
    private_ip: Address | None = None

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
    """One EC2 instance to migrate.

    Attributes:
        os: a key of the support matrix, for an image whose name does not tell.
        drivers: the paravirtual drivers, which EC2 does not know; Systems Manager's inventory may.
    """

    instance_id: InstanceId
    os: str | None = None
    drivers: Driver | None = None
    target: TargetMachine = Field(default_factory=TargetMachine)


class WaveSettings(Model):
    """Machines that share a phase.

    Attributes:
        machines: their names. Read from EC2 where the config selects them by tags.
        select: tags that every machine of the wave has, and no other instance of the VPC.
        target: what their Azure virtual machines have in common.
        require_test_failover: overrides `convergence.requireTestFailover` for this wave.
        recovery_point: which recovery point a failover uses.
        recovery_plan: lets the machines fail over as one, in order.
    """

    phase: Phase
    machines: Annotated[list[str], Field(min_length=1, validate_default=False)] = Field(
        default_factory=list
    )
    select: Annotated[dict[str, str], Field(min_length=1)] | None = None
    target: WaveTarget = Field(default_factory=WaveTarget)
    require_test_failover: StrictBool | None = None
    recovery_point: RecoveryPoint = RecoveryPoint.LATEST
    recovery_plan: RecoveryPlanSettings | None = None
