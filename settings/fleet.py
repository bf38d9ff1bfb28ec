"""The machines, and the waves that they move in."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictBool

from settings.base import Model
from settings.names import InstanceId, VirtualMachineName, VirtualMachineSize
from settings.recovery_plan import RecoveryPlanSettings
from settings.target import Tags
from site_recovery.fleet import RecoveryPoint
from site_recovery.phases import Phase


class TargetMachine(Model):
    """The Azure virtual machine that a machine becomes.

    Attributes:
        vm_name: the machine's own name unless given.
        vm_size: chosen by Site Recovery unless given.
    """

    vm_name: VirtualMachineName | None = None
    vm_size: VirtualMachineSize | None = None
    disk_type: Literal["Standard_LRS", "StandardSSD_LRS", "Premium_LRS"] | None = None
    availability_zone: Literal["1", "2", "3"] | None = None
    license_type: Literal["NoLicenseType", "WindowsServer"] | None = None
    tags: Tags = Field(default_factory=dict)


class MachineSettings(Model):
    """One EC2 instance to migrate.

    Attributes:
        os: a key of the support matrix, for an image whose name does not tell.
        drivers: the paravirtual drivers, which EC2 cannot know.
    """

    instance_id: InstanceId
    os: str | None = None
    drivers: Literal["aws-pv", "citrix-pv", "redhat-pv"] | None = None
    target: TargetMachine = Field(default_factory=TargetMachine)


class WaveSettings(Model):
    """Machines that share a phase.

    Attributes:
        require_test_failover: overrides `convergence.requireTestFailover` for this wave.
        recovery_point: which recovery point a failover uses.
        recovery_plan: lets the machines fail over as one, in order.
    """

    phase: Phase
    machines: Annotated[list[str], Field(min_length=1)]
    require_test_failover: StrictBool | None = None
    recovery_point: RecoveryPoint = RecoveryPoint.LATEST
    recovery_plan: RecoveryPlanSettings | None = None
