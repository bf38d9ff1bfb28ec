"""The instance view of a virtual machine: its agent, its disks, its provisioning and its power."""

from __future__ import annotations

from emulator.arm.compute import power
from emulator.kernel.resources import PRIVATE
from emulator.kernel.store import Document
from emulator.kernel.world import World

GENERATION = "generation"
"""The private field with the generation of a machine."""

_AGENT_VERSION = "2.7.41491.1208"
_POWER_WORDS = {
    "starting": "VM starting",
    "running": "VM running",
    "stopping": "VM stopping",
    "stopped": "VM stopped",
    "deallocating": "VM deallocating",
    "deallocated": "VM deallocated",
}
_CHANGED_POWER = ("Succeeded", "Updating")


def generation(document: Document) -> str:
    """The generation of a machine, `V1` or `V2`."""
    return str(document.get(PRIVATE, {}).get(GENERATION, "V1"))


def view(world: World, document: Document) -> Document:
    """The instance view of a machine."""
    properties = document["properties"]
    state = str(properties.get("provisioningState", "Succeeded"))
    provisioned = {
        "code": f"ProvisioningState/{state.lower()}",
        "level": "Info",
        "displayStatus": "Provisioning succeeded" if state == "Succeeded" else state,
        "time": properties.get("timeCreated", world.now.isoformat()),
    }
    powered = power.code(world, document)
    if state not in _CHANGED_POWER:
        powered = "PowerState/stopped"
    storage = properties.get("storageProfile", {})
    disks = [storage[name] for name in ("osDisk",) if name in storage]
    shown: Document = {
        "computerName": properties.get("osProfile", {}).get("computerName"),
        "hyperVGeneration": generation(document),
        "disks": [
            {"name": _disk_name(disk), "statuses": [provisioned]}
            for disk in [*disks, *storage.get("dataDisks", [])]
        ],
        "extensions": [],
        "statuses": [
            provisioned,
            {
                "code": powered,
                "level": "Info",
                "displayStatus": _POWER_WORDS[powered.rpartition("/")[2]],
            },
        ],
    }
    # Until its agent has reported, nothing is known of it.
    if powered == "PowerState/running" and power.agent_reports(world, document):
        shown["vmAgent"] = {
            "vmAgentVersion": _AGENT_VERSION,
            "statuses": [
                {
                    "code": "ProvisioningState/succeeded",
                    "level": "Info",
                    "displayStatus": "Ready",
                    "message": "GuestAgent is running and processing the extensions.",
                    "time": world.now.isoformat(),
                }
            ],
            "extensionHandlers": [],
        }
    return shown


def _disk_name(disk: Document) -> str:
    return str(disk.get("name") or disk.get("managedDisk", {}).get("id", "").rpartition("/")[2])
