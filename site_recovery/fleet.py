"""What a wave wants of the services: machines, where they go, and how far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal

from site_recovery.arm_ids import ContainerId
from site_recovery.phases import Phase
from site_recovery.snapshot import TAG_INSTANCE, TAG_MACHINE, Machine
from site_recovery.target_settings import TargetSettings

OsType = Literal["Windows", "Linux"]
ExperienceName = Literal["classic", "modernized"]
"""How Site Recovery replicates; Microsoft's words."""


class RecoveryPoint(StrEnum):
    """Which recovery point a failover takes.

    The newest of all, or the newest at which the applications had written everything down.
    """

    LATEST = "latest"
    LATEST_APPLICATION_CONSISTENT = "latest-application-consistent"


@dataclass(frozen=True)
class Target:
    """The virtual machine that a failover of one machine creates; None leaves it to Azure.

    Attributes:
        vm_size: None: the smallest general purpose size that holds the machine.
        subnet: of the production network; None: the site's.
        private_ip: the address of its network interface.
    """

    os_type: OsType
    vm_size: str | None = None
    disk_type: str | None = None
    availability_zone: str | None = None
    license_type: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    subnet: str | None = None
    private_ip: str | None = None


@dataclass(frozen=True)
class Hardware:
    """What a source machine has: memory in GiB, and data disks beside the boot disk."""

    vcpus: int
    memory_gib: float
    data_disks: int


@dataclass(frozen=True)
class Assignment:
    """One machine and the phase it should be in.

    Attributes:
        desired: None: out of the vault.
        settings: what its protected item should say of its target; None: it is not looked at.
        hardware: by which its size is chosen or checked, where it is known.
    """

    machine: Machine
    target: Target
    desired: Phase | None
    settings: TargetSettings | None = None
    hardware: Hardware | None = None

    @property
    def tags(self) -> dict[str, str]:
        """The tags of the virtual machine that a failover creates.

        They say where it came from: once Complete Migration has removed the item, a later run
        recognises the machine by them.
        """
        return {
            **self.target.tags,
            TAG_INSTANCE: self.machine.instance_id,
            TAG_MACHINE: self.machine.name,
        }


@dataclass(frozen=True)
class Site:
    """Where machines are replicated from and to; ARM ids throughout.

    Attributes:
        experience: `classic` or `modernized`.
        container: the protection container that machines are discovered in.
        master_target_id, run_as_accounts: of a configuration server; the latter are ids of the
            accounts for push installation, by OS type.
        machines_site_id: the site in which an appliance's machines show up.
        resource_group_id, network_id, subnet_name: where failed-over machines live.
        test_network_id, test_subnet_name: the isolated network of test failovers.
        storage_account_id: the cache (log) storage account.
        recovery_point: which recovery point a failover uses.
    """

    container: ContainerId
    policy_id: str
    process_server_id: str
    master_target_id: str
    run_as_accounts: Mapping[str, str]
    resource_group_id: str
    network_id: str
    subnet_name: str
    test_network_id: str
    storage_account_id: str
    recovery_point: RecoveryPoint = RecoveryPoint.LATEST
    experience: ExperienceName = "classic"
    machines_site_id: str = ""
    test_subnet_name: str | None = None


def placed(
    assignment: Assignment,
    *,
    resource_group_id: str,
    network_id: str,
    subnet_name: str,
    test_network_id: str,
    test_subnet_name: str | None,
) -> Assignment:
    """An assignment with what its protected item should say of its target.

    Args:
        assignment: the machine.
        resource_group_id: where its virtual machine will live; empty while that is not known,
            as is the rest.
        network_id: of production.
        subnet_name: for machines that name none.
        test_network_id: of test failovers.
        test_subnet_name: the subnet there.
    """
    target = assignment.target
    settings = TargetSettings(
        vm_name=assignment.machine.vm_name,
        vm_size=target.vm_size,
        availability_zone=target.availability_zone,
        license_type=target.license_type,
        tags=assignment.tags,
        resource_group_id=resource_group_id or None,
        network_id=network_id or None,
        subnet=target.subnet or subnet_name or None,
        private_ip=target.private_ip,
        test_network_id=test_network_id or None,
        test_subnet=test_subnet_name,
    )
    return replace(assignment, settings=settings)
