"""What Resource Manager forbids, it forbids Site Recovery too: a job fails that meets a lock, or a
subscription that takes no changes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.copies import copied
from tests.emulator.recovery_services import site_recovery_support as support
from tests.emulator.recovery_services.site_recovery_support import Classic, Site

WEB = support.windows(1)
MACHINES_GROUP = f"{support.GROUP}-machines"
_MACHINES = f"{MACHINES_GROUP}/providers/Microsoft.Compute/virtualMachines"
_OF_GROUP = {"classic": "targetAzureV2ResourceGroupId", "modernized": "targetResourceGroupId"}


@copied
def _protected(experience: Classic) -> Site:
    site = Site([WEB], experience=experience).prepare()
    site.call("PUT", MACHINES_GROUP, {"location": "westeurope"}, "2024-03-01")
    site.protect(WEB, **{_OF_GROUP[experience.name]: MACHINES_GROUP})
    return site


@pytest.fixture
def site(experience: Classic) -> Site:
    """A protected machine whose virtual machine goes into a group of its own."""
    return _protected(experience)


def lock(site: Site, level: str, scope: str = MACHINES_GROUP) -> None:
    path = f"{scope}/providers/Microsoft.Authorization/locks/guard"
    assert site.call("PUT", path, {"properties": {"level": level}}, "2020-05-01").status < 300


def unlock(site: Site, scope: str = MACHINES_GROUP) -> None:
    path = f"{scope}/providers/Microsoft.Authorization/locks/guard"
    assert site.call("DELETE", path, version="2020-05-01").status == 200


def machines(site: Site) -> list[str]:
    found = site.call("GET", _MACHINES, version="2024-11-01").body["value"]
    return [one["name"] for one in found]


def failed(job: Any) -> str:
    assert job["state"] == "Failed", job
    return str(job["errors"][0]["serviceErrorDetails"]["message"])


def test_a_failover_into_a_group_that_is_read_only_fails(site: Site) -> None:
    lock(site, "ReadOnly")
    for accepted in (site.test_failover(WEB), None):
        message = failed(site.finished(accepted or site.fail_over(WEB)))
        assert "ScopeLocked" in message
        assert MACHINES_GROUP in message
    assert machines(site) == []
    unlock(site)
    assert site.finished(site.fail_over(WEB))["state"] == "Succeeded"


def test_a_failover_meets_no_lock_against_deletion(site: Site) -> None:
    lock(site, "CanNotDelete")
    assert site.finished(site.fail_over(WEB))["state"] == "Succeeded"


@pytest.mark.parametrize("level", ["ReadOnly", "CanNotDelete"])
def test_a_test_machine_under_a_lock_stays_until_the_lock_is_gone(site: Site, level: str) -> None:
    site.finished(site.test_failover(WEB))
    before = machines(site)
    lock(site, level)
    assert "ScopeLocked" in failed(site.finished(site.clean_up(WEB)))
    assert machines(site) == before == [f"{WEB.name}-test"]
    assert site.properties(WEB)["allowedOperations"] == ["TestFailoverCleanup"]
    unlock(site)
    assert site.finished(site.clean_up(WEB))["state"] == "Succeeded"
    assert machines(site) == []


def test_a_lock_on_a_disk_of_the_test_machine_is_met_too(site: Site) -> None:
    site.finished(site.test_failover(WEB))
    disks = f"{MACHINES_GROUP}/providers/Microsoft.Compute/disks"
    (disk,) = site.call("GET", disks, version="2024-03-02").body["value"]
    lock(site, "CanNotDelete", disk["id"])
    assert "ScopeLocked" in failed(site.finished(site.clean_up(WEB)))
    assert machines(site) == [f"{WEB.name}-test"]


def test_another_recovery_point_needs_a_machine_that_may_change(site: Site) -> None:
    site.pass_time(minutes=20)
    site.finished(site.fail_over(WEB))
    point = site.get(f"{site.item(WEB)}/recoveryPoints")["value"][-1]["id"]
    lock(site, "ReadOnly")
    details = {"instanceType": site.experience.instance_type, "recoveryPointId": point}
    asked = {"recoveryPointId": point, "providerSpecificDetails": details}
    assert "ScopeLocked" in failed(site.finished(site.post(WEB, "applyRecoveryPoint", asked)))


def test_a_failover_that_began_before_its_subscription_was_disabled_fails(site: Site) -> None:
    accepted = site.fail_over(WEB)
    site.call("PUT", "/_emulator/subscription?", {"state": "Disabled"})
    assert "ReadOnlyDisabledSubscription" in failed(site.finished(accepted))
    assert machines(site) == []
