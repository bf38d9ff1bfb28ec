"""Run Command: scripts that the agents of guests run, and their output."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from emulator.aws.guests import Guests, Order
from emulator.aws.refusals import Refusal
from emulator.aws.systems_manager.machines import Machines, Managed
from emulator.aws.systems_manager.pages import page
from emulator.estate.machines import Instance

Status = Literal["Pending", "InProgress", "Success", "Failed", "TimedOut"]

_PAGE = 50
_TIMEOUT_SECONDS = 3600
# GetCommandInvocation: "The first 24,000 characters", "the first 8,000 characters".
_OUT, _ERR = 24_000, 8_000
_OVER = ("Success", "Failed", "TimedOut")
_PARAMETERS = frozenset({"commands", "workingDirectory", "executionTimeout"})


@dataclass(frozen=True)
class Document:
    """One of Amazon's documents: its platform and its plugin."""

    platform: str
    plugin: str


DOCUMENTS = {
    "AWS-RunPowerShellScript": Document("Windows", "aws:runPowerShellScript"),
    "AWS-RunShellScript": Document("Linux", "aws:runShellScript"),
}


@dataclass(frozen=True)
class Invocation:
    """The state and result of a command on one instance."""

    instance: str
    name: str
    plugin: str
    status: str = "Pending"
    details: str = "Pending"
    began: float | None = None
    ended: float | None = None
    out: str = ""
    err: str = ""
    code: int = -1

    @property
    def over(self) -> bool:
        """Whether nothing more happens to it."""
        return self.status in _OVER


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
    delivery: int
    invocations: dict[str, Invocation]


