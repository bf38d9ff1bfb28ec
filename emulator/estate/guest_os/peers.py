"""Who is connected to a machine: clients in its VPC and outside, a queue that it works off, the
services that its agents talk to. Addresses and how long a connection lasts follow from a seed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from emulator.estate.machines import Instance
from emulator.estate.network import Interface

Chance = Callable[..., random.Random]
"""A random generator that depends on what it is called with, and on a seed."""

SERVICE_PORT = 443
_QUEUE_PORT = 5671  # AMQP over TLS
_SHORT, _LONG = (1.0, 20.0), (1800.0, 8 * 3600.0)
_SENDING = (20.0, 60.0)
"""How long a connection of the mobility agent lasts. Nothing is published [inferred]. A short one is
the harder case for a fence that forgets replication: what is tracked does not hide that for long."""
# Windows's kernel serves HTTP (http.sys), so its connections belong to the process System.
_SERVING = {"linux": ("nginx", None), "windows": ("System", 4)}
_WORKING = {"linux": ("nginx", None), "windows": ("w3wp", None)}
# Linux keeps 15 characters of a process's name.
_MANAGING = {
    "linux": ("amazon-ssm-agen", "ssm-agent-worke"),
    "windows": ("amazon-ssm-agent", "ssm-agent-worker"),
}
_REPLICATING = (("svagents", 443), ("s2", 9443))


def of(
    instance: Instance,
    interfaces: Iterable[Interface],
    chance: Chance,
    managed_at: str | None = None,
) -> list[dict[str, Any]]:
    """The peers of a machine when it is first seen.

    `managed_at` is the address of Systems Manager if its endpoint is in the VPC.

    Each has `name`; `process` and `pid` of this machine that talks to it; `inbound`: whether the
    peer opens its connection; `local` and `address`: both sides; `port`: the one that is connected
    to; `stays`: the least and most seconds that a connection lasts, or None if it never ends by
    itself; `writes`: whether records come from it; `admitted`: whether a new connection would be
    established; `tracked`: whether security groups would track it; `connection`: the established
    one, or None; `made`: how many there were.
    """
    draw = chance("peers", instance.id)
    serving = _process(instance, *_SERVING[instance.platform], chance)
    working = _process(instance, *_WORKING[instance.platform], chance)
    local = instance.private_ip
    found = [
        _peer("queue", working, local, _outside(draw), _QUEUE_PORT, _LONG, inbound=False),
        _peer("client-1", serving, local, _inside(local, draw), SERVICE_PORT, _LONG),
    ]
    for number in range(2, 2 + draw.randint(0, 2)):
        stays = draw.choice([_SHORT, _LONG, None])
        address = _inside(local, draw)
        found.append(_peer(f"client-{number}", serving, local, address, SERVICE_PORT, stays))
    for number in range(1, 1 + draw.randint(0, 2)):
        stays = draw.choice([_SHORT, _LONG])
        found.append(
            _peer(f"visitor-{number}", serving, local, _outside(draw), SERVICE_PORT, stays)
        )
    for number, interface in enumerate(interfaces, 1):
        if interface.address != local:
            name, address = f"interface-{number}", _inside(interface.address, draw)
            found.append(_peer(name, serving, interface.address, address, SERVICE_PORT, _LONG))
    for name in _MANAGING[instance.platform]:
        process = _process(instance, name, None, chance)
        outside = f"203.0.113.{draw.randint(2, 254)}"
        address = managed_at or outside
        peer = _peer(f"aws-{name}", process, local, address, 443, None, inbound=False)
        found.append({**peer, "writes": False})
    return found


def replication(instance: Instance, server: str, chance: Chance) -> list[dict[str, Any]]:
    """The connections of a mobility agent to the server at an address."""
    return [
        {
            **_peer(
                f"replication-{port}",
                _process(instance, name, None, chance),
                instance.private_ip,
                server,
                port,
                _SENDING,
                inbound=False,
            ),
            "writes": False,
        }
        for name, port in _REPLICATING
    ]


def replicates(peer: Mapping[str, Any]) -> bool:
    """Whether a peer is the server that a mobility agent talks to."""
    return str(peer["name"]).startswith("replication-")


def _peer(
    name: str,
    process: tuple[str, int],
    local: str,
    address: str,
    port: int,
    stays: tuple[float, float] | None,
    *,
    inbound: bool = True,
) -> dict[str, Any]:
    return {
        "name": name,
        "process": process[0],
        "pid": process[1],
        "inbound": inbound,
        "local": local,
        "address": address,
        "port": port,
        "stays": None if stays is None else list(stays),
        "writes": True,
        "admitted": False,
        "tracked": False,
        "connection": None,
        "made": 0,
    }


def _process(instance: Instance, name: str, pid: int | None, chance: Chance) -> tuple[str, int]:
    return name, pid or chance("process", instance.id, name).randint(400, 4000)


def _inside(local: str, draw: random.Random) -> str:
    first, second, *_ = local.split(".")
    return f"{first}.{second}.253.{draw.randint(2, 254)}"


def _outside(draw: random.Random) -> str:
    return f"198.51.100.{draw.randint(2, 254)}"
