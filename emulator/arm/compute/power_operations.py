"""Start, power off, deallocate and restart a virtual machine.

Source: Microsoft.Compute, VirtualMachines_Start, _PowerOff, _Deallocate and _Restart: 202 with both
poll URLs. A later operation takes the place of one that runs, which then fails with
OperationPreempted.
"""

from __future__ import annotations

from datetime import timedelta

from emulator.arm import async_operations
from emulator.arm.compute import power
from emulator.arm.compute.kinds import API_VERSIONS, MACHINE, MACHINES, machine_id
from emulator.kernel import long_running
from emulator.kernel.resources import PRIVATE, find, require
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World

_START, _RESTART = "virtual machine started", "virtual machine restarted"
_STOP, _DEALLOCATION = "virtual machine stopped", "virtual machine deallocated"
_TAKES = {
    _START: timedelta(seconds=50),
    _RESTART: timedelta(seconds=60),
    _STOP: timedelta(seconds=35),
    _DEALLOCATION: timedelta(seconds=75),
}
_DURING = {_STOP: "stopping", _DEALLOCATION: "deallocating"}
_AFTER = {_STOP: "stopped", _DEALLOCATION: "deallocated"}

routes = Routes(API_VERSIONS)


@routes.route("POST", f"{MACHINE}/start", "VirtualMachines_Start")
def start(world: World, request: Request, subscription: str, group: str, machine: str) -> Response:
    """Switch a machine on."""
    document = require(world, MACHINES, machine_id(subscription, group, machine))
    if power.code(world, document) not in ("PowerState/running", "PowerState/starting"):
        _switch_on(world, document)
    return _begin(world, request, document, _START)


@routes.route("POST", f"{MACHINE}/restart", "VirtualMachines_Restart")
def restart(
    world: World, request: Request, subscription: str, group: str, machine: str
) -> Response:
    """Boot a running machine again."""
    document = require(world, MACHINES, machine_id(subscription, group, machine))
    if power.code(world, document) != "PowerState/running":
        raise ArmError(
            409,
            "OperationNotAllowed",
            "The operation requires the VM to be running (or set to run).",
        )
    _switch_on(world, document)
    return _begin(world, request, document, _RESTART)


@routes.route("POST", f"{MACHINE}/powerOff", "VirtualMachines_PowerOff")
def power_off(
    world: World, request: Request, subscription: str, group: str, machine: str
) -> Response:
    """Switch a machine off; it keeps its host, and is billed."""
    document = require(world, MACHINES, machine_id(subscription, group, machine))
    return _begin(world, request, document, _STOP)


@routes.route("POST", f"{MACHINE}/deallocate", "VirtualMachines_Deallocate")
def deallocate(
    world: World, request: Request, subscription: str, group: str, machine: str
) -> Response:
    """Switch a machine off and release its host."""
    document = require(world, MACHINES, machine_id(subscription, group, machine))
    return _begin(world, request, document, _DEALLOCATION)


def register(world: World) -> None:
    """Register the event handlers that end the operations."""
    for event in _TAKES:
        long_running.finisher(world, event, _end)


def _begin(world: World, request: Request, document: Document, event: str) -> Response:
    if event in _DURING:
        _power_of(document)["state"] = _DURING[event]
    turn = str(world.sequence())
    document.setdefault(PRIVATE, {})["operation"] = turn
    document["properties"]["provisioningState"] = "Updating"
    world.store.put(MACHINES, document["id"], document)
    headers = async_operations.begin(
        world,
        request,
        document,
        takes=_TAKES[event],
        event=event,
        payload={"turn": turn, "after": _AFTER.get(event), "result": None},
    )
    return Response(202, None, headers)


def _end(world: World, payload: Document) -> None:
    document = find(world, payload["id"])
    if document is None or document[PRIVATE].get("operation") != payload["turn"]:
        raise ArmError(
            409,
            "OperationPreempted",
            "Operation execution has been preempted by a more recent operation.",
        )
    if payload["after"] is not None:
        _power_of(document)["state"] = payload["after"]
    document["properties"]["provisioningState"] = "Succeeded"
    world.store.put(MACHINES, document["id"], document)


def _switch_on(world: World, document: Document) -> None:
    private = document.setdefault(PRIVATE, {})
    private[power.POWER] = power.switched_on(
        world, document["id"], [str(private.get("machine", document["name"]))]
    )


def _power_of(document: Document) -> Document:
    power_: Document = document.setdefault(PRIVATE, {}).setdefault(power.POWER, {})
    return power_
