"""A preview refuses what a target names and Azure does not have, or will not put the machine into.

Each refusal is compared with the failover of the same machine, which the emulator then refuses.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from dynamic_providers.wave import review as wave_review
from dynamic_providers.wave.sizes import Region
from emulator.arm.subscriptions import ANOTHER_SUBSCRIPTION, SUBSCRIPTION
from site_recovery.convergence.outcome import Status
from site_recovery.phases import Phase
from tests.convergence.fleet import Fleet
from tests.dynamic_providers.waves import inputs
from tests.emulator.recovery_services.site_recovery_support import (
    BOTH,
    GROUP,
    MODERNIZED,
    Classic,
    windows,
)

COMPUTE = f"{GROUP}/providers/Microsoft.Compute"
SET = f"{COMPUTE}/availabilitySets/web"
NEAR = f"{COMPUTE}/proximityPlacementGroups/near"
BOOKED = f"{COMPUTE}/capacityReservationGroups/booked"
ENCRYPTION = f"{COMPUTE}/diskEncryptionSets/ours"
ALIGNED = {"sku": {"name": "Aligned"}}
SIZE = "Standard_D2s_v5"
FAR = {"location": "northeurope"}

Made = dict[str, dict[str, Any]]
CASES: dict[str, tuple[Made, dict[str, Any], str]] = {
    "no set": ({}, {"availabilitySet": SET}, "there is no availability set web ("),
    "a set": ({SET: ALIGNED}, {"availabilitySet": SET}, ""),
    "a set elsewhere": (
        {SET: {**ALIGNED, **FAR}},
        {"availabilitySet": SET},
        "web is in northeurope, and the machine will be in westeurope",
    ),
    "a classic set": ({SET: {}}, {"availabilitySet": SET}, "its sku is Classic"),
    "a set in a group": (
        {NEAR: {}, SET: {**ALIGNED, "properties": {"proximityPlacementGroup": {"id": NEAR}}}},
        {"availabilitySet": SET, "proximityPlacementGroup": NEAR},
        "",
    ),
    "a set in a group that is not set": (
        {NEAR: {}, SET: {**ALIGNED, "properties": {"proximityPlacementGroup": {"id": NEAR}}}},
        {"availabilitySet": SET},
        f"Set proximityPlacementGroup to {NEAR}.",
    ),
    "a set outside its machine's group": (
        {NEAR: {}, SET: ALIGNED},
        {"availabilitySet": SET, "proximityPlacementGroup": NEAR},
        "the proximity placement group of web is none, and proximityPlacementGroup is near",
    ),
    "no group": (
        {},
        {"proximityPlacementGroup": NEAR},
        "there is no proximity placement group near (",
    ),
    "a group of another zone": (
        {NEAR: {"zones": ["1"], "properties": {"intent": {"vmSizes": [SIZE]}}}},
        {"proximityPlacementGroup": NEAR, "availabilityZone": "2"},
        "near is in zone 1, and availabilityZone is 2",
    ),
    "a group of its zone, for other sizes": (
        {NEAR: {"zones": ["2"], "properties": {"intent": {"vmSizes": ["Standard_D8s_v5"]}}}},
        {"proximityPlacementGroup": NEAR, "availabilityZone": "2"},
        "",
    ),
    "no encryption set": (
        {},
        {"diskEncryptionSet": ENCRYPTION},
        "target.diskEncryptionSet: there is no disk encryption set ours (",
    ),
    "an encryption set": ({ENCRYPTION: {}}, {"diskEncryptionSet": ENCRYPTION}, ""),
}
_HELD = f"{BOOKED}/capacityReservations/held"
_OTHER = BOOKED.replace(SUBSCRIPTION, ANOTHER_SUBSCRIPTION)
_SHARED = {
    "properties": {
        "sharingProfile": {"subscriptionIds": [{"id": f"/subscriptions/{SUBSCRIPTION}"}]}
    }
}
RESERVED: dict[str, tuple[Made, dict[str, Any], str]] = {
    "no group": ({}, {}, "there is no capacity reservation group booked ("),
    "nothing in it": ({BOOKED: {}}, {}, "booked has no reservation for machines of no zone"),
    "another size": (
        {BOOKED: {}, _HELD: {"sku": {"name": "Standard_D8s_v5"}}},
        {},
        f"booked reserves no {SIZE} for machines of no zone, only Standard_D8s_v5",
    ),
    "its size": ({BOOKED: {}, _HELD: {"sku": {"name": SIZE}}}, {}, ""),
    "its size of another zone": (
        {BOOKED: {"zones": ["1"]}, _HELD: {"sku": {"name": SIZE}, "zones": ["1"]}},
        {"availabilityZone": "2"},
        "booked has no reservation for machines of zone 2",
    ),
    "its size and zone": (
        {BOOKED: {"zones": ["1"]}, _HELD: {"sku": {"name": SIZE}, "zones": ["1"]}},
        {"availabilityZone": "1"},
        "",
    ),
    "of another subscription": (
        {_OTHER: {}, _HELD.replace(BOOKED, _OTHER): {"sku": {"name": SIZE}}},
        {"capacityReservationGroup": _OTHER},
        f"booked is in subscription {ANOTHER_SUBSCRIPTION} and not shared",
    ),
    "shared by another subscription": (
        {_OTHER: _SHARED, _HELD.replace(BOOKED, _OTHER): {"sku": {"name": SIZE}}},
        {"capacityReservationGroup": _OTHER},
        "",
    ),
}


def judged(experience: Classic, made: Made, target: dict[str, Any]) -> tuple[list[str], bool]:
    """What preview says of a protected machine, and whether its failover succeeds."""
    fleet = Fleet([windows(1)], experience=experience)
    try:
        fleet.site.call(
            "PUT",
            f"{GROUP.replace(SUBSCRIPTION, ANOTHER_SUBSCRIPTION)}?api-version=2024-03-01",
            {"location": "westeurope"},
        )
        for identifier, body in made.items():
            fleet.site.make(identifier, **body)
        fleet.targets["web-01"] = {"vmSize": SIZE, **target}
        fleet.drive(Phase.PROTECTED)
        news = inputs(fleet, "failed-over")
        news["machines"]["web-01"]["target"] = {"vmSize": SIZE, **target}
        region = Region(subscription=SUBSCRIPTION, location="westeurope")
        found = asyncio.run(
            wave_review.look_ahead(fleet.connector(), {}, news, {}, preview=True, region=region)
        )
        outcome = fleet.drive(Phase.FAILED_OVER)["web-01"]
        return found.refusals, outcome.status is Status.SATISFIED
    finally:
        fleet.close()


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("experience", BOTH, ids=lambda one: one.name)
def test_preview_and_failover_agree(
    experience: Classic, case: tuple[Made, dict[str, Any], str]
) -> None:
    made, target, said = case
    refusals, ran = judged(experience, made, target)
    assert ran is (not said)
    assert [said in line for line in refusals] == [True] * bool(said), refusals
    assert all(line.startswith("web-01: target.") for line in refusals)


@pytest.mark.parametrize("case", RESERVED.values(), ids=RESERVED)
def test_preview_and_failover_agree_on_reserved_capacity(
    case: tuple[Made, dict[str, Any], str],
) -> None:
    made, target, said = case
    target = {"capacityReservationGroup": BOOKED, **target}
    refusals, ran = judged(MODERNIZED, made, target)
    assert ran is (not said)
    assert [said in line for line in refusals] == [True] * bool(said), refusals
    assert all(line.startswith("web-01: target.capacityRes") for line in refusals)


@pytest.fixture
def two() -> Iterator[Fleet]:
    made = Fleet([windows(1), windows(2)])
    yield made
    made.close()


def test_each_is_read_once_and_named_with_the_disk_that_has_it(two: Fleet) -> None:
    news = inputs(two, "protected")
    for name in ("web-01", "web-02"):
        news["machines"][name]["target"] = {
            "availabilitySet": SET,
            "disks": {"/dev/sda1": {"diskEncryptionSet": ENCRYPTION}},
        }
    region = Region(subscription=SUBSCRIPTION, location="westeurope")
    found = asyncio.run(
        wave_review.look_ahead(two.connector(), {}, news, {}, preview=True, region=region)
    )
    assert [line.partition(" there is")[0] for line in found.refusals] == [
        "web-01: target.availabilitySet:",
        "web-01: target.disks./dev/sda1.diskEncryptionSet:",
        "web-02: target.availabilitySet:",
        "web-02: target.disks./dev/sda1.diskEncryptionSet:",
    ]
