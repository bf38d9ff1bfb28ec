"""Inventory: the data that agents of managed instances collect, and GetInventory.

Every managed instance has `AWS:InstanceInformation`. Its programs (`AWS:Application`) are those of
the last run of an association of AWS-GatherSoftwareInventory, and stay when the association is
deleted. Such a run ends as soon as its instance is online. Schedules do not start runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from emulator.aws.refusals import Refusal
from emulator.aws.systems_manager.amazon_documents import GATHER_INVENTORY
from emulator.aws.systems_manager.executions import Executions
from emulator.aws.systems_manager.held import Association, Held
from emulator.aws.systems_manager.machines import Machines, Managed
from emulator.aws.systems_manager.pages import page
from emulator.estate import installed_programs, operating_systems

_PAGE = 50
_INFORMATION, _APPLICATION = "AWS:InstanceInformation", "AWS:Application"
_VERSIONS = {_INFORMATION: "1.0", _APPLICATION: "1.1"}
_ATTRIBUTES = (
    "AgentType",
    "AgentVersion",
    "ComputerName",
    "InstanceId",
    "InstanceStatus",
    "IpAddress",
    "PlatformName",
    "PlatformType",
    "PlatformVersion",
    "ResourceType",
)


@dataclass(frozen=True)
class _Gathered:
    """The programs of an instance as they were at a time, in seconds of the epoch."""

    at: float
    programs: list[dict[str, str]]


class Inventory:
    """The inventory of one region.

    Args:
        held: the associations.
        machines: the managed instances.
        executions: where the agents report what became of a run.
        clock: gives the seconds of the epoch.
    """

    def __init__(
        self,
        held: Held,
        machines: Machines,
        executions: Executions,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._held = held
        self._machines = machines
        self._executions = executions
        self._clock = clock
        self._gathered: dict[str, _Gathered] = {}

    def gather(self) -> None:
        """Run the associations that have not run yet, on all online instances."""
        for held in self._held.values():
            if held.document != GATHER_INVENTORY:
                continue
            machines = self._machines.all()
            for name in held.targets(machines):
                if machines[name].online and name not in held.runs[-1].statuses:
                    self._run(held, machines[name])

    def get(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """GetInventory: an entity for each instance, with the data of the type that is asked for.

        An instance without such data has an empty entity. Only attributes of
        `AWS:InstanceInformation` are filters here.

        Raises:
            Refusal: `InvalidFilter`, `InvalidTypeNameException`, `InvalidAggregatorException` (not
                supported here), or a bad token.
        """
        if request.get("Aggregators"):
            raise Refusal("InvalidAggregatorException", "Aggregators are not known here.")
        (wanted,) = request.get("ResultAttributes") or [{"TypeName": _INFORMATION}]
        if wanted["TypeName"] not in _VERSIONS:
            raise Refusal(
                "InvalidTypeNameException", f"The type {wanted['TypeName']} is not known here."
            )
        entities = []
        for machine in self._machines.all().values():
            information = self._information(machine)
            if all(_fits(information, one) for one in request.get("Filters") or []):
                item = self._item(wanted["TypeName"], machine, information)
                entities.append({"Id": machine.id, "Data": item})
        return page("Entities", entities, request, _PAGE)

    def _run(self, held: Association, machine: Managed) -> None:
        parameters = held.wanted.get("Parameters") or {}
        if parameters.get("applications", ["Enabled"]) == ["Enabled"]:
            drivers = operating_systems.drivers_of(machine.system, machine.tags.get("drivers"))
            kernel = operating_systems.kernel_of(machine.system, machine.tags.get("kernel"))
            programs = installed_programs.of_guest(drivers, machine.platform, kernel)
            self._gathered[machine.id] = _Gathered(self._clock(), [_entry(one) for one in programs])
        self._executions.report(held.id, machine.id, "Success", "")

    def _information(self, machine: Managed) -> dict[str, str]:
        told = self._machines.information(machine)
        told |= {"AgentType": "amazon-ssm-agent", "InstanceStatus": _status(machine)}
        told["IpAddress"] = told["IPAddress"]
        return {name: str(told[name]) for name in _ATTRIBUTES}

    def _item(
        self, kind: str, machine: Managed, information: dict[str, str]
    ) -> dict[str, dict[str, Any]]:
        content, captured = [information], machine.registered
        if kind == _APPLICATION:
            gathered = self._gathered.get(machine.id)
            if gathered is None:
                return {}
            content, captured = gathered.programs, gathered.at
        return {
            kind: {
                "TypeName": kind,
                "SchemaVersion": _VERSIONS[kind],
                "CaptureTime": datetime.fromtimestamp(captured, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "Content": content,
            }
        }


def _entry(program: installed_programs.Program) -> dict[str, str]:
    named = {name.capitalize(): value for name, value in asdict(program).items()}
    return {**named, "Architecture": "x86_64"}


def _status(machine: Managed) -> str:
    if machine.online:
        return "Active"
    running = machine.described["State"]["Name"] == "running"
    return "ConnectionLost" if running else "Stopped"


def _fits(information: Mapping[str, str], wanted: Mapping[str, Any]) -> bool:
    """Whether an instance passes a filter.

    Raises:
        Refusal: `InvalidFilter`.
    """
    kind, _, attribute = wanted["Key"].rpartition(".")
    if kind != _INFORMATION or attribute not in information:
        raise Refusal("InvalidFilter", f"The filter {wanted['Key']} is not known here.")
    value, values = information[attribute], wanted["Values"]
    operator = wanted.get("Type", "Equal")
    if operator == "BeginWith":
        return any(value.startswith(one) for one in values)
    if operator not in ("Equal", "NotEqual"):
        raise Refusal("InvalidFilter", f"Filters of the type {operator} are not known here.")
    return bool((value in values) == (operator == "Equal"))
