"""Provider-specific request bodies of `InMageRcm`; most of its booleans are strings."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from emulator.recovery_services.wire.bodies import Body
from emulator.recovery_services.wire.provider_values import (
    DiskType,
    Flag,
    LicenseType,
    SqlLicenseType,
)

LinuxLicenseType = Literal["NotSpecified", "NoLicenseType", "LinuxServer"]

_FIFTEEN_DAYS = 15 * 24 * 60


class PolicyInput(Body):
    """InMageRcmPolicyCreationInput; all times in minutes.

    Retention is 15 days at most; app-consistent points are off by default (architecture page).
    Every 15 hours was accepted for them (recorded); that a day is the most is [inferred].
    """

    instance_type: Literal["InMageRcm"]
    recovery_point_history_in_minutes: int = Field(default=1440, ge=0, le=_FIFTEEN_DAYS)
    crash_consistent_frequency_in_minutes: int = Field(default=5, ge=0)
    app_consistent_frequency_in_minutes: int = Field(default=0, ge=0, le=24 * 60)
    enable_multi_vm_sync: Flag = "false"


class MappingInput(Body):
    """The provider's part of a new mapping; its second property is in no published class."""

    instance_type: Literal["InMageRcm"]
    enable_agent_auto_upgrade: Flag = "true"


class Tag(Body):
    """UserCreatedResourceTag."""

    tag_name: str = Field(min_length=1, max_length=512)
    tag_value: str = Field(max_length=256)


class DisksDefault(Body):
    """InMageRcmDisksDefaultInput."""

    log_storage_account_id: str
    disk_type: DiskType
    disk_encryption_set_id: str | None = None


class DiskInput(DisksDefault):
    """InMageRcmDiskInput."""

    disk_id: str


class EnableInput(Body):
    """InMageRcmEnableProtectionInput."""

    instance_type: Literal["InMageRcm"]
    fabric_discovery_machine_id: str | None = None
    disks_to_include: list[DiskInput] | None = None
    disks_default: DisksDefault | None = None
    target_resource_group_id: str | None = None
    target_network_id: str | None = None
    test_network_id: str | None = None
    target_subnet_name: str | None = None
    test_subnet_name: str | None = None
    target_vm_name: str | None = None
    target_vm_size: str | None = None
    license_type: LicenseType | None = None
    target_availability_set_id: str | None = None
    target_availability_zone: str | None = None
    target_proximity_placement_group_id: str | None = None
    target_capacity_reservation_group_id: str | None = None
    target_boot_diagnostics_storage_account_id: str | None = None
    run_as_account_id: str | None = None
    process_server_id: str | None = None
    multi_vm_group_name: str | None = None
    sql_server_license_type: SqlLicenseType | None = None
    linux_license_type: LinuxLicenseType | None = None
    target_vm_tags: list[Tag] | None = None
    seed_managed_disk_tags: list[Tag] | None = None
    target_managed_disk_tags: list[Tag] | None = None
    target_nic_tags: list[Tag] | None = None


class NicInput(Body):
    """InMageRcmNicInput."""

    nic_id: str
    is_primary_nic: Flag
    is_selected_for_failover: Flag | None = None
    target_subnet_name: str | None = None
    target_static_ip_address: str | None = Field(default=None, alias="targetStaticIPAddress")
    test_subnet_name: str | None = None
    test_static_ip_address: str | None = Field(default=None, alias="testStaticIPAddress")


class UpdateInput(Body):
    """InMageRcmUpdateReplicationProtectedItemInput."""

    instance_type: Literal["InMageRcm"]
    target_vm_name: str | None = None
    target_vm_size: str | None = None
    target_resource_group_id: str | None = None
    target_availability_set_id: str | None = None
    target_availability_zone: str | None = None
    target_proximity_placement_group_id: str | None = None
    target_capacity_reservation_group_id: str | None = None
    target_boot_diagnostics_storage_account_id: str | None = None
    target_network_id: str | None = None
    test_network_id: str | None = None
    vm_nics: list[NicInput] | None = None
    license_type: LicenseType | None = None
    sql_server_license_type: SqlLicenseType | None = None
    linux_license_type: LinuxLicenseType | None = None
    target_vm_tags: list[Tag] | None = None
    target_managed_disk_tags: list[Tag] | None = None
    target_nic_tags: list[Tag] | None = None
