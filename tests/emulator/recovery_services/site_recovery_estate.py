"""The estate of the Site Recovery tests: ids in Azure, security groups, servers and machines."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from emulator.arm.subscriptions import SUBSCRIPTION
from emulator.estate.machines import Disk, Instance
from emulator.estate.security_groups import Rule, SecurityGroup

GROUP_NAME, VAULT_NAME = "rg-migration", "rsv-migration"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP_NAME}"
VAULT = f"{GROUP}/providers/Microsoft.RecoveryServices/vaults/{VAULT_NAME}"
NETWORK = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-prod"
TEST_NETWORK = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-test"
STORAGE = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/stcache"
MACHINES = f"{GROUP}/providers/Microsoft.Compute/virtualMachines"

PUSH = SecurityGroup(
    "sg-machines", ingress=(Rule(from_port=1, to_port=65535, cidrs=("10.10.2.0/24",)),)
)
SERVER_GROUP = SecurityGroup(
    "sg-server",
    ingress=(
        Rule(from_port=443, to_port=443, cidrs=("10.10.0.0/16",)),
        Rule(from_port=9443, to_port=9443, cidrs=("10.10.0.0/16",)),
    ),
)
NO_DATA = SecurityGroup(
    "sg-server", ingress=(Rule(from_port=443, to_port=443, cidrs=("10.10.0.0/16",)),)
)
NO_CONTROL = SecurityGroup(
    "sg-server", ingress=(Rule(from_port=9443, to_port=9443, cidrs=("10.10.0.0/16",)),)
)

SERVER = Instance(
    "i-0server",
    "config-server",
    "10.10.2.10",
    os="windows-server-2016",
    instance_type="c5.2xlarge",
    vcpus=8,
    memory_mib=16384,
    disks=(Disk("/dev/sda1", 80), Disk("xvdf", 600), Disk("xvdg", 600)),
    tags={"site-recovery:role": "configuration-server", "site-recovery:vault": VAULT},
    security_groups=("sg-server",),
)
APPLIANCE = replace(
    SERVER,
    id="i-0appliance",
    name="appliance",
    os="windows-server-2022",
    disks=(Disk("/dev/sda1", 80), Disk("xvdf", 620)),
    tags={"site-recovery:role": "replication-appliance", "site-recovery:vault": VAULT},
)


def windows(number: int, **changes: Any) -> Instance:
    """A Windows machine `web-<number>` that can be migrated."""
    machine = Instance(
        f"i-web{number:02}",
        f"web-{number:02}",
        f"10.10.1.{10 + number}",
        disks=(Disk("/dev/sda1", 30),),
        security_groups=("sg-machines",),
    )
    return replace(machine, **changes)


def linux(number: int, **changes: Any) -> Instance:
    """A Red Hat machine `db-<number>` that can be migrated."""
    machine = Instance(
        f"i-db{number:02}",
        f"db-{number:02}",
        f"10.10.1.{40 + number}",
        platform="linux",
        os="rhel-6.7",
        drivers=None,
        disks=(Disk("/dev/sda1", 30), Disk("/dev/sdb", 100)),
        security_groups=("sg-machines",),
    )
    return replace(machine, **changes)
