"""The tasks of jobs and their durations match the recordings of each experience."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.emulator.recovery_services import site_recovery_support as support
from tests.emulator.recovery_services.site_recovery_support import (
    CLASSIC,
    MODERNIZED,
    VAULT,
    Classic,
    Site,
)

WEB = support.windows(1)

_CHECKED_FAILOVER = [
    ("UnplannedFailoverPreflightChecksTask", "VmUfoPrerequisitesCheck"),
    ("ShutdownVmOnPrimaryForUFO", "VmShutdownVmOnPrimary"),
]
_MADE = [
    ("FailoverTask", "VmFailover"),
    ("StartVmOnSecondary", "VmFoStartVmOnSecondary"),
]
FAILOVER_TASKS = {
    CLASSIC: [
        *_CHECKED_FAILOVER,
        ("PrepareForUnPlannedFailoverTask", "VmPrepareForUnPlannedFailover"),
        *_MADE,
    ],
    MODERNIZED: [*_CHECKED_FAILOVER, *_MADE],
}
UNSET = "0001-01-01T00:00:00"


@pytest.fixture
def site(experience: Classic) -> Site:
    site = Site([WEB], experience=experience).prepare()
    site.protect(WEB)
    return site


def names(job: Any) -> list[tuple[str, str]]:
    return [(task["taskId"], task["name"]) for task in job["tasks"]]


def took(job: Any) -> timedelta:
    return datetime.fromisoformat(job["endTime"]) - datetime.fromisoformat(job["startTime"])


def test_enabling_has_the_recorded_tasks(experience: Classic) -> None:
    site = Site([WEB], experience=experience).prepare()
    accepted = site.accepted("PUT", site.item(WEB), site.enable_body(WEB))
    job = site.job(accepted)
    assert job["allowedActions"] == ["Cancel"]
    assert names(job) == [
        ("EnableProtectionPreflightChecksTask", "EnableProtectionPrerequisitesCheck"),
        ("CreateProtectionTargetTask", "CreateProtectionTarget"),
        ("EnableProtectionTask", "EnableProtection"),
        ("StartInitialReplicationTask", "VmStartInitialReplication"),
        ("UpdateDraStateTask", "UpdateDraState"),
    ]
    assert site.finished(accepted)["allowedActions"] == []


def test_the_tasks_of_a_test_failover_take_the_recorded_time(site: Site) -> None:
    accepted = site.test_failover(WEB)
    details = site.job(accepted)["customDetails"]
    assert (details["networkName"], details["protectedItemDetails"]) == ("vnet-test", [])
    assert site.job(accepted)["allowedActions"] == ["Cancel"]
    job = site.finished(accepted)
    assert names(job) == [
        ("TestFailoverPreflightChecksTask", "VmTfoPrerequisitesCheck"),
        ("BeginTestFailoverTask", "VmTfoInitiateFailover"),
        ("PrepareTestProtectedEntitiesTask", "VmTfoPrepareTestVm"),
        ("BootTestProtectedEntitiesTask", "VmTfoBootTestVm"),
    ]
    wanted = {CLASSIC: timedelta(minutes=4), MODERNIZED: timedelta(minutes=7, seconds=52)}
    assert abs(took(job) - wanted[site.experience]) < wanted[site.experience] * 0.12
    cleanup = site.clean_up(WEB)
    assert site.job(cleanup)["allowedActions"] == ["Cancel"]
    job = site.finished(cleanup)
    assert names(job) == [
        ("TestFailoverCleanupPreflightChecksTask", "VmTfoCleanupPreflightsCheck"),
        ("EndTestFailoverTask", "VmTfoEndFailover"),
        ("CleanupTestProtectedEntitiesTask", "VmTfoDeleteTestVm"),
    ]
    assert job["customDetails"]["testFailoverStatus"] is None
    assert job["customDetails"]["comments"] == "tested"
    wanted = {
        CLASSIC: timedelta(minutes=2, seconds=43),
        MODERNIZED: timedelta(minutes=1, seconds=46),
    }
    assert abs(took(job) - wanted[site.experience]) < wanted[site.experience] * 0.12


def test_a_failover_that_shuts_nothing_down_skips_that_step(site: Site) -> None:
    accepted = site.fail_over(WEB)
    job = site.job(accepted)
    assert job["allowedActions"] == ["Cancel"]
    assert job["tasks"][1]["stateDescription"] == "NotStarted"
    site.pass_time(seconds=30)
    skipped = [task for task in site.job(accepted)["tasks"] if task["state"] == "Other"]
    assert skipped[0]["taskId"] == "ShutdownVmOnPrimaryForUFO"
    for task in skipped:
        assert task["stateDescription"] == "Skipped"
        assert (task["startTime"], task["endTime"]) == (UNSET, UNSET)
    job = site.finished(accepted)
    assert names(job) == FAILOVER_TASKS[site.experience]
    wanted = {
        CLASSIC: timedelta(minutes=1, seconds=45),
        MODERNIZED: timedelta(minutes=7, seconds=48),
    }
    assert abs(took(job) - wanted[site.experience]) < wanted[site.experience] * 0.12
    commit = site.post(WEB, "failoverCommit", None)
    job = site.job(commit)
    assert job["allowedActions"] == ["Cancel"]
    assert [name for _, name in names(job)] == ["VmCommitPrerequisitesCheck", "VmCommit"]
    assert all(len(identifier) == 36 for identifier, _ in names(job))
    assert took(site.finished(commit)) <= timedelta(seconds=2)


def test_the_task_of_an_update_is_not_started_for_as_long_as_its_job_runs(site: Site) -> None:
    body = site.experience.update("web-new", "Standard_D2s_v3", {})
    accepted = site.accepted("PATCH", site.item(WEB), body)
    site.pass_time(seconds=2)
    job = site.job(accepted)
    (task,) = job["tasks"]
    assert (job["state"], job["allowedActions"]) == ("InProgress", [])
    assert (task["state"], task["startTime"]) == ("NotStarted", UNSET)
    (task,) = site.finished(accepted)["tasks"]
    assert (task["name"], task["state"]) == ("UpdateVmPropertiesTask", "Succeeded")
    assert accepted.headers["x-ms-request-id"].startswith("/Subscriptions/"), "a long operation"


def test_tasks_after_the_one_that_failed_are_skipped_a_moment_later() -> None:
    site = Site([WEB]).prepare()
    assert site.protectable(WEB)
    assert site.estate.groups is not None
    site.estate.groups["sg-server"] = support.NO_DATA
    accepted = site.accepted("PUT", site.item(WEB), site.enable_body(WEB))
    while site.job(accepted)["state"] == "InProgress":
        site.pass_time(seconds=1)
    told = [task["stateDescription"] for task in site.job(accepted)["tasks"]]
    assert told == ["Completed", "Failed", "NotStarted", "NotStarted", "NotStarted"]
    site.pass_time(seconds=5)
    told = [task["stateDescription"] for task in site.job(accepted)["tasks"]]
    assert told == ["Completed", "Failed", "Skipped", "Skipped", "Skipped"]


def test_a_preflight_check_begins_anew(site: Site) -> None:
    accepted = site.test_failover(WEB)
    before = site.job(accepted)["tasks"][0]
    after = site.finished(accepted)["tasks"][0]
    assert before["startTime"] < after["startTime"] <= after["endTime"]


def test_a_step_of_a_clean_up_ends_before_it_begins_until_the_next_is_done() -> None:
    site = Site([WEB], experience=MODERNIZED).prepare()
    site.protect(WEB)
    site.finished(site.test_failover(WEB))
    accepted = site.clean_up(WEB)
    while site.job(accepted)["tasks"][1]["state"] != "InProgress":
        site.pass_time(seconds=0.2)
    first = site.job(accepted)["tasks"][0]
    assert first["endTime"] < first["startTime"]
    first = site.finished(accepted)["tasks"][0]
    assert first["endTime"] >= first["startTime"]


@pytest.mark.parametrize(
    ("path", "name", "tasks"),
    [
        (
            "replicationPolicies/other",
            "AddProtectionProfile",
            ["AddProtectionProfilePreflightsCheckTask", "AddProtectionProfileTask"],
        ),
    ],
)
def test_short_operations_have_the_recorded_jobs(
    site: Site, path: str, name: str, tasks: list[str]
) -> None:
    accepted = site.accepted("PUT", f"{VAULT}/{path}", site.experience.policy())
    job = site.finished(accepted)
    assert (job["scenarioName"], job["targetInstanceType"]) == (name, "ProtectionProfile")
    assert [identifier for identifier, _ in names(job)] == tasks
    assert job["customDetails"] == {"instanceType": "AsrJobDetails", "affectedObjectDetails": {}}


def test_jobs_name_what_they_concern(site: Site) -> None:
    found = site.finished(site.test_failover(WEB))["customDetails"]["affectedObjectDetails"]
    fabric = site.get(site.fabric)["properties"]
    policy = site.accepted("PUT", f"{VAULT}/replicationPolicies/other", site.experience.policy())
    assert found == {
        "primaryVmId": site.machine_id(WEB),
        "primaryVmName": "web-01",
        "recoveryVmId": "",
        "recoveryVmName": "web-01",
        "protectionProfileId": found["protectionProfileId"],
        "primaryCloudId": f"cloud_{fabric['internalIdentifier']}",
        "primaryCloudName": site.get(site.container)["properties"]["friendlyName"],
        "recoveryCloudId": "d38048d4-b460-4791-8ece-108395ee8478",
        "recoveryCloudName": "Microsoft Azure",
        "primaryVmmId": fabric["internalIdentifier"],
        "primaryVmmName": fabric["friendlyName"],
        "recoveryVmmId": "21a9403c-6ec1-44f2-b744-b4e50b792387",
        "recoveryVmmName": "Microsoft Azure",
        "primaryFabricProviderId": fabric["customDetails"]["instanceType"],
        "recoveryFabricProviderId": "Azure",
    }
    assert site.job(policy)["targetObjectId"] != found["protectionProfileId"]
