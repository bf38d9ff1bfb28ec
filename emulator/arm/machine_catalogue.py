"""The virtual machine sizes that a region offers.

Source: Microsoft.Compute, VirtualMachineSizes_List and ResourceSkus_List.
"""

from __future__ import annotations

import re

from emulator.arm.compute.kinds import API_VERSIONS
from emulator.arm.machine_sizes import SIZES, Size
from emulator.arm.regions import REGIONS, ZONES, require_region, without_zones
from emulator.kernel.resources import normalized_location
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World

SKU_API_VERSIONS = ("2017-09-01", "2019-04-01", "2021-07-01")
_PROVIDER = "/subscriptions/{subscription}/providers/Microsoft.Compute"
_BY_LOCATION = re.compile(r"location eq '([^']*)'", re.IGNORECASE)
_OS_DISK_MIB = 1047552

routes = Routes(API_VERSIONS)
_sku_routes = Routes(SKU_API_VERSIONS)


@routes.route("GET", f"{_PROVIDER}/locations/{{location}}/vmSizes", "VirtualMachineSizes_List")
def list_sizes(world: World, request: Request, subscription: str, location: str) -> Response:
    """The sizes of a region."""
    require_region(location, "resource type 'locations/vmSizes'")
    sizes = [
        {
            "name": size.name,
            "numberOfCores": size.cores,
            "osDiskSizeInMB": _OS_DISK_MIB,
            "resourceDiskSizeInMB": 0,
            "memoryInMB": int(size.memory_gib * 1024),
            "maxDataDiskCount": size.data_disks,
        }
        for size in SIZES
    ]
    return Response(200, {"value": sizes})


@_sku_routes.route("GET", f"{_PROVIDER}/skus", "ResourceSkus_List")
def list_skus(world: World, request: Request, subscription: str) -> Response:
    """The sizes with their capabilities, in all regions or in that of `$filter`.

    Raises:
        ArmError: 400 `InvalidParameter` for a filter of another form than `location eq '...'`.
    """
    wanted = request.query.get("$filter", "").strip()
    regions = list(REGIONS)
    if wanted:
        match = _BY_LOCATION.fullmatch(wanted)
        if match is None:
            raise ArmError(
                400,
                "InvalidParameter",
                f'The filter "{wanted}" is not supported; use "location eq \'westeurope\'".',
            )
        regions = [name for name in REGIONS if name == normalized_location(match.group(1))]
    return Response(200, {"value": [_sku(size, region) for region in regions for size in SIZES]})


routes.include(_sku_routes)


def register(world: World) -> None:
    """Register no events."""


def _sku(size: Size, region: str) -> Document:
    capabilities = {
        "vCPUs": size.cores,
        "vCPUsAvailable": size.cores,
        "MemoryGB": size.memory_gib,
        "MaxDataDiskCount": size.data_disks,
        "MaxNetworkInterfaces": size.interfaces,
        "PremiumIO": size.premium,
        "HyperVGenerations": ",".join(size.generations),
        "CpuArchitectureType": "x64",
    }
    return {
        "resourceType": "virtualMachines",
        "name": size.name,
        "tier": "Standard",
        "size": size.name.removeprefix("Standard_"),
        "family": f"standard{size.family}Family",
        "locations": [region],
        "locationInfo": [
            {
                "location": region,
                "zones": [] if without_zones(region) else list(ZONES),
                "zoneDetails": [],
            }
        ],
        "capabilities": [
            {"name": name, "value": str(value)} for name, value in capabilities.items()
        ],
        "restrictions": [],
    }
