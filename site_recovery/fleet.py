"""The machines of a wave, the phase that each should be in, and where they are migrated to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import Literal

from site_recovery import target_disks, target_interfaces
from site_recovery.arm_ids import ContainerId
from site_recovery.checks import Record
from site_recovery.declared.checks import Check, effective
from site_recovery.declared.cutover import Cutover
from site_recovery.declared.disks import DiskOrder
from site_recovery.declared.hooks import Hooks
from site_recovery.declared.interfaces import SourceInterface
from site_recovery.declared.tags import TAG_INSTANCE, TAG_MACHINE
from site_recovery.declared.target import TargetSpec
from site_recovery.hooks import HookRecord
from site_recovery.phases import Phase
from site_recovery.snapshot import Machine
from site_recovery.target_settings import TargetSettings

Platform = Literal["windows", "linux"]
"""The operating system family of a machine, named as in EC2 and Systems Manager, in lower case."""

ExperienceName = Literal["modernized", "classic"]
"""Microsoft's names for the two ways in which Site Recovery replicates."""

Firmware = Literal["BIOS", "UEFI"]
"""What a machine boots from. It becomes a virtual machine of generation 1, resp. 2."""


class RecoveryPointKind(StrEnum):
    """Which recovery point a failover uses."""

    LATEST = "latest"
    LATEST_APPLICATION_CONSISTENT = "latest-application-consistent"


@dataclass(frozen=True)
class Hardware:
    """The hardware of a source machine. Memory is in GiB; `data_disks` excludes the boot disk.

    What it boots from is None if EC2 does not say it.
    """

    vcpus: int
    memory_gib: float
    data_disks: int
    interfaces: int = 1
    firmware: Firmware | None = None


@dataclass(frozen=True)
class LandingZone:
    """Where failed-over machines live. Resources are ARM ids, subnets are names.

    Attributes:
        resource_group_id: the resource group of the virtual machines.
        network_id: the production network.
        subnet_name: the production subnet of machines whose target does not name one.
        test_network_id: the isolated network for test failovers.
        storage_account_id: the cache (log) storage account.
        test_subnet_name: the subnet of the test network.
    """

    resource_group_id: str
    network_id: str
    subnet_name: str
    test_network_id: str
    storage_account_id: str
    test_subnet_name: str | None = None


UNKNOWN_LANDING_ZONE = LandingZone("", "", "", "", "")
"""A landing zone that is not created yet, or that is not needed."""


@dataclass(frozen=True)
class Assignment:
    """One machine and the phase it should be in.

    Attributes:
        target: the Azure virtual machine that the config declares for it.
        desired: the phase; None if the machine should not be in the vault at all.
        settings: the target that its protected item should show; None to skip the comparison.
        hardware: used to choose or check the size of its virtual machine; None if unknown.
        cutover: how its failover is made.
        terminate_after: how long after its migration its instance is terminated; None for never.
        failover_point: id of the recovery point that its cutover chose; empty if there is none.
        checks: what is checked of it in Azure, in this order.
        checked: how its checks ended when they were last made, or None.
        hooks: what runs around its failover.
        hooked: which of them have run in this attempt, or None.
        interfaces: those of its instance, if its target names further ones.
        disks: what is declared of the disks of each size, if its target says something of them.
    """

    machine: Machine
    platform: Platform
    target: TargetSpec
    desired: Phase | None
    settings: TargetSettings | None = None
    hardware: Hardware | None = None
    cutover: Cutover = field(default_factory=Cutover)
    terminate_after: timedelta | None = None
    failover_point: str = ""
    checks: tuple[Check, ...] = effective([])
    checked: Record | None = None
    hooks: Hooks = field(default_factory=Hooks)
    hooked: HookRecord | None = None
    interfaces: tuple[SourceInterface, ...] = ()
    disks: tuple[DiskOrder, ...] = ()

    @property
    def gives_source_back(self) -> bool:
        """Whether a cutover of it is to be taken back: a killed run left it, and nobody wants it."""
        goes_on = self.desired in (Phase.FAILED_OVER, Phase.MIGRATED)
        return self.machine.cut_over and not goes_on

    @property
    def tags(self) -> dict[str, str]:
        """The tags of the virtual machine that a failover creates.

        They identify its source. After Complete Migration has removed the protected item, later
        runs recognise the machine by these tags.
        """
        return {
            **self.target.tags,
            TAG_INSTANCE: self.machine.instance_id,
            TAG_MACHINE: self.machine.name,
        }

    def placed(self, zone: LandingZone) -> Assignment:
        """A copy with `settings`: the target that its protected item should show.

        Args:
            zone: where its virtual machine will live. An empty field is not known yet and is not
                compared.
        """
        wanted = TargetSettings.wanted(
            self.target,
            vm_name=self.machine.vm_name,
            tags=self.tags,
            subnet=self.target.subnet or zone.subnet_name or None,
            private_ip=self.target.static_ip,
            test_private_ip=self.target.static_test_ip,
            resource_group_id=zone.resource_group_id or None,
            network_id=zone.network_id or None,
            test_network_id=zone.test_network_id or None,
            test_subnet=zone.test_subnet_name,
            others=target_interfaces.wanted(self.target.interfaces or {}, self.interfaces),
            disks=target_disks.wanted(self.target, self.disks),
        )
        return replace(self, settings=wanted)


@dataclass(frozen=True)
class Site:
    """Where machines are replicated from and to; ARM ids throughout.

    Fields with a default are needed only to start a replication or to fail over. They are left
    out where machines are only observed or removed.

    Attributes:
        container: the protection container that machines are discovered in.
        landing_zone: where failed-over machines live.
        experience: `classic` or `modernized`.
        machines_site_id: the site in which an appliance lists its machines.
        policy_id: the replication policy.
        process_server_id: the process server.
        master_target_id: the master target server (configuration server only).
        run_as_accounts: ids of the accounts for push installation, by platform (configuration
            server only).
        recovery_point: which recovery point a failover uses.
    """

    container: ContainerId
    landing_zone: LandingZone
    experience: ExperienceName
    machines_site_id: str = ""
    policy_id: str = ""
    process_server_id: str = ""
    master_target_id: str = ""
    run_as_accounts: Mapping[str, str] = field(default_factory=dict)
    recovery_point: RecoveryPointKind = RecoveryPointKind.LATEST
