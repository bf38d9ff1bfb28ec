"""A declared recovery plan compared with the service's plan."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from site_recovery import recovery_plan
from site_recovery.arm_ids import ContainerId
from site_recovery.azure.answers.plans import plan as parsed
from site_recovery.recovery_plan import (
    Action,
    Change,
    Group,
    ManualAction,
    Member,
    Plan,
    RunbookAction,
    create_body,
    describe,
)

VAULT = "/subscriptions/1/resourceGroups/rg/providers/Microsoft.RecoveryServices/vaults/v"
CONTAINER = ContainerId.parse(f"{VAULT}/replicationFabrics/f/replicationProtectionContainers/c")
MEMBERS = {name: Member(f"/items/{name}", f"guid-{name}") for name in ("db", "app", "web")}
CHECK = ManualAction("check the database")
WARM_UP = RunbookAction("/runbooks/warm-up", 1800)
PLAN = Plan("dev-web", (Group(("db",)), Group(("app", "web"), pre=(CHECK,), post=(WARM_UP,))))

STRANGER: dict[str, Any] = {
    "actionName": "call the owner",
    "failoverTypes": ["UnplannedFailover"],
    "failoverDirections": ["PrimaryToRecovery"],
    "customDetails": {"instanceType": "ManualActionDetails", "description": "call the owner"},
}


def service(plan: Plan = PLAN) -> dict[str, Any]:
    """The service's plan: with its own groups first, and ids in another case."""
    groups = create_body(plan, MEMBERS, CONTAINER)["properties"]["groups"]
    for group in groups:
        for item in group["replicationProtectedItems"]:
            item["id"] = item["id"].upper()
    own: list[dict[str, Any]] = [
        {
            "groupType": kind,
            "replicationProtectedItems": [],
            "startGroupActions": [],
            "endGroupActions": [],
        }
        for kind in ("Shutdown", "Failover")
    ]
    return {"properties": {"groups": [*own, *groups]}}


def change(
    plan: Plan, members: dict[str, Member], existing: dict[str, Any], before: Plan | None = None
) -> Change:
    return recovery_plan.change(plan, members, parsed(existing), before)


