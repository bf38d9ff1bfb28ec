"""Run a script in a virtual machine through its agent.

Source: VirtualMachines_RunCommand; "Run scripts in your Linux (Windows) VM by using action Run
Commands": one script at a time, 90 minutes at most, and the last 4,096 bytes of the output. A script
on Windows reports both streams as components, one on Linux reports both in one message. Neither
reports an exit code as such. The refusal while a script runs is as people have met it
(azure-cli issues 19137 and 32305); the other refusals and the durations are [inferred].
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from emulator import faults
from emulator.arm import async_operations
from emulator.arm.compute import power
from emulator.arm.compute.kinds import API_VERSIONS, MACHINE, MACHINES, machine_id
from emulator.estate.shells import linux, windows
from emulator.estate.shells.ran import Ran
from emulator.kernel import long_running, schema
from emulator.kernel.resources import PRIVATE, find, require
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World

_EVENT = "command run"
_TAKES = (12.0, 35.0)
_LONGEST = timedelta(minutes=90)
_KEPT = 4096
_SCRIPTS = {"runshellscript": "Linux", "runpowershellscript": "Windows"}
_BUSY = "command"
_SHAPE = {
    "commandId": str,
    "script": [str],
    "parameters": [{"name": str, "value": str}],
}

routes = Routes(API_VERSIONS)


@routes.route("POST", f"{MACHINE}/runCommand", "VirtualMachines_RunCommand")
def run_command(
    world: World, request: Request, subscription: str, group: str, machine: str
) -> Response:
    """Begin to run a script; its output is the result of the operation."""
    document = require(world, MACHINES, machine_id(subscription, group, machine))
    body = schema.body(request, _SHAPE)
    _require_command(body, document)
    if power.code(world, document) != "PowerState/running":
        raise ArmError(
            409,
            "OperationNotAllowed",
            "The operation requires the VM to be running (or set to run).",
        )
    if not power.agent_reports(world, document):
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"The VM agent of '{document['name']}' is not ready. Run Command needs a VM agent that "
            "reports its status.",
        )
    private = document.setdefault(PRIVATE, {})
    if private.get(_BUSY):
        raise ArmError(
            409,
            "Conflict",
            "Run command extension execution is in progress. Please wait for completion before "
            "invoking a run command.",
        )
    match = [document["id"], str(private.get("machine", document["name"]))]
    fault = faults.take(
        world, operation="VirtualMachines_RunCommand", match=match, effects=("command",)
    )
    given = {} if fault is None else fault["command"]
    private[_BUSY] = world.sequence()
    world.store.put(MACHINES, document["id"], document)
    takes = timedelta(seconds=world.uniform(*_TAKES, "command", private[_BUSY]))
    headers = async_operations.begin(
        world,
        request,
        document,
        takes=_LONGEST if given.get("hangs") else takes,
        event=_EVENT,
        payload={"script": "\n".join(body.get("script", [])), "fault": given},
    )
    return Response(202, None, headers)


def register(world: World) -> None:
    """Register the event handler that runs scripts."""
    long_running.finisher(world, _EVENT, _run, _release)


def _require_command(body: Document, document: Document) -> None:
    system = _SCRIPTS.get(str(body.get("commandId", "")).lower())
    if system is None:
        raise ArmError(
            404,
            "NotFound",
            f"The entity was not found: there is no run command '{body.get('commandId', '')}'.",
        )
    has = _system(document)
    if system != has:
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"The run command '{body['commandId']}' is for {system}, and the VM "
            f"'{document['name']}' runs {has}.",
        )


def _run(world: World, payload: Document) -> None:
    document = find(world, payload["id"])
    if document is None:
        raise ArmError(404, "ResourceNotFound", "The VM was deleted while the command ran.")
    fault = payload["fault"]
    if fault.get("hangs") or not power.agent_reports(world, document):
        raise ArmError(
            409,
            "VMExtensionProvisioningTimeout",
            f"Provisioning of VM extension has timed out for '{document['name']}'.",
        )
    if fault:
        ran = Ran([fault.get("stdout", "")], [fault.get("stderr", "")], fault.get("exitCode", 1))
    else:
        services = power.services(document)
        if _system(document) == "Windows":
            ran = windows.run(payload["script"], services)
        else:
            ran = linux.run(payload["script"], linux.Machine(services))
        power.keep(document, services)
    result = _on_windows(ran) if _system(document) == "Windows" else _on_linux(ran)
    payload["result"] = {"value": result}
    _free(world, document)


def _release(world: World, payload: Document) -> None:
    document = find(world, payload["id"])
    if document is not None:
        _free(world, document)


def _free(world: World, document: Document) -> None:
    document[PRIVATE].pop(_BUSY, None)
    world.store.put(MACHINES, document["id"], document)


def _on_windows(ran: Ran) -> list[Document]:
    return [
        _status(f"ComponentStatus/{name}/succeeded", "".join(lines).rstrip("\n")[-_KEPT:])
        for name, lines in (("StdOut", ran.out), ("StdErr", ran.err))
    ]


def _on_linux(ran: Ran) -> list[Document]:
    out, err = ("".join(lines)[-_KEPT:] for lines in (ran.out, ran.err))
    how = "Enable succeeded: "
    if ran.code:
        how = (
            "Enable failed: failed to execute command: command terminated with exit "
            f"status={ran.code}"
        )
    return [_status("ProvisioningState/succeeded", f"{how}\n[stdout]\n{out}\n[stderr]\n{err}")]


def _status(code: str, message: str) -> Document:
    return {
        "code": code,
        "level": "Info",
        "displayStatus": "Provisioning succeeded",
        "message": message,
    }


def _system(document: Document) -> str:
    disk: dict[str, Any] = document["properties"].get("storageProfile", {}).get("osDisk", {})
    return str(disk.get("osType", "Linux"))
