"""The kinds, ids and api-versions of Microsoft.Compute."""

from __future__ import annotations

from emulator.kernel.resources import resource_id

API_VERSIONS = (
    "2021-07-01",
    "2022-03-01",
    "2022-08-01",
    "2022-11-01",
    "2023-03-01",
    "2023-07-01",
    "2023-09-01",
    "2024-03-01",
    "2024-07-01",
    "2024-11-01",
    "2025-04-01",
    "2025-11-01",
    "2026-03-01",
    "2026-04-01",
)
DISK_API_VERSIONS = (
    "2021-12-01",
    "2022-03-02",
    "2022-07-02",
    "2023-01-02",
    "2023-04-02",
    "2023-10-02",
    "2024-03-02",
    "2025-01-02",
    "2026-03-02",
)
MACHINES = "microsoft.compute/virtualmachines"
DISKS = "microsoft.compute/disks"

SUBSCRIPTION = "/subscriptions/{subscription}"
GROUP = f"{SUBSCRIPTION}/resourceGroups/{{group}}"
PROVIDER = "providers/Microsoft.Compute"
MACHINE = f"{GROUP}/{PROVIDER}/virtualMachines/{{machine}}"
DISK = f"{GROUP}/{PROVIDER}/disks/{{disk}}"


def machine_id(subscription: str, group: str, machine: str) -> str:
    """The id of a virtual machine."""
    return resource_id(subscription, group, "Microsoft.Compute", "virtualMachines", machine)


def disk_id(subscription: str, group: str, disk: str) -> str:
    """The id of a managed disk."""
    return resource_id(subscription, group, "Microsoft.Compute", "disks", disk)
