"""Provider-specific request bodies of `InMageAzureV2`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from emulator.recovery_services.wire.bodies import Body
from emulator.recovery_services.wire.provider_values import DiskType, LicenseType, SqlLicenseType


class PolicyInput(Body):
    """InMageAzureV2PolicyInput; all times in minutes."""

    instance_type: Literal["InMageAzureV2"]
    recovery_point_threshold_in_minutes: int = Field(default=15, ge=0)
    recovery_point_history: int = Field(default=1440, ge=0, le=72 * 60)
    crash_consistent_frequency_in_minutes: int = Field(default=5, ge=0)
    app_consistent_frequency_in_minutes: int = Field(default=60, ge=0)
    multi_vm_sync_status: Literal["Enable", "Disable"]


class DiskInput(Body):
    """InMageAzureV2DiskInputDetails."""

    disk_id: str | None = None
    log_storage_account_id: str | None = None
    disk_type: DiskType | None = None
    disk_encryption_set_id: str | None = None


class EnableInput(Body):
    """InMageAzureV2EnableProtectionInput."""

    instance_type: Literal["InMageAzureV2"]
    master_target_id: str | None = None
    process_server_id: str | None = None
    storage_account_id: str | None = None
    run_as_account_id: str | None = None
    multi_vm_group_id: str | None = None
    multi_vm_group_name: str | None = None
    disks_to_include: list[DiskInput] | None = None
    target_azure_network_id: str | None = None
    target_azure_subnet_id: str | None = None
    enable_rdp_on_target_option: str | None = None
    target_azure_vm_name: str | None = None
    log_storage_account_id: str | None = None
    target_azure_v1_resource_group_id: str | None = Field(
        default=None, alias="targetAzureV1ResourceGroupId"
    )
    target_azure_v2_resource_group_id: str | None = Field(
        default=None, alias="targetAzureV2ResourceGroupId"
    )
    disk_type: DiskType | None = None
    target_availability_set_id: str | None = None
    target_availability_zone: str | None = None
    target_proximity_placement_group_id: str | None = None
    license_type: LicenseType | None = None
    sql_server_license_type: SqlLicenseType | None = None
    target_vm_size: str | None = None
    disk_encryption_set_id: str | None = None
    target_vm_tags: dict[str, str] | None = None
    seed_managed_disk_tags: dict[str, str] | None = None
    target_managed_disk_tags: dict[str, str] | None = None
    target_nic_tags: dict[str, str] | None = None


class UpdateInput(Body):
    """InMageAzureV2UpdateReplicationProtectedItemInput."""

    instance_type: Literal["InMageAzureV2"]
    recovery_azure_v2_resource_group_id: str | None = Field(
        default=None, alias="recoveryAzureV2ResourceGroupId"
    )
    target_availability_zone: str | None = None
    target_proximity_placement_group_id: str | None = None
    target_vm_tags: dict[str, str] | None = None
    target_managed_disk_tags: dict[str, str] | None = None
    target_nic_tags: dict[str, str] | None = None
    sql_server_license_type: SqlLicenseType | None = None
