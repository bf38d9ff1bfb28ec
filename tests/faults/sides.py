"""Which side of each machine serves: its source or its virtual machine. Never both, never neither."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.arm.compute import power
from emulator.kernel import resources
from emulator.kernel.resources import PRIVATE
from emulator.kernel.store import Document
from site_recovery import cutover_memory
from tests.convergence.fleet import Fleet
from tests.emulator.recovery_services.site_recovery_support import GROUP
from tests.faults.kinds import ITEMS
from tests.faults.wire import Call, WiredSources

_FAILOVER = f"{ITEMS}UnplannedFailover"
_MACHINES = f"{GROUP}/providers/Microsoft.Compute/virtualMachines"
_OFF = "PowerState/deallocated"


class Sides:
    """Both sides of the machines of a fleet, whose sources the cutovers change.

    Attributes:
        broken: what did not hold at some moment; each said once.
    """

    def __init__(self, fleet: Fleet, sources: WiredSources) -> None:
        self._fleet = fleet
        self._sources = sources
        self.broken: list[str] = []

    def watch(self, call: Call) -> None:
        """Look at both sides where one of them may have changed, or a run looks itself."""
        if call.operation == _FAILOVER and call.answer is not None and call.answer.status < 300:
            machine = self._fleet.site.world.audited()[-1]["machine"]
            if self._source_serves(machine):
                self._say(f"{machine}: it is failed over while its source serves")
        if call.of_aws:
            self.look()

    def look(self) -> None:
        """Note a machine of which both sides serve."""
        for machine in self._fleet.machines:
            if self._source_serves(machine) and self._power(machine) not in (None, _OFF):
                self._say(f"{machine}: its source and its virtual machine serve")

    def after_run(self, outcomes: Mapping[str, tuple[str, str]], failed_over: set[str]) -> None:
        """Look at both sides at the end of a run that was not killed.

        Args:
            outcomes: the status of each machine, and the message.
            failed_over: the machines whose failover was accepted.
        """
        self.look()
        for machine, (status, message) in outcomes.items():
            told = "is not given back yet" in message
            served = self._source_serves(machine) or self._power(machine) is not None
            if status != "satisfied" and not (served or told or machine in failed_over):
                self._say(f"{machine}: its source does not serve, and the run said: {message}")

    def end_state(self) -> dict[str, Any]:
        """Both sides, and the records that the virtual machines lack."""
        sources = {name: self._source(name) for name in sorted(self._fleet.machines)}
        lost = {
            name: self._lost(name)
            for name in sources
            if self._document(name) is not None and not self._source_serves(name)
        }
        return {
            "sources": sources,
            "power": {name: self._power(name) for name in sources},
            "records lost": lost,
        }

    def _say(self, text: str) -> None:
        if text not in self.broken:
            self.broken.append(text)

    def _id(self, machine: str) -> str:
        return self._fleet.machines[machine].id

    def _source_serves(self, machine: str) -> bool:
        source = self._sources.source(self._id(machine))
        fenced = any(self._sources.fencing.holds(each.groups) for each in source.interfaces)
        return source.state == "running" and not fenced

    def _source(self, machine: str) -> dict[str, Any]:
        source = self._sources.source(self._id(machine))
        ours = (cutover_memory.is_ours, cutover_memory.is_afterwards)
        return {
            "state": source.state,
            "groups": [list(each.groups) for each in source.interfaces],
            "tags": sorted(tag for tag in source.tags if any(which(tag) for which in ours)),
            "services": dict(self._sources.inside(self._id(machine))["services"]),
        }

    def _document(self, machine: str) -> Document | None:
        return resources.find(self._fleet.site.world, f"{_MACHINES}/{machine}")

    def _power(self, machine: str) -> str | None:
        """The power state of its virtual machine; None without one."""
        document = self._document(machine)
        return power.code(self._fleet.site.world, document) if document is not None else None

    def _lost(self, machine: str) -> int:
        document = self._document(machine)
        record = int(document[PRIVATE]["record"]) if document is not None else 0
        return self._sources.written(self._id(machine)) - record
