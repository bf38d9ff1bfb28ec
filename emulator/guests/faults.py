"""What goes wrong inside a machine, as a test sets it through the control API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from emulator.guests import machine
from emulator.kernel import schema
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World

routes = Routes()

_STOP_ENDS = "guest's slow stop ends"
_SHAPE = {
    "clockSkewSeconds": float,
    "keepsConnections": schema.ANY,
    "serviceStops": bool,
    "agent": schema.OneOf("offline", "silent", "hangs"),
    "stop": {"seconds": float, "fails": bool},
}


def register(world: World) -> None:
    """Register the event with which a slow stop ends."""
    world.on(_STOP_ENDS, _end_stop)


@routes.route("GET", "/_emulator/guests/{instance}/faults", "_Guests_GetFaults")
def get_faults(world: World, request: Request, instance: str) -> Response:
    """What goes wrong in a machine."""
    return Response(200, _known(world, instance)["faults"])


@routes.route("PUT", "/_emulator/guests/{instance}/faults", "_Guests_SetFaults", changes=False)
def set_faults(world: World, request: Request, instance: str) -> Response:
    """Let things go wrong in a machine from now on, in place of what did before.

    `clockSkewSeconds`: its clock is ahead, or behind if negative. `keepsConnections`: no command
    ends its connections (true), or those with some addresses (a list). `serviceStops` false: its
    service does not stop. `agent`: `offline` (Systems Manager does not reach it), `silent` (it takes
    no command), `hangs` (a command that it takes does not end). `stop`: the next stops take
    `seconds`, in which the machine goes on; if it `fails`, the instance is running again after them.
    """
    faults = schema.body(request, _SHAPE)
    if not _is_kept(faults.get("keepsConnections", False)):
        raise ArmError(
            400,
            "InvalidRequestContent",
            "'keepsConnections' is true, false or a list of addresses.",
        )
    known = _known(world, instance)
    known["faults"] = faults
    world.store.put(machine.KIND, instance, known)
    _silence(world)
    return Response(200, faults)


@routes.route("DELETE", "/_emulator/guests/{instance}/faults", "_Guests_ClearFaults", changes=False)
def clear_faults(world: World, request: Request, instance: str) -> Response:
    """Let nothing go wrong in a machine any more."""
    known = _known(world, instance)
    known["faults"] = {}
    world.store.put(machine.KIND, instance, known)
    _silence(world)
    return Response(204)


@routes.route("GET", "/_emulator/slow-stops", "_Guests_SlowStops")
def slow_stops(world: World, request: Request) -> Response:
    """The ids of the instances that do not stop at once; the local AWS asks before it stops some."""
    slow = [one["instance"] for one in world.store.peeks(machine.KIND) if "stop" in one["faults"]]
    return Response(200, {"value": slow})


def begin_stops(world: World) -> None:
    """Let the stops of machines that are stopping now end some time later."""
    for known in world.store.list(machine.KIND):
        fault = known["faults"].get("stop")
        if fault is None or known.get("stopping"):
            continue
        instance = machine.instance_of(world, known["instance"])
        if instance is None or instance.state != "stopping":
            continue
        known["stopping"] = True
        world.store.put(machine.KIND, known["instance"], known)
        payload = {"instance": known["instance"], "fails": bool(fault.get("fails"))}
        world.schedule(timedelta(seconds=fault.get("seconds", 0)), _STOP_ENDS, payload)


def _end_stop(world: World, payload: Document) -> None:
    known = machine.of(world, payload["instance"])
    if known is not None:
        known["stopping"] = False
        world.store.put(machine.KIND, payload["instance"], known)
    instance = machine.instance_of(world, payload["instance"])
    if instance is not None and instance.state == "stopping":
        world.estate.end_stop(instance.id, "running" if payload["fails"] else "stopped")
        machine.look(world)


def _known(world: World, instance: str) -> Document:
    machine.look(world)
    known = machine.of(world, instance)
    if known is None:
        raise ArmError(404, "NotFound", f"There is no machine '{instance}'.")
    return known


def _silence(world: World) -> None:
    """Tell AWS which agents do not answer."""
    world.estate.silence(
        frozenset(
            one["instance"]
            for one in world.store.peeks(machine.KIND)
            if str(one["faults"].get("agent")).lower() == "offline"
        )
    )


def _is_kept(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(one, str) for one in value)
    return isinstance(value, bool)
