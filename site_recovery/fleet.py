"""What a wave wants of the services: its machines, where they go, and their phase."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal

from site_recovery.arm_ids import ContainerId
from site_recovery.declared.target import TargetSpec
from site_recovery.phases import Phase
from site_recovery.snapshot import TAG_INSTANCE, TAG_MACHINE, Machine
from site_recovery.target_settings import TargetSettings

Platform = Literal["windows", "linux"]
"""The kind of a machine's operating system: EC2's and Systems Manager's word, in lower case."""

ExperienceName = Literal["modernized", "classic"]
"""How Site Recovery replicates; Microsoft's words."""


class RecoveryPoint(StrEnum):
    """Which recovery point a failover takes.

    The latest one, or the latest application-consistent one.
    """

    LATEST = "latest"
    LATEST_APPLICATION_CONSISTENT = "latest-application-consistent"


@dataclass(frozen=True)
class Hardware:
    """The hardware of a source machine: memory in GiB; data disks do not include the boot disk."""

    vcpus: int
    memory_gib: float
    data_disks: int


@dataclass(frozen=True)
class LandingZone:
    """Where failed-over machines live: ARM ids, and names of subnets.

    Attributes:
        resource_group_id: holds the virtual machines.
        network_id: the production network.
        subnet_name: its subnet, for machines whose target names none.
        test_network_id: the isolated network of test failovers.
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
"""Stands for a landing zone that is not created yet, or that is not needed."""


@dataclass(frozen=True)
class Assignment:
    """One machine and the phase it should be in.

    Attributes:
        target: what the config wants of its Azure virtual machine.
        desired: None: out of the vault.
        settings: what its protected item should show of its target; None: it is not compared.
        hardware: used to choose or check the size of its virtual machine; None if unknown.
    """

    machine: Machine
    platform: Platform
    target: TargetSpec
    desired: Phase | None
    settings: TargetSettings | None = None
    hardware: Hardware | None = None

    @property
    def tags(self) -> dict[str, str]:
        """The tags of the virtual machine that a failover creates.

        They identify its source: after Complete Migration has removed the item, later runs
        recognise the machine by them.
        """
        return {
            **self.target.tags,
            TAG_INSTANCE: self.machine.instance_id,
            TAG_MACHINE: self.machine.name,
        }

    def placed(self, zone: LandingZone) -> Assignment:
        """This assignment with what its protected item should show of its target.

        Args:
            zone: where its virtual machine will live. What is empty there is not known yet, and
                is not compared.
        """
        wanted = TargetSettings.wanted(
            self.target,
            vm_name=self.machine.vm_name,
            tags=self.tags,
            subnet=self.target.subnet or zone.subnet_name or None,
            resource_group_id=zone.resource_group_id or None,
            network_id=zone.network_id or None,
            test_network_id=zone.test_network_id or None,
            test_subnet=zone.test_subnet_name,
        )
        return replace(self, settings=wanted)


@dataclass(frozen=True)
class Site:
    """Where machines are replicated from and to; ARM ids throughout.

    What has a default is needed only to begin a replication or to fail over. It is left out where
    machines are only observed or removed.

    Attributes:
        container: the protection container that machines are discovered in.
        landing_zone: where failed-over machines live.
        experience: `classic` or `modernized`.
        machines_site_id: the site in which an appliance's machines show up.
        master_target_id: of a configuration server.
        run_as_accounts: of a configuration server: by platform, the ids of the accounts for push
            installation.
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
    recovery_point: RecoveryPoint = RecoveryPoint.LATEST