def boot(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [group for group in groups if group["groupType"] == "Boot"]


def test_a_plan_that_is_as_declared_needs_no_update() -> None:
    assert not change(PLAN, MEMBERS, service()).differs


def test_a_machine_in_another_group_is_an_update() -> None:
    moved = Plan(PLAN.name, (Group(("db", "app")), Group(("web",), (CHECK,), (WARM_UP,))))
    found = change(moved, MEMBERS, service(), PLAN)
    assert found.differs
    assert [len(group["replicationProtectedItems"]) for group in boot(found.groups)] == [2, 1]


def test_the_services_own_groups_go_back_with_their_actions() -> None:
    existing = service()
    existing["properties"]["groups"][0]["startGroupActions"] = [STRANGER]
    moved = Plan(PLAN.name, (Group(("db", "app")), Group(("web",))))
    sent = change(moved, MEMBERS, existing, PLAN).groups
    assert sent[0]["groupType"] == "Shutdown"
    assert sent[0]["startGroupActions"] == [STRANGER]


def test_an_action_that_somebody_added_is_kept_and_told() -> None:
    existing = service()
    existing["properties"]["groups"][3]["startGroupActions"].append(STRANGER)
    found = change(PLAN, MEMBERS, existing, PLAN)
    assert found.foreign_actions == ("call the owner (before group 2)",)
    assert not found.differs
    added = Plan(PLAN.name, (Group(("db",), post=(ManualAction("breathe"),)), PLAN.groups[1]))
    update = change(added, MEMBERS, existing, PLAN)
    assert update.differs
    assert STRANGER in boot(update.groups)[1]["startGroupActions"]


def test_an_action_that_left_the_config_is_taken_away() -> None:
    without = Plan(PLAN.name, (PLAN.groups[0], Group(("app", "web"), post=(WARM_UP,))))
    found = change(without, MEMBERS, service(), PLAN)
    assert found.differs
    assert found.foreign_actions == ()
    assert boot(found.groups)[1]["startGroupActions"] == []


def test_without_knowing_what_was_declared_nothing_is_taken_away() -> None:
    without = Plan(PLAN.name, (PLAN.groups[0], Group(("app", "web"), post=(WARM_UP,))))
    found = change(without, MEMBERS, service(), before=None)
    assert found.foreign_actions == ("check the database (before group 2)",)
    assert len(boot(found.groups)[1]["startGroupActions"]) == 1


def test_a_machine_that_left_the_vault_leaves_its_group() -> None:
    found = change(PLAN, {k: v for k, v in MEMBERS.items() if k != "web"}, service(), PLAN)
    assert found.differs
    assert len(boot(found.groups)[1]["replicationProtectedItems"]) == 1


def test_machines_that_someone_else_put_into_the_plan_are_told_and_not_dropped() -> None:
    existing = service()
    existing["properties"]["groups"][2]["replicationProtectedItems"].append(
        {"id": f"{CONTAINER}/replicationProtectedItems/billing", "virtualMachineId": "x"}
    )
    found = change(PLAN, MEMBERS, existing, PLAN)
    assert "holds machines that are not this wave's: billing" in found.foreign_machines


def test_a_machine_that_left_the_config_is_not_foreign() -> None:
    smaller = Plan(PLAN.name, (Group(("db",)), Group(("app",))))
    members = {name: MEMBERS[name] for name in ("db", "app")}
    found = change(smaller, members, service(), PLAN)
    assert found.differs
    assert found.foreign_machines == ""


@pytest.mark.parametrize(
    ("seconds", "notation"),
    [
        (5400, "PT90M"),
        (5400, "PT1H30M"),
        (5400, "PT5400S"),
        (5400, "PT1.5H"),
        (5400, "01:30:00"),
        (1800, "00:30:00.0000000"),
        (3600, "PT1H"),
        (90, "PT1M30S"),
        (86400, "P1D"),
        (86400, "24:00:00"),
        (90000, "P1DT1H"),
    ],
)
def test_a_runbook_is_recognised_in_every_notation_of_its_timeout(
    seconds: int, notation: str
) -> None:
    runbook = RunbookAction("/runbooks/warm-up", seconds)
    plan = Plan("p", (Group(("db",), post=(runbook,)),))
    existing = service(plan)
    existing["properties"]["groups"][2]["endGroupActions"][0]["customDetails"]["timeout"] = notation
    found = change(plan, MEMBERS, existing)
    assert found.foreign_actions == ()
    assert not found.differs


@pytest.mark.parametrize("timeout", ["", "soon", "90", None])
def test_a_runbook_with_an_unreadable_timeout_is_not_ours_and_is_kept(timeout: str | None) -> None:
    plan = Plan("p", (Group(("db",), post=(WARM_UP,)),))
    existing = service(plan)
    existing["properties"]["groups"][2]["endGroupActions"][0]["customDetails"]["timeout"] = timeout
    found = change(plan, MEMBERS, existing, plan)
    assert found.foreign_actions == ("warm-up (after group 1)",)
    assert [
        action["customDetails"]["timeout"] for action in boot(found.groups)[0]["endGroupActions"]
    ] == ["PT30M", timeout]


def test_a_plan_reads_as_one_line() -> None:
    assert describe(PLAN) == (
        "db | then app, web (before: manual: check the database; after: runbook: warm-up)"
    )


names = st.sampled_from(sorted(MEMBERS))
actions: st.SearchStrategy[Action] = st.one_of(
    st.builds(ManualAction, st.text(min_size=1, max_size=80)),
    st.builds(
        RunbookAction, st.text("abc/", min_size=1, max_size=9), st.integers(1, 24).map((60).__mul__)
    ),
)
groups = st.builds(
    Group,
    st.lists(names, min_size=1, unique=True).map(tuple),
    st.lists(actions, max_size=2).map(tuple),
    st.lists(actions, max_size=2).map(tuple),
)
plans = st.builds(Plan, st.just("p"), st.lists(groups, min_size=1, max_size=4).map(tuple))


class TestProperties:
    @given(plans)
    def test_what_was_created_is_as_declared(self, plan: Plan) -> None:
        found = change(plan, MEMBERS, service(plan))
        assert not found.differs
        assert found.foreign_actions == ()

    @given(plans, plans)
    def test_an_update_leads_to_what_is_declared(self, before: Plan, now: Plan) -> None:
        sent = change(now, MEMBERS, service(before), before).groups
        after = {"properties": {"groups": sent}}
        assert not change(now, MEMBERS, after, now).differs

    @given(plans, plans)
    def test_no_update_loses_an_action_of_somebody_else(self, before: Plan, now: Plan) -> None:
        existing = service(before)
        existing["properties"]["groups"][2]["endGroupActions"].append(STRANGER)
        sent = change(now, MEMBERS, existing, before).groups
        assert any(STRANGER in group["endGroupActions"] for group in boot(sent))
