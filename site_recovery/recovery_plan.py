"""Recovery plans: the order in which the machines of a wave fail over, and actions in between.

Without I/O: the declared plan, its difference from the service's plan, and the bodies of requests.
An update keeps actions that someone added in the vault (azure-powershell#12837 loses them).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeAlias

from pydantic import TypeAdapter, ValidationError

from site_recovery import arm_ids
from site_recovery.arm_ids import ContainerId
from site_recovery.declared import own_names
from site_recovery.operations import Operation

MACHINES_MAX = 100
"""The most machines in one plan ("About recovery plans"; a table of 2015 said 50)."""
GROUPS_MAX = 7
"""The most boot groups in one plan ("Create and customize recovery plans")."""

THROUGH_PLAN = (
    Operation.TEST_FAILOVER,
    Operation.TEST_FAILOVER_CLEANUP,
    Operation.UNPLANNED_FAILOVER,
)
"""Operations that a wave with a plan runs for the whole plan. All others are per machine."""

_BOOT = "Boot"
_AZURE = "Microsoft Azure"
_FAILOVER_TYPES = ["TestFailover", "UnplannedFailover"]
_DIRECTIONS = ["PrimaryToRecovery"]
_NAME_MAX = 60
_SPAN = TypeAdapter(timedelta)


def name_of(stack: str, wave: str) -> str:
    """The name of a wave's plan in its vault: letters, digits and hyphens."""
    return own_names.fitted(re.sub(r"[^A-Za-z0-9-]", "-", f"{stack}-{wave}"), own_names.PLAN_MAX)


@dataclass(frozen=True)
class ManualAction:
    """The plan waits until a person has followed `instruction` and resumes the job."""

    instruction: str


@dataclass(frozen=True)
class RunbookAction:
    """An Azure Automation runbook, which may run for `timeout_seconds`."""

    runbook_id: str
    timeout_seconds: int


Action: TypeAlias = ManualAction | RunbookAction


@dataclass(frozen=True)
class Group:
    """Machines that fail over together, and the actions before and after."""

    machines: tuple[str, ...]
    pre: tuple[Action, ...] = ()
    post: tuple[Action, ...] = ()


@dataclass(frozen=True)
class Plan:
    """The declared plan of a wave: its groups in order."""

    name: str
    groups: tuple[Group, ...]

    def place(self, machine: str) -> int | None:
        """The index of a machine's group, from 0; None if it is in no group."""
        for place, group in enumerate(self.groups):
            if machine in group.machines:
                return place
        return None


@dataclass(frozen=True)
class Member:
    """How a plan refers to a machine: the ARM id of its item, and the service's id of it."""

    item_id: str
    virtual_machine_id: str


@dataclass(frozen=True)
class Change:
    """How the service's plan differs from the declared one.

    Attributes:
        groups: what an update would send: the declared groups, with foreign actions kept.
        differs: whether an update is needed.
        foreign_actions: the actions of the service's plan that were never in the config, in words.
        foreign_machines: why the plan may not be changed: it contains machines that are not this
            wave's. Empty if there are none.
    """

    groups: list[dict[str, Any]]
    differs: bool
    foreign_actions: tuple[str, ...] = ()
    foreign_machines: str = ""


@dataclass(frozen=True)
class _Slot:
    """The actions before or after the machines of a group."""

    key: str
    word: str
    declared: tuple[Action, ...] = field(default=())


def last_job(existing: Mapping[str, Any]) -> str | None:
    """The name of the job that runs a plan, or ran it last; None if it never ran.

    Args:
        existing: the wire object of ReplicationRecoveryPlans_Get.
    """
    job_id = (existing["properties"].get("currentScenario") or {}).get("jobId")
    return arm_ids.name(job_id) if job_id else None


def allows(existing: Mapping[str, Any], operation: Operation) -> bool:
    """Whether a plan allows an operation now. It allows none while it runs.

    Args:
        existing: the wire object of ReplicationRecoveryPlans_Get.
        operation: an operation that runs through plans.
    """
    return operation.allowed_by in (existing["properties"].get("allowedOperations") or ())


