"""Sizes of Azure virtual machines that a machine can be failed over to."""

from __future__ import annotations

from emulator.arm.machine_sizes import SIZES, Size, generation_of
from emulator.kernel.resources import PRIVATE
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import Request, Response
from emulator.kernel.world import World
from emulator.recovery_services.wire.paths import (
    API_VERSIONS,
    PROTECTED_ITEMS,
    TARGET_SIZES,
    page,
    require,
)

routes = Routes(API_VERSIONS)


_CURRENT = "DEF"


def fitting(
    cores: int, memory_gib: float, data_disks: int, generation: str, *, premium: bool = False
) -> Size:
    """The smallest size that holds a machine; the service picks one when none is asked for.

    That it is one of the current general purpose families is [inferred].
    """
    enough = [
        size
        for size in SIZES
        if generation in size.generations
        and size.cores >= cores
        and size.memory_gib >= memory_gib
        and size.data_disks >= data_disks
        and (size.premium or not premium)
    ]
    return min(
        enough or SIZES[-1:],
        key=lambda size: (size.family not in _CURRENT, size.cores, size.memory_gib, size.name),
    )


def picked(machine: Document, disk_type: str) -> str:
    """The size that the service picks for the machine of an item.

    That it is one that takes the disks is [inferred].

    Args:
        machine: the machine of the item.
        disk_type: the type of its disks that have none of their own.
    """
    disks = machine["disks"]
    premium = any(str(disk.get("type") or disk_type).startswith("Premium") for disk in disks)
    memory = machine["memoryMib"] / 1024
    generation = generation_of(machine["firmware"])
    return fitting(machine["vcpus"], memory, len(disks) - 1, generation, premium=premium).name


@routes.route("GET", TARGET_SIZES.collection, "TargetComputeSizes_ListByReplicationProtectedItems")
def list_sizes(world: World, request: Request, **path: str) -> Response:
    """The sizes that the item can be failed over to, with the errors of each.

    That a size which does not boot the machine is among them without an error is [inferred]: they
    have `hyperVGenerations` for clients to judge by.
    """
    item = require(world, PROTECTED_ITEMS, path)
    return Response(200, page(request, [_shown(item, size) for size in SIZES]))


def _shown(item: Document, size: Size) -> Document:
    disks = len(item[PRIVATE]["machine"]["disks"]) - 1
    errors = []
    if disks > size.data_disks:
        errors.append(
            {
                "message": f"The machine has {disks} data disks; {size.name} takes "
                f"{size.data_disks}.",
                "severity": "Error",
            }
        )
    return {
        "id": TARGET_SIZES.id(item["id"], size.name),
        "name": size.name,
        "type": TARGET_SIZES.type,
        "properties": {
            "name": size.name,
            "friendlyName": size.name,
            "cpuCoresCount": size.cores,
            "vCPUsAvailable": size.cores,
            "memoryInGB": size.memory_gib,
            "maxDataDiskCount": size.data_disks,
            "maxNicsCount": size.interfaces,
            "errors": errors,
            "hyperVGenerations": list(size.generations),
            "highIopsSupported": "Supported" if size.premium else "NotSupported",
        },
    }
