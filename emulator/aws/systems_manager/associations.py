"""State Manager: associations of documents with instances, and what their runs came to.

An association runs once when it is made, each time that it is changed, and when it is started
again; schedules are kept, but nothing runs by them. The instances' agents tell what became of a
run: see `Associations.report`.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from emulator.aws.permissions import ClientFactory
from emulator.aws.systems_manager.commands import Commands, Status, targeted
from emulator.aws.systems_manager.machines import Machines, Managed
from emulator.aws.systems_manager.pages import page
from emulator.aws.systems_manager.refusals import Refusal

_PAGE = 50
_KEPT = (
    "AssociationName",
    "AutomationTargetParameterName",
    "ApplyOnlyAtCronInterval",
    "CalendarNames",
    "ComplianceSeverity",
    "DocumentVersion",
    "MaxConcurrency",
    "MaxErrors",
    "OutputLocation",
    "Parameters",
    "ScheduleExpression",
    "SyncCompliance",
    "Targets",
)
_LISTED = ("AssociationName", "DocumentVersion", "ScheduleExpression", "Targets")
_OWN = frozenset({"AssociationId", "AssociationVersion", "Name", "Tags"})
_SCHEDULE = re.compile(r"(rate|cron|at)\(.+\)")
_STATUSES: tuple[Status, ...] = ("Success", "Failed", "InProgress")


@dataclass
class Run:
    """One execution: what each instance's agent reported, and the command that holds its text."""

    id: str
    version: str
    created: float
    statuses: dict[str, Status] = field(default_factory=dict)
    commands: dict[str, str] = field(default_factory=dict)
    reported: dict[str, float] = field(default_factory=dict)


@dataclass
class Association:
    """A document and the instances that it is for; `wanted` is as it was asked for."""

    id: str
    document: str
    wanted: dict[str, Any]
    created: float
    changed: float
    runs: list[Run]
    tags: dict[str, str]

    @property
    def version(self) -> str:
        """The number of the last change, from 1."""
        return self.runs[-1].version


