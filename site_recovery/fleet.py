"""What a wave wants of the services: machines, where they go, and how far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from site_recovery.arm_ids import ContainerId
from site_recovery.observation import Machine
from site_recovery.phases import Phase

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
        subnet: of the production network; None: the site's.
    """

    os_type: OsType
    vm_size: str | None = None
    disk_type: str | None = None
    availability_zone: str | None = None
    license_type: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    subnet: str | None = None


@dataclass(frozen=True)
class Assignment:
    """One machine and the phase it should be in; None: out of the vault."""

    machine: Machine
    target: Target
    desired: Phase | None


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
