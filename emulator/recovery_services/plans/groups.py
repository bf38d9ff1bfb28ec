"""Validation of a recovery plan's groups, machines and actions, with their limits.

Limits and rules are those of the documentation ("About recovery plans", "Create and customize
recovery plans", "Add Azure Automation runbooks to recovery plans"); the codes of the refusals
were never recorded and are [inferred].
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from emulator.kernel.resources import PRIVATE, ResourceId
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError
from emulator.kernel.world import World
from emulator.recovery_services.plans import bodies as plan_bodies
from emulator.recovery_services.wire import bodies
from emulator.recovery_services.wire.paths import PROTECTED_ITEMS, vault_of

MAXIMUM_MACHINES = 100
MAXIMUM_BOOT_GROUPS = 7

_KINDS: dict[str, type[bodies.Body]] = {
    "ManualActionDetails": plan_bodies.ManualDetails,
    "ScriptActionDetails": plan_bodies.ScriptDetails,
    "AutomationRunbookActionDetails": plan_bodies.RunbookDetails,
}


def accept(
    world: World, fabric_id: str, asked: Sequence[plan_bodies.Group]
) -> tuple[list[Document], str]:
    """The groups as the service keeps them, and the replication provider of their machines.

    One Shutdown and one Failover group always come before the Boot groups, in any order of the
    request, and even if the request has none (recorded).

    Args:
        world: the world.
        fabric_id: the id of the fabric that all machines must be of.
        asked: the groups of the request.

    Raises:
        ArmError: 400, naming the group, the machine or the action.
    """
    kept: dict[str, list[Document]] = {"Shutdown": [], "Failover": [], "Boot": []}
    providers: dict[str, str] = {}
    seen: set[str] = set()
    for position, group in enumerate(asked):
        at = f"properties.groups[{position}]"
        machines = group.replication_protected_items or []
        if machines and group.group_type != "Boot":
            raise _refusal(
                "InvalidRecoveryPlanGroup",
                at,
                f"A group of type '{group.group_type}' takes actions only; machines go into "
                "groups of type 'Boot'.",
            )
        for member in machines:
            item = _require_item(world, fabric_id, member.id, at)
            if item["id"].lower() in seen:
                raise _refusal(
                    "DuplicateProtectedItemInRecoveryPlan",
                    at,
                    f"The replicated item '{item['name']}' is in the recovery plan more than "
                    "once; a machine can belong to one group only.",
                )
            seen.add(item["id"].lower())
            providers.setdefault(item[PRIVATE]["experience"], item["name"])
        kept[group.group_type].append(_group(fabric_id, group, at))
    _require_limits(kept, seen, providers)
    ordered = [*(kept["Shutdown"] or [_empty("Shutdown")])]
    ordered += [*(kept["Failover"] or [_empty("Failover")]), *kept["Boot"]]
    return ordered, next(iter(providers))


def members(groups: Sequence[Document]) -> Iterator[Document]:
    """Every machine's entry of a plan, group by group."""
    for group in groups:
        yield from group["replicationProtectedItems"]


def _require_limits(
    kept: dict[str, list[Document]], seen: set[str], providers: dict[str, str]
) -> None:
    at = "properties.groups"
    for kind in ("Shutdown", "Failover"):
        if len(kept[kind]) > 1:
            raise _refusal(
                "InvalidRecoveryPlanGroup", at, f"A recovery plan has one '{kind}' group only."
            )
    if len(kept["Boot"]) > MAXIMUM_BOOT_GROUPS:
        raise _refusal(
            "RecoveryPlanGroupLimitExceeded",
            at,
            f"A recovery plan can have {MAXIMUM_BOOT_GROUPS} groups of type 'Boot'; "
            f"{len(kept['Boot'])} were given.",
        )
    if not seen:
        raise _refusal(
            "RecoveryPlanEmpty", at, "A recovery plan needs a 'Boot' group with a replicated item."
        )
    if len(seen) > MAXIMUM_MACHINES:
        raise _refusal(
            "RecoveryPlanProtectedItemLimitExceeded",
            at,
            f"A recovery plan can have {MAXIMUM_MACHINES} replicated items; {len(seen)} were "
            "given.",
        )
    if len(providers) > 1:
        told = ", ".join(f"'{name}' by {provider}" for provider, name in providers.items())
        raise _refusal(
            "MixedReplicationProviders",
            at,
            f"The machines of a recovery plan must have one replication provider: {told}.",
        )


