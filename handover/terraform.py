"""Import blocks of Terraform for the same resources, for teams that use azurerm.

Source: the section "Import" of each resource in the documentation of the azurerm provider.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from handover.parts import ADDRESS, DISK, INTERFACE, MACHINE, RULES, Part
from handover.project import identifier

_TYPES = {
    DISK: "azurerm_managed_disk",
    INTERFACE: "azurerm_network_interface",
    RULES: "azurerm_network_security_group",
    ADDRESS: "azurerm_public_ip",
}
_HEAD = """\
# Terraform writes the resources that go with these blocks:
#   terraform plan -generate-config-out=generated.tf
"""


def blocks(parts: Iterable[Part]) -> str:
    """The content of a file of Terraform with a block for each resource."""
    listed = tuple(parts)
    machines = {part.machine: part for part in listed if part.type == MACHINE}
    made: dict[str, str] = {}
    for kind, name, resource_id in _all(listed, machines):
        to = f"{kind}.{identifier(name)}"
        while to in made:
            to += "_"
        made[to] = f"import {{\n  to = {to}\n  id = {json.dumps(resource_id)}\n}}\n"
    return "\n".join([_HEAD, *made.values()])


def _all(parts: Iterable[Part], machines: dict[str, Part]) -> Iterator[tuple[str, str, str]]:
    for part in parts:
        if part.type == MACHINE:
            kind = f"azurerm_{part.system.lower()}_virtual_machine"
            yield kind, part.name, part.id
            continue
        yield _TYPES[part.type], part.name, part.id
        if part.place is not None and part.machine in machines:
            # Azure knows no such resource: the provider makes its id of these two.
            disk = part.id.rpartition("/")[2]
            attached = f"{machines[part.machine].id}/dataDisks/{disk}"
            yield "azurerm_virtual_machine_data_disk_attachment", part.name, attached
