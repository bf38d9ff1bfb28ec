"""A wave with a recovery plan fails over as a whole, pauses for a person, and goes on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.harness import GROUP, MACHINES_GROUP, VAULT, Stack

pytestmark = pytest.mark.engine

PLAN = "engine-shop"
GROUPS: list[Any] = [
    ["db-01"],
    {"machines": ["web-01"], "pre": [{"manual": "check the database"}]},
]


def wave(stack: Stack, phase: str, groups: list[Any] = GROUPS) -> None:
    stack.declare(shop=(phase, ["db-01", "web-01"]))
    stack.waves["shop"] |= {"recoveryPlan": {"groups": groups}, "requireTestFailover": False}


def boot_groups(stack: Stack) -> list[list[str]]:
    plans: Any = stack.clouds.site_recovery().replication_recovery_plans
    return [
        [item["id"].rpartition("/")[2] for item in group["replicationProtectedItems"]]
        for group in plans.get(GROUP, VAULT, PLAN)["properties"]["groups"]
        if group["groupType"] == "Boot"
    ]


def plan_operations(stack: Stack) -> list[str]:
    prefix = "ReplicationRecoveryPlans_"
    operations = [entry["operation"] for entry in stack.clouds.audit()]
    return [op.removeprefix(prefix) for op in operations if op.startswith(prefix)]


def test_the_plan_is_there_once_the_machines_are_protected(stack: Stack) -> None:
    wave(stack, "protected", groups=[["web-01"], ["db-01"]])
    assert stack.up().code == 0
    assert boot_groups(stack) == [["web-01"], ["db-01"]]
    assert stack.up("--expect-no-changes").code == 0


def test_changed_groups_are_reviewed_and_updated_in_place(stack: Stack) -> None:
    wave(stack, "protected")
    assert "its groups change" in stack.preview().line("shop")
    assert stack.up().code == 0
    assert boot_groups(stack) == [["db-01"], ["web-01"]]
    assert plan_operations(stack) == ["Create", "Update"]


def test_the_preview_of_a_failover_shows_the_order_and_the_pause(stack: Stack) -> None:
    wave(stack, "failed-over")
    lines = " ".join(stack.preview().line("shop").split())
    assert f"recovery plan {PLAN}: db-01 | then web-01 (before: manual: check the database)" in (
        lines
    )
    assert "IRREVERSIBLE" in lines


def test_a_manual_action_pauses_the_wave_and_says_how_to_go_on(stack: Stack) -> None:
    stack.convergence["wait"] = "4h"
    up = stack.up()
    assert up.code != 0
    assert "check the database" in "\n".join(up.errors["web-01"])
    assert "/resume" in "\n".join(up.errors["web-01"])
    assert set(stack.clouds.virtual_machines(MACHINES_GROUP)) == {"db-01"}


def test_once_resumed_the_next_up_finishes_what_the_first_began(stack: Stack) -> None:
    stack.convergence["wait"] = "168h"
    jobs: Any = stack.clouds.site_recovery().replication_jobs
    [paused] = [
        job
        for job in jobs.list(GROUP, VAULT)
        if job.properties.target_object_name == PLAN and job.properties.state == "Suspended"
    ]
    jobs.begin_resume(
        GROUP, VAULT, paused.name, {"properties": {"comments": "done"}}, polling=False
    )
    up = stack.up()
    assert up.code == 0, up.text
    assert set(stack.clouds.virtual_machines(MACHINES_GROUP)) == {"db-01", "web-01"}
    assert plan_operations(stack) == ["Create", "Update", "UnplannedFailover"]
    for machine in ("db-01", "web-01"):
        assert stack.clouds.operations(machine).count("UnplannedFailover") == 1


def test_each_machine_completes_its_migration_and_nothing_of_the_plan_stays(
    stack: Stack,
) -> None:
    wave(stack, "migrated")
    up = stack.up()
    assert up.code == 0, up.text
    assert stack.up("--expect-no-changes").code == 0
    destroyed = stack.destroy()
    assert destroyed.code == 0, destroyed.text
    assert set(stack.clouds.virtual_machines(MACHINES_GROUP)) == {"db-01", "web-01"}
    assert stack.clouds.vaults(GROUP) == set()
