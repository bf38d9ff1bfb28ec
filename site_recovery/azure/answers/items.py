"""Protected items, parsed from what the service answers in either experience."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from pydantic import FiniteFloat, StringConstraints

from site_recovery import arm_ids
from site_recovery.azure.answers.errors import ErrorWire
from site_recovery.azure.answers.reading import Moment, Tags, Wire, tags_of
from site_recovery.azure.experiences.registry import EXPERIENCES
from site_recovery.snapshot import ProtectedItem
from site_recovery.target_settings import TargetSettings

_IDLE_SCENARIO = "None"

_Id = Annotated[
    str,
    StringConstraints(
        pattern=r"(?i)^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/[^/]+/vaults/[^/]+"
        r"/replicationFabrics/[^/]+/replicationProtectionContainers/[^/]+"
        r"/replicationProtectedItems/[^/]+$"
    ),
]


class _Scenario(Wire):
    scenario_name: str | None = None
    job_id: str | None = None


class _Details(Wire):
    instance_type: str | None = None
    fabric_discovery_machine_id: str | None = None
    vm_id: str | None = None
    internal_identifier: str | None = None
    initial_replication_progress_percentage: FiniteFloat | None = None
    resync_progress_percentage: FiniteFloat | None = None
    rpo_in_seconds: FiniteFloat | None = None
    last_rpo_in_seconds: FiniteFloat | None = None
    last_rpo_calculated_time: Moment = None
    vm_nics: list[Any] | None = None
    target_vm_tags: Tags = None


class _Properties(Wire):
    friendly_name: str | None = None
    policy_id: str | None = None
    protectable_item_id: str | None = None
    allowed_operations: list[str] | None = None
    active_location: str | None = None
    protection_state: str | None = None
    protection_state_description: str | None = None
    test_failover_state: str | None = None
    current_scenario: _Scenario | None = None
    replication_health: str | None = None
    health_errors: list[ErrorWire] | None = None
    last_successful_failover_time: Moment = None
    last_successful_test_failover_time: Moment = None
    provider_specific_details: _Details | None = None


class _Item(Wire):
    id: _Id
    name: str
    properties: _Properties


def protected_item(resource: Any) -> ProtectedItem:
    """A protected item from its wire object, of either experience.

    Args:
        resource: as ReplicationProtectedItems_List or ReplicationProtectedItems_Get answer it.

    Raises:
        ValueError: it is not as the service documents it.
    """
    item = _Item.model_validate(resource)
    shown = item.properties
    details = shown.provider_specific_details or _Details()
    scenario = shown.current_scenario or _Scenario()
    scenario_name = scenario.scenario_name or _IDLE_SCENARIO
    idle = scenario_name == _IDLE_SCENARIO
    return ProtectedItem(
        id=item.id,
        name=item.name,
        friendly_name=shown.friendly_name or "",
        provider=details.instance_type or "",
        policy_id=shown.policy_id or "",
        source_id=shown.protectable_item_id or details.fabric_discovery_machine_id,
        virtual_machine_id=details.vm_id or details.internal_identifier or "",
        tags=tags_of(details.target_vm_tags),
        allowed_operations=frozenset(shown.allowed_operations or ()),
        active_location=shown.active_location or "",
        protection_state=shown.protection_state or "",
        protection_state_description=shown.protection_state_description or "",
        test_failover_state=shown.test_failover_state or "",
        scenario=None if idle else scenario_name,
        scenario_job=None if idle else arm_ids.name(scenario.job_id or _IDLE_SCENARIO),
        progress=_progress(details),
        health=shown.replication_health or "None",
        health_errors=tuple(error.parsed() for error in shown.health_errors or ()),
        last_test_failover=shown.last_successful_test_failover_time,
        last_failover=shown.last_successful_failover_time,
        rpo=_rpo(details),
        target=_target(resource["properties"].get("providerSpecificDetails") or {}),
        # Every machine has an interface, so an answer without one left interfaces and tags out.
        complete=bool(details.vm_nics) and details.target_vm_tags is not None,
    )


def _target(details: dict[str, Any]) -> TargetSettings:
    provider = details.get("instanceType")
    for experience in EXPERIENCES.values():
        if experience.instance_type == provider:
            return experience.target_settings(details)
    return TargetSettings()


def _rpo(details: _Details) -> timedelta | None:
    # A classic item shows 0 until the first calculation.
    shown = (details.last_rpo_in_seconds, details.rpo_in_seconds)
    seconds = next((value for value in shown if value is not None), None)
    if seconds is None or details.last_rpo_calculated_time is None:
        return None
    return timedelta(seconds=seconds)


def _progress(details: _Details) -> int | None:
    shown = (details.initial_replication_progress_percentage, details.resync_progress_percentage)
    return next((int(value) for value in shown if value is not None), None)