class Associations:
    """The associations of one region.

    Args:
        client: gives the client of a service in the region; documents are asked of moto.
        machines: the instances that they may be for.
        commands: where the text of their runs is kept.
        clock: gives the seconds of the epoch.
    """

    def __init__(
        self,
        client: ClientFactory,
        machines: Machines,
        commands: Commands,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._machines = machines
        self._commands = commands
        self._clock = clock
        self._held: dict[str, Association] = {}

    # -- the association --------------------------------------------------------------------

    def create(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """CreateAssociation, which runs it.

        Raises:
            Refusal: no such document or document version, parameters that do not fit it, no or
                unknown targets, a name that is taken, or what is not known here.
        """
        self._refuse_unknown(request)
        self._check(request["Name"], request)
        self._refuse_taken(request.get("AssociationName"), None)
        now = self._clock()
        made = Association(
            str(uuid.uuid4()),
            request["Name"],
            {name: request[name] for name in _KEPT if name in request},
            now,
            now,
            [Run(str(uuid.uuid4()), "1", now)],
            {tag["Key"]: tag["Value"] for tag in request.get("Tags") or []},
        )
        self._held[made.id] = made
        return {"AssociationDescription": self._description(made)}

    def update(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """UpdateAssociation, which runs it again. What is left out is gone afterwards.

        Raises:
            Refusal: as for `create`, and no such association or version.
        """
        self._refuse_unknown(request)
        held = self._of(request)
        if request.get("AssociationVersion", "$LATEST") not in (held.version, "$LATEST"):
            raise Refusal("InvalidAssociationVersion", "The version is not the latest one.")
        if request.get("Name", held.document) != held.document:
            raise Refusal("InvalidUpdate", "The document of an association cannot be changed.")
        self._check(held.document, request)
        self._refuse_taken(request.get("AssociationName"), held.id)
        held.wanted = {name: request[name] for name in _KEPT if name in request}
        held.changed = self._clock()
        self._start(held, str(int(held.version) + 1))
        return {"AssociationDescription": self._description(held)}

    def delete(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """DeleteAssociation.

        Raises:
            Refusal: no such association.
        """
        del self._held[self._of(request).id]
        return {}

    def start(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """StartAssociationsOnce.

        Raises:
            Refusal: no such association.
        """
        every = [self._of({"AssociationId": name}) for name in request["AssociationIds"]]
        for held in every:
            self._start(held, held.version)
        return {}

    def describe(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """DescribeAssociation.

        Raises:
            Refusal: no such association or version; only the latest one is kept.
        """
        held = self._of(request)
        if request.get("AssociationVersion", "$LATEST") not in (held.version, "$LATEST"):
            raise Refusal("InvalidAssociationVersion", "Only the latest version is kept here.")
        return {"AssociationDescription": self._description(held)}

    def listed(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """ListAssociations; by InstanceId also those whose targets mean it by a tag.

        Raises:
            Refusal: a filter that is not known here, or a bad token.
        """
        found = list(self._held.values())
        machines = self._machines.all()
        for wanted in request.get("AssociationFilterList") or []:
            key, value = wanted["key"], wanted["value"]
            if key == "InstanceId":
                found = [one for one in found if value in self._targets(one, machines)]
            elif key in ("Name", "AssociationId", "AssociationName", "AssociationStatusName"):
                found = [one for one in found if self._is(one, key, value)]
            else:
                raise Refusal("ValidationException", f"The filter {key} is not known here.")
        return page("Associations", [self._entry(one) for one in found], request, _PAGE)

    # -- its runs ---------------------------------------------------------------------------

    def executions(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """DescribeAssociationExecutions, the newest first.

        Raises:
            Refusal: no such association, a filter (none is known here), or a bad token.
        """
        held = self._of(request)
        _refuse_filters(request, {"ExecutionId"})
        wanted = {one["Value"] for one in request.get("Filters") or []}
        machines = self._machines.all()
        entries = [
            self._execution(held, run, machines)
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
        held = self._of(request)
        run = next((one for one in held.runs if one.id == request["ExecutionId"]), None)
        if run is None:
            raise Refusal("AssociationExecutionDoesNotExist", "There is no such execution.")
        _refuse_filters(request, {"ResourceId", "Status"})
        machines = self._machines.all()
        entries = [
            self._target(held, run, name, status)
            for name, status in self._statuses(held, run, machines).items()
        ]
        for wanted in request.get("Filters") or []:
            entries = [one for one in entries if one[wanted["Key"]] == wanted["Value"]]
        return page("AssociationExecutionTargets", entries, request, _PAGE)

    def report(self, association: str, instance: str, status: str, detail: str) -> None:
        """Take an agent's word on the latest run of an association.

        Args:
            association: the association's id.
            instance: the instance's id.
            status: InProgress, Success or Failed.
            detail: what the document printed, or why it failed.

        Raises:
            Refusal: no such association, an instance that is none of its targets, or a status
                that is none.
        """
        known = next((one for one in _STATUSES if one == status), None)
        if known is None:
            raise Refusal("ValidationException", f"status is one of {', '.join(_STATUSES)}.")
        held = self._of({"AssociationId": association})
        if instance not in self._targets(held, self._machines.all()):
            raise Refusal("InvalidInstanceId", f"{instance} is no target of {association}.")
        run = held.runs[-1]
        run.statuses[instance] = known
        run.reported[instance] = self._clock()
        run.commands[instance] = self._commands.record(
            run.commands.get(instance), instance, held.document, known, detail
        )

    def overview(self, instance: str) -> dict[str, Any] | None:
        """What all associations of an instance came to, as its instance information has it."""
        statuses = [
            held.runs[-1].statuses[instance]
            for held in self._held.values()
            if instance in held.runs[-1].statuses
        ]
        if not statuses:
            return None
        return {
            "AssociationStatus": _together(statuses),
            "AssociationOverview": {
                "DetailedStatus": _together(statuses),
                "InstanceAssociationStatusAggregatedCount": dict(Counter(statuses)),
            },
        }

    # -- tags -------------------------------------------------------------------------------

    def add_tags(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """AddTagsToResource.

        Raises:
            Refusal: no such association.
        """
        self._tagged(request).update({tag["Key"]: tag["Value"] for tag in request["Tags"]})
        return {}

    def remove_tags(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """RemoveTagsFromResource.

        Raises:
            Refusal: no such association.
        """
        for key in request["TagKeys"]:
            self._tagged(request).pop(key, None)
        return {}

    def tags(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """ListTagsForResource.

        Raises:
            Refusal: no such association.
        """
        found = self._tagged(request)
        return {"TagList": [{"Key": key, "Value": value} for key, value in found.items()]}

    def _tagged(self, request: Mapping[str, Any]) -> dict[str, str]:
        held = self._held.get(request["ResourceId"])
        if held is None:
            raise Refusal("InvalidResourceId", "There is no such association.")
        return held.tags

    # -- what is refused --------------------------------------------------------------------

    def _of(self, request: Mapping[str, Any]) -> Association:
        held = self._held.get(request.get("AssociationId", ""))
        if held is None:
            raise Refusal("AssociationDoesNotExist", "The specified association does not exist.")
        return held

    @staticmethod
    def _refuse_unknown(request: Mapping[str, Any]) -> None:
        unknown = sorted(set(request) - set(_KEPT) - _OWN)
        if unknown:
            raise Refusal("ValidationException", f"{', '.join(unknown)} is not known here.")

    def _refuse_taken(self, name: str | None, own: str | None) -> None:
        for held in self._held.values():
            if name is not None and held.wanted.get("AssociationName") == name and held.id != own:
                raise Refusal("AssociationAlreadyExists", f"There is an association {name}.")

    def _check(self, document: str, request: Mapping[str, Any]) -> None:
        targets = request.get("Targets") or []
        if not targets:
            raise Refusal("InvalidTarget", "An association needs targets.")
        targeted(targets, {})
        schedule = request.get("ScheduleExpression")
        if schedule and not _SCHEDULE.fullmatch(schedule):
            raise Refusal("InvalidSchedule", f"{schedule} is no schedule.")
        asked = {"Name": document, "DocumentVersion": request.get("DocumentVersion", "$DEFAULT")}
        try:
            found = self._client("ssm").get_document(**asked, DocumentFormat="JSON")
        except ClientError as error:
            refusal = error.response["Error"]
            raise Refusal(refusal["Code"], refusal["Message"]) from error
        declared = json.loads(found["Content"]).get("parameters") or {}
        _check_parameters(declared, request.get("Parameters") or {})

    # -- what is answered -------------------------------------------------------------------

    def _start(self, held: Association, version: str) -> None:
        held.runs.append(Run(str(uuid.uuid4()), version, self._clock()))

    @staticmethod
    def _targets(held: Association, machines: Mapping[str, Managed]) -> list[str]:
        return [one.id for one in targeted(held.wanted["Targets"], machines)]

    def _statuses(
        self, held: Association, run: Run, machines: Mapping[str, Managed]
    ) -> dict[str, Status]:
        """The status of every instance that the run is for; an earlier run is over for others."""
        found: dict[str, Status] = {}
        if run is held.runs[-1]:
            found = dict.fromkeys(self._targets(held, machines), "Pending")
        return {**found, **run.statuses}

    def _is(self, held: Association, key: str, value: str) -> bool:
        if key == "AssociationStatusName":
            return bool(self._overview(held)["Status"] == value)
        known = {
            "Name": held.document,
            "AssociationId": held.id,
            "AssociationName": held.wanted.get("AssociationName"),
        }
        return known[key] == value

    def _overview(self, held: Association) -> dict[str, Any]:
        statuses = self._statuses(held, held.runs[-1], self._machines.all())
        whole = _together(list(statuses.values()))
        return {
            "Status": whole,
            "DetailedStatus": whole,
            "AssociationStatusAggregatedCount": dict(Counter(statuses.values())),
        }

    def _entry(self, held: Association) -> dict[str, Any]:
        return {
            "AssociationId": held.id,
            "AssociationVersion": held.version,
            "Name": held.document,
            "LastExecutionDate": held.runs[-1].created,
            "Overview": self._overview(held),
            **{name: held.wanted[name] for name in _LISTED if name in held.wanted},
        }

    def _description(self, held: Association) -> dict[str, Any]:
        return {
            **self._entry(held),
            "Date": held.created,
            "LastUpdateAssociationDate": held.changed,
            "DocumentVersion": "$DEFAULT",
            **held.wanted,
        }

    def _execution(
        self, held: Association, run: Run, machines: Mapping[str, Managed]
    ) -> dict[str, Any]:
        statuses = list(self._statuses(held, run, machines).values())
        counts = ", ".join(f"{name}={many}" for name, many in Counter(statuses).items())
        return {
            "AssociationId": held.id,
            "AssociationVersion": run.version,
            "ExecutionId": run.id,
            "Status": _together(statuses),
            "DetailedStatus": _together(statuses),
            "CreatedTime": run.created,
            "LastExecutionDate": max(run.reported.values(), default=run.created),
            "ResourceCountByStatus": f"{{{counts}}}",
        }

    @staticmethod
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


def _together(statuses: list[Status]) -> str:
    """One status for many: the run goes on while any instance has not ended."""
    if not statuses or set(statuses) == {"Pending"}:
        return "Pending"
    if "Pending" in statuses or "InProgress" in statuses:
        return "InProgress"
    return "Failed" if "Failed" in statuses else "Success"


def _refuse_filters(request: Mapping[str, Any], known: set[str]) -> None:
    for wanted in request.get("Filters") or []:
        if wanted["Key"] not in known or wanted.get("Type", "EQUAL") != "EQUAL":
            raise Refusal("ValidationException", f"The filter {wanted['Key']} is not known here.")


def _check_parameters(
    declared: Mapping[str, Mapping[str, Any]], given: Mapping[str, list[str]]
) -> None:
    """Refuse parameters that a document does not declare, allow, or go without."""
    unknown = sorted(set(given) - set(declared))
    if unknown:
        raise Refusal("InvalidParameters", f"Parameters {unknown} are not defined in the document.")
    for name, known in declared.items():
        if name not in given:
            if "default" not in known:
                raise Refusal("InvalidParameters", f"Parameter {name} is required.")
            continue
        values = given[name]
        if known.get("type") == "String" and len(values) != 1:
            raise Refusal("InvalidParameters", f"Parameter {name} takes one value.")
        for value in values:
            pattern, allowed = known.get("allowedPattern"), known.get("allowedValues")
            if (allowed and value not in allowed) or (
                pattern and re.fullmatch(pattern, value) is None
            ):
                raise Refusal(
                    "InvalidParameters", f'Parameter {name} does not allow the value "{value}".'
                )
