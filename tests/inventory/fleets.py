"""Machines as the inventory finds them."""

from __future__ import annotations

from typing import Any

from inventory.found import Found
from site_recovery.aws.disks import Disk
from site_recovery.aws.ec2 import MachineFacts

ACCOUNT, REGION, VPC = "123456789012", "eu-west-1", "vpc-0123456789abcdef0"


def instance_id(number: int) -> str:
    return f"i-{number:017x}"


def found(number: int, name: str | None = None, /, **changes: Any) -> Found:
    """A Windows machine that can be migrated; `changes` are of its facts, or of `Found`."""
    tags = {"Name": name or f"web-{number:03}", **changes.pop("tags", {})}
    unmanaged = changes.pop("unmanaged", None)
    vpc_name, account_name = changes.pop("vpc_name", "shop"), changes.pop("account_name", None)
    facts: dict[str, Any] = {
        "instance_id": instance_id(number),
        "state": "running",
        "private_ip": "10.0.0.4",
        "platform": "windows",
        "os": "windows-server-2019",
        "image_name": None,
        "architecture": "x86_64",
        "virtualization": "hvm",
        "instance_type": "m5.large",
        "vpc_id": VPC,
        "subnet_id": None,
        "network_interface_id": None,
        "security_group_ids": (),
        "disks": (Disk("/dev/sda1", 50, "vol-1"),),
    }
    return Found(
        ACCOUNT,
        REGION,
        MachineFacts(**(facts | changes)),
        tags,
        unmanaged,
        vpc_name,
        account_name=account_name,
    )
