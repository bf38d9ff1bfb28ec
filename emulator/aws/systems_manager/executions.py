"""Runs of associations: the reports of the instances' agents, and the service's view of them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from emulator.aws.refusals import Refusal
from emulator.aws.systems_manager.commands import Commands, Status
from emulator.aws.systems_manager.held import Association, Held, Run, together
from emulator.aws.systems_manager.machines import Machines
from emulator.aws.systems_manager.pages import page

_PAGE = 50
_STATUSES: tuple[Status, ...] = ("Success", "Failed", "InProgress")


class Executions:
    """The runs of one region's associations.

    Args:
        held: the associations.
        machines: the instances that they may be for.
        commands: where the text of their runs is kept.
        clock: gives the seconds of the epoch.
    """

    def __init__(
        self,
        held: Held,
        machines: Machines,
        commands: Commands,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._held = held
        self._machines = machines
        self._commands = commands
        self._clock = clock

    def executions(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """DescribeAssociationExecutions, the newest first.

        Raises:
            Refusal: no such association, a filter (none is known here), or a bad token.
        """
        held = self._held.of(request)
        _refuse_filters(request, {"ExecutionId"})
        wanted = {one["Value"] for one in request.get("Filters") or []}
        machines = self._machines.all()
        entries = [
            _execution(held, run, list(held.statuses(run, machines).values()))
            for run in reversed(held.runs)
            if not wanted or run.id in wanted
        ]
        return page("AssociationExecutions", entries, request, _PAGE)

    def execution_targets(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """DescribeAssociationExecutionTargets: a status for each instance.

        The text behind it is the output of the command that `OutputSource` names.

        Raises:
            Refusal: no such association or execution, a filter that is not known here, or a bad
                token.
        """
        held = self._held.of(request)
        run = next((one for one in held.runs if one.id == request["ExecutionId"]), None)
        if run is None:
            raise Refusal("AssociationExecutionDoesNotExist", "There is no such execution.")
        _refuse_filters(request, {"ResourceId", "Status"})
        machines = self._machines.all()
        entries = [
            _target(held, run, name, status)
            for name, status in held.statuses(run, machines).items()
        ]
        for wanted in request.get("Filters") or []:
            entries = [one for one in entries if one[wanted["Key"]] == wanted["Value"]]
        return page("AssociationExecutionTargets", entries, request, _PAGE)

    def report(self, association: str, instance: str, status: str, detail: str) -> None:
        """Record an agent's report on the latest run of an association.

        Args:
            association: the association's id.
            instance: the instance's id.
            status: InProgress, Success or Failed.
            detail: what the document printed, or why it failed.

        Raises:
            Refusal: no such association, an instance that is not among its targets, or an unknown
                status.
        """
        known = next((one for one in _STATUSES if one == status), None)
        if known is None:
            raise Refusal("ValidationException", f"status is one of {', '.join(_STATUSES)}.")
        held = self._held.of({"AssociationId": association})
        if instance not in held.targets(self._machines.all()):
            raise Refusal("InvalidInstanceId", f"{instance} is not a target of {association}.")
        run = held.runs[-1]
        run.statuses[instance] = known
        run.reported[instance] = self._clock()
        run.commands[instance] = self._commands.record(
            run.commands.get(instance), instance, held.document, known, detail
        )

    def overview(self, instance: str) -> dict[str, Any] | None:
        """The results of all associations of an instance, as its instance information shows
        them."""
        statuses = [
            held.runs[-1].statuses[instance]
            for held in self._held.values()
            if instance in held.runs[-1].statuses
        ]
        if not statuses:
            return None
        return {
            "AssociationStatus": together(statuses),
            "AssociationOverview": {
                "DetailedStatus": together(statuses),
                "InstanceAssociationStatusAggregatedCount": dict(Counter(statuses)),
            },
        }


def _execution(held: Association, run: Run, statuses: list[Status]) -> dict[str, Any]:
    counts = ", ".join(f"{name}={many}" for name, many in Counter(statuses).items())
    return {
        "AssociationId": held.id,
        "AssociationVersion": run.version,
        "ExecutionId": run.id,
        "Status": together(statuses),
        "DetailedStatus": together(statuses),
        "CreatedTime": run.created,
        "LastExecutionDate": max(run.reported.values(), default=run.created),
        "ResourceCountByStatus": f"{{{counts}}}",
    }


def _target(held: Association, run: Run, instance: str, status: Status) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "AssociationId": held.id,
        "AssociationVersion": run.version,
        "ExecutionId": run.id,
        "ResourceId": instance,
        "ResourceType": "ManagedInstance",
        "Status": status,
        "DetailedStatus": status,
        "LastExecutionDate": run.reported.get(instance, run.created),
    }
    if instance in run.commands:
        entry["OutputSource"] = {
            "OutputSourceId": run.commands[instance],
            "OutputSourceType": "RunCommand",
        }
    return entry


def _refuse_filters(request: Mapping[str, Any], known: set[str]) -> None:
    for wanted in request.get("Filters") or []:
        if wanted["Key"] not in known or wanted.get("Type", "EQUAL") != "EQUAL":
            raise Refusal("ValidationException", f"The filter {wanted['Key']} is not known here.")
