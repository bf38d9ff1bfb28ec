"""The disks of an instance, as EC2 describes instance, volumes and type."""

from __future__ import annotations

from typing import Any

import pytest

from site_recovery.aws import disks

VOLUMES = {"vol-1": {"Size": 30, "Attachments": [{}]}, "vol-2": {"Size": 100, "Encrypted": True}}
NVME = {"InstanceStorageInfo": {"NvmeSupport": "required", "Disks": [{"SizeInGB": 75, "Count": 2}]}}
MAPPED = {
    "InstanceStorageInfo": {"NvmeSupport": "unsupported", "Disks": [{"SizeInGB": 40, "Count": 2}]}
}


def instance(*devices: str, root: str | None = "/dev/xvda", kind: str = "ebs") -> dict[str, Any]:
    return {
        "RootDeviceName": root,
        "RootDeviceType": kind,
        "BlockDeviceMappings": [
            {"DeviceName": device, "Ebs": {"VolumeId": f"vol-{number}"}}
            for number, device in enumerate(devices, 1)
        ],
    }


@pytest.mark.parametrize(
    ("described", "sizes"),
    [(NVME, (75, 75)), (MAPPED, ()), ({}, ()), ({"InstanceStorageInfo": None}, ())],
)
def test_an_instance_store_counts_where_it_is_attached_in_any_case(
    described: dict[str, Any], sizes: tuple[int, ...]
) -> None:
    assert disks.instance_store(described) == sizes


def test_the_boot_disk_comes_first_whatever_its_name_and_the_instance_store_last() -> None:
    found = disks.of(instance("/dev/sdb", "/dev/xvda"), VOLUMES, (75, 75))
    assert [(disk.device, disk.size_gib, disk.instance_store) for disk in found] == [
        ("/dev/xvda", 100, False),
        ("/dev/sdb", 30, False),
        ("ephemeral0", 75, True),
        ("ephemeral1", 75, True),
    ]


def test_a_root_of_type_instance_store_is_not_called_by_the_name_of_a_volume() -> None:
    root, data = disks.of(instance("/dev/sdf", kind="instance-store"), VOLUMES, ())
    assert (root.device, root.instance_store) == ("/dev/xvda", True)
    assert (data.device, data.volume_id) == ("/dev/sdf", "vol-1")


def test_a_volume_that_two_instances_have_is_shared() -> None:
    shared = {"vol-1": {"Size": 30, "Attachments": [{}, {}]}}
    [disk] = disks.of(instance("/dev/xvda"), shared, ())
    assert disk.shared
