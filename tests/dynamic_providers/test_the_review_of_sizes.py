"""A declared size that Azure does not have for a machine is refused before there is a vault."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from pulumi.runtime import rpc

from dynamic_providers.wave import review as wave_review
from dynamic_providers.wave.inputs import OtherWave
from dynamic_providers.wave.sizes import Region
from emulator.arm.subscriptions import SUBSCRIPTION
from site_recovery.phases import Phase
from tests.convergence.fleet import Fleet
from tests.dynamic_providers.waves import inputs, other
from tests.emulator.recovery_services.site_recovery_support import BOTH, Classic, windows

REGION = Region(subscription=SUBSCRIPTION, location="westeurope")
BEFORE_A_VAULT = {
    "vault_id": rpc.UNKNOWN,
    "landing_zone": rpc.UNKNOWN,
    "container_id": rpc.UNKNOWN,
}


@pytest.fixture(params=BOTH, ids=lambda experience: experience.name)
def fleet(request: pytest.FixtureRequest) -> Iterator[Fleet]:
    chosen: Classic = request.param
    made = Fleet([windows(number) for number in range(1, 4)], experience=chosen)
    yield made
    made.close()


def refusals(
    fleet: Fleet, news: dict[str, Any], others: dict[str, OtherWave] | None = None
) -> list[str]:
    review = wave_review.look_ahead(
        fleet.connector(), {}, news, others or {}, preview=True, region=REGION
    )
    return asyncio.run(review).refusals


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ({"vmSize": "Standard_D2s_v9"}, "Azure offers no size Standard_D2s_v9 in westeurope"),
        ({"vmSize": "Standard_D2s_v9"}, "Near it: Standard_D2s_v"),
        ({"vmSize": "Standard_Q1"}, "Azure offers no size Standard_Q1"),
        ({"vmSize": "Standard_D2s"}, "Azure offers no size Standard_D2s "),
        (
            {"vmSize": "Standard_D2_v3", "diskType": "Premium_LRS"},
            "Standard_D2_v3 takes no premium disks",
        ),
    ],
)
@pytest.mark.parametrize("unknown", [{}, BEFORE_A_VAULT], ids=["vault", "no vault"])
def test_a_size_that_azure_does_not_have_for_it_is_refused(
    fleet: Fleet, target: dict[str, str], words: str, unknown: dict[str, Any]
) -> None:
    fleet.targets["web-02"] = target
    [line] = refusals(fleet, {**inputs(fleet, "protected"), **unknown})
    assert line.startswith("web-02: target.vmSize: ")
    assert words in line


@pytest.mark.parametrize("size", ["Standard_D2s_v5", "standard_d2S_V5", "Standard_B2ms"])
def test_a_size_that_azure_has_is_not_refused(fleet: Fleet, size: str) -> None:
    fleet.targets["web-02"] = {"vmSize": size, "availabilityZone": "2"}
    assert refusals(fleet, {**inputs(fleet, "protected"), **BEFORE_A_VAULT}) == []


def test_a_size_with_too_few_data_disks_is_refused(fleet: Fleet) -> None:
    news = {**inputs(fleet, "protected", "web-02"), **BEFORE_A_VAULT}
    news["machines"]["web-02"]["target"] = {"vmSize": "Standard_B1s"}
    news["machines"]["web-02"]["hardware"] = {"vcpus": 1, "memory_gib": 1, "data_disks": 3}
    [line] = refusals(fleet, news)
    assert "it has 3 data disks, and Standard_B1s takes 2 at most" in line


@pytest.mark.parametrize(
    ("size", "firmware", "words"),
    [
        ("Standard_D2s_v6", "BIOS", "it boots as generation 1 (BIOS), and Standard_D2s_v6 takes"),
        ("Standard_D2_v3", "UEFI", "it boots as generation 2 (UEFI), and Standard_D2_v3 takes"),
        ("Standard_D2s_v6", "UEFI", None),
        ("Standard_D2s_v5", "UEFI", None),
        ("Standard_D2s_v5", "BIOS", None),
        ("Standard_D2s_v6", None, None),
    ],
)
def test_a_size_that_does_not_boot_the_machines_firmware_is_refused_before_there_is_an_item(
    fleet: Fleet, size: str, firmware: str | None, words: str | None
) -> None:
    news = {**inputs(fleet, "protected", "web-02"), **BEFORE_A_VAULT}
    news["machines"]["web-02"]["target"] = {"vmSize": size}
    news["machines"]["web-02"]["hardware"]["firmware"] = firmware
    lines = refusals(fleet, news)
    assert len(lines) == (0 if words is None else 1)
    for line in lines:
        assert str(words) in line
        assert "such as Standard_" in line


def test_one_size_of_a_whole_wave_is_one_line_and_other_waves_are_named(fleet: Fleet) -> None:
    fleet.targets = {name: {"vmSize": "Standard_Q1"} for name in fleet.machines}
    news = inputs(fleet, "protected", "web-01", "web-02")
    [line] = refusals(fleet, news, other(fleet, "protected", "web-03"))
    assert line.startswith("web-01, web-02, web-03: target.vmSize: ")


def test_a_machine_that_replicates_is_judged_by_its_item_alone(fleet: Fleet) -> None:
    fleet.drive({"web-02": Phase.PROTECTED})
    fleet.targets["web-02"] = {"vmSize": "Standard_Q1"}
    [line] = refusals(fleet, inputs(fleet, "protected", "web-02"))
    assert "Azure does not offer Standard_Q1 for it here" in line


def test_a_migrated_machine_is_not_judged(fleet: Fleet) -> None:
    fleet.drive(Phase.MIGRATED)
    fleet.targets["web-02"] = {"vmSize": "Standard_Q1"}
    assert refusals(fleet, inputs(fleet, "migrated")) == []
