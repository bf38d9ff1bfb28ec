"""Sizes that a machine can be failed over to: the vault's list, and the sizes that boot."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from emulator.estate.machines import Disk
from tests.emulator.recovery_services.site_recovery_support import Classic, Site, linux, windows

WEB = windows(1)
GENERATION_2_ONLY = "Standard_D2s_v6"
GENERATION_1_ONLY = "Standard_D2_v3"
UEFI = replace(windows(2), firmware="UEFI")


def sizes(site: Site) -> dict[str, dict[str, Any]]:
    offered = site.get(f"{site.item(WEB)}/targetComputeSizes")["value"]
    return {one["name"]: one["properties"] for one in offered}


@pytest.fixture
def site(experience: Classic) -> Site:
    """A site with a machine that is protected, with a size that takes generation 2 only."""
    made = Site([WEB], experience=experience).prepare()
    made.protect(WEB, **experience.named(size=GENERATION_2_ONLY))
    return made


@pytest.mark.parametrize("production", [False, True], ids=["test", "production"])
def test_a_failover_to_a_size_without_premium_disks_fails_if_a_disk_is_premium(
    experience: Classic, production: bool
) -> None:
    site = Site([WEB], experience=experience).prepare()
    site.protect(WEB, **experience.named(size="Standard_D2_v3", disk_type="Premium_LRS"))
    job = site.finished(site.fail_over(WEB) if production else site.test_failover(WEB))
    assert job["state"] == "Failed"
    error = job["errors"][0]["serviceErrorDetails"]
    assert "does not support the storage account type Premium_LRS" in error["message"]


def test_every_size_tells_which_generations_it_boots(site: Site) -> None:
    told = {name: size["hyperVGenerations"] for name, size in sizes(site).items()}
    for name, generations in {
        "Standard_A2_v2": ["V1"],
        "Standard_B2ms": ["V1", "V2"],
        "Standard_D2_v3": ["V1"],
        "Standard_D2s_v3": ["V1", "V2"],
        "Standard_DS2_v2": ["V1", "V2"],
        "Standard_D2s_v5": ["V1", "V2"],
        "Standard_E2s_v5": ["V1", "V2"],
        "Standard_F2s_v2": ["V1", "V2"],
        "Standard_D2s_v6": ["V2"],
        "Standard_E2s_v6": ["V2"],
    }.items():
        assert told[name] == generations, name
    assert all(told.values())


def test_a_size_that_does_not_boot_the_machine_is_offered_without_a_word(site: Site) -> None:
    details = site.properties(WEB)["providerSpecificDetails"]
    assert details["firmwareType"] == "BIOS"
    assert site.experience.generation(details) == "V1"
    assert sizes(site)[GENERATION_2_ONLY]["errors"] == []


@pytest.mark.parametrize("production", [False, True], ids=["test", "production"])
def test_a_failover_to_a_size_that_does_not_boot_the_machine_fails(
    site: Site, production: bool
) -> None:
    job = site.finished(site.fail_over(WEB) if production else site.test_failover(WEB))
    assert job["state"] == "Failed"
    error = job["errors"][0]["serviceErrorDetails"]
    assert error["code"] == "28031"
    assert f"'{GENERATION_2_ONLY}' cannot boot Hypervisor Generation '1'" in error["message"]
    assert site.virtual_machines() == {}
    failed = site.experience.failover_failed[0]
    assert site.properties(WEB)["protectionState"] == (failed if production else "Protected")


@pytest.mark.parametrize("size", ["", GENERATION_2_ONLY], ids=["picked", "generation 2 only"])
def test_a_machine_that_boots_from_uefi_becomes_one_of_generation_2(
    experience: Classic, size: str
) -> None:
    site = Site([UEFI], experience=experience).prepare()
    site.protect(UEFI, **(experience.named(size=size) if size else {}))
    details = site.properties(UEFI)["providerSpecificDetails"]
    assert (details["firmwareType"], experience.generation(details)) == ("UEFI", "V2")
    assert site.finished(site.fail_over(UEFI))["state"] == "Succeeded"
    made = site.virtual_machines()[UEFI.name]
    assert made["properties"]["hardwareProfile"]["vmSize"] == experience.vm_size(details)
    view = site.get(f"{made['id']}/instanceView?api-version=2024-07-01")
    assert view["hyperVGeneration"] == "V2"
    resized = {"properties": {"hardwareProfile": {"vmSize": GENERATION_1_ONLY}}}
    refused = site.call("PATCH", made["id"], resized, "2024-07-01")
    assert refused.status == 400
    assert "cannot boot Hypervisor Generation '2'" in refused.body["error"]["message"]


def test_and_fails_to_one_that_takes_generation_1_only(experience: Classic) -> None:
    site = Site([UEFI], experience=experience).prepare()
    site.protect(UEFI, **experience.named(size=GENERATION_1_ONLY))
    job = site.finished(site.test_failover(UEFI))
    error = job["errors"][0]["serviceErrorDetails"]
    assert f"'{GENERATION_1_ONLY}' cannot boot Hypervisor Generation '2'" in error["message"]


def test_after_another_size_is_chosen_the_failover_succeeds(site: Site) -> None:
    assert site.finished(site.fail_over(WEB))["state"] == "Failed"
    body = site.experience.update("web-01", "Standard_D2s_v5", {})
    assert site.finished(site.accepted("PATCH", site.item(WEB), body))["state"] == "Succeeded"
    assert site.finished(site.fail_over(WEB))["state"] == "Succeeded"
    machine = site.virtual_machines()["web-01"]
    assert machine["properties"]["hardwareProfile"]["vmSize"] == "Standard_D2s_v5"


def test_no_size_is_picked_that_does_not_boot_the_machine(experience: Classic) -> None:
    disks = tuple(Disk(f"xvd{letter}", 10) for letter in "abcdefghijklmnopqrstu")
    many = replace(WEB, vcpus=8, memory_mib=32 * 1024, disks=disks)
    site = Site([many], experience=experience).prepare()
    site.protect(many)
    details = site.properties(many)["providerSpecificDetails"]
    picked = sizes(site)[experience.vm_size(details)]
    assert experience.generation(details) in picked["hyperVGenerations"]
    assert picked["maxDataDiskCount"] >= len(disks) - 1


def test_a_failover_with_a_licence_of_the_other_system_fails(experience: Classic) -> None:
    machine = linux(1)
    site = Site([machine], experience=experience).prepare()
    site.protect(machine, licenseType="WindowsServer")
    job = site.finished(site.test_failover(machine))
    assert job["state"] == "Failed"
    assert "not allowed" in job["errors"][0]["serviceErrorDetails"]["message"]
