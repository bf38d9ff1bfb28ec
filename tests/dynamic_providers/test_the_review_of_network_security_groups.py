"""A preview tells which interfaces get a network security group, and refuses one that is not there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from dynamic_providers.wave import review as wave_review
from dynamic_providers.wave import security_groups
from dynamic_providers.wave.inputs import WaveInputs
from dynamic_providers.wave.review import LookAhead
from dynamic_providers.wave.sizes import Region
from dynamic_providers.wave.vault import WaveVault
from site_recovery.phases import Phase
from tests.convergence.fleet import Fleet
from tests.convergence.test_network_security_groups import GROUPS, NETWORK, OTHER, WEB, give
from tests.dynamic_providers.waves import inputs
from tests.emulator.recovery_services.site_recovery_support import BOTH, Classic, windows

ATTACH = "attach network security group"


@pytest.fixture(params=BOTH, ids=lambda experience: experience.name)
def fleet(request: pytest.FixtureRequest) -> Iterator[Fleet]:
    chosen: Classic = request.param
    made = Fleet([windows(number) for number in range(1, 3)], experience=chosen)
    for group, region in ((WEB, "westeurope"), (OTHER, "northeurope")):
        made.site.call("PUT", f"{group}{NETWORK}", {"location": region})
    made.site.pass_time(minutes=1)
    yield made
    made.close()


def declared(fleet: Fleet, phase: str, group: str = WEB) -> dict[str, Any]:
    """A wave whose first machine has a group."""
    news = inputs(fleet, phase)
    news["machines"]["web-01"]["target"] = {"networkSecurityGroup": group}
    return news


def ahead(fleet: Fleet, news: dict[str, Any]) -> LookAhead:
    region = Region(location="westeurope")
    reviewing = wave_review.look_ahead(fleet.connector(), {}, news, {}, preview=True, region=region)
    return asyncio.run(reviewing)


def told(found: LookAhead) -> dict[str, list[str]]:
    assert found.wave is not None
    assert found.refusals == []
    return {row.machine: [each.operation for each in row.operations] for row in found.wave.machines}


def test_it_follows_the_failover_and_comes_before_complete_migration(fleet: Fleet) -> None:
    fleet.drive(Phase.PROTECTED)
    assert told(ahead(fleet, declared(fleet, "migrated"))) == {
        "web-01": ["unplanned failover", ATTACH, "complete migration"],
        "web-02": ["unplanned failover", "complete migration"],
    }
    assert told(ahead(fleet, declared(fleet, "test-failover")))["web-01"] == ["test failover"]


def test_of_a_machine_that_failed_over_before_it_is_told_as_well(fleet: Fleet) -> None:
    fleet.drive(Phase.FAILED_OVER)
    found = ahead(fleet, declared(fleet, "failed-over"))
    assert told(found) == {"web-01": [ATTACH]}
    assert found.wave is not None
    [attach] = found.wave.machines[0].operations
    assert attach.detail == "web, to each of its network interfaces"
    assert not attach.irreversible


def test_once_it_is_there_nothing_is_left_to_do_and_without_it_the_wave_differs(
    fleet: Fleet,
) -> None:
    fleet.drive(Phase.FAILED_OVER)
    news = declared(fleet, "failed-over")

    def differs() -> bool:
        wave = WaveInputs.model_validate(news)
        vault = WaveVault(fleet.connector(), wave)

        async def look() -> bool:
            return await security_groups.differ(vault, wave.assignments(), await vault.observe())

        return asyncio.run(look())

    assert differs()
    give(fleet, WEB)
    assert not differs()
    assert told(ahead(fleet, news)) == {}


def test_the_group_of_somebody_else_is_refused(fleet: Fleet) -> None:
    fleet.drive(Phase.FAILED_OVER)
    give(fleet, WEB)
    found = ahead(fleet, declared(fleet, "migrated", f"{WEB}-2"))
    [conflict] = [line for line in found.refusals if "which this program did not attach" in line]
    assert conflict.startswith("web-01: its network interface nic-web-01")


@pytest.mark.parametrize("phase", ["protected", "migrated"])
def test_one_that_does_not_exist_is_refused_long_before_the_failover(
    fleet: Fleet, phase: str
) -> None:
    [refusal] = ahead(fleet, declared(fleet, phase, f"{GROUPS}/none")).refusals
    assert refusal.startswith(
        "web-01: target.networkSecurityGroup: there is no network security group none ("
    )
    assert refusal.endswith("in Azure. Make it first, or correct the id.")


def test_nor_is_one_of_another_region_taken(fleet: Fleet) -> None:
    [refusal] = ahead(fleet, declared(fleet, "protected", OTHER)).refusals
    assert "other is in northeurope, and the machine will be in westeurope" in refusal


def test_a_migrated_machine_needs_it_no_more(fleet: Fleet) -> None:
    fleet.drive(Phase.MIGRATED)
    assert told(ahead(fleet, declared(fleet, "migrated", f"{GROUPS}/none"))) == {}
