"""Runs of recovery plans: group by group, with pauses, up to a complete migration."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.copies import copied
from tests.emulator.plans import recovery_plans_support as plans
from tests.emulator.recovery_services import site_recovery_support as support
from tests.emulator.recovery_services.site_recovery_experiences import Classic
from tests.emulator.recovery_services.site_recovery_support import GROUP_NAME, VAULT_NAME, Site

DB, APP, WEB, WEB_2 = (support.windows(number) for number in (1, 2, 3, 4))
FLEET = (DB, APP, WEB, WEB_2)


def site_of(experience: Classic, *machines: Any, database: Path | None = None) -> Site:
    site = Site(machines, database=database, experience=experience).prepare()
    for machine in machines:
        site.protect(machine)
    return site


@copied
def protected(experience: Classic) -> Site:
    return site_of(experience, *FLEET)


@pytest.fixture
def site(experience: Classic) -> Site:
    return protected(experience)


def three_tiers(site: Site, **changes: Any) -> Any:
    return plans.create(
        site,
        plans.group(site, DB),
        plans.group(site, APP, **changes),
        plans.group(site, WEB, WEB_2),
    )


def booted(site: Site) -> dict[str, datetime]:
    """The creation time of each virtual machine in Azure, by name."""
    return {
        name: datetime.fromisoformat(machine["properties"]["timeCreated"])
        for name, machine in site.virtual_machines().items()
    }


def begun(site: Site, operation: str) -> dict[str, datetime]:
    """The start time of each machine's own operation, by machine, from the audit."""
    return {
        entry["machine"]: datetime.fromisoformat(entry["time"])
        for entry in site.world.audited()
        if entry["operation"] == f"ReplicationProtectedItems_{operation}"
    }


def test_groups_fail_over_in_order_and_their_machines_together(site: Site) -> None:
    three_tiers(site)
    job = plans.ended(site, plans.fail_over(site))
    assert (job["state"], job["stateDescription"]) == ("Succeeded", "Completed")
    up, start = booted(site), begun(site, "UnplannedFailover")
    assert start["web-01"] < up["web-01"] <= start["web-02"] < up["web-02"] <= start["web-03"]
    assert start["web-03"] == start["web-04"]
    assert start["web-04"] < min(up["web-03"], up["web-04"])
    assert all("CompleteMigration" in site.properties(m)["allowedOperations"] for m in FLEET)


def test_a_wave_migrates_through_a_plan_and_each_machine_completes_alone(site: Site) -> None:
    created = three_tiers(site)
    assert created.properties.allowed_operations == ["UnplannedFailover", "TestFailover"]
    operations = site.client.replication_recovery_plans

    tested = operations.begin_test_failover(*plans.AT, plans.testing_body(site)).result().properties
    assert set(booted(site)) == {f"{machine.name}-test" for machine in FLEET}
    assert tested.allowed_operations == ["TestFailoverCleanup"]
    assert tested.current_scenario.scenario_name == "TestFailover"
    assert tested.current_scenario_status == "Suspended"
    assert tested.current_scenario_status_description == "WaitingForStopTestFailover"
    assert tested.last_test_failover_time is not None
    assert site.properties(WEB)["allowedOperations"] == ["TestFailoverCleanup"]

    clean = operations.begin_test_failover_cleanup(*plans.AT, {"properties": {}}).result()
    assert booted(site) == {}
    assert clean.properties.allowed_operations == ["UnplannedFailover", "TestFailover"]
    assert clean.properties.current_scenario_status == "Succeeded"
    assert clean.properties.current_scenario_status_description == "Completed"

    over = operations.begin_unplanned_failover(*plans.AT, plans.failover_body(site=site)).result()
    assert over.properties.allowed_operations == ["Commit"]
    assert over.properties.last_unplanned_failover_time is not None
    assert set(booted(site)) == {machine.name for machine in FLEET}

    for machine in FLEET:
        assert site.finished(site.remove(machine, "MigrationComplete"))["state"] == "Succeeded"
    left = operations.get(*plans.AT).properties
    assert [group.group_type for group in left.groups] == ["Shutdown", "Failover", *["Boot"] * 3]
    assert not any(group.replication_protected_items for group in left.groups)
    assert left.allowed_operations == []
    operations.begin_delete(*plans.AT).result()
    assert list(operations.list(GROUP_NAME, VAULT_NAME)) == []
    assert set(booted(site)) == {machine.name for machine in FLEET}


