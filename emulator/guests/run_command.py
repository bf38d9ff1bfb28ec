"""Scripts that Systems Manager gives to the agents of machines, and the changes of EC2 that the
machines feel: what the local AWS asks of its guests.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from emulator.estate.guest_os import running
from emulator.estate.machines import Change
from emulator.guests import faults, machine
from emulator.kernel import schema
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World

KIND = "guest/command"

routes = Routes()

_TAKES = "guest's agent takes a command"
_DELIVERY_SECONDS = (0.3, 1.5)
_AGAIN = timedelta(seconds=15)
_RUN_SECONDS = {"linux": (0.4, 1.5), "windows": (1.5, 4.0)}
"""How long a script runs; PowerShell takes some time to start."""


def register(world: World) -> None:
    """Register the event with which an agent takes a command."""
    world.on(_TAKES, _take)


@routes.route("POST", "/_emulator/aws-changes", "_Guests_AwsChanged", changes=False)
def aws_changed(world: World, request: Request) -> Response:
    """Let machines feel now what EC2 has carried out: `{"instances", "interfaces", "groups",
    "changes", "run"}`. What came due before has happened before."""
    told = schema.body(
        request,
        {"instances": [str], "interfaces": [str], "groups": bool, "changes": int, "run": str},
    )
    world.estate.changed(
        Change(
            tuple(told.get("instances", ())),
            tuple(told.get("interfaces", ())),
            told.get("changes", 0),
            told.get("run", ""),
            told.get("groups", False),
        )
    )
    machine.look(world)
    faults.begin_stops(world)
    return Response(200, {"now": world.now.isoformat()})


@routes.route("POST", "/_emulator/run-commands", "_Guests_RunCommand", changes=False)
def run(world: World, request: Request) -> Response:
    """Give a script to agents: `{"command", "platform", "script", "instances", "deliverySeconds",
    "executionSeconds"}`. Answers the time."""
    shape = {
        "command": str,
        "platform": schema.OneOf("windows", "linux"),
        "script": str,
        "instances": [str],
        "deliverySeconds": int,
        "executionSeconds": int,
    }
    order = schema.body(request, shape)
    missing = sorted(shape.keys() - order.keys())
    if missing:
        raise ArmError(400, "InvalidRequestContent", f"{', '.join(missing)} is missing.")
    for instance in order["instances"]:
        key = f"{order['command']}|{instance}"
        world.store.put(
            KIND,
            key,
            {
                "command": order["command"],
                "instance": instance,
                "platform": str(order["platform"]).lower(),
                "script": order["script"],
                "deliverUntil": (
                    world.now + timedelta(seconds=order["deliverySeconds"])
                ).isoformat(),
                "executionSeconds": order["executionSeconds"],
                "began": None,
                "ended": None,
                "out": "",
                "err": "",
                "code": -1,
            },
        )
        seconds = world.random("command is delivered", key).uniform(*_DELIVERY_SECONDS)
        world.schedule(timedelta(seconds=seconds), _TAKES, {"key": key})
    return Response(202, {"now": world.now.isoformat()})


@routes.route("GET", "/_emulator/run-commands/{command}", "_Guests_GetRunCommand")
def progress(world: World, request: Request, command: str) -> Response:
    """How far a command is on each instance: status, details, began, ended, out, err, code."""
    value = {
        document["instance"]: _progress(world, document)
        for document in world.store.peeks(KIND, f"{command}|")
    }
    return Response(200, {"value": value})


def _take(world: World, payload: Document) -> None:
    command = world.store.get(KIND, payload["key"])
    if command is None or command["began"] is not None:
        return
    instance = machine.instance_of(world, command["instance"])
    known = machine.peek(world, command["instance"])
    agent = str(known["faults"].get("agent", "")).lower() if known else ""
    if instance is None or instance.state != "running" or agent in ("offline", "silent"):
        if world.now + _AGAIN < datetime.fromisoformat(command["deliverUntil"]):
            world.schedule(_AGAIN, _TAKES, payload)
        return
    if agent == "hangs":
        command["began"] = world.now.isoformat()
        world.store.put(KIND, payload["key"], command)
        return
    document = machine.observe(world, instance)
    ran = running.run(
        command["platform"], command["script"], machine.inside(world, document, instance)
    )
    world.store.put(machine.KIND, instance.id, document)
    draw = world.random("command runs", payload["key"])
    seconds = draw.uniform(*_RUN_SECONDS[command["platform"]])
    command |= {
        "began": world.now.isoformat(),
        "ended": (world.now + timedelta(seconds=seconds)).isoformat(),
        "out": ran.out,
        "err": ran.err,
        "code": ran.code,
    }
    world.store.put(KIND, payload["key"], command)


def _progress(world: World, command: Document) -> Document:
    if command["began"] is None:
        late = world.now >= datetime.fromisoformat(command["deliverUntil"])
        if late:
            return {"status": "TimedOut", "details": "DeliveryTimedOut"}
        return {"status": "Pending", "details": "Pending"}
    began = datetime.fromisoformat(command["began"])
    limit = began + timedelta(seconds=command["executionSeconds"])
    ended = None if command["ended"] is None else datetime.fromisoformat(command["ended"])
    if world.now < min(ended or limit, limit):
        return {"status": "InProgress", "details": "InProgress", "began": began.timestamp()}
    if ended is None or limit < ended:
        return {
            "status": "TimedOut",
            "details": "ExecutionTimedOut",
            "began": began.timestamp(),
            "ended": limit.timestamp(),
        }
    status = "Failed" if command["code"] else "Success"
    return {
        "status": status,
        "details": status,
        "began": began.timestamp(),
        "ended": ended.timestamp(),
        **{name: command[name] for name in ("out", "err", "code")},
    }
