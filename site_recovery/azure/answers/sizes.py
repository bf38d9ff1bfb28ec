"""Sizes that Azure offers for a machine, parsed from what the service answers."""

from __future__ import annotations

import re
from typing import Any

from pydantic import Field, FiniteFloat, ValidationError

from site_recovery.azure.answers.reading import Wire, odd_part
from site_recovery.convergence.target_sizes import Size

_GENERATION = re.compile(r"[Vv]([12])")


class _Error(Wire):
    message: str | None = None
    severity: str | None = None


class _Size(Wire):
    name: str
    cpu_cores_count: FiniteFloat | None = None
    vcpus_available: FiniteFloat | None = Field(None, alias="vCPUsAvailable")
    memory_in_gb: FiniteFloat | None = Field(None, alias="memoryInGB")
    max_data_disk_count: FiniteFloat | None = None
    max_nics_count: FiniteFloat | None = None
    hyper_v_generations: list[str | None] | None = None
    errors: list[_Error] | None = None


def size(resource: Any) -> Size | None:
    """A size from its wire object; None if it does not even have a name.

    A size that is not as the service documents it is one that Azure does not give, so that it
    does not keep a machine from another size.

    Args:
        resource: as TargetComputeSizes_ListByReplicationProtectedItems answers it.
    """
    properties = (resource.get("properties") or resource) if isinstance(resource, dict) else {}
    try:
        shown = _Size.model_validate(properties)
    except ValidationError as error:
        name = properties.get("name") if isinstance(properties, dict) else None
        if not isinstance(name, str):
            return None
        return Size(
            name, refusals=(f"what Azure answers about it cannot be read: {odd_part(error)}",)
        )
    return Size(
        name=shown.name,
        # A constrained size has more cores than the machine can use.
        vcpus=int(shown.vcpus_available or shown.cpu_cores_count or 0),
        memory_gb=shown.memory_in_gb or 0.0,
        data_disks=int(shown.max_data_disk_count or 0),
        interfaces=int(shown.max_nics_count) if shown.max_nics_count else None,
        generations=frozenset(
            match[1]
            for match in map(_GENERATION.fullmatch, filter(None, shown.hyper_v_generations or ()))
            if match is not None
        ),
        refusals=tuple(
            error.message or "it does not say why"
            for error in shown.errors or ()
            if (error.severity or "").lower() != "warning"
        ),
    )
