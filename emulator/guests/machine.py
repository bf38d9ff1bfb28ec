"""The machines of the estate from the inside, as documents of the world, and their mobility agents.

A machine is looked at when EC2 has accepted a change of it or of the network around it, and when one
of its own commands runs. In between everything follows from its document and the time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from weakref import WeakKeyDictionary

from emulator.estate.guest_os import guest, periods, writes
from emulator.estate.guest_os.guest import Guest
from emulator.estate.machines import Instance
from emulator.estate.network import Interface, Network
from emulator.kernel.store import Document
from emulator.kernel.world import World

KIND = "guest/machine"

_SYNC_BASE_SECONDS = 452.0
_SYNC_SECONDS_PER_GIB = 9.84
_SYNC_JITTER = 0.08
"""Initial replication took 501 s for a 5 GB and 747 s for a 30 GB disk (recorded)."""


@dataclass(frozen=True)
class _Seen:
    """What the last `look` saw: most of the time nothing has changed since."""

    instances: Sequence[Instance] = ()
    network: Network = field(default_factory=Network)
    outsides: Mapping[str, tuple[str, Sequence[Interface]]] = field(default_factory=dict)


_seen: WeakKeyDictionary[World, _Seen] = WeakKeyDictionary()


def look(world: World) -> None:
    """Let every machine meet what has changed in EC2 since the last look."""
    instances, network = world.estate.instances(), world.estate.network()
    before = _seen.get(world)
    if before is not None and before.network is network and before.instances == instances:
        return
    outsides = {one.id: (one.state, network.interfaces_of(one.id)) for one in instances}
    changed = _changed(before, network, outsides)
    for instance in instances:
        known = world.store.peek(KIND, instance.id)
        # The server's own groups and its state decide, too, whether its machines reach it.
        server = None if known is None else known["replicatesTo"]
        if changed is None or instance.id in changed or server in changed:
            observe(world, instance)
    for machine in world.store.peeks(KIND):
        if machine["instance"] not in outsides and machine["stopped"] is None:
            observe(world, Instance(machine["instance"], machine["name"], "", state="terminated"))
    _seen[world] = _Seen(instances, network, outsides)


def observe(world: World, instance: Instance) -> Document:
    """The current document of a machine, which is created when the machine is first seen."""
    machine = world.store.get(KIND, instance.id)
    if machine is None:
        machine = {
            "instance": instance.id,
            "name": instance.name,
            "agent": None,
            "registration": None,
            "replicatesTo": None,
            **guest.new(instance, world.estate.network(), world.random),
        }
        before = None
    else:
        before = json.dumps(machine)
    inside(world, machine, instance).look()
    if json.dumps(machine) != before:
        world.store.put(KIND, instance.id, machine)
    return machine


def inside(world: World, machine: Document, instance: Instance) -> Guest:
    """A machine from the inside, now. It changes the document, which the caller has to store."""
    return Guest(machine, instance, world.estate.network(), world.now, world.random)


def _changed(
    before: _Seen | None,
    network: Network,
    outsides: Mapping[str, tuple[str, Sequence[Interface]]],
) -> set[str] | None:
    """The instances around which something is not as before; None if it can be all of them."""
    if before is None:
        return None
    parts = ("acls", "routes", "main_routes", "nat_gateways", "endpoints")
    if any(getattr(before.network, part) != getattr(network, part) for part in parts):
        return None
    earlier, now = before.network.groups, network.groups
    groups = {name for name in earlier.keys() | now.keys() if earlier.get(name) != now.get(name)}
    return {
        name
        for name in before.outsides.keys() | outsides.keys()
        if before.outsides.get(name) != outsides.get(name)
        or any(not groups.isdisjoint(one.groups) for one in outsides[name][1])
    }


def of(world: World, instance_id: str) -> Document | None:
    """The document of a machine that was seen before, or None."""
    return world.store.get(KIND, instance_id)


def peek(world: World, instance_id: str) -> Document | None:
    """Like `of`, for reading only: the document is shared and must not be changed."""
    return world.store.peek(KIND, instance_id)


def instance_at(world: World, vpc_id: str, private_ip: str) -> Instance | None:
    """The running instance with that private address in a VPC, or None."""
    for instance in world.estate.instances():
        here = instance.vpc_id == vpc_id and instance.private_ip == private_ip
        if here and instance.state == "running":
            return instance
    return None


def instance_of(world: World, instance_id: str) -> Instance | None:
    """The instance with that id in any state, or None if EC2 does not list it any more."""
    for instance in world.instances():
        if instance.id == instance_id:
            return instance
    return None


def records(machine: Document, at: datetime) -> int:
    """The number of the last record that a machine had written at a moment."""
    return writes.records(machine["writes"], at)


def held(machine: Document, at: datetime) -> int:
    """The number of the last record that the disks of a machine held at a moment."""
    return writes.held(machine["writes"], at)


def writing(machine: Document, at: datetime) -> bool:
    """Whether records are written at a moment."""
    return writes.writing(machine["writes"], at)


def stopped_at(machine: Document) -> datetime | None:
    """The time since which the machine does not run; None while it runs."""
    return None if machine["stopped"] is None else datetime.fromisoformat(machine["stopped"])


def replicated(machine: Document) -> list[tuple[datetime, datetime | None]]:
    """The periods in which the agent of a machine reached its server; the last end may be in the
    future, or None."""
    return [periods.parsed(period) for period in machine["replicated"]]


def install_agent(world: World, machine: Document, server: str) -> None:
    """Record that the mobility agent is installed and registered with a configuration server."""
    machine["agent"] = {"server": server, "installed": world.now.isoformat()}
    world.store.put(KIND, machine["instance"], machine)


def register_agent(world: World, machine: Document, server: str, association: str) -> None:
    """Record that the agent was installed on the machine itself and registered with a server.

    Args:
        world: the world; a transaction must be open.
        machine: the machine's document.
        server: the instance id of the configuration server or appliance.
        association: the id of State Manager's association that installed it.
    """
    machine["registration"] = {"server": server, "association": association}
    world.store.put(KIND, machine["instance"], machine)


def registered_with(world: World, instance_id: str) -> str | None:
    """The instance id of the server with which a machine's own agent is registered, or None."""
    machine = peek(world, instance_id)
    registration = machine.get("registration") if machine is not None else None
    return str(registration["server"]) if registration else None