def test_a_plan_commits_what_it_failed_over(site: Site) -> None:
    three_tiers(site)
    plans.ended(site, plans.fail_over(site))
    committed = site.client.replication_recovery_plans.begin_failover_commit(*plans.AT).result()
    assert committed.properties.current_scenario.scenario_name == "CommitFailover"
    assert committed.properties.allowed_operations == []
    for machine in FLEET:
        properties = site.properties(machine)
        assert properties["protectionState"] == "UnplannedFailoverCommitted"
        assert "CompleteMigration" in properties["allowedOperations"]


def test_a_manual_action_holds_the_plan_until_it_is_resumed(site: Site) -> None:
    three_tiers(site, start=[plans.manual("Check the database", "Run the smoke test.")])
    accepted = plans.fail_over(site)
    job = plans.paused(site, accepted)
    assert job["stateDescription"] == "WaitingForManualAction"
    assert job["allowedActions"] == ["Cancel", "Resume"]
    (task, machine) = plans.children(job, "Group 2: Start")
    assert (task["state"], machine["state"]) == ("Suspended", "NotStarted")
    assert task["customDetails"]["instructions"] == "Run the smoke test."
    assert plans.plan(site)["currentScenarioStatus"] == "Suspended"
    assert plans.plan(site)["currentScenarioStatusDescription"] == "WaitingForManualAction"
    poll = site.call("GET", accepted.headers["Azure-AsyncOperation"])
    assert poll.body["status"] == "InProgress"

    site.pass_time(hours=5)
    assert site.job(accepted)["state"] == "Suspended", "it waits as long as it takes"
    assert set(booted(site)) == {"web-01"}
    plans.resume(site, accepted, "all green")
    job = plans.ended(site, accepted)
    assert job["state"] == "Succeeded"
    assert plans.children(job, "Group 2: Start")[0]["customDetails"]["observation"] == "all green"
    assert len(booted(site)) == 4
    assert site.refused("POST", f"{jobs_path(accepted)}/resume", {})[1] == "JobActionNotAllowed"


def test_actions_run_in_their_place_and_for_their_kind_of_failover_only(site: Site) -> None:
    plans.create(
        site,
        plans.group(site, kind="Failover", end=[plans.runbook("Prepare")]),
        plans.group(
            site,
            DB,
            start=[plans.manual("Only in tests", types=["TestFailover"])],
            end=[plans.runbook("Open the gates"), plans.manual("Sign off")],
        ),
        plans.group(site, APP),
    )
    accepted = plans.fail_over(site)
    job = plans.paused(site, accepted)
    names = [task["friendlyName"] for task in plans.children(job, "Group 1: Start")]
    assert names == ["Failover: web-01", "Open the gates", "Sign off"]
    (prepare,) = plans.children(job, "All groups failover")
    (machine, gates, sign) = plans.children(job, "Group 1: Start")
    assert prepare["endTime"] <= machine["startTime"] < machine["endTime"] <= gates["startTime"]
    assert gates["endTime"] <= sign["startTime"]
    assert sign["state"] == "Suspended"
    plans.resume(site, accepted)
    assert plans.ended(site, accepted)["state"] == "Succeeded"
    assert set(booted(site)) == {"web-01", "web-02"}


def test_machines_of_a_running_plan_show_what_holds_them(site: Site) -> None:
    three_tiers(site)
    accepted = plans.fail_over(site)
    site.pass_time(seconds=40)
    first, last = site.properties(DB), site.properties(WEB)
    assert first["allowedOperations"] == last["allowedOperations"] == []
    assert first["currentScenario"]["scenarioName"] == "UnplannedFailover"
    assert last["currentScenario"]["jobId"].endswith(plans.name_of(accepted))
    assert not first["currentScenario"]["jobId"].endswith(plans.name_of(accepted))
    assert plans.plan(site)["allowedOperations"] == []
    assert plans.plan(site)["currentScenarioStatus"] == "InProgress"


