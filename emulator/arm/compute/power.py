"""The power of a virtual machine: when it runs, and when its agent reports after that.

A machine that is switched on runs some tens of seconds later. Its agent reports a minute or two
after that, when the system has booted. [inferred: both durations]

Faults of the operation `Boot` act when a machine is switched on:

- `starting`: it stays in `PowerState/starting`.
- `unbooted`: it runs, but its system does not boot.
- `agentless`: its system boots, but its agent never reports.
- `serviceless`: its system boots, but none of its services starts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from emulator import faults
from emulator.estate.services import Running, Service
from emulator.kernel.resources import PRIVATE
from emulator.kernel.store import Document
from emulator.kernel.world import World

POWER = "power"
_RUNS_AFTER = (20.0, 45.0)
_AGENT_AFTER = (45.0, 110.0)


def switched_on(world: World, machine_id: str, matches: Sequence[str]) -> Document:
    """The power of a machine that is switched on now.

    Args:
        world: the world; a transaction must be open.
        machine_id: its id.
        matches: the strings in which a fault's `match` is searched.
    """
    fault = faults.take(world, operation="Boot", match=[machine_id, *matches], effects=("boot",))
    kind = "" if fault is None else str(fault["boot"]).lower()
    began = world.now.isoformat()
    runs = timedelta(seconds=world.uniform(*_RUNS_AFTER, "runs", machine_id, began))
    agent = runs + timedelta(seconds=world.uniform(*_AGENT_AFTER, "agent", machine_id, began))
    return {
        "state": "on",
        "runsAt": None if kind == "starting" else (world.now + runs).isoformat(),
        "agentAt": None
        if kind in ("starting", "unbooted", "agentless")
        else (world.now + agent).isoformat(),
        "services": kind not in ("starting", "unbooted", "serviceless"),
        "stopped": [],
    }


def code(world: World, document: Document) -> str:
    """The power state, such as `PowerState/running`."""
    power = _power(document)
    state = str(power["state"])
    if state != "on":
        return f"PowerState/{state}"
    return f"PowerState/{'running' if _passed(world, power['runsAt']) else 'starting'}"


def agent_reports(world: World, document: Document) -> bool:
    """Whether the agent of a machine is ready."""
    power = _power(document)
    return power["state"] == "on" and _passed(world, power["agentAt"])


def services(document: Document) -> Running:
    """The services of a machine whose agent reports."""
    private, power = document.get(PRIVATE, {}), _power(document)
    installed = tuple(Service(name, port) for name, port in private.get("services", ()))
    up = {one.name for one in installed if power["services"] and one.name not in power["stopped"]}
    return Running(document["name"], installed, up)


def keep(document: Document, running: Running) -> None:
    """Keep which services a script stopped, until the machine boots again."""
    power = _power(document)
    names = {one.name for one in running.services}
    power |= {"stopped": sorted(names - running.up), "services": True}
    document.setdefault(PRIVATE, {})[POWER] = power


def _power(document: Document) -> Document:
    """The power of a machine; one that was never switched on has been running for ever."""
    default = {"state": "on", "runsAt": "", "agentAt": "", "services": True, "stopped": []}
    return {**default, **document.get(PRIVATE, {}).get(POWER, {})}


def _passed(world: World, moment: str | None) -> bool:
    if moment is None:
        return False
    return not moment or world.present.passed(datetime.fromisoformat(moment))
