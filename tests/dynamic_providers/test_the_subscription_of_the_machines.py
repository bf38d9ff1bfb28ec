"""A subscription for the machines that cannot be used is refused, in a preview too."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from pulumi.runtime import rpc

from dynamic_providers.wave import subscription
from dynamic_providers.wave.sizes import Region
from dynamic_providers.wave.tenant import Plugin
from emulator.arm.subscriptions import ANOTHER_SUBSCRIPTION, SUBSCRIPTION
from emulator.kernel.wire import Request, Response
from site_recovery.azure.connection import KeptOpen
from tests.convergence.fleet import Fleet
from tests.emulator.recovery_services.site_recovery_support import windows

UNKNOWN = "33333333-3333-3333-3333-333333333333"


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    made = Fleet([windows(1)])
    yield made
    made.close()


@pytest.fixture
def asked(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of the requests of a test."""
    paths: list[str] = []
    handle = fleet.site.world.handle

    def noted(request: Request) -> Response:
        paths.append(request.path)
        return handle(request)

    monkeypatch.setattr(fleet.site.world, "handle", noted)
    return paths


def refusals(fleet: Fleet, machines: str, waves: int = 1) -> list[str]:
    async def check() -> list[str]:
        kept = KeptOpen(fleet.connector())
        plugin, region = Plugin(subscription=SUBSCRIPTION), Region(subscription=machines)
        found = await asyncio.gather(
            *(subscription.refusals(kept, plugin, region) for _ in range(waves))
        )
        await kept.close()
        assert found == [found[0]] * waves
        return found[0]

    return asyncio.run(check())


@pytest.mark.parametrize("same", ["", SUBSCRIPTION, SUBSCRIPTION.upper()])
def test_one_subscription_is_not_asked_about(fleet: Fleet, asked: list[str], same: str) -> None:
    assert refusals(fleet, same) == []
    assert asked == []


def test_one_that_is_there_is_asked_about_once_for_all_waves(
    fleet: Fleet, asked: list[str]
) -> None:
    assert refusals(fleet, ANOTHER_SUBSCRIPTION.upper(), waves=20) == []
    assert asked == ["/subscriptions"]


def test_one_that_the_credentials_do_not_see_is_refused_with_the_way_out(fleet: Fleet) -> None:
    [line] = refusals(fleet, UNKNOWN)
    assert line.startswith(
        f"target.machinesSubscriptionId: these credentials see no subscription {UNKNOWN}"
    )
    assert "make permissions" in line


def test_one_that_takes_no_changes_is_refused(fleet: Fleet) -> None:
    state = {"state": "Disabled", "subscriptionId": ANOTHER_SUBSCRIPTION}
    fleet.site.call("PUT", "/_emulator/subscription?", state)
    [line] = refusals(fleet, ANOTHER_SUBSCRIPTION)
    assert f"subscription {ANOTHER_SUBSCRIPTION} is Disabled, and takes no changes" in line
    fleet.site.call("PUT", "/_emulator/subscription?", {**state, "state": "Warned"})
    assert refusals(fleet, ANOTHER_SUBSCRIPTION) == []


ZONE = {
    "resource_group_id": f"/subscriptions/{ANOTHER_SUBSCRIPTION}/resourceGroups/rg-apps",
    "network_id": f"/subscriptions/{ANOTHER_SUBSCRIPTION}/resourceGroups/rg/providers/x/y/vnet",
    "test_network_id": rpc.UNKNOWN,
}


@pytest.mark.parametrize(
    ("zone", "machines", "refused"),
    [
        (None, ANOTHER_SUBSCRIPTION, None),
        (rpc.UNKNOWN, ANOTHER_SUBSCRIPTION, None),
        ({"resource_group_id": rpc.UNKNOWN}, ANOTHER_SUBSCRIPTION, None),
        (ZONE, ANOTHER_SUBSCRIPTION, None),
        (ZONE, "", None),
        (ZONE, SUBSCRIPTION, "rg-apps"),
        ({**ZONE, "resource_group_id": rpc.UNKNOWN}, SUBSCRIPTION, "vnet"),
    ],
)
def test_networks_that_the_stack_made_elsewhere_are_not_left_behind(
    fleet: Fleet, zone: Any, machines: str, refused: str | None
) -> None:
    fleet.site.call(
        "PUT",
        "/_emulator/subscription?",
        {"state": "Enabled", "subscriptionId": ANOTHER_SUBSCRIPTION},
    )
    plugin, region = Plugin(subscription=SUBSCRIPTION), Region(subscription=machines)
    lines = asyncio.run(subscription.refusals(fleet.connector(), plugin, region, zone))
    assert [line.split()[1] for line in lines] == ([] if refused is None else [refused])
    assert all(f"is in subscription {ANOTHER_SUBSCRIPTION}, and the machines" in x for x in lines)
