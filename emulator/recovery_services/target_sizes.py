"""Sizes of Azure virtual machines that a machine can be failed over to.

Source: "Sizes for virtual machines in Azure" (azure-docs). A selection that covers what EC2
machines of the classic era need; the service answers more.
"""

from __future__ import annotations

from dataclasses import dataclass

from emulator.kernel.resources import PRIVATE
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import Request, Response
from emulator.kernel.world import World
from emulator.recovery_services.paths import (
    API_VERSIONS,
    PROTECTED_ITEMS,
    TARGET_SIZES,
    page,
    require,
)

routes = Routes(API_VERSIONS)


@dataclass(frozen=True)
class Size:
    """A size: virtual processors, memory in GiB, data disks and interfaces at most."""

    name: str
    cores: int
    memory_gib: float
    data_disks: int
    interfaces: int
    premium: bool = True

    @property
    def family(self) -> str:
        """Its letter."""
        return self.name.removeprefix("Standard_")[0]


_CURRENT = "DEF"

_SIZES = (
    Size("Standard_A1_v2", 1, 2, 2, 2, premium=False),
    Size("Standard_A2_v2", 2, 4, 4, 2, premium=False),
    Size("Standard_A4_v2", 4, 8, 8, 4, premium=False),
    Size("Standard_A8_v2", 8, 16, 16, 8, premium=False),
    Size("Standard_B1s", 1, 1, 2, 2),
    Size("Standard_B1ms", 1, 2, 2, 2),
    Size("Standard_B2s", 2, 4, 4, 3),
    Size("Standard_B2ms", 2, 8, 4, 3),
    Size("Standard_B4ms", 4, 16, 8, 4),
    Size("Standard_B8ms", 8, 32, 16, 4),
    Size("Standard_D2s_v3", 2, 8, 4, 2),
    Size("Standard_D4s_v3", 4, 16, 8, 2),
    Size("Standard_D8s_v3", 8, 32, 16, 4),
    Size("Standard_D16s_v3", 16, 64, 32, 8),
    Size("Standard_D32s_v3", 32, 128, 32, 8),
    Size("Standard_D2s_v4", 2, 8, 4, 2),
    Size("Standard_D4s_v4", 4, 16, 8, 2),
    Size("Standard_D8s_v4", 8, 32, 16, 4),
    Size("Standard_D2s_v5", 2, 8, 4, 2),
    Size("Standard_D4s_v5", 4, 16, 8, 2),
    Size("Standard_D8s_v5", 8, 32, 16, 4),
    Size("Standard_D16s_v5", 16, 64, 32, 8),
    Size("Standard_D2_v3", 2, 8, 4, 2, premium=False),
    Size("Standard_D4_v3", 4, 16, 8, 2, premium=False),
    Size("Standard_DS1_v2", 1, 3.5, 4, 2),
    Size("Standard_DS2_v2", 2, 7, 8, 2),
    Size("Standard_DS3_v2", 4, 14, 16, 4),
    Size("Standard_DS4_v2", 8, 28, 32, 8),
    Size("Standard_E2s_v3", 2, 16, 4, 2),
    Size("Standard_E4s_v3", 4, 32, 8, 2),
    Size("Standard_E8s_v3", 8, 64, 16, 4),
    Size("Standard_E16s_v3", 16, 128, 32, 8),
    Size("Standard_E2s_v5", 2, 16, 4, 2),
    Size("Standard_E4s_v5", 4, 32, 8, 2),
    Size("Standard_E8s_v5", 8, 64, 16, 4),
    Size("Standard_F2s_v2", 2, 4, 4, 2),
    Size("Standard_F4s_v2", 4, 8, 8, 2),
    Size("Standard_F8s_v2", 8, 16, 16, 4),
    Size("Standard_F16s_v2", 16, 32, 32, 4),
)

_BY_NAME = {size.name.lower(): size for size in _SIZES}


def named(name: str) -> Size | None:
    """The size of that name, or None."""
    return _BY_NAME.get(name.lower())


def fitting(cores: int, memory_gib: float, data_disks: int) -> Size:
    """The smallest size that holds a machine; the service picks one when none is asked for.

    That it is one of the current general purpose families is [inferred].
    """
    enough = [
        size
        for size in _SIZES
        if size.cores >= cores and size.memory_gib >= memory_gib and size.data_disks >= data_disks
    ]
    return min(
        enough or _SIZES[-1:],
        key=lambda size: (size.family not in _CURRENT, size.cores, size.memory_gib, size.name),
    )


def picked(machine: Document) -> str:
    """The size that the service picks for a machine as an item knows it."""
    data_disks = len(machine["disks"]) - 1
    return fitting(machine["vcpus"], machine["memoryMib"] / 1024, data_disks).name


@routes.route("GET", TARGET_SIZES.collection, "TargetComputeSizes_ListByReplicationProtectedItems")
def list_sizes(world: World, request: Request, **path: str) -> Response:
    """The sizes that the item may be failed over to, with what speaks against each."""
    item = require(world, PROTECTED_ITEMS, path)
    return Response(200, page(request, [_shown(item, size) for size in _SIZES]))


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
            "highIopsSupported": "Supported" if size.premium else "NotSupported",
        },
    }
