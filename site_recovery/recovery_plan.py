"""Recovery plans: the order in which the machines of a wave fail over, and actions in between.

Without I/O: the declared plan, its difference from the service's plan, and the bodies of requests.
An update keeps actions that someone added in the vault (azure-powershell#12837 loses them).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from site_recovery import arm_ids
from site_recovery.arm_ids import ContainerId
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
class ShownAction:
    """An action of the service's plan.

    Attributes:
        name: its name.
        declared: the action as the config would declare it; None if it cannot.
        sent: the action as the service sent it. Nothing reads it; it is sent back unchanged.
    """

    name: str
    declared: Action | None
    sent: object


@dataclass(frozen=True)
class ShownGroup:
    """A boot group of the service's plan: the ids of its items, and the actions around them."""

    item_ids: tuple[str, ...] = ()
    pre: tuple[ShownAction, ...] = ()
    post: tuple[ShownAction, ...] = ()


@dataclass(frozen=True)
class ShownPlan:
    """A recovery plan as the service shows it (ReplicationRecoveryPlans_Get).

    Attributes:
        groups: its boot groups in order.
        own_groups: the service's own groups (Shutdown, Failover), as it sent them. They have actions
            too, and are sent back unchanged.
        last_job: the name of the job that runs it, or ran it last; None if it never ran.
        allowed_operations: the operations that the service would accept now.
    """

    groups: tuple[ShownGroup, ...] = ()
    own_groups: tuple[object, ...] = ()
    last_job: str | None = None
    allowed_operations: frozenset[str] = frozenset()

    def allows(self, operation: Operation) -> bool:
        """Whether it allows an operation now. It allows none while it runs."""
        return operation.allowed_by in self.allowed_operations


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

    groups: list[Any]
    differs: bool
    foreign_actions: tuple[str, ...] = ()
    foreign_machines: str = ""


@dataclass(frozen=True)
class _Slot:
    """The actions before or after the machines of a group."""

    key: str
    word: str
    declared: tuple[Action, ...] = field(default=())


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
    existing: ShownPlan,
    before: Plan | None = None,
) -> Change:
    """Compare a declared plan with the service's plan.

    Args:
        plan: the declared plan.
        members: the machines that have an item; others are left out.
        existing: the service's plan.
        before: the plan as declared in the previous run. Its actions may be removed; all others
            are kept.
    """
    foreign: list[str] = []
    kept_by_place: dict[int, dict[str, list[ShownAction]]] = {}
    for place, shown in enumerate(existing.groups):
        target = min(place, len(plan.groups) - 1)
        declared = plan.groups[target]
        declared_before = before.groups[place] if before and place < len(before.groups) else None
        for slot in _slots(declared):
            ours = {*slot.declared, *_actions(declared_before, slot.key)}
            theirs = [a for a in _shown(shown, slot.key) if a.declared not in ours]
            kept_by_place.setdefault(target, {}).setdefault(slot.key, []).extend(theirs)
            foreign += [f"{a.name} ({slot.word} group {place + 1})" for a in theirs]
    kept = [kept_by_place.get(place, {}) for place in range(len(plan.groups))]
    groups = [_group(group, members, kept[place]) for place, group in enumerate(plan.groups)]
    wanted = [_wanted(group, members, kept[place]) for place, group in enumerate(plan.groups)]
    return Change(
        [*existing.own_groups, *groups],
        wanted != [_present(group) for group in existing.groups],
        tuple(foreign),
        _foreign_machines(plan, members, existing, before),
    )


def _foreign_machines(
    plan: Plan,
    members: Mapping[str, Member],
    existing: ShownPlan,
    before: Plan | None,
) -> str:
    """Why the plan may not be changed: another stack or a person added machines to it.

    They would fail over with ours, or an update would remove them from a plan that is in use.
    """
    known = {member.item_id.lower() for member in members.values()}
    declared = (*plan.groups, *(before.groups if before else ()))
    named = {machine.lower() for group in declared for machine in group.machines}
    names = [
        arm_ids.name(item_id)
        for group in existing.groups
        for item_id in group.item_ids
        if item_id.lower() not in known
    ]
    found = sorted(name for name in names if name.lower() not in named)
    if not found:
        return ""
    return (
        f"recovery plan {plan.name} holds machines that are not this wave's: {', '.join(found)}. "
        "Take them out of the plan in the vault, or give the wave another name"
    )


def update_body(groups: Sequence[object]) -> dict[str, Any]:
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
    group: Group, members: Mapping[str, Member], kept: Mapping[str, Sequence[ShownAction]]
) -> dict[str, Any]:
    return {
        "groupType": _BOOT,
        "replicationProtectedItems": [
            {"id": members[m].item_id, "virtualMachineId": members[m].virtual_machine_id}
            for m in group.machines
            if m in members
        ],
        **{
            slot.key: [*map(_write, slot.declared), *(a.sent for a in kept.get(slot.key, ()))]
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


def _shown(group: ShownGroup, key: str) -> tuple[ShownAction, ...]:
    return group.pre if key == "startGroupActions" else group.post


# Groups in a form that can be compared: without the case of ids and the order of machines.


def _present(group: ShownGroup) -> list[object]:
    pre, post = ([_comparable(a) for a in actions] for actions in (group.pre, group.post))
    return [sorted(map(str.lower, group.item_ids)), pre, post]


def _wanted(
    group: Group, members: Mapping[str, Member], kept: Mapping[str, Sequence[ShownAction]]
) -> list[object]:
    items = [members[machine].item_id.lower() for machine in group.machines if machine in members]
    slots = _slots(group)
    return [
        sorted(items),
        *([*slot.declared, *map(_comparable, kept.get(slot.key, ()))] for slot in slots),
    ]


def _comparable(action: ShownAction) -> object:
    return action.declared or action.sent


def _timeout(seconds: int) -> str:
    """A duration in the service's notation: PT30M."""
    return f"PT{seconds // 60}M" if seconds % 60 == 0 else f"PT{seconds}S"
