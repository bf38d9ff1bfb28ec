"""What must hold of every plan, whatever its fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from site_recovery.declared.tags import TAG_INSTANCE
from tests.convergence.fleet import Fleet
from tests.emulator.recovery_services.site_recovery_support import VAULT
from tests.faults.kinds import ITEMS, PLANS, Kind

Accepted = list[tuple[str, str]]
"""What the service accepted, in order: machine or plan, and operation id."""


@dataclass
class Run:
    """How one run ended.

    Attributes:
        outcomes: the status of each machine, and why it is not satisfied.
        error: the message with which the run ended early; empty if it did not.
        accepted: how many changes the service accepted during it.
    """

    outcomes: dict[str, tuple[str, str]] = field(default_factory=dict)
    error: str = ""
    accepted: int = 0

    @property
    def satisfied(self) -> bool:
        """Whether every machine got there."""
        return bool(self.outcomes) and all(s == "satisfied" for s, _ in self.outcomes.values())

    def __str__(self) -> str:
        told = [f"{name}: {status} {why}".strip() for name, (status, why) in self.outcomes.items()]
        return self.error or "; ".join(told) or "killed"


@dataclass
class Facts:
    """What came of a plan.

    Attributes:
        runs: the run that met the fault, and those that followed until nothing changed any more.
        accepted: what the service accepted in them.
        end: the state of the services at the end.
    """

    runs: list[Run]
    accepted: Accepted
    end: dict[str, Any]


def accepted_since(fleet: Fleet, number: int) -> Accepted:
    """What the service accepted after this many changes. A completion is told from a removal."""
    found: Accepted = []
    for entry in fleet.site.world.audited()[number:]:
        subject = entry.get("machine") or entry["resource"].rpartition("/")[2]
        found.append((str(subject), str(entry["operation"])))
    return found


def end_state(fleet: Fleet) -> dict[str, Any]:
    """The state of the services, as far as every way to it must lead to the same."""
    items = {
        name: {
            "protection": item["protectionState"],
            "test": item["testFailoverState"],
            "location": item["activeLocation"],
            "allowed": sorted(item["allowedOperations"]),
            "size": fleet.experience.vm_size(item["providerSpecificDetails"]),
        }
        for name, item in sorted(fleet.items().items())
    }
    machines = {
        name: machine.get("tags", {}).get(TAG_INSTANCE)
        for name, machine in sorted(fleet.site.virtual_machines().items())
    }
    plans = {
        plan["name"]: [
            sorted(item["id"].rpartition("/")[2] for item in group["replicationProtectedItems"])
            for group in plan["properties"]["groups"]
            if group["groupType"] == "Boot"
        ]
        for plan in fleet.site.get(f"{VAULT}/replicationRecoveryPlans")["value"]
        if plan["name"].startswith("dev-")
    }
    return {"items": items, "virtual machines": machines, "plans": plans}


def violations(kind: Kind, operation: str, facts: Facts, undisturbed: Facts) -> list[str]:
    """What does not hold of a plan.

    Args:
        kind: the fault.
        operation: the operation id of the call that it met.
        facts: what came of the plan.
        undisturbed: what came of the same run without a fault.
    """
    first, last = facts.runs[0], facts.runs[-1]
    found: list[str] = []
    if not kind.ends_run and not first.satisfied and not (first.error and first.accepted == 0):
        found.append(f"the run did not get there: {first}")
    if not last.satisfied or last.accepted:
        found.append(f"it does not come to rest: {last}")
    found += _repeated(set(kind.repeats(operation)), facts.accepted, undisturbed.accepted)
    found += _after_migration(facts.accepted)
    found += _differences(facts.end, undisturbed.end)
    return found


def _repeated(excused: set[str], accepted: Accepted, undisturbed: Accepted) -> list[str]:
    allowed = Counter(undisturbed)
    return [
        f"{subject}: {operation} was accepted {number} times, not {allowed[subject, operation]}"
        for (subject, operation), number in sorted(Counter(accepted).items())
        if number > allowed[subject, operation] + (operation in excused)
        and not _of_another_stack(subject, operation)
    ]


def _of_another_stack(subject: str, operation: str) -> bool:
    return operation.startswith(PLANS) and not subject.startswith("dev-")


def _after_migration(accepted: Accepted) -> list[str]:
    failed_over: set[str] = set()
    found = []
    for subject, operation in accepted:
        if operation == f"{ITEMS}UnplannedFailover":
            failed_over.add(subject)
        if operation == f"{ITEMS}Create" and subject in failed_over:
            found.append(f"{subject}: it was protected again after it had failed over")
    return found


def _differences(end: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    return [
        f"{part} {name}: {end[part].get(name, 'missing')}, not {expected[part].get(name, 'any')}"
        for part in expected
        for name in sorted({*end[part], *expected[part]})
        if end[part].get(name, ()) != expected[part].get(name, ())
    ]