def _require_item(world: World, fabric_id: str, identifier: str, at: str) -> Document:
    item = world.store.get(PROTECTED_ITEMS.kind, identifier)
    vault = vault_of(fabric_id).lower()
    if item is None or vault_of(identifier).lower() != vault:
        raise _refusal(
            "ProtectedItemNotFound",
            at,
            f"The replicated item '{identifier}' was not found in this vault.",
        )
    if not identifier.lower().startswith(fabric_id.lower() + "/"):
        raise _refusal(
            "ProtectedItemOfAnotherFabric",
            at,
            f"The replicated item '{item['name']}' is not of the recovery plan's primary fabric "
            f"'{fabric_id}'.",
        )
    if item[PRIVATE]["protected"] is None:
        raise _refusal(
            "ProtectedItemNotReady",
            at,
            f"The replicated item '{item['name']}' is not protected yet: its initial replication "
            "has not completed.",
        )
    return item


def _group(fabric_id: str, group: plan_bodies.Group, at: str) -> Document:
    return {
        "groupType": group.group_type,
        "replicationProtectedItems": [
            {"id": member.id} for member in group.replication_protected_items or []
        ],
        "startGroupActions": _actions(fabric_id, group.start_group_actions, f"{at}.start"),
        "endGroupActions": _actions(fabric_id, group.end_group_actions, f"{at}.end"),
    }


def _empty(kind: str) -> Document:
    nothing: Document = {"replicationProtectedItems": [], "startGroupActions": []}
    return {"groupType": kind, **nothing, "endGroupActions": []}


def _actions(fabric_id: str, asked: Sequence[plan_bodies.Action] | None, at: str) -> list[Document]:
    return [
        _action(fabric_id, action, f"{at}GroupActions[{position}]")
        for position, action in enumerate(asked or [])
    ]


def _action(fabric_id: str, action: plan_bodies.Action, at: str) -> Document:
    at = f"{at}.customDetails"
    kind = action.custom_details.instance_type
    if kind not in _KINDS:
        raise _refusal(
            "InvalidParameter",
            f"{at}.instanceType",
            f"'{kind}' is no kind of action; {', '.join(_KINDS)} are.",
        )
    details = bodies.read(_KINDS[kind], bodies.extras(action.custom_details), at)
    if isinstance(details, plan_bodies.ScriptDetails) and details.fabric_location == "Primary":
        raise _refusal(
            "ScriptActionNotSupported",
            at,
            f"The action '{action.action_name}' cannot run at the primary site: scripts run there "
            "only beside a Virtual Machine Manager server.",
        )
    if isinstance(details, plan_bodies.RunbookDetails):
        _require_runbook(fabric_id, action.action_name, details.runbook_id, at)
    shown = details.model_dump(by_alias=True, exclude_none=True)
    return {
        "actionName": action.action_name,
        "failoverTypes": list(action.failover_types),
        "failoverDirections": list(action.failover_directions),
        "customDetails": {"instanceType": kind, **shown},
    }


def _require_runbook(fabric_id: str, action: str, runbook: str | None, at: str) -> None:
    if runbook is None:
        raise _refusal(
            "InvalidParameter", f"{at}.runbookId", f"The action '{action}' names no runbook."
        )
    named, vault = ResourceId.parse(runbook), ResourceId.parse(fabric_id)
    if named.type.lower() != "microsoft.automation/automationaccounts/runbooks":
        raise _refusal(
            "InvalidParameter", f"{at}.runbookId", f"'{runbook}' is not the id of a runbook."
        )
    if named.subscription.lower() != vault.subscription.lower():
        raise _refusal(
            "RunbookOfAnotherSubscription",
            at,
            f"The runbook of the action '{action}' is not in the subscription of the vault; the "
            "Automation account must be.",
        )


def _refusal(code: str, at: str, message: str) -> ArmError:
    detail = {"code": code, "target": at, "message": message}
    return ArmError(400, code, message, details=[detail])
