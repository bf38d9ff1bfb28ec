"""Sizes that a subscription can have in a region, parsed from what Microsoft.Compute answers."""

from __future__ import annotations

import re
from typing import Any

from pydantic import Field, ValidationError

from site_recovery.azure.answers.reading import Wire
from site_recovery.convergence.region_sizes import RegionSize
from site_recovery.convergence.target_sizes import Size

_MACHINES = "virtualmachines"
_MOST_DISKS = 64
_ALL_ZONES = frozenset({"1", "2", "3"})


class _Capability(Wire):
    name: str
    value: str | None = None


class _LocationInfo(Wire):
    location: str = ""
    zones: list[str] | None = None


class _RestrictionInfo(Wire):
    zones: list[str] | None = None


class _Restriction(Wire):
    type: str | None = None
    reason_code: str | None = None
    restriction_info: _RestrictionInfo | None = None


class _Sku(Wire):
    name: str
    resource_type: str
    capabilities: list[_Capability] | None = None
    location_info: list[_LocationInfo] | None = None
    restrictions: list[_Restriction] | None = None


class _Numbers(Wire):
    vcpus: float = Field(0, alias="vCPUs")
    vcpus_available: float = Field(0, alias="vCPUsAvailable")
    memory_gb: float = Field(0, alias="MemoryGB")
    max_data_disk_count: float = Field(0, alias="MaxDataDiskCount")
    max_network_interfaces: float = Field(0, alias="MaxNetworkInterfaces")
    premium_io: bool = Field(True, alias="PremiumIO")
    architecture: str = Field("x64", alias="CpuArchitectureType")
    generations: str = Field("", alias="HyperVGenerations")


def region_size(resource: Any) -> RegionSize | None:
    """A size from its wire object; None if it is a SKU of something else, such as a disk.

    A size that is not as the service documents it counts as one that takes everything: it is
    offered, and the vault judges later.

    Args:
        resource: as ResourceSkus_List of Microsoft.Compute answers it for one region.
    """
    kind = resource.get("resourceType") if isinstance(resource, dict) else None
    if not isinstance(kind, str) or kind.lower() != _MACHINES:
        return None
    try:
        shown = _Sku.model_validate(resource)
        able = _Numbers.model_validate(
            {each.name: each.value for each in shown.capabilities or () if each.value is not None}
        )
    except ValidationError:
        name = resource.get("name")
        anything = RegionSize(Size(str(name), data_disks=_MOST_DISKS), zones=_ALL_ZONES)
        return anything if isinstance(name, str) else None
    zones = {zone for where in shown.location_info or () for zone in where.zones or ()}
    refusals = []
    for each in shown.restrictions or ():
        if (each.type or "").lower() == "zone":
            zones -= set(each.restriction_info.zones or () if each.restriction_info else ())
        else:
            refusals.append(f"it is not available to this subscription ({each.reason_code})")
    return RegionSize(
        Size(
            shown.name,
            vcpus=int(able.vcpus_available or able.vcpus),
            memory_gb=able.memory_gb,
            data_disks=int(able.max_data_disk_count),
            interfaces=int(able.max_network_interfaces) or None,
            generations=frozenset(re.findall(r"[Vv]([12])", able.generations)),
            refusals=tuple(refusals),
        ),
        is_arm=able.architecture.lower() == "arm64",
        takes_premium=able.premium_io,
        zones=frozenset(zones),
    )
