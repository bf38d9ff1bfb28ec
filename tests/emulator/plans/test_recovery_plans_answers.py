"""Responses of recovery plans and their jobs match the recordings and the contract's classes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from azure.mgmt.recoveryservicessiterecovery import models

from emulator.recovery_services.wire.times import UNSET
from tests.copies import copied
from tests.emulator.plans import recovery_plans_support as plans
from tests.emulator.plans.recovery_plans_support import PLAN
from tests.emulator.recovery_services import site_recovery_support as support
from tests.emulator.recovery_services.site_recovery_experiences import Classic
from tests.emulator.recovery_services.site_recovery_support import (
    GROUP_NAME,
    VAULT,
    VAULT_NAME,
    Site,
)
from tests.emulator.recovery_services.test_site_recovery_contract import misfits

DB, APP, WEB = (support.windows(number) for number in (1, 2, 3))
FLEET = (DB, APP, WEB)


@copied
def planned(experience: Classic) -> Site:
    site = Site(FLEET, experience=experience).prepare()
    for machine in FLEET:
        site.protect(machine)
    script = {"instanceType": "ScriptActionDetails", "path": "a", "fabricLocation": "Recovery"}
    plans.create(
        site,
        plans.group(
            site,
            DB,
            start=[plans.runbook("Gates"), plans.action("Script", script)],
            end=[plans.manual("Look", "Really look.")],
        ),
        plans.group(site, APP, WEB),
    )
    return site


@pytest.fixture
def site(experience: Classic) -> Site:
    return planned(experience)


def test_a_new_plan_answers_as_recorded(site: Site) -> None:
    body = site.get(PLAN)
    groups = body["properties"].pop("groups")
    fabric = site.get(site.fabric)["properties"]
    assert body == {
        "id": PLAN.replace("/subscriptions/", "/Subscriptions/"),
        "name": "shop",
        "type": "Microsoft.RecoveryServices/vaults/replicationRecoveryPlans",
        "properties": {
            "friendlyName": "shop",
            "primaryFabricId": site.fabric,
            "primaryFabricFriendlyName": fabric["friendlyName"],
            "recoveryFabricId": "Microsoft Azure",
            "recoveryFabricFriendlyName": "Microsoft Azure",
            "failoverDeploymentModel": "ResourceManager",
            "replicationProviders": [site.experience.instance_type],
            "allowedOperations": ["UnplannedFailover", "TestFailover"],
            "currentScenario": None,
            "currentScenarioStatus": None,
            "currentScenarioStatusDescription": None,
            "providerSpecificDetails": [],
        },
    }
    nothing: dict[str, Any] = {
        "replicationProtectedItems": [],
        "startGroupActions": [],
        "endGroupActions": [],
    }
    assert groups[:2] == [
        {"groupType": "Shutdown", **nothing},
        {"groupType": "Failover", **nothing},
    ]
    (member,) = groups[2]["replicationProtectedItems"]
    assert member["id"] == site.item(DB)
    details = site.properties(DB)["providerSpecificDetails"]
    assert member["virtualMachineId"] == details.get("internalIdentifier", details.get("vmId"))


def test_a_list_of_plans_has_no_groups(site: Site) -> None:
    (listed,) = site.get(f"{VAULT}/replicationRecoveryPlans")["value"]
    shown = site.get(PLAN)
    assert listed["properties"].pop("groups") == []
    assert shown["properties"].pop("groups") != []
    assert listed == shown


def test_what_a_get_answers_may_be_sent_back(site: Site) -> None:
    before = plans.plan(site)
    site.finished(site.accepted("PATCH", PLAN, {"properties": {"groups": before["groups"]}}))
    assert plans.plan(site) == before
    site.finished(site.accepted("PATCH", PLAN, {"properties": {}}))
    assert plans.plan(site) == before


def test_an_action_that_is_not_sent_again_is_gone(site: Site) -> None:
    groups = plans.plan(site)["groups"]
    del groups[2]["endGroupActions"]
    site.finished(site.accepted("PATCH", PLAN, {"properties": {"groups": groups}}))
    after = plans.plan(site)["groups"][2]
    assert after["endGroupActions"] == []
    assert [action["actionName"] for action in after["startGroupActions"]] == ["Gates", "Script"]


@pytest.mark.parametrize("operation", ["testFailover", "unplannedFailover"])
def test_every_answer_of_a_run_fits_its_model(site: Site, operation: str) -> None:
    body = (
        plans.testing_body(site) if operation == "testFailover" else plans.failover_body(site=site)
    )
    accepted = plans.run(site, operation, body)
    seen = set()
    for _ in range(100):
        job = job_document(site, accepted)
        fits("Job", job)
        fits("RecoveryPlan", site.get(PLAN))
        seen |= kinds(job["properties"]["tasks"])
        if job["properties"]["state"] == "Suspended":
            plans.resume(site, accepted)
        if job["properties"]["state"] == "Succeeded":
            break
        site.pass_time(seconds=20)
    shutdown = {"RecoveryPlanShutdownGroupTaskDetails"} if operation != "testFailover" else set()
    assert seen == shutdown | {
        "RecoveryPlanGroupTaskDetails",
        "VirtualMachineTaskDetails",
        "ManualActionTaskDetails",
        "ScriptActionTaskDetails",
        "AutomationRunbookTaskDetails",
        "TaskDetails",
    }
    follow = "testFailoverCleanup" if operation == "testFailover" else "failoverCommit"
    accepted = plans.run(site, follow, {"properties": {}})
    plans.ended(site, accepted)
    job = job_document(site, accepted)
    fits("Job", job)
    assert "InlineWorkflowTaskDetails" in kinds(job["properties"]["tasks"])


def test_the_sdk_reads_the_tree_as_classes(site: Site) -> None:
    accepted = plans.fail_over(site)
    plans.paused(site, accepted)
    job = site.client.replication_jobs.get(GROUP_NAME, VAULT_NAME, plans.name_of(accepted))
    read = job.properties
    assert read.target_instance_type == "RecoveryPlan"
    assert (read.target_object_name, read.scenario_name) == ("shop", "UnplannedFailover")
    assert isinstance(read.custom_details, models.FailoverJobDetails)
    _, shutdown, failover, first, second = read.tasks
    # Classes below a class that has a discriminator itself are read as the base class only.
    assert shutdown.group_task_custom_details["instanceType"] == (
        "RecoveryPlanShutdownGroupTaskDetails"
    )
    assert failover.group_task_custom_details.rp_group_type == "Failover"
    assert first.group_task_custom_details.rp_group_type == "Boot"
    gates, script, machine, look = first.group_task_custom_details.child_tasks
    assert isinstance(gates.custom_details, models.AutomationRunbookTaskDetails)
    assert gates.custom_details.runbook_name == "open-gates"
    assert isinstance(script.custom_details, models.ScriptActionTaskDetails)
    assert machine.custom_details.instance_type == "VirtualMachineTaskDetails"
    assert isinstance(look.custom_details, models.ManualActionTaskDetails)
    assert look.custom_details.instructions == "Really look."
    assert [task.state for task in (first, look, second)] == [
        "Suspended",
        "Suspended",
        "NotStarted",
    ]
    own = models.VirtualMachineTaskDetails(dict(machine.custom_details)).job_task
    assert own is not None
    assert (own.target_object_name, own.job_scenario_name) == ("web-01", "UnplannedFailover")
    assert site.get(str(own.job_id))["properties"]["state"] == "Succeeded"


def test_tasks_follow_one_another_in_time(site: Site) -> None:
    accepted = plans.fail_over(site)
    plans.paused(site, accepted)
    plans.resume(site, accepted)
    job = plans.ended(site, accepted)
    tasks = job["tasks"]
    assert all(task["state"] == "Succeeded" for task in tasks)
    assert UNSET not in [task[end] for task in tasks for end in ("startTime", "endTime")]
    for before, after in itertools.pairwise(tasks):
        assert before["endTime"] <= after["startTime"]
    names = [entry["name"] for entry in job["customDetails"]["protectedItemDetails"]]
    machines = [site.machine_id(machine) for machine in FLEET]
    assert names == machines * site.experience.tells_failed_over


def test_the_job_of_a_test_tells_its_network_and_machines(site: Site) -> None:
    accepted = plans.begin_test(site)
    plans.paused(site, accepted)
    plans.resume(site, accepted)
    details = plans.ended(site, accepted)["customDetails"]
    assert details["instanceType"] == "TestFailoverJobDetails"
    assert (details["networkName"], details["networkType"]) == ("vnet-test", "VmNetworkAsInput")
    assert [entry["testVmName"] for entry in details["protectedItemDetails"]] == [
        f"{machine.name}-test" for machine in FLEET
    ]


def test_jobs_of_plans_are_found_by_their_kind_and_state(site: Site) -> None:
    accepted = plans.fail_over(site)
    plans.paused(site, accepted)
    for text in ("affectedObjectTypes eq 'RecoveryPlan'", "jobStatus eq 'Suspended'"):
        query = f"?api-version=2025-08-01&$filter={text}"
        found = site.get(f"{VAULT}/replicationJobs{query}")["value"]
        assert plans.name_of(accepted) in [job["name"] for job in found]


def test_a_machine_that_got_another_name_is_told_by_the_plan(site: Site) -> None:
    site.finished(site.accepted("PATCH", PLAN, {"properties": {"groups": [plans.group(site, DB)]}}))
    taken = f"{support.MACHINES}/web-01"
    machine = {"id": taken, "name": "web-01", "type": "Microsoft.Compute/virtualMachines"}
    with site.store.transaction():
        kind = "microsoft.compute/virtualmachines"
        site.store.put(kind, taken, {**machine, "properties": {}, "location": "westeurope"})
    accepted = plans.fail_over(site)
    job = plans.ended(site, accepted)
    assert (job["state"], job["stateDescription"]) == ("Succeeded", "CompletedWithInformation")
    poll = site.call("GET", accepted.headers["Azure-AsyncOperation"]).body
    assert poll["status"] == "Succeeded"
    assert poll["error"]["code"] == "28175"


def job_document(site: Site, accepted: Any) -> Any:
    return site.get(f"{VAULT}/replicationJobs/{plans.name_of(accepted)}")


def fits(model: str, document: Any) -> None:
    """Assert that a document and its task tree have only properties that the models know."""
    tasks = list(details_of(document["properties"].get("tasks", ())))
    for details in tasks:
        kind = details["instanceType"]
        if kind != "TaskDetails":  # Recorded, and in no model.
            assert misfits(getattr(models, kind)(details), details, kind) == []
    top = {**document, "properties": {**document["properties"], "tasks": []}}
    shown = top if "tasks" in document["properties"] else document
    assert misfits(getattr(models, model)(shown), shown, model) == []
    for task in document["properties"].get("tasks", ()):
        bare = {**task, "customDetails": None, "groupTaskCustomDetails": None}
        assert misfits(models.ASRTask(bare), bare, "ASRTask") == []


def details_of(tasks: Any) -> Iterator[Any]:
    """The details of every task of a tree; those of a group have no children then."""
    for task in tasks:
        yield task["customDetails"]
        group = task["groupTaskCustomDetails"]
        if group is not None:
            yield {**group, "childTasks": []}
            yield from details_of(group["childTasks"])


def kinds(tasks: Any) -> set[str]:
    """Every discriminator in a task tree."""
    return {details["instanceType"] for details in details_of(tasks)}
