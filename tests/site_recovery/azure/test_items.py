"""Protected items parsed from lists and from single reads."""

from __future__ import annotations

from typing import Any

import pytest

from site_recovery.azure.answers.items import protected_item
from site_recovery.observation import Stage, observe
from site_recovery.snapshot import Machine, Snapshot

CONTAINER = (
    "/Subscriptions/1/resourceGroups/rg/providers/Microsoft.RecoveryServices/vaults/v"
    "/replicationFabrics/f/replicationProtectionContainers/c"
)
MACHINE = Machine("web-01", "i-0000000000000001", "10.10.1.11", "web-01")
NIC = {"nicId": "00:50:56:95:5d:d2", "isPrimaryNic": "true", "targetIPAddress": ""}


def item(details: dict[str, Any], **properties: Any) -> Any:
    return protected_item(
        {
            "id": f"{CONTAINER}/replicationProtectedItems/web-01",
            "name": "web-01",
            "properties": {
                "friendlyName": "web-01",
                "protectionState": "Protected",
                "activeLocation": "Primary",
                "allowedOperations": ["UnplannedFailover", "DisableProtection", "TestFailover"],
                "providerSpecificDetails": {"instanceType": "InMageRcm", **details},
                **properties,
            },
        }
    )


@pytest.mark.parametrize(
    ("details", "complete"),
    [
        ({"vmNics": [], "targetVmTags": []}, False),
        ({"vmNics": None, "targetVmTags": None}, False),
        ({"vmNics": [NIC], "targetVmTags": []}, True),
    ],
)
def test_an_answer_without_interfaces_is_that_of_a_list(
    details: dict[str, Any], complete: bool
) -> None:
    assert item(details).complete == complete


def test_a_failed_enable_protection_stays_the_scenario_but_is_not_running() -> None:
    failed = item(
        {"vmNics": [NIC], "targetVmTags": []},
        protectionState="EnablingFailed",
        allowedOperations=["DisableProtection"],
        currentScenario={"scenarioName": "EnableProtection", "jobId": "/replicationJobs/a"},
    )
    observed = observe(MACHINE, Snapshot(items=(failed,)))
    assert (observed.stage, observed.busy) == (Stage.BROKEN, None)


def test_enabling_that_runs_is_waited_for() -> None:
    running = item(
        {"vmNics": [], "targetVmTags": []},
        protectionState="UnprotectedStatesBegin",
        allowedOperations=[],
        currentScenario={"scenarioName": "EnableProtection", "jobId": "/replicationJobs/a"},
    )
    observed = observe(MACHINE, Snapshot(items=(running,)))
    assert (observed.busy, observed.busy_job) == ("EnableProtection", "a")


@pytest.mark.parametrize("state", ["UnplannedFailoverFailed", "UnplannedFailoverCompletionFailed"])
def test_a_failed_failover_can_be_asked_for_again(state: str) -> None:
    failed = item({"vmNics": [NIC], "targetVmTags": []}, protectionState=state)
    observed = observe(MACHINE, Snapshot(items=(failed,)))
    assert observed.stage is Stage.PROTECTED
    assert "UnplannedFailover" in observed.allowed


FAILOVER_FAILED = {"errorCode": "78037", "errorLevel": "Error", "errorMessage": "It failed."}
UNTESTED = {"errorCode": "161011", "errorLevel": "Warning", "errorMessage": "Never tested."}
RESYNC = {"errorCode": "78024", "errorLevel": "Error", "errorMessage": "Resync required."}


@pytest.mark.parametrize(
    ("state", "errors", "endangered"),
    [
        ("UnplannedFailoverFailed", [UNTESTED], False),
        ("UnplannedFailoverCompletionFailed", [FAILOVER_FAILED], False),
        ("UnplannedFailoverCompletionFailed", [FAILOVER_FAILED, RESYNC], True),
        ("Protected", [UNTESTED], True),
        ("Protected", [], True),
    ],
)
def test_a_failed_failover_makes_no_danger_by_itself(
    state: str, errors: list[dict[str, str]], endangered: bool
) -> None:
    critical = item(
        {"vmNics": [NIC], "targetVmTags": []},
        protectionState=state,
        replicationHealth="Critical",
        healthErrors=errors,
    )
    assert observe(MACHINE, Snapshot(items=(critical,))).endangered == endangered


@pytest.mark.parametrize(
    ("disk", "shown"),
    [
        ({"diskEncryptionSetId": "/des"}, "/des"),
        ({"diskEncryptionSetId": None}, ""),
        ({}, None),
    ],
)
def test_a_disk_of_which_no_encryption_set_is_said_may_have_one(
    disk: dict[str, Any], shown: str | None
) -> None:
    [found] = item({"protectedDisks": [{"diskId": "1", **disk}]}).target.disks
    assert found.disk_encryption_set == shown
