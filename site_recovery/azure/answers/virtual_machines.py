"""Virtual machines, parsed from what Microsoft.Compute answers."""

from __future__ import annotations

from typing import Any

from site_recovery.azure.answers.reading import Tags, Wire, tags_of
from site_recovery.snapshot import VirtualMachine


class _Machine(Wire):
    id: str
    name: str
    tags: Tags = None


def virtual_machine(resource: Any) -> VirtualMachine:
    """A virtual machine from its wire object.

    Args:
        resource: as VirtualMachines_List or VirtualMachines_Get of Microsoft.Compute answer it.

    Raises:
        ValueError: it is not as the service documents it.
    """
    machine = _Machine.model_validate(resource)
    return VirtualMachine(machine.id, machine.name, tags_of(machine.tags))
