"""What is declared for the parts of migrated machines: resources of azurerm, and their imports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from handover.names import identifier
from handover.parts import ADDRESS, DISK, INTERFACE, MACHINE, RULES, Part
from handover.terraform import compute, network
from handover.terraform.hcl import Block, Expression
from handover.terraform.ids import canonical
from handover.terraform.taken import Taken
from handover.terraform.words import NotTakenError

_TYPES = {
    DISK: ("azurerm_managed_disk", compute.disk),
    INTERFACE: ("azurerm_network_interface", network.interface),
    RULES: ("azurerm_network_security_group", network.security_group),
    ADDRESS: ("azurerm_public_ip", network.public_address),
}
_ATTACHMENT = "azurerm_virtual_machine_data_disk_attachment"
_ASSOCIATION = "azurerm_network_interface_security_group_association"
_KEEP = Block("lifecycle", arguments={"prevent_destroy": True})
"""Nothing is deleted by mistake, nor replaced: azurerm replaces for many an argument."""


@dataclass(frozen=True)
class Declared:
    """A resource.

    Attributes:
        kind: its type in azurerm.
        name: its name, which no other one of the type has.
        owner: the machine whose it is; empty if several use it.
        import_id: by which azurerm imports it.
        arguments, blocks: of its declaration.
        left: what Azure has of it and azurerm has no argument for, by its path in azure-native.
    """

    kind: str
    name: str
    owner: str
    import_id: str
    arguments: Mapping[str, Any]
    blocks: Sequence[Block]
    left: Sequence[str] = ()

    @property
    def address(self) -> str:
        """Its address in Terraform."""
        return f"{self.kind}.{self.name}"

    @property
    def block(self) -> Block:
        """Its declaration."""
        return Block("resource", (self.kind, self.name), self.arguments, [*self.blocks, _KEEP])


@dataclass(frozen=True)
class Declarations:
    """The resources, and in words which parts azurerm cannot declare."""

    resources: tuple[Declared, ...]
    problems: tuple[str, ...]


def of(parts: Iterable[Part], inputs: Mapping[str, Mapping[str, Any]]) -> Declarations:
    """Declare parts.

    Args:
        parts: what others need stands before them.
        inputs: what azure-native reads of each part, by its id.
    """
    listed = tuple(parts)
    resources: list[Declared] = []
    problems: list[str] = []
    for part in listed:
        try:
            resources.append(_declared(part, listed, inputs))
        except NotTakenError as error:
            problems.append(_problem(part, error))
    for machine in listed:
        if machine.type == MACHINE:
            for part, disk in _data_disks(machine, listed, inputs[machine.id]):
                try:
                    resources.append(_attached(part, machine, disk))
                except NotTakenError as error:
                    problems.append(_problem(part, error))
    resources += _associations(listed, inputs)
    return Declarations(tuple(_referring(_named(resources))), tuple(problems))


def _declared(
    part: Part, parts: Iterable[Part], inputs: Mapping[str, Mapping[str, Any]]
) -> Declared:
    taken = Taken(inputs[part.id])
    if part.type == MACHINE:
        kind = f"azurerm_{part.system.lower()}_virtual_machine"
        os_disk = next((inputs[one.id] for one in parts if _is_os_disk(one, part)), {})
        said, blocks = compute.virtual_machine(taken, part.system, os_disk)
    else:
        kind, made = _TYPES[part.type]
        said, blocks = made(taken)
    name = identifier(part.name)
    return Declared(kind, name, part.machine, canonical(part.id), said, blocks, taken.left())


def _is_os_disk(part: Part, machine: Part) -> bool:
    return part.type == DISK and part.machine == machine.machine and part.place is None


def _attached(part: Part, machine: Part, disk: Mapping[str, Any]) -> Declared:
    """The attachment of a data disk, which Azure knows as a part of the machine only."""
    said = {"virtual_machine_id": canonical(machine.id), **compute.attachment(disk)}
    # azurerm looks for the name that the disk has in the machine.
    name = disk.get("name") or part.id.rpartition("/")[2]
    found = f"{canonical(machine.id)}/dataDisks/{name}"
    return Declared(_ATTACHMENT, identifier(part.name), part.machine, found, said, ())


def _data_disks(
    machine: Part, parts: Iterable[Part], inputs: Mapping[str, Any]
) -> Iterator[tuple[Part, Mapping[str, Any]]]:
    """The data disks of a machine, each as a part and as its storage profile has it."""
    shown = {disk["lun"]: disk for disk in inputs["storageProfile"].get("dataDisks") or ()}
    for part in parts:
        if part.machine == machine.machine and part.place is not None:
            yield part, shown[part.place]


def _associations(
    parts: Iterable[Part], inputs: Mapping[str, Mapping[str, Any]]
) -> Iterator[Declared]:
    """Which security group an interface has, which is a resource of its own in azurerm."""
    listed = tuple(parts)
    groups = {part.id.lower(): part for part in listed if part.type == RULES}
    for part in listed:
        if part.type != INTERFACE:
            continue
        named = (inputs[part.id].get("networkSecurityGroup") or {}).get("id") or ""
        if group := groups.get(named.lower()):
            both = {
                "network_interface_id": canonical(part.id),
                "network_security_group_id": canonical(group.id),
            }
            found, name = "|".join(both.values()), identifier(part.name)
            yield Declared(_ASSOCIATION, name, part.machine, found, both, ())


def _named(resources: Iterable[Declared]) -> list[Declared]:
    """The resources with names of which no two are the same in a type."""
    taken: set[str] = set()
    named = []
    for each in resources:
        while each.address in taken:
            each = replace(each, name=f"{each.name}_")
        taken.add(each.address)
        named.append(each)
    return named


def _referring(resources: Sequence[Declared]) -> Iterator[Declared]:
    """The resources with expressions in the place of the ids of each other."""
    known = {each.import_id.lower(): Expression(f"{each.address}.id") for each in resources}

    def within(value: Any) -> Any:
        if isinstance(value, str):
            return known.get(value.lower(), value)
        if isinstance(value, list):
            return [within(each) for each in value]
        return value

    def referring(said: Mapping[str, Any] | None) -> dict[str, Any]:
        return {name: within(value) for name, value in (said or {}).items()}

    for each in resources:
        blocks = [replace(one, arguments=referring(one.arguments)) for one in each.blocks]
        yield replace(each, arguments=referring(each.arguments), blocks=blocks)


def _problem(part: Part, error: NotTakenError) -> str:
    return f"{part.machine or part.name}: Terraform cannot have {part.name}: {error}."
