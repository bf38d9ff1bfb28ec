"""Associations and their runs, as they are stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from emulator.aws.refusals import Refusal
from emulator.aws.systems_manager.commands import Status, targeted
from emulator.aws.systems_manager.machines import Managed


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
    """An association; `wanted` is its definition as the caller gave it."""

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

    def targets(self, machines: Mapping[str, Managed]) -> list[str]:
        """The ids of the managed instances that it is for."""
        return [one.id for one in targeted(self.wanted["Targets"], machines)]

    def statuses(self, run: Run, machines: Mapping[str, Managed]) -> dict[str, Status]:
        """The status of every instance that the latest run is for."""
        found: dict[str, Status] = {}
        if run is self.runs[-1]:
            found = dict.fromkeys(self.targets(machines), "Pending")
        return {**found, **run.statuses}

    def overview(self, machines: Mapping[str, Managed]) -> dict[str, Any]:
        """The result of the latest run, as descriptions show it."""
        statuses = list(self.statuses(self.runs[-1], machines).values())
        return {
            "Status": together(statuses),
            "DetailedStatus": together(statuses),
            "AssociationStatusAggregatedCount": dict(Counter(statuses)),
        }


class Held(dict[str, Association]):
    """The associations of one region by their ids."""

    def of(self, request: Mapping[str, Any]) -> Association:
        """The one that a request names by its `AssociationId`.

        Raises:
            Refusal: `AssociationDoesNotExist`.
        """
        held = self.get(request.get("AssociationId", ""))
        if held is None:
            raise Refusal("AssociationDoesNotExist", "The specified association does not exist.")
        return held


def together(statuses: list[Status]) -> str:
    """One status for many: a run is in progress while any instance has not ended."""
    if not statuses or set(statuses) == {"Pending"}:
        return "Pending"
    if "Pending" in statuses or "InProgress" in statuses:
        return "InProgress"
    return "Failed" if "Failed" in statuses else "Success"
