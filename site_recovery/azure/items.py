"""Protected items and virtual machines, parsed from what Azure answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from site_recovery import arm_ids
from site_recovery.azure.experiences.registry import EXPERIENCES
from site_recovery.jobs import service_error
from site_recovery.snapshot import ProtectedItem, VirtualMachine
from site_recovery.target_settings import TargetSettings, tags_of

_IDLE_SCENARIO = "None"
_UNSET_YEARS = (1, 1753)
"""Years by which the service says that a time was never set."""
_PROGRESS = ("initialReplicationProgressPercentage", "resyncProgressPercentage")


def protected_item(resource: Mapping[str, Any]) -> ProtectedItem:
    """A protected item from its wire object, of either experience.

    Args:
        resource: as ReplicationProtectedItems_List or ReplicationProtectedItems_Get answer it.
    """
    properties = resource["properties"]
    details = properties.get("providerSpecificDetails") or {}
    scenario = properties.get("currentScenario") or {}
    name = scenario.get("scenarioName") or _IDLE_SCENARIO
    idle = name == _IDLE_SCENARIO
    return ProtectedItem(
        id=resource["id"],
        name=resource["name"],
        friendly_name=properties.get("friendlyName") or "",
        provider=details.get("instanceType") or "",
        policy_id=properties.get("policyId") or "",
        source_id=properties.get("protectableItemId") or details.get("fabricDiscoveryMachineId"),
        virtual_machine_id=details.get("vmId") or details.get("internalIdentifier") or "",
        tags=tags_of(details) or {},
        allowed_operations=frozenset(properties.get("allowedOperations") or ()),
        active_location=properties.get("activeLocation") or "",
        protection_state=properties.get("protectionState") or "",
        protection_state_description=properties.get("protectionStateDescription") or "",
        test_failover_state=properties.get("testFailoverState") or "",
        scenario=None if idle else name,
        scenario_job=None if idle else arm_ids.name(scenario.get("jobId") or _IDLE_SCENARIO),
        progress=_progress(details),
        health=properties.get("replicationHealth") or "None",
        health_errors=tuple(service_error(e) for e in properties.get("healthErrors") or ()),
        last_test_failover=moment(properties.get("lastSuccessfulTestFailoverTime")),
        target=_target(details),
        # Every machine has an interface, so an answer without one left interfaces and tags out.
        complete=bool(details.get("vmNics")) and details.get("targetVmTags") is not None,
    )


def virtual_machine(resource: Mapping[str, Any]) -> VirtualMachine:
    """A virtual machine from its wire object (VirtualMachines_List of Microsoft.Compute)."""
    return VirtualMachine(resource["id"], resource["name"], resource.get("tags") or {})


def moment(text: str | None) -> datetime | None:
    """A time of the service, or None where it says by year 1 or 1753 that there is none."""
    if not text:
        return None
    parsed = datetime.fromisoformat(text)
    return None if parsed.year in _UNSET_YEARS else parsed


def _target(details: Mapping[str, Any]) -> TargetSettings:
    provider = details.get("instanceType")
    shown = (
        e.target_settings(details) for e in EXPERIENCES.values() if e.instance_type == provider
    )
    return next(shown, TargetSettings())


def _progress(details: Mapping[str, Any]) -> int | None:
    shown = (details.get(name) for name in _PROGRESS)
    return next((int(value) for value in shown if value is not None), None)