def test_a_kill_in_the_middle_loses_nothing(tmp_path: Path, experience: Classic) -> None:
    site = site_of(experience, *FLEET, database=tmp_path / "azure.sqlite")
    three_tiers(site, end=[plans.manual("Look")])
    accepted = plans.fail_over(site)
    for _ in range(200):
        site.reopen()
        if site.job(accepted)["state"] == "Suspended":
            break
        site.pass_time(seconds=15)
    site.reopen()
    plans.resume(site, accepted)
    site.reopen()
    assert plans.ended(site, accepted)["state"] == "Succeeded"
    over = [
        entry["machine"]
        for entry in site.world.audited()
        if entry["operation"] == "ReplicationProtectedItems_UnplannedFailover"
    ]
    assert over == [machine.name for machine in FLEET], "each once, in order"
    assert len(booted(site)) == 4


@pytest.mark.parametrize(
    ("kind", "types"),
    [
        ("LatestProcessed", {"CrashConsistent", "ApplicationConsistent"}),
        ("LatestCrashConsistent", {"CrashConsistent"}),
    ],
)
def test_machines_are_recovered_to_the_point_of_the_kind_that_was_asked_for(
    site: Site, kind: str, types: set[str]
) -> None:
    plans.create(site, plans.group(site, DB))
    site.pass_time(minutes=3)
    newest = next(
        point
        for point in site.get(f"{site.item(DB)}/recoveryPoints")["value"]
        if point["properties"]["recoveryPointType"] in types
    )
    job = plans.ended(site, plans.fail_over(site, kind))
    recovered = site.properties(DB)["failoverRecoveryPointId"]
    assert recovered.endswith(f"/{newest['name']}")
    told = [entry["recoveryPointId"] for entry in job["customDetails"]["protectedItemDetails"]]
    assert told == [newest["name"]] * site.experience.tells_failed_over


def test_the_latest_data_is_newer_than_any_point(site: Site) -> None:
    plans.create(site, plans.group(site, DB))
    site.pass_time(minutes=3)
    newest = site.get(f"{site.item(DB)}/recoveryPoints")["value"][0]
    job = plans.ended(site, plans.fail_over(site, "Latest"))
    name = site.properties(DB)["failoverRecoveryPointId"].rpartition("/")[2]
    point = site.get(f"{site.item(DB)}/recoveryPoints/{name}")
    assert point["properties"]["recoveryPointTime"] > newest["properties"]["recoveryPointTime"]
    told = [entry["recoveryPointTime"] for entry in job["customDetails"]["protectedItemDetails"]]
    assert told == [point["properties"]["recoveryPointTime"]] * site.experience.tells_failed_over


def test_a_machine_that_is_further_already_is_skipped(site: Site) -> None:
    three_tiers(site)
    site.finished(site.fail_over(APP))
    job = plans.ended(site, plans.fail_over(site))
    assert job["state"] == "Succeeded"
    (task,) = plans.children(job, "Group 2: Start")
    assert (task["state"], task["stateDescription"]) == ("Succeeded", "Skipped")
    assert task["customDetails"]["skippedReason"]
    assert len(booted(site)) == 4


def test_groups_may_change_between_test_and_failover(site: Site) -> None:
    three_tiers(site, start=[plans.manual("Lost", types=["UnplannedFailover"])])
    plans.ended(site, plans.begin_test(site))
    plans.ended(site, plans.run(site, "testFailoverCleanup", {"properties": {}}))
    changed = {"properties": {"groups": [plans.group(site, WEB), plans.group(site, DB)]}}
    site.client.replication_recovery_plans.begin_update(*plans.AT, changed).result()
    assert plans.ended(site, plans.fail_over(site))["state"] == "Succeeded", "no action is left"
    up = booted(site)
    assert up["web-03"] < up["web-01"]
    assert set(up) == {"web-01", "web-03"}


def jobs_path(accepted: Any) -> str:
    return f"{support.VAULT}/replicationJobs/{plans.name_of(accepted)}"