class Commands:
    """The commands of one region.

    No method that talks to the guests may be called while `lock` is held: they may need the service
    for their answer.

    Args:
        machines: where they run.
        guests: gives the guests as they are reached now.
        lock: held while `machines` are looked at.
        clock: gives the seconds of the epoch, for reports of agents.
    """

    def __init__(
        self,
        machines: Machines,
        guests: Callable[[], Guests],
        lock: threading.Lock,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._machines = machines
        self._guests = guests
        self._lock = lock
        self._clock = clock
        self._commands: dict[str, Command] = {}

    def send(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """SendCommand.

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
        with self._lock:
            chosen = self._chosen(request)
        others = [one.id for one in chosen if one.platform != document.platform]
        if others:
            raise Refusal(
                "UnsupportedPlatformType",
                f"{request['DocumentName']} runs on {document.platform}, and not on "
                f"{', '.join(others)}.",
            )
        order = Order(
            str(uuid.uuid4()),
            document.platform.lower(),
            "\n".join(parameters["commands"]),
            [_instance(one) for one in chosen],
            int(request.get("TimeoutSeconds", _TIMEOUT_SECONDS)),
            int(next(iter(parameters.get("executionTimeout", [])), _TIMEOUT_SECONDS)),
        )
        command = Command(
            order.command,
            request["DocumentName"],
            request.get("DocumentVersion", "$DEFAULT"),
            request.get("Comment", ""),
            self._guests().run(order),
            parameters,
            request.get("Targets") or [],
            request.get("InstanceIds") or [],
            order.delivery_seconds,
            {
                one.id: Invocation(one.id, one.tags.get("Name", ""), document.plugin)
                for one in chosen
            },
        )
        self._commands[command.id] = command
        return {"Command": _summary(command)}

    def invocation(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """GetCommandInvocation.

        Raises:
            Refusal: `InvocationDoesNotExist`, `InvalidPluginName`.
        """
        command = self._now(self._commands.get(request["CommandId"]))
        found = command and command.invocations.get(request["InstanceId"])
        if not command or not found:
            raise Refusal("InvocationDoesNotExist", "")
        plugin = request.get("PluginName")
        if plugin not in (None, found.plugin, found.plugin.replace(":", "")):
            raise Refusal("InvalidPluginName", f"The command has no plugin {plugin}.")
        began, ended = found.began, found.ended
        return {
            "CommandId": command.id,
            "InstanceId": found.instance,
            "Comment": command.comment,
            "DocumentName": command.document,
            "DocumentVersion": command.version,
            "PluginName": found.plugin,
            "ResponseCode": found.code,
            "ExecutionStartDateTime": "" if began is None else _text(began),
            "ExecutionElapsedTime": f"PT{ended - began:.3f}S" if ended and began else "",
            "ExecutionEndDateTime": "" if ended is None else _text(ended),
            "Status": found.status,
            "StatusDetails": found.details,
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
                "StatusDetails": one.details,
                "CommandPlugins": [_plugin(one)] if request.get("Details") else [],
            }
            for command in self._chosen_commands(request)
            for one in command.invocations.values()
            if request.get("InstanceId") in (None, one.instance)
        ]
        return page("CommandInvocations", entries, request, _PAGE)

    def listed(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """ListCommands.

        Raises:
            Refusal: `InvalidFilterKey` (filters are not supported here), or a bad token.
        """
        if request.get("Filters"):
            raise Refusal("InvalidFilterKey", "Filters of commands are not known here.")
        entries = [_summary(command) for command in self._chosen_commands(request)]
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
        before = None if command_id is None else self._commands[command_id].invocations[machine]
        failed = status == "Failed"
        invocation = Invocation(
            instance=machine,
            name="",
            plugin="aws:runDocument",
            status=status,
            details=status,
            began=now if before is None else before.began,
            ended=now,
            out="" if failed else detail,
            err=detail if failed else "",
            code={"Success": 0, "Failed": 1}.get(status, -1),
        )
        if command_id is None:
            command_id = str(uuid.uuid4())
            self._commands[command_id] = Command(
                command_id,
                document,
                "",
                "",
                now,
                {},
                [],
                [machine],
                _TIMEOUT_SECONDS,
                {machine: invocation},
            )
        else:
            self._commands[command_id].invocations[machine] = invocation
        return command_id

    def _chosen_commands(self, request: Mapping[str, Any]) -> list[Command]:
        """The commands that a list is asked for, the newest first, as they are now."""
        wanted, machine = request.get("CommandId"), request.get("InstanceId")
        chosen = [
            one
            for one in reversed(list(self._commands.values()))
            if wanted in (None, one.id) and (machine is None or machine in one.invocations)
        ]
        for one in chosen:
            self._now(one)
        return chosen

    def _now(self, command: Command | None) -> Command | None:
        """A command after its guests were asked how far it is."""
        if command is None or all(one.over for one in command.invocations.values()):
            return command
        for name, progress in self._guests().progress(command.id).items():
            held = command.invocations[name]
            if not held.over:
                # As a whole: another thread must not see that it succeeded before its output.
                command.invocations[name] = replace(
                    held,
                    status=progress.status,
                    details=progress.details,
                    began=progress.began,
                    ended=progress.ended,
                    out=progress.out,
                    err=progress.err,
                    code=progress.code,
                )
        return command

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


def _instance(managed: Managed) -> Instance:
    """A managed instance as a guest is described."""
    described = managed.described
    return Instance(
        managed.id,
        managed.tags.get("Name", managed.id),
        described.get("PrivateIpAddress", ""),
        state=described["State"]["Name"],
        platform=managed.platform.lower(),
        os=managed.system,
        tags=managed.tags,
    )


def _summary(command: Command) -> dict[str, Any]:
    held = list(command.invocations.values())
    over = sum(one.over for one in held)
    late = sum(one.details == "DeliveryTimedOut" for one in held)
    failed = sum(one.status == "Failed" or one.details == "ExecutionTimedOut" for one in held)
    status = details = "Success"
    if any(one.status != "Pending" for one in held) and over < len(held):
        status = details = "InProgress"
    elif over < len(held):
        status = details = "Pending"
    elif failed:
        status = details = "Failed"
    elif late:
        status, details = "TimedOut", "DeliveryTimedOut"
    return {
        "CommandId": command.id,
        "DocumentName": command.document,
        "DocumentVersion": command.version,
        "Comment": command.comment,
        "ExpiresAfter": command.requested + command.delivery,
        "Parameters": command.parameters,
        "InstanceIds": command.asked,
        "Targets": command.targets,
        "RequestedDateTime": command.requested,
        "Status": status,
        "StatusDetails": details,
        "TargetCount": len(held),
        "CompletedCount": over,
        "ErrorCount": failed,
        "DeliveryTimedOutCount": late,
        "TimeoutSeconds": command.delivery,
    }


def _plugin(one: Invocation) -> dict[str, Any]:
    return {
        "Name": one.plugin,
        "Status": one.status,
        "StatusDetails": one.details,
        "ResponseCode": one.code,
        **({} if one.began is None else {"ResponseStartDateTime": one.began}),
        **({} if one.ended is None else {"ResponseFinishDateTime": one.ended}),
        # The list has 2,500 characters of both streams, GetCommandInvocation more.
        "Output": (one.out + (f"\n----------ERROR-------\n{one.err}" if one.err else ""))[:2500],
    }


def _text(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
