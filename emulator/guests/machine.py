"""The workload of a machine, which writes records, and its mobility agent. A machine writes
record 1 when it is first seen, and another one every second of service time until it stops. So the
data loss of a failover can be counted.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from weakref import WeakKeyDictionary

from emulator.estate.machines import Instance
from emulator.kernel.store import Document
from emulator.kernel.world import World

KIND = "guest/machine"

_SYNC_BASE_SECONDS = 452.0
_SYNC_SECONDS_PER_GIB = 9.84
_SYNC_JITTER = 0.08
"""Initial replication took 501 s for a 5 GB and 747 s for a 30 GB disk (recorded)."""

_seen: WeakKeyDictionary[World, frozenset[tuple[str, str]]] = WeakKeyDictionary()
"""The result of the last `look`, kept because most of the time nothing has changed since."""


def look(world: World) -> None:
    """Update the machines' documents from the estate."""
    present = {instance.id: instance for instance in world.estate.instances()}
    states = frozenset((instance.id, instance.state) for instance in present.values())
    if _seen.get(world) == states:
        return
    for instance in present.values():
        observe(world, instance)
    for machine in world.store.list(KIND):
        if machine["instance"] not in present and machine["stopped"] is None:
            _stop(world, machine)
    _seen[world] = states


def observe(world: World, instance: Instance) -> Document:
    """The current document of a machine, which is created when the machine is first seen."""
    machine = world.store.get(KIND, instance.id)
    if machine is None:
        machine = {
            "instance": instance.id,
            "name": instance.name,
            "begins": world.now.isoformat(),
            "stopped": None,
            "agent": None,
            "registration": None,
        }
        world.store.put(KIND, instance.id, machine)
    if instance.state != "running" and machine["stopped"] is None:
        _stop(world, machine)
    elif instance.state == "running" and machine["stopped"] is not None:
        _start(world, machine)
    return machine


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
    begins = datetime.fromisoformat(machine["begins"])
    until = at
    if machine["stopped"] is not None:
        until = min(at, datetime.fromisoformat(machine["stopped"]))
    return max(0, math.floor((until - begins).total_seconds()) + 1)


def stopped_at(machine: Document) -> datetime | None:
    """The time at which the machine was first seen stopped; None while it runs."""
    return None if machine["stopped"] is None else datetime.fromisoformat(machine["stopped"])


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


def _stop(world: World, machine: Document) -> None:
    machine["stopped"] = world.now.isoformat()
    world.store.put(KIND, machine["instance"], machine)


def _start(world: World, machine: Document) -> None:
    # The numbers of the records continue.
    pause = world.now - datetime.fromisoformat(machine["stopped"])
    machine["begins"] = (datetime.fromisoformat(machine["begins"]) + pause).isoformat()
    machine["stopped"] = None
    world.store.put(KIND, machine["instance"], machine)
