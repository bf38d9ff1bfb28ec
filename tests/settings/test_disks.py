"""The disks that a machine names have to be those of its instance."""

from __future__ import annotations

from typing import Any

import pytest

from site_recovery.aws.disks import Disk
from tests.settings import configs
from tests.settings.test_preflight import ec2, examine

A, B, C = (f"vol-0000000000000000{letter}" for letter in "abc")
KNOWN = (
    Disk("/dev/sda1", 50, A),
    Disk("/dev/sdf", 100, B),
    Disk("xvdg", 100, C),
    Disk("ephemeral0", 75, "instance store", instance_store=True),
)
PREMIUM, STANDARD = {"type": "Premium_LRS"}, {"type": "Standard_LRS"}
PLACE = "machines.web-01.target.disks"


def said(disks: dict[str, Any], **target: Any) -> dict[str, str]:
    config = configs.modernized()
    config["machines"]["web-01"]["target"] = {"disks": disks, **target}
    told = configs.report(config)
    if told:
        return told
    problems = examine(config, ec2(web_01={"disks": KNOWN})).problems
    return {each.path: f"{each.what}. {each.way_out}" for each in problems}


@pytest.mark.parametrize(
    "disks",
    [
        {"/dev/sda1": PREMIUM},
        {A: PREMIUM},
        {"/dev/sdf": PREMIUM, "xvdg": PREMIUM},
        {B: PREMIUM, "/dev/xvdg": PREMIUM},
        {"ephemeral0": STANDARD},
        {"/dev/sdf": {"type": "StandardSSD_LRS"}, C: {"type": "StandardSSD_LRS"}},
    ],
)
def test_a_disk_may_be_named_by_its_volume_or_its_device(disks: dict[str, Any]) -> None:
    assert said(disks) == {}


@pytest.mark.parametrize("key", ["/dev/nvme1n1", "nvme0n1p1", "/dev/nvme0n1"])
def test_a_name_of_inside_the_machine_is_refused_with_the_names_to_use(key: str) -> None:
    [text] = said({key: PREMIUM}).values()
    assert "is a name inside the machine, which EC2 does not know" in text
    assert "lsblk" in text


@pytest.mark.parametrize("key", ["D:", "disk 1", "", "vol-1", "/dev/", "sda1!"])
def test_what_names_no_disk_is_refused(key: str) -> None:
    [text] = said({key: PREMIUM}).values()
    assert "names no disk" in text


@pytest.mark.parametrize("key", ["/dev/sdz", "vol-00000000000000fff", "ephemeral1"])
def test_a_disk_that_the_instance_does_not_have_is_refused_with_those_that_it_has(key: str) -> None:
    text = said({key: PREMIUM})[f'{PLACE}["{key}"]' if "/" in key else f"{PLACE}.{key}"]
    assert f"has no such disk. It has /dev/sda1 ({A}); /dev/sdf ({B}); xvdg ({C}); eph" in text


def test_a_disk_is_not_named_twice() -> None:
    assert "is the disk that /dev/sda1 names too" in said({"/dev/sda1": {}, A: {}})[f"{PLACE}.{A}"]


@pytest.mark.parametrize(
    "disks", [{"/dev/sdf": PREMIUM}, {C: PREMIUM}, {"/dev/sdf": PREMIUM, C: STANDARD}]
)
def test_two_disks_of_one_size_cannot_differ(disks: dict[str, Any]) -> None:
    [text] = said(disks).values()
    assert f"/dev/sdf ({B}) and xvdg ({C}) both have 100 GiB" in text
    assert "Say the same of both" in text


def test_a_premium_disk_needs_a_size_that_takes_one() -> None:
    found = said({"/dev/sda1": PREMIUM}, vmSize="Standard_D2_v3")
    text = found["machines.web-01.target.vmSize"]
    assert "takes no premium disks, and the type of a disk is Premium_LRS" in text
    assert said({"/dev/sda1": PREMIUM}, vmSize="Standard_D2s_v3") == {}


def test_they_do_not_go_together_with_push() -> None:
    config = configs.valid()
    config["replication"] = {**config.get("replication", {}), "agent": {"installation": "push"}}
    config["machines"]["web-01"]["target"] = {"disks": {"/dev/sda1": PREMIUM}}
    assert "installation is push" in configs.report(config)[PLACE]
