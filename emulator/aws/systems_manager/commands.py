"""Run Command: the connect attempts of a guest, and their output."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal

from emulator.aws.refusals import Refusal
from emulator.aws.systems_manager import attempts
from emulator.aws.systems_manager.machines import Machines, Managed
from emulator.aws.systems_manager.pages import page
from emulator.estate.network import Network

Status = Literal["Pending", "InProgress", "Success", "Failed"]

_PAGE = 50
_TIMEOUT_SECONDS = 3600
# GetCommandInvocation: "The first 24,000 characters", "the first 8,000 characters".
_OUT, _ERR = 24_000, 8_000
_PARAMETERS = frozenset({"commands", "workingDirectory", "executionTimeout"})


@dataclass(frozen=True)
class Document:
    """One of Amazon's documents: its platform, its plugin, and the function that runs its
    script."""

    platform: str
    plugin: str
    run: Callable[[str, attempts.Guest], attempts.Ran]


DOCUMENTS = {
    "AWS-RunPowerShellScript": Document(
        "Windows", "aws:runPowerShellScript", attempts.run_powershell
    ),
    "AWS-RunShellScript": Document("Linux", "aws:runShellScript", attempts.run_shell),
}


@dataclass
class Invocation:
    """The state and result of a command on one instance."""

    instance: str
    name: str
    plugin: str
    status: Status
    began: float
    ended: float
    out: str = ""
    err: str = ""

    @property
    def code(self) -> int:
        """The exit code; -1 while it runs."""
        return {"Success": 0, "Failed": 1}.get(self.status, -1)


@dataclass
class Command:
    """A command and its invocations by instance id."""

    id: str
    document: str
    version: str
    comment: str
    requested: float
    parameters: Mapping[str, list[str]]
    targets: list[dict[str, Any]]
    asked: list[str]
    invocations: dict[str, Invocation]


class Commands:
    """The commands of one region.

    Args:
        machines: where they run.
        clock: gives the seconds of the epoch.
    """

    def __init__(self, machines: Machines, clock: Callable[[], float] = time.time) -> None:
        self._machines = machines
        self._clock = clock
        self._commands: dict[str, Command] = {}

    def send(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """SendCommand. All attempts have ended when it answers, although the answer says Pending.

        Raises:
            Refusal: an unknown document or parameter, or instances that are not managed, not
                online, or of another platform.
        """
        document = DOCUMENTS.get(request["DocumentName"])
        if document is None:
            raise Refusal(
                "InvalidDocument",
                f"Document with name {request['DocumentName']} does not exist or is not run here; "
                f"there are {', '.join(DOCUMENTS)}.",
            )
        parameters = _parameters(request.get("Parameters") or {})
        chosen = self._chosen(request)
        others = [one.id for one in chosen if one.platform != document.platform]
        if others:
            raise Refusal(
                "UnsupportedPlatformType",
                f"{request['DocumentName']} runs on {document.platform}, and not on "
                f"{', '.join(others)}.",
            )
        script = "\n".join(parameters["commands"])
        network = self._machines.region().network
        command = Command(
            str(uuid.uuid4()),
            request["DocumentName"],
            request.get("DocumentVersion", "$DEFAULT"),
            request.get("Comment", ""),
            self._clock(),
            parameters,
            request.get("Targets") or [],
            request.get("InstanceIds") or [],
            {one.id: self._run(one, document, script, network) for one in chosen},
        )
        self._commands[command.id] = command
        return {"Command": {**_summary(command), "Status": "Pending", "StatusDetails": "Pending"}}

    def invocation(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """GetCommandInvocation.

        Raises:
            Refusal: `InvocationDoesNotExist`, `InvalidPluginName`.
        """
        command = self._commands.get(request["CommandId"])
        found = command and command.invocations.get(request["InstanceId"])
        if not command or not found:
            raise Refusal("InvocationDoesNotExist", "")
        plugin = request.get("PluginName")
        if plugin not in (None, found.plugin, found.plugin.replace(":", "")):
            raise Refusal("InvalidPluginName", f"The command has no plugin {plugin}.")
        over = found.code >= 0
        return {
            "CommandId": command.id,
            "InstanceId": found.instance,
            "Comment": command.comment,
            "DocumentName": command.document,
            "DocumentVersion": command.version,
            "PluginName": found.plugin,
            "ResponseCode": found.code,
            "ExecutionStartDateTime": _text(found.began),
            "ExecutionElapsedTime": f"PT{found.ended - found.began:.3f}S" if over else "",
            "ExecutionEndDateTime": _text(found.ended) if over else "",
            "Status": found.status,
            "StatusDetails": found.status,
            "StandardOutputContent": found.out[:_OUT],
            "StandardOutputUrl": "",
            "StandardErrorContent": found.err[:_ERR],
            "StandardErrorUrl": "",
        }

    def invocations(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """ListCommandInvocations.

        Raises:
            Refusal: `InvalidCommandId`, `InvalidFilterKey` (filters are not supported here), or a
                bad token.
        """
        if request.get("Filters"):
            raise Refusal("InvalidFilterKey", "Filters of invocations are not known here.")
        wanted = request.get("CommandId")
        if wanted is not None and wanted not in self._commands:
            raise Refusal("InvalidCommandId", f"There is no command {wanted}.")
        entries = [
            {
                "CommandId": command.id,
                "InstanceId": one.instance,
                "InstanceName": one.name,
                "Comment": command.comment,
                "DocumentName": command.document,
                "DocumentVersion": command.version,
                "RequestedDateTime": command.requested,
                "Status": one.status,
                "StatusDetails": one.status,
                "CommandPlugins": [_plugin(one)] if request.get("Details") else [],
            }
            for command in self._commands.values()
            for one in command.invocations.values()
            if wanted in (None, command.id) and request.get("InstanceId") in (None, one.instance)
        ]
        return page("CommandInvocations", entries, request, _PAGE)

    def listed(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """ListCommands.

        Raises:
            Refusal: `InvalidFilterKey` (filters are not supported here), or a bad token.
        """
        if request.get("Filters"):
            raise Refusal("InvalidFilterKey", "Filters of commands are not known here.")
        entries = [
            _summary(command)
            for command in self._commands.values()
            if request.get("CommandId") in (None, command.id)
            and (request.get("InstanceId") is None or request["InstanceId"] in command.invocations)
        ]
        return page("Commands", entries, request, _PAGE)

    def record(
        self, command_id: str | None, machine: str, document: str, status: Status, detail: str
    ) -> str:
        """Record what an association did on an instance, as its agent reports it.

        Args:
            command_id: the command of an earlier report of the same run; None for the first one.
            machine: the instance's id.
            document: the association's document.
            status: its status.
            detail: what it printed, or why it failed.

        Returns:
            The id of the command that has the record.
        """
        now = self._clock()
        if command_id is None:
            command_id = str(uuid.uuid4())
            self._commands[command_id] = Command(
                command_id, document, "", "", now, {}, [], [machine], {}
            )
        held = self._commands[command_id].invocations
        began = held[machine].began if machine in held else now
        failed = status == "Failed"
        held[machine] = Invocation(
            instance=machine,
            name="",
            plugin="aws:runDocument",
            status=status,
            began=began,
            ended=now,
            out="" if failed else detail,
            err=detail if failed else "",
        )
        return command_id

    def _chosen(self, request: Mapping[str, Any]) -> list[Managed]:
        machines = self._machines.all()
        named = request.get("InstanceIds") or []
        if bool(named) == bool(request.get("Targets")):
            raise Refusal("ValidationException", "Name either InstanceIds or Targets.")
        lost = [one for one in named if one not in machines or not machines[one].online]
        if lost:
            raise Refusal(
                "InvalidInstanceId",
                f"Instances {sorted(lost)} not in a valid state for account",
            )
        found = [machines[one] for one in named]
        if not named:
            found = [one for one in targeted(request["Targets"], machines) if one.online]
        return found

    def _run(
        self, machine: Managed, document: Document, script: str, network: Network
    ) -> Invocation:
        began = self._clock()
        guest = attempts.Guest(machine.system, partial(network.connects, machine.id))
        ran = document.run(script, guest)
        return Invocation(
            machine.id,
            machine.tags.get("Name", ""),
            document.plugin,
            "Success" if ran.code == 0 else "Failed",
            began,
            self._clock(),
            ran.out,
            ran.err,
        )


def targeted(
    targets: Iterable[Mapping[str, Any]], machines: Mapping[str, Managed]
) -> list[Managed]:
    """The managed instances that match all targets of a request.

    Raises:
        Refusal: `InvalidTarget`, for keys other than InstanceIds, tag:<key> and tag-key.
    """
    found = list(machines.values())
    for target in targets:
        key, values = target["Key"], set(target.get("Values", []))
        if key == "InstanceIds":
            found = [one for one in found if one.id in values or "*" in values]
        elif key.startswith("tag:"):
            found = [one for one in found if one.tags.get(key.removeprefix("tag:")) in values]
        elif key == "tag-key":
            found = [one for one in found if not values.isdisjoint(one.tags)]
        else:
            raise Refusal("InvalidTarget", f"Targets by {key} are not known here.")
    return found


def _parameters(given: Mapping[str, list[str]]) -> Mapping[str, list[str]]:
    unknown = sorted(set(given) - _PARAMETERS)
    if unknown:
        raise Refusal("InvalidParameters", f"Parameters {unknown} are not defined in the document.")
    if not given.get("commands"):
        raise Refusal("InvalidParameters", "Parameter commands is required.")
    return given


def _summary(command: Command) -> dict[str, Any]:
    states = [one.status for one in command.invocations.values()]
    failed = states.count("Failed")
    over = failed + states.count("Success")
    status = "Failed" if failed else "Success"
    if over < len(states):
        status = "InProgress"
    return {
        "CommandId": command.id,
        "DocumentName": command.document,
        "DocumentVersion": command.version,
        "Comment": command.comment,
        "ExpiresAfter": command.requested + _TIMEOUT_SECONDS,
        "Parameters": command.parameters,
        "InstanceIds": command.asked,
        "Targets": command.targets,
        "RequestedDateTime": command.requested,
        "Status": status,
        "StatusDetails": status,
        "TargetCount": len(states),
        "CompletedCount": over,
        "ErrorCount": failed,
        "DeliveryTimedOutCount": 0,
        "TimeoutSeconds": _TIMEOUT_SECONDS,
    }


def _plugin(one: Invocation) -> dict[str, Any]:
    return {
        "Name": one.plugin,
        "Status": one.status,
        "StatusDetails": one.status,
        "ResponseCode": one.code,
        "ResponseStartDateTime": one.began,
        "ResponseFinishDateTime": one.ended,
        # The list has 2,500 characters of both streams, GetCommandInvocation more.
        "Output": (one.out + (f"\n----------ERROR-------\n{one.err}" if one.err else ""))[:2500],
    }


def _text(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