def replicate(world: World, instance_id: str, server: Instance | None) -> None:
    """Let the agent of a machine send its data to a server; None ends that."""
    machine = of(world, instance_id)
    instance = instance_of(world, instance_id)
    if machine is None or instance is None:
        return
    machine["replicatesTo"] = None if server is None else server.id
    inside(world, machine, instance).replicate_to(None if server is None else server.private_ip)
    world.store.put(KIND, instance_id, machine)


def remove_agent(world: World, instance_id: str) -> None:
    """Record that disabling replication removed the agent's registration."""
    machine = of(world, instance_id)
    if machine is not None:
        machine["agent"] = None
        world.store.put(KIND, instance_id, machine)


def disks(world: World, instance: Instance) -> list[Document]:
    """A machine's disks as its agent reports them: `id`, `name` and `sizeGib`, the root first.

    Windows disks are identified by their signature, Linux disks by their device.
    """
    windows = instance.platform == "windows"
    return [
        {
            "id": "{" + str(world.random("disk", instance.id, index).getrandbits(31)) + "}",
            "name": f"\\\\.\\PHYSICALDRIVE{index}" if windows else disk.device,
            "sizeGib": disk.size_gib,
        }
        for index, disk in enumerate(instance.disks)
    ]


def sync_time(world: World, about: str, total_gib: int) -> timedelta:
    """The duration of the initial replication of disks with a total size of `total_gib` GiB."""
    spread = world.random("initial-replication", about).uniform(-_SYNC_JITTER, _SYNC_JITTER)
    seconds = (_SYNC_BASE_SECONDS + _SYNC_SECONDS_PER_GIB * total_gib) * (1 + spread)
    return timedelta(seconds=seconds)
