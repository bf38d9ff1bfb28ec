"""Which size of virtual machine is taken for a machine, and which are refused."""

from __future__ import annotations

from typing import Any

import pytest

from site_recovery.target_sizes import choose, problem


def size(name: str, vcpus: int, memory: float, disks: int = 8, *errors: str) -> dict[str, Any]:
    return {
        "name": name,
        "properties": {
            "name": name,
            "cpuCoresCount": vcpus,
            "memoryInGB": memory,
            "maxDataDiskCount": disks,
            "errors": [{"message": text, "severity": "Error"} for text in errors],
        },
    }


OFFERED = [
    size("Basic_A2", 2, 3.5),
    size("Standard_B2ms", 2, 8),
    size("Standard_D2_v3", 2, 8, 4),
    size("Standard_D2s_v3", 2, 8, 4),
    size("Standard_D2s_v5", 2, 8, 4),
    size("Standard_D2ads_v5", 2, 8, 4),
    size("Standard_D2ps_v5", 2, 8, 4),
    size("Standard_DC2s_v3", 2, 16, 4),
    size("Standard_D4s_v5", 4, 16, 8),
    size("Standard_D8s_v5", 8, 32, 16),
    size("Standard_DS2_v2_Promo", 2, 7, 8),
    size("Standard_E2s_v5", 2, 16, 4),
    size("Standard_E8s_v5", 8, 64, 16),
    size("Standard_F2s_v2", 2, 4, 4),
    size("Standard_NC6", 6, 56, 24),
    size("Standard_D16s_v5", 16, 64, 32, "The region has no capacity."),
]


@pytest.mark.parametrize(
    ("vcpus", "memory", "disks", "chosen"),
    [
        (2, 8, 0, "Standard_D2s_v5"),
        (1, 1, 4, "Standard_D2s_v5"),
        (2, 8, 5, "Standard_D4s_v5"),
        (2, 15.25, 0, "Standard_D4s_v5"),
        (4, 16, 2, "Standard_D4s_v5"),
        (8, 61, 0, "Standard_E8s_v5"),
        (16, 64, 0, None),
        (2, 8, 17, None),
    ],
)
def test_the_smallest_general_purpose_size_that_fits_is_chosen(
    vcpus: int, memory: float, disks: int, chosen: str | None
) -> None:
    assert choose(OFFERED, vcpus, memory, disks) == chosen
    assert choose(reversed(OFFERED), vcpus, memory, disks) == chosen


@pytest.mark.parametrize(
    "name", ["Standard_D2ps_v5", "Standard_B2ms", "Standard_NC6", "Standard_DC2s_v3", "odd"]
)
def test_a_special_size_is_left_to_people(name: str) -> None:
    assert choose([size(name, 64, 512, 64)], 2, 8, 0) is None
    assert problem(name, [size(name, 64, 512, 64)], 0) is None


def test_a_constrained_size_counts_with_the_cores_that_a_machine_sees() -> None:
    constrained = size("Standard_E8-2s_v5", 8, 64)
    constrained["properties"]["vCPUsAvailable"] = 2
    assert choose([constrained], 4, 16, 0) is None
    assert choose([constrained], 2, 16, 0) == "Standard_E8-2s_v5"


def test_a_warning_speaks_against_nothing() -> None:
    warned = size("Standard_D2s_v5", 2, 8)
    warned["properties"]["errors"] = [{"message": "Slow disks.", "severity": "Warning"}]
    assert choose([warned], 2, 8, 0) == "Standard_D2s_v5"


@pytest.mark.parametrize(
    ("name", "disks", "words"),
    [
        ("Standard_D2s_v5", 4, None),
        ("standard_d2S_v5", 0, None),
        ("Standard_D2s_v5", 5, ["5 data disks", "4 at most", "larger"]),
        ("Standard_D16s_v5", 0, ["no capacity. Choose another"]),
        ("Standard_M8ms", 0, ["does not offer Standard_M8ms", "Standard_D8s_v5"]),
    ],
)
def test_a_size_that_was_asked_for_is_held_to_what_is_offered(
    name: str, disks: int, words: list[str] | None
) -> None:
    said = problem(name, OFFERED, disks)
    assert (said is None) == (words is None)
    for word in words or []:
        assert word in str(said)


def test_a_service_that_offers_nothing_says_so() -> None:
    assert "Offered: none" in str(problem("Standard_D2s_v5", [], 0))
