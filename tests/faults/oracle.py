"""What must hold of every plan, whatever its fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from site_recovery.declared.tags import TAG_INSTANCE
from tests.convergence.fleet import Fleet
from tests.emulator.recovery_services.site_recovery_support import VAULT
from tests.faults.kinds import BY_SLUG, ITEMS, PLANS, QUIESCED, Kind, shows_in_lists_only
from tests.faults.wire import WiredSources

_CHANGES_NOTHING_AGAIN = ("VirtualMachines_Deallocate", "VirtualMachines_Update")
"""A virtual machine that is off is switched off, or gets the tag that it has. A rollback asks for both
until the machine shows them: it needs no job of theirs, and so does not know of one."""

Accepted = list[tuple[str, str]]
"""What the service accepted, in order: machine or plan, and operation id."""


@dataclass(frozen=True)
class Met:
    """A fault of a plan, where it met its call.

    Attributes:
        number: of the call.
        slug: the name of its kind, as the names of plans have it.
        operation: the operation id of the call.
        run: the number of the run, from 0.
    """

    number: int
    slug: str
    operation: str
    run: int

    @property
    def kind(self) -> Kind:
        """Its kind."""
        return BY_SLUG[self.slug]

    def __str__(self) -> str:
        return f"{self.number}/{self.slug}"


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
        accepted: what the services accepted in them.
        end: the state of the services at the end.
        broken: what did not hold at some moment on the way.
    """

    runs: list[Run]
    accepted: Accepted
    end: dict[str, Any]
    broken: list[str] = field(default_factory=list)


def accepted_since(fleet: Fleet, number: int, sent: int) -> Accepted:
    """What the services accepted after this many changes, and scripts of AWS.

    A completion is told from a removal. Of what a cutover changes in AWS only the script that stops
    an application counts: the rest may be asked for again, and is done once.
    """
    found: Accepted = []
    for entry in fleet.site.world.audited()[number:]:
        subject = entry.get("machine") or entry["resource"].rpartition("/")[2]
        found.append((str(subject), str(entry["operation"])))
    if isinstance(fleet.sources, WiredSources):
        names = {machine.id: name for name, machine in fleet.machines.items()}
        found += [
            (names[instance], QUIESCED)
            for instance, comment in fleet.sources.sent[sent:]
            if comment.endswith(" quiesce")
        ]
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


def violations(met: Sequence[Met], facts: Facts, undisturbed: Facts) -> list[str]:
    """What does not hold of a plan.

    Args:
        met: its faults.
        facts: what came of the plan.
        undisturbed: what came of the same run without a fault.
    """
    found = list(facts.broken)
    for number in sorted({each.run for each in met}):
        run = facts.runs[number]
        ends = any(each.kind.ends_run for each in met if each.run <= number)
        if not ends and not run.satisfied and not (run.error and run.accepted == 0):
            found.append(f"the run did not get there: {run}")
    last = facts.runs[-1]
    if not last.satisfied or last.accepted:
        found.append(f"it does not come to rest: {last}")
    found += _repeated(_excused(met), facts.accepted, undisturbed.accepted)
    found += _after_migration(facts.accepted)
    found += _differences(facts.end, undisturbed.end)
    return found


def _excused(met: Sequence[Met]) -> Counter[str]:
    """How often each operation may be accepted more often, because of all faults together."""
    excused = Counter(operation for each in met for operation in each.kind.repeats(each.operation))
    kills, lags = (any(getattr(m.kind, what) for m in met) for what in ("kills", "lags"))
    if kills and lags:
        # As if the kill itself had made the lists lag.
        for operation in shows_in_lists_only(""):
            excused[operation] = max(excused[operation], 1)
    return excused


def _repeated(excused: Mapping[str, int], accepted: Accepted, undisturbed: Accepted) -> list[str]:
    allowed = Counter(undisturbed)
    return [
        f"{subject}: {operation} was accepted {number} times, not {allowed[subject, operation]}"
        for (subject, operation), number in sorted(Counter(accepted).items())
        if number > allowed[subject, operation] + excused.get(operation, 0)
        and not _of_another_stack(subject, operation)
        and operation not in _CHANGES_NOTHING_AGAIN
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
