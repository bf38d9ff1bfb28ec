"""The resources in Azure that belong to migrated machines."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from azure.core.exceptions import ResourceNotFoundError

from report.record import StackRecord
from site_recovery import arm_ids
from site_recovery.azure.connection import Connect
from site_recovery.azure.errors import explained
from site_recovery.azure.rest import call, url
from site_recovery.phases import Phase

MACHINE = "azure-native:compute:VirtualMachine"
DISK = "azure-native:compute:Disk"
INTERFACE = "azure-native:network:NetworkInterface"
RULES = "azure-native:network:NetworkSecurityGroup"
ADDRESS = "azure-native:network:PublicIPAddress"
KINDS = (MACHINE, DISK, INTERFACE, RULES, ADDRESS)

_COMPUTE, _NETWORK = "2024-11-01", "2024-05-01"
_AT_ONCE = 20
_NO_LETTER = re.compile(r"[^a-z0-9-]+")


@dataclass(frozen=True)
class Part:
    """A resource to hand over.

    Attributes:
        name: its name in the programs of Pulumi and Terraform, which no other part has.
        type: its type token.
        id: its ARM id, as the resource that uses it spells it.
        machine: the machine that it belongs to; empty if several use it.
        system: of a virtual machine, `Linux` or `Windows`; otherwise empty.
        place: of a data disk, the lun with which it is attached; otherwise None.
    """

    name: str
    type: str
    id: str
    machine: str = ""
    system: str = ""
    place: int | None = None


@dataclass(frozen=True)
class Found:
    """What there is to hand over, and what is missing, in words."""

    parts: tuple[Part, ...]
    problems: tuple[str, ...]


def migrated(record: StackRecord) -> dict[str, str]:
    """The virtual machine of each migrated machine of a stack, by the machine's name."""
    return {
        machine.machine.name: machine.item.azure_vm_id
        for wave in record.waves
        for machine in wave.machines
        if machine.item is not None
        and machine.item.observed_phase == Phase.MIGRATED
        and machine.item.azure_vm_id
    }


async def find(machines: Mapping[str, str], connect: Connect, *, networks: bool) -> Found:
    """Read virtual machines and what is attached to them.

    Args:
        machines: the ids of virtual machines, by the names of the machines.
        connect: connects to Azure.
        networks: whether security groups and public addresses of the interfaces belong to it.

    Raises:
        MigrationError: Azure did not answer, or refused.
    """
    gate = asyncio.Semaphore(_AT_ONCE)
    found = await asyncio.gather(
        *(_of_machine(name, identifier, connect, gate) for name, identifier in machines.items())
    )
    parts: dict[str, Part] = {}
    problems = []
    for name, machine, interfaces in found:
        if machine is None:
            problems.append(
                f"{name}: its virtual machine {arm_ids.name(machines[name])} does not exist any "
                "more, and is left out. Run pulumi refresh if it was deleted on purpose."
            )
            continue
        for part in _parts(name, machine, interfaces, networks=networks):
            # A security group may be that of many interfaces.
            parts.setdefault(part.id.lower(), part)
    return Found(named_apart(parts.values()), tuple(problems))


async def _of_machine(
    name: str, identifier: str, connect: Connect, gate: asyncio.Semaphore
) -> tuple[str, Mapping[str, Any] | None, tuple[Mapping[str, Any], ...]]:
    """A virtual machine (VirtualMachines_Get) and its interfaces (NetworkInterfaces_Get)."""
    subscription = arm_ids.segment(identifier, "subscriptions")
    async with connect(subscription) as connection:
        client = connection.client
        with explained(name, passing=ResourceNotFoundError):
            try:
                async with gate:
                    machine = await call(client, "GET", url(identifier, _COMPUTE))
            except ResourceNotFoundError:
                return name, None, ()
            profile = machine["properties"].get("networkProfile") or {}
            interfaces = []
            for one in profile.get("networkInterfaces") or ():
                async with gate:
                    interfaces.append(await call(client, "GET", url(one["id"], _NETWORK)))
        return name, machine, tuple(interfaces)


def named_apart(parts: Iterable[Part]) -> tuple[Part, ...]:
    """The parts with names of which no two are the same.

    Two resource groups may have a security group of one name, and a machine may be called so too.
    What is a machine's keeps its name.
    """
    listed = tuple(parts)
    count = Counter(part.name.lower() for part in listed)
    taken = {part.name.lower() for part in listed if part.machine}
    made = []
    for part in listed:
        if not part.machine:
            name = part.name
            if count[name.lower()] > 1:
                group = arm_ids.segment(part.id, "resourceGroups")
                name = _plain(f"{name}-{group}")
            part = replace(part, name=_free(name, taken))
            taken.add(part.name.lower())
        made.append(part)
    return tuple(made)


def _free(name: str, taken: Container[str]) -> str:
    """A name that is not taken: this one, or with a number."""
    candidates = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    return next(each for each in candidates if each.lower() not in taken)


def _plain(name: str) -> str:
    return _NO_LETTER.sub("-", name.lower())


def _parts(
    name: str,
    machine: Mapping[str, Any],
    interfaces: Iterable[Mapping[str, Any]],
    *,
    networks: bool,
) -> Iterator[Part]:
    """The parts of a machine: first what others need."""
    properties = machine["properties"]
    storage = properties["storageProfile"]
    asked = [one["id"] for one in (properties.get("networkProfile") or {})["networkInterfaces"]]
    for number, (identifier, interface) in enumerate(zip(asked, interfaces, strict=True)):
        shown = interface["properties"]
        if networks:
            yield from _of_interface(name, number, shown)
        yield Part(f"{name}-interface-{number}", INTERFACE, identifier, name)
    os_disk = storage["osDisk"]
    if identifier := (os_disk.get("managedDisk") or {}).get("id"):
        yield Part(f"{name}-os-disk", DISK, identifier, name)
    for disk in storage.get("dataDisks") or ():
        if identifier := (disk.get("managedDisk") or {}).get("id"):
            lun = disk["lun"]
            yield Part(f"{name}-data-disk-{lun}", DISK, identifier, name, place=lun)
    yield Part(name, MACHINE, machine["id"], name, system=os_disk.get("osType") or "Linux")


def _of_interface(name: str, number: int, shown: Mapping[str, Any]) -> Iterator[Part]:
    rules = (shown.get("networkSecurityGroup") or {}).get("id")
    if rules:
        yield Part(_plain(arm_ids.name(rules)), RULES, rules)
    for place, configuration in enumerate(shown.get("ipConfigurations") or ()):
        address = (configuration["properties"].get("publicIPAddress") or {}).get("id")
        if address:
            yield Part(f"{name}-address-{number}-{place}", ADDRESS, address, name)
