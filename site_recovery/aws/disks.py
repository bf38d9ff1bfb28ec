"""The disks of an instance: its EBS volumes, and the instance store of its type.

Sources: "Block device mappings for volumes on Amazon EC2 instances" and "Instance store temporary
block storage for EC2 instances" (Amazon EC2 user guide). DescribeInstances shows no instance store:
on types with NVMe ones all of them are attached; on older types only those that the launch mapped,
which nothing shows afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Disk:
    """A disk of a machine.

    Attributes:
        device: its device name in EC2; inside the machine an NVMe disk has another one.
        volume_id: its volume; of an instance store the words for it.
        encrypted: whether EBS encrypts it. That does not matter to replication, because the agent
            reads decrypted data. AWS cannot see encryption inside the operating system.
        shared: whether it is attached to another instance too (EBS Multi-Attach).
        instance_store: whether it is on the host, and lost when the instance stops. The agent
            replicates it like any other disk.
    """

    device: str
    size_gib: int
    volume_id: str
    encrypted: bool = False
    shared: bool = False
    instance_store: bool = False

    def is_named(self, key: str) -> bool:
        """Whether a key of the config means it: its volume, or its device with or without `/dev/`."""
        return key == self.volume_id or _plain(key) == _plain(self.device)


def _plain(device: str) -> str:
    return device.removeprefix("/dev/")


def instance_store(described: Any) -> tuple[int, ...]:
    """The sizes in GiB of the disks of an instance store that are attached in any case.

    Args:
        described: an instance type (DescribeInstanceTypes).
    """
    storage = described.get("InstanceStorageInfo") or {}
    if storage.get("NvmeSupport", "unsupported") == "unsupported":
        return ()
    return tuple(
        int(disk["SizeInGB"]) for disk in storage.get("Disks", []) for _ in range(disk["Count"])
    )


def of(instance: Any, volumes: Mapping[str, Any], stored: Sequence[int]) -> tuple[Disk, ...]:
    """The disks of an instance, the boot disk first.

    Args:
        instance: an instance (DescribeInstances).
        volumes: volumes by id (DescribeVolumes).
        stored: the sizes of the disks of its instance store.
    """
    root = instance.get("RootDeviceName")
    mappings = [m for m in instance.get("BlockDeviceMappings", []) if "Ebs" in m]
    attached = [
        _volume(mapping, volumes)
        for mapping in sorted(mappings, key=lambda m: (m["DeviceName"] != root, m["DeviceName"]))
    ]
    on_host = [
        Disk(f"ephemeral{number}", size, "instance store", instance_store=True)
        for number, size in enumerate(stored)
    ]
    if instance.get("RootDeviceType") == "instance-store":
        # The size of such a root is that of its image, which EC2 does not tell.
        return (Disk(root or "root", 0, "instance store", instance_store=True), *attached, *on_host)
    return (*attached, *on_host)


def _volume(mapping: Any, volumes: Mapping[str, Any]) -> Disk:
    volume_id = mapping["Ebs"]["VolumeId"]
    volume = volumes.get(volume_id, {})
    return Disk(
        mapping["DeviceName"],
        volume.get("Size", 0),
        volume_id,
        encrypted=volume.get("Encrypted", False),
        shared=len(volume.get("Attachments", [])) > 1,
    )