def create_body(
    plan: Plan, members: Mapping[str, Member], container: ContainerId
) -> dict[str, Any]:
    """Body of ReplicationRecoveryPlans_Create."""
    return {
        "properties": {
            "primaryFabricId": f"{container.vault}/replicationFabrics/{container.fabric}",
            "recoveryFabricId": _AZURE,
            "failoverDeploymentModel": "ResourceManager",
            "groups": [_group(group, members, {}) for group in plan.groups],
        }
    }


def change(
    plan: Plan,
    members: Mapping[str, Member],
    existing: Mapping[str, Any],
    before: Plan | None = None,
) -> Change:
    """Compare a declared plan with the service's plan.

    Args:
        plan: the declared plan.
        members: the machines that have an item; others are left out.
        existing: the wire object of ReplicationRecoveryPlans_Get.
        before: the plan as declared in the previous run. Its actions may be removed; all others
            are kept.
    """
    present = existing["properties"].get("groups") or []
    boot = [group for group in present if group["groupType"] == _BOOT]
    # The service's own groups (Shutdown, Failover) have actions too. They are sent back unchanged.
    own = [dict(group) for group in present if group["groupType"] != _BOOT]
    groups: list[dict[str, Any]] = []
    foreign: list[str] = []
    kept_by_place: dict[int, dict[str, list[Mapping[str, Any]]]] = {}
    for place, wire in enumerate(boot):
        target = min(place, len(plan.groups) - 1)
        declared = plan.groups[target]
        declared_before = before.groups[place] if before and place < len(before.groups) else None
        for slot in _slots(declared):
            ours = {*slot.declared, *_actions(declared_before, slot.key)}
            theirs = [a for a in wire.get(slot.key) or [] if _read(a) not in ours]
            kept_by_place.setdefault(target, {}).setdefault(slot.key, []).extend(theirs)
            foreign += [f"{a.get('actionName')} ({slot.word} group {place + 1})" for a in theirs]
    for place, group in enumerate(plan.groups):
        groups.append(_group(group, members, kept_by_place.get(place, {})))
    return Change(
        [*own, *groups],
        _normalized(groups) != _normalized(boot),
        tuple(foreign),
        _foreign_machines(plan, members, boot, before),
    )


def _foreign_machines(
    plan: Plan,
    members: Mapping[str, Member],
    boot: Iterable[Mapping[str, Any]],
    before: Plan | None,
) -> str:
    """Why the plan may not be changed: another stack or a person added machines to it.

    They would fail over with ours, or an update would remove them from a plan that is in use.
    """
    known = {member.item_id.lower() for member in members.values()}
    declared = (*plan.groups, *(before.groups if before else ()))
    named = {machine.lower() for group in declared for machine in group.machines}
    names = [
        arm_ids.name(item["id"])
        for group in boot
        for item in group.get("replicationProtectedItems") or []
        if str(item["id"]).lower() not in known
    ]
    found = sorted(name for name in names if name.lower() not in named)
    if not found:
        return ""
    return (
        f"recovery plan {plan.name} holds machines that are not this wave's: {', '.join(found)}. "
        "Take them out of the plan in the vault, or give the wave another name"
    )


