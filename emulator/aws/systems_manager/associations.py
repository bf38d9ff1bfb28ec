"""State Manager: associations of documents with instances, and the results of their runs. An
association runs when it is created, when it is changed, and when it is started again. Schedules
are stored, but do not start runs. The instances' agents report the results: see
`Executions.report`.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from emulator.aws.permissions import ClientFactory
from emulator.aws.refusals import Refusal
from emulator.aws.systems_manager import documents
from emulator.aws.systems_manager.commands import targeted
from emulator.aws.systems_manager.held import Association, Held, Run
from emulator.aws.systems_manager.machines import Machines
from emulator.aws.systems_manager.pages import page

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


class Associations:
    """The associations of one region.

    Args:
        client: returns the client of a service in the region; documents are read from moto.
        held: where they are stored.
        machines: the instances that they may be for.
        clock: gives the seconds of the epoch.
    """

    def __init__(
        self,
        client: ClientFactory,
        held: Held,
        machines: Machines,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._held = held
        self._machines = machines
        self._clock = clock

    # -- the association --------------------------------------------------------------------

    def create(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """CreateAssociation, which runs it.

        Raises:
            Refusal: no such document or document version, parameters that do not fit it, no or
                unknown targets, a name that is taken, or an option that is not supported here.
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
        """UpdateAssociation, which runs it again. Values that are left out are removed.

        Raises:
            Refusal: as for `create`, and no such association or version.
        """
        self._refuse_unknown(request)
        held = self._held.of(request)
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
        del self._held[self._held.of(request).id]
        return {}

    def start(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """StartAssociationsOnce.

        Raises:
            Refusal: no such association.
        """
        every = [self._held.of({"AssociationId": name}) for name in request["AssociationIds"]]
        for held in every:
            self._start(held, held.version)
        return {}

    def describe(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """DescribeAssociation.

        Raises:
            Refusal: no such association or version; only the latest one is kept.
        """
        held = self._held.of(request)
        if request.get("AssociationVersion", "$LATEST") not in (held.version, "$LATEST"):
            raise Refusal("InvalidAssociationVersion", "Only the latest version is kept here.")
        return {"AssociationDescription": self._description(held)}

    def listed(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """ListAssociations. The filter InstanceId also finds associations that match the instance
        by a tag.

        Raises:
            Refusal: a filter that is not supported here, or a bad token.
        """
        found = list(self._held.values())
        machines = self._machines.all()
        for wanted in request.get("AssociationFilterList") or []:
            key, value = wanted["key"], wanted["value"]
            if key == "InstanceId":
                found = [one for one in found if value in one.targets(machines)]
            elif key in ("Name", "AssociationId", "AssociationName", "AssociationStatusName"):
                found = [one for one in found if self._is(one, key, value)]
            else:
                raise Refusal("ValidationException", f"The filter {key} is not known here.")
        return page("Associations", [self._entry(one) for one in found], request, _PAGE)

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

    # -- refusals ---------------------------------------------------------------------------

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
            raise Refusal("InvalidSchedule", f"{schedule} is not a schedule.")
        documents.check(
            self._client("ssm"),
            document,
            request.get("DocumentVersion", "$DEFAULT"),
            request.get("Parameters") or {},
        )

    # -- responses --------------------------------------------------------------------------

    def _start(self, held: Association, version: str) -> None:
        held.runs.append(Run(str(uuid.uuid4()), version, self._clock()))

    def _is(self, held: Association, key: str, value: str) -> bool:
        if key == "AssociationStatusName":
            return bool(held.overview(self._machines.all())["Status"] == value)
        known = {
            "Name": held.document,
            "AssociationId": held.id,
            "AssociationName": held.wanted.get("AssociationName"),
        }
        return known[key] == value

    def _entry(self, held: Association) -> dict[str, Any]:
        return {
            "AssociationId": held.id,
            "AssociationVersion": held.version,
            "Name": held.document,
            "LastExecutionDate": held.runs[-1].created,
            "Overview": held.overview(self._machines.all()),
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
