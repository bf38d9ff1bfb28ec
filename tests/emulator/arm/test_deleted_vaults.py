"""Deletion of vaults: what is deleted with them, and soft delete, which is always on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.conftest import SUBSCRIPTION, Arm

VAULT = "/providers/Microsoft.RecoveryServices/vaults/rsv-test"
DELETED = f"{SUBSCRIPTION}/providers/Microsoft.RecoveryServices/locations/westeurope/deletedVaults"
BODY = {"location": "westeurope", "sku": {"name": "Standard"}, "properties": {}}
NEW, OLD = "2025-08-01", "2024-10-01"


def settings(state: str, days: int = 14) -> dict[str, Any]:
    soft_delete = {"softDeleteState": state, "softDeleteRetentionPeriodInDays": days}
    return {"properties": {"securitySettings": {"softDeleteSettings": soft_delete}}}


def make(arm: Arm, path: str, version: str = NEW) -> Any:
    arm.put(path, BODY, **{"api-version": version})
    arm.pass_time(60)
    return arm.get(path)


def soft_delete(document: Any) -> Any:
    return document["properties"]["securitySettings"]["softDeleteSettings"]["softDeleteState"]


def names_in(arm: Arm, group: str) -> list[str]:
    resources = arm.get(f"{group}/resources", **{"api-version": "2023-07-01"})["value"]
    return [resource["name"] for resource in resources]


def test_a_deleted_vault_is_404_at_once_and_still_listed_in_its_group(arm: Arm, group: str) -> None:
    path = f"{group}{VAULT}"
    make(arm, path)
    assert arm.call("DELETE", path).status == 202
    assert arm.refused("GET", path) == (404, "ResourceNotFound")
    assert arm.get(f"{group}{VAULT.rpartition('/')[0]}")["value"] == []
    assert names_in(arm, group) == ["rsv-test"]
    arm.pass_time(600)
    assert names_in(arm, group) == []


def test_an_emptied_vault_is_deleted_though_its_soft_delete_is_always_on(
    arm: Arm, group: str
) -> None:
    path = f"{group}{VAULT}"
    assert soft_delete(make(arm, path)) == "AlwaysON"
    accepted = arm.call("DELETE", path)
    assert accepted.status == 202
    arm.pass_time(60)
    poll = accepted.headers["Azure-AsyncOperation"].partition("5000")[2]
    assert arm.get(poll)["status"] == "Succeeded"


def test_a_soft_deleted_vault_is_kept_for_14_days(arm: Arm, group: str) -> None:
    path = f"{group}{VAULT}"
    make(arm, path)
    arm.call("DELETE", path)
    (kept,) = arm.get(DELETED, **{"api-version": NEW})["value"]
    assert kept["properties"] == {
        "vaultId": path,
        "vaultDeletionTime": "2026-01-05T08:01:00+00:00",
        "purgeAt": "2026-01-19T08:01:00+00:00",
    }
    one = f"{DELETED}/{kept['name']}"
    assert arm.get(one, **{"api-version": NEW}) == kept
    arm.pass_time(14 * 24 * 3600)
    assert arm.get(DELETED, **{"api-version": NEW})["value"] == []
    assert arm.refused("GET", one, **{"api-version": NEW}) == (404, "ResourceNotFound")


def test_a_vault_of_an_older_api_version_is_not_kept(arm: Arm, group: str) -> None:
    path = f"{group}{VAULT}"
    assert soft_delete(make(arm, path, OLD)) == "Enabled"
    arm.call("DELETE", path)
    assert arm.get(DELETED, **{"api-version": NEW})["value"] == []


def test_a_vault_that_goes_with_its_group_is_kept_too(arm: Arm, group: str) -> None:
    make(arm, f"{group}{VAULT}")
    arm.call("DELETE", group)
    arm.pass_time(60)
    assert len(arm.get(DELETED, **{"api-version": NEW})["value"]) == 1


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_soft_delete_that_is_always_on_stays_on(arm: Arm, group: str, method: str) -> None:
    path = f"{group}{VAULT}"
    make(arm, path)
    body = {**BODY, **settings("Disabled")}
    assert arm.refused(method, path, body) == (400, "BMSUserErrorSoftDeleteStateAlwaysOn")
    # An older api-version does not bring it back, and saying nothing of it keeps it.
    again = arm.call(method, path, BODY, **{"api-version": OLD})
    assert soft_delete(again.body) == "AlwaysON"


def test_soft_delete_that_is_not_always_on_can_be_turned_off(arm: Arm, group: str) -> None:
    path = f"{group}{VAULT}"
    make(arm, path, OLD)
    assert soft_delete(arm.call("PATCH", path, settings("Disabled")).body) == "Disabled"


@pytest.mark.parametrize("days", [-1, 13, 181, 10**12])
def test_a_period_of_soft_delete_is_14_to_180_days(arm: Arm, group: str, days: int) -> None:
    body = {**BODY, **settings("Enabled", days)}
    assert arm.refused("PUT", f"{group}{VAULT}", body) == (400, "InvalidRestApiParameter")


def test_the_name_of_a_deleted_vault_is_free_at_once(arm: Arm, group: str) -> None:
    path = f"{group}{VAULT}"
    make(arm, path)
    arm.call("DELETE", path)
    assert make(arm, path)["properties"]["provisioningState"] == "Succeeded"
    assert names_in(arm, group) == ["rsv-test"]


def test_the_name_of_a_deleted_vault_is_in_use_for_24_hours_where_asked_for(
    arm: Arm, group: str
) -> None:
    path = f"{group}{VAULT}"
    assert arm.get("/_emulator/oddities") == {"vaultNameInUse": False}
    assert arm.call("PUT", "/_emulator/oddities", {"vaultNameInUse": True}).status == 200
    make(arm, path)
    arm.call("DELETE", path)
    assert arm.refused("PUT", path, BODY) == (409, "CreateResourceFailedDueToInvalidCache")
    make(arm, f"{path}-2")
    arm.pass_time(24 * 3600)
    make(arm, path)
    arm.call("DELETE", path)
    assert arm.call("PUT", "/_emulator/oddities", {}).status == 200
    make(arm, path)
