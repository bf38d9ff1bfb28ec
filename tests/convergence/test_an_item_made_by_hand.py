"""A protected item that a person made has a name of its own, and no list that lacks it hides it."""

from __future__ import annotations

import pytest

from site_recovery.convergence.outcome import Status
from tests.convergence.fleet import Fleet

ITEMS = "ReplicationProtectedItems_List"
BY_HAND = "5f0c2b1e-9d55-4c55-8f0c-5d3c7d9f2a10"


@pytest.fixture
def recorded(quiet_fleet: Fleet) -> Fleet:
    """One machine, protected in the portal, whose item the wave's record knows."""
    instance = quiet_fleet.machines["web-01"]
    quiet_fleet.machines = {"web-01": instance}
    site = quiet_fleet.site
    item = f"{site.container}/replicationProtectedItems/{BY_HAND}"
    site.finished(site.accepted("PUT", item, site.enable_body(instance)))
    while site.get(item)["properties"]["protectionState"] != "Protected":
        site.pass_time(minutes=2)
    quiet_fleet.item_ids = {"web-01": item}
    # Nobody has listed the items through this URL yet, so that a stale answer is an empty list.
    quiet_fleet.fault(operation=ITEMS, stale=True, times=3)
    return quiet_fleet


def test_a_machine_that_leaves_is_out_of_the_vault_only_if_its_item_is(recorded: Fleet) -> None:
    assert recorded.drive(None)["web-01"].status is Status.SATISFIED
    assert recorded.items() == {}
