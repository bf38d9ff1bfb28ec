"""Virtual machines, parsed from what Microsoft.Compute answers."""

from __future__ import annotations

from typing import Any

from site_recovery.azure.answers.reading import Tags, Wire, tags_of
from site_recovery.snapshot import VirtualMachine


class _HardwareProfile(Wire):
    vm_size: str | None = None


class _Interface(Wire):
    id: str | None = None


class _NetworkProfile(Wire):
    network_interfaces: list[_Interface] | None = None


class _Properties(Wire):
    hardware_profile: _HardwareProfile | None = None
    network_profile: _NetworkProfile | None = None


class _Machine(Wire):
    id: str
    name: str
    tags: Tags = None
    properties: _Properties | None = None


def virtual_machine(resource: Any) -> VirtualMachine:
    """A virtual machine from its wire object.

    Args:
        resource: as VirtualMachines_List or VirtualMachines_Get of Microsoft.Compute answer it.

    Raises:
        ValueError: it is not as the service documents it.
    """
    machine = _Machine.model_validate(resource)
    shown = machine.properties or _Properties()
    interfaces = (shown.network_profile or _NetworkProfile()).network_interfaces or ()
    ids = tuple(each.id for each in interfaces if each.id)
    size = (shown.hardware_profile or _HardwareProfile()).vm_size or ""
    return VirtualMachine(machine.id, machine.name, tags_of(machine.tags), ids, size)
