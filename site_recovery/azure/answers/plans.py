"""Recovery plans, parsed from what the service answers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter, ValidationError

from site_recovery import arm_ids
from site_recovery.azure.answers.reading import Wire
from site_recovery.recovery_plan import (
    Action,
    ManualAction,
    RunbookAction,
    ShownAction,
    ShownGroup,
    ShownPlan,
)

_BOOT = "Boot"
_SPAN = TypeAdapter(timedelta)


class _ActionDetails(Wire):
    instance_type: str | None = None
    description: str | None = None
    runbook_id: str | None = None
    timeout: Any = None


class _Action(Wire):
    action_name: str | None = None
    custom_details: _ActionDetails | None = None


class _Machine(Wire):
    id: str


class _Group(Wire):
    group_type: str
    replication_protected_items: list[_Machine] | None = None
    start_group_actions: list[_Action] | None = None
    end_group_actions: list[_Action] | None = None


class _Scenario(Wire):
    job_id: str | None = None


class _Properties(Wire):
    groups: list[_Group] | None = None
    current_scenario: _Scenario | None = None
    allowed_operations: list[str] | None = None


class _Plan(Wire):
    properties: _Properties


def plan(resource: Any) -> ShownPlan:
    """A recovery plan from its wire object (ReplicationRecoveryPlans_Get).

    Raises:
        ValueError: it is not as the service documents it.
    """
    shown = _Plan.model_validate(resource).properties
    sent: list[Any] = resource["properties"].get("groups") or []
    both = list(zip(shown.groups or (), sent, strict=True))
    job_id = shown.current_scenario.job_id if shown.current_scenario is not None else None
    return ShownPlan(
        groups=tuple(_group(group, wire) for group, wire in both if group.group_type == _BOOT),
        own_groups=tuple(wire for group, wire in both if group.group_type != _BOOT),
        last_job=arm_ids.name(job_id) if job_id else None,
        allowed_operations=frozenset(shown.allowed_operations or ()),
    )


def name(resource: Any) -> str:
    """The name of a plan in lower case; empty if it cannot be read."""
    shown = resource.get("name") if isinstance(resource, dict) else None
    return shown.lower() if isinstance(shown, str) else ""


def _group(group: _Group, wire: Any) -> ShownGroup:
    return ShownGroup(
        item_ids=tuple(machine.id for machine in group.replication_protected_items or ()),
        pre=_actions(group.start_group_actions, wire.get("startGroupActions")),
        post=_actions(group.end_group_actions, wire.get("endGroupActions")),
    )


def _actions(actions: list[_Action] | None, wire: Any) -> tuple[ShownAction, ...]:
    return tuple(
        ShownAction(action.action_name or "", _action(action), sent)
        for action, sent in zip(actions or (), wire or (), strict=True)
    )


def _action(action: _Action) -> Action | None:
    """The action as the config would declare it; None if it cannot."""
    details = action.custom_details or _ActionDetails()
    match details.instance_type:
        case "ManualActionDetails":
            return ManualAction(details.description or "")
        case "AutomationRunbookActionDetails":
            seconds = _seconds(details.timeout)
            # Without its timeout the action cannot be compared, so it is kept unchanged.
            return None if seconds is None else RunbookAction(details.runbook_id or "", seconds)
        case _:
            return None


def _seconds(timeout: object) -> int | None:
    """A duration in ISO 8601 (PT1H30M) or clock notation (01:30:00); None if it is neither."""
    try:
        return int(_SPAN.validate_python(timeout).total_seconds())
    except ValidationError:
        return None