def update_body(groups: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Body of ReplicationRecoveryPlans_Update. It has all groups, because they are replaced."""
    return {"properties": {"groups": list(groups)}}


def test_failover_body(instance_type: str, test_network_id: str) -> dict[str, Any]:
    """Body of ReplicationRecoveryPlans_TestFailover."""
    return {
        "properties": {
            "failoverDirection": "PrimaryToRecovery",
            "networkType": "VmNetworkAsInput",
            "networkId": test_network_id,
            "providerSpecificDetails": [
                {"instanceType": instance_type, "recoveryPointType": "Latest"}
            ],
        }
    }


def unplanned_failover_body(instance_type: str, recovery_point_type: str) -> dict[str, Any]:
    """Body of ReplicationRecoveryPlans_UnplannedFailover."""
    return {
        "properties": {
            "failoverDirection": "PrimaryToRecovery",
            "sourceSiteOperations": "NotRequired",
            "providerSpecificDetails": [
                {"instanceType": instance_type, "recoveryPointType": recovery_point_type}
            ],
        }
    }


def describe(plan: Plan) -> str:
    """The plan in one line: `db-01, db-02 | then app-01 (manual: check the database)`."""
    return " | then ".join(_describe(group) for group in plan.groups)


def _describe(group: Group) -> str:
    parts = [", ".join(group.machines)]
    parts += [f"before: {_words(action)}" for action in group.pre]
    parts += [f"after: {_words(action)}" for action in group.post]
    return parts[0] + (f" ({'; '.join(parts[1:])})" if parts[1:] else "")


def _words(action: Action) -> str:
    if isinstance(action, ManualAction):
        return f"manual: {action.instruction}"
    return f"runbook: {arm_ids.name(action.runbook_id)}"


def _group(
    group: Group, members: Mapping[str, Member], kept: Mapping[str, Sequence[Mapping[str, Any]]]
) -> dict[str, Any]:
    return {
        "groupType": _BOOT,
        "replicationProtectedItems": [
            {"id": members[m].item_id, "virtualMachineId": members[m].virtual_machine_id}
            for m in group.machines
            if m in members
        ],
        **{
            slot.key: [*map(_write, slot.declared), *map(dict, kept.get(slot.key, ()))]
            for slot in _slots(group)
        },
    }


def _slots(group: Group) -> tuple[_Slot, _Slot]:
    return (
        _Slot("startGroupActions", "before", group.pre),
        _Slot("endGroupActions", "after", group.post),
    )


def _actions(group: Group | None, key: str) -> tuple[Action, ...]:
    if group is None:
        return ()
    return group.pre if key == "startGroupActions" else group.post


def _write(action: Action) -> dict[str, Any]:
    details: dict[str, Any]
    if isinstance(action, ManualAction):
        details = {"instanceType": "ManualActionDetails", "description": action.instruction}
        name = action.instruction
    else:
        details = {
            "instanceType": "AutomationRunbookActionDetails",
            "runbookId": action.runbook_id,
            "timeout": _timeout(action.timeout_seconds),
            "fabricLocation": "Recovery",
        }
        name = arm_ids.name(action.runbook_id)
    return {
        "actionName": name[:_NAME_MAX],
        "failoverTypes": _FAILOVER_TYPES,
        "failoverDirections": _DIRECTIONS,
        "customDetails": details,
    }


def _read(wire: Mapping[str, Any]) -> Action | None:
    details = wire.get("customDetails") or {}
    match details.get("instanceType"):
        case "ManualActionDetails":
            return ManualAction(details.get("description") or "")
        case "AutomationRunbookActionDetails":
            seconds = _seconds(details.get("timeout"))
            # Without its timeout the action cannot be compared, so it is kept unchanged.
            if seconds is None:
                return None
            return RunbookAction(details.get("runbookId") or "", seconds)
        case _:
            return None


def _normalized(groups: Iterable[Mapping[str, Any]]) -> list[Any]:
    """Groups in a form that can be compared: ignores the case of ids and the order of machines."""
    return [
        (
            sorted(str(i["id"]).lower() for i in group.get("replicationProtectedItems") or []),
            [_comparable(a) for a in group.get("startGroupActions") or []],
            [_comparable(a) for a in group.get("endGroupActions") or []],
        )
        for group in groups
    ]


def _comparable(wire: Mapping[str, Any]) -> Any:
    return _read(wire) or (wire.get("actionName"), repr(wire.get("customDetails")))


def _timeout(seconds: int) -> str:
    """A duration in the service's notation: PT30M."""
    return f"PT{seconds // 60}M" if seconds % 60 == 0 else f"PT{seconds}S"


def _seconds(timeout: object) -> int | None:
    """A duration in ISO 8601 (PT1H30M) or clock notation (01:30:00); None if it is neither."""
    try:
        return int(_SPAN.validate_python(timeout).total_seconds())
    except ValidationError:
        return None
