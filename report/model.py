"""The report of a stack: everything that the page and the terminal show. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from report.costs import Usage, usage
from report.live import Live
from report.operations import Durations, Run, durations, runs_of
from report.prices import Prices
from report.record import Check, MachineRecord, StackRecord, WaveRecord
from site_recovery import arm_ids
from site_recovery.azure.experiences.registry import EXPERIENCES
from site_recovery.convergence.outcome import Status
from site_recovery.observation import Observed, Stage, observe
from site_recovery.phases import Phase
from site_recovery.planning import Rules, next_step
from site_recovery.snapshot import Snapshot
from site_recovery.steps import Blocked, DeleteKept, Do, RollBack, Satisfied, Step, Wait

_PERCENT = re.compile(r" \d+ ?%")
NO_HEALTH = "None"
"""The service's word for the health of a machine that does not replicate."""


class Place(StrEnum):
    """Where a machine is on its way, as the columns of a lane."""

    NOT_BEGUN = "not begun"
    REPLICATING = "initial replication"
    PROTECTED = "protected"
    TESTING = "test-failover"
    FAILED_OVER = "failed-over"
    MIGRATED = "migrated"


_PLACES = {
    Stage.UNKNOWN_TO_VAULT: Place.NOT_BEGUN,
    Stage.DISCOVERED: Place.NOT_BEGUN,
    Stage.REPLICATING: Place.REPLICATING,
    Stage.BROKEN: Place.REPLICATING,
    Stage.PROTECTED: Place.PROTECTED,
    Stage.TEST_FAILOVER: Place.TESTING,
    Stage.FAILED_OVER: Place.FAILED_OVER,
    Stage.MIGRATED: Place.MIGRATED,
}


@dataclass(frozen=True)
class Said:
    """Something that the service says about a machine, and the action that it recommends."""

    what: str
    way_out: str = ""


@dataclass(frozen=True)
class MachineRow:
    """A machine.

    Attributes:
        desired: the phase of its wave.
        place: where it is on its way.
        stage: the same in the words of the program.
        status: whether it is in its phase, and if not, whether it can go on.
        reason: a name, see `site_recovery.reasons`; empty if it is in its phase.
        message: why it is not in its phase.
        way_out: what to do about it; empty if the message says it, or nothing is to be done.
        busy: the job that runs on it, in the service's word; empty if none does.
        progress: percentage of its initial replication; None if there is none.
        health: of its replication; empty if it does not replicate.
        health_errors: what the service says about it.
        rpo_seconds: age of the newest data that a failover would have; None if it is not known.
        azure_vm, test_vm: names of its virtual machines; empty if there are none.
        addresses: the private addresses of the first of these that there is, as the last run or
            refresh recorded them: of all its interfaces, the primary one's first.
        last_test: when a test failover last succeeded, or None.
        check: the result of its checks; None if there were none.
        usage: what it used; None if the vault was not seen.
    """

    name: str
    wave: str
    desired: Phase
    place: Place
    stage: str
    status: Status
    reason: str = ""
    message: str = ""
    way_out: str = ""
    busy: str = ""
    progress: int | None = None
    health: str = ""
    health_errors: tuple[Said, ...] = ()
    rpo_seconds: float | None = None
    azure_vm: str = ""
    test_vm: str = ""
    addresses: tuple[str, ...] = ()
    last_test: datetime | None = None
    check: Check | None = None
    usage: Usage | None = None

    @property
    def where(self) -> str:
        """Where it is, in a phase's word if it is in one."""
        begun = self.place not in (Place.NOT_BEGUN, Place.REPLICATING)
        return str(self.place) if begun else self.stage

    @property
    def needs_attention(self) -> bool:
        """Whether a person has to do something about it, or should at least look at it."""
        stopped = self.status in (Status.FAILED, Status.BLOCKED)
        failed_check = self.check is not None and self.check.passed is False
        return stopped or bool(self.ills) or failed_check

    @property
    def ills(self) -> tuple[Said, ...]:
        """What the service says about its health, if that is not normal.

        A machine whose health is normal has warnings too, such as that it was never tested.
        """
        return () if self.health in ("", "Normal") else self.health_errors


@dataclass(frozen=True)
class Wave:
    """A wave: its machines, sorted by name, and what ran on them."""

    name: str
    phase: Phase
    machines: tuple[MachineRow, ...]
    runs: tuple[Run, ...]
    plan: str = ""

    @property
    def done(self) -> int:
        """How many of its machines are in the phase of the wave."""
        return sum(machine.status is Status.SATISFIED for machine in self.machines)

    def at(self, place: Place) -> tuple[MachineRow, ...]:
        """Its machines at a place."""
        return tuple(machine for machine in self.machines if machine.place is place)


@dataclass(frozen=True)
class Report:
    """What became of a stack's migration.

    Attributes:
        time: when the vault was looked at, in the time of the service; without a look, when the
            record was written. None if neither is known.
        problem: why the vault was not seen, in words; empty if it was. Everything is then as the
            last run or refresh recorded it, and there are no operations and no costs.
        durations: how long each operation took.
        cost: of all machines by the price table; None without one.
        unpriced: the sizes that the price table lacks.
    """

    stack: str
    time: datetime | None
    problem: str
    waves: tuple[Wave, ...]
    durations: tuple[Durations, ...] = ()
    currency: str = ""
    cost: float | None = None
    unpriced: tuple[str, ...] = ()

    @property
    def live(self) -> bool:
        """Whether the vault was seen."""
        return not self.problem

    @property
    def machines(self) -> tuple[MachineRow, ...]:
        """All machines, wave by wave."""
        return tuple(machine for wave in self.waves for machine in wave.machines)

    @property
    def runs(self) -> tuple[Run, ...]:
        """Everything that ran, the oldest first."""
        return tuple(
            sorted((run for wave in self.waves for run in wave.runs), key=lambda run: run.started)
        )

    @property
    def counts(self) -> Mapping[Place, int]:
        """How many machines are at each place."""
        counted = Counter(machine.place for machine in self.machines)
        return {place: counted[place] for place in Place}

    @property
    def attention(self) -> tuple[MachineRow, ...]:
        """The machines that a person should look at; what failed first."""
        order = (Status.FAILED, Status.BLOCKED, Status.PENDING, Status.SATISFIED)
        found = [machine for machine in self.machines if machine.needs_attention]
        return tuple(sorted(found, key=lambda machine: (order.index(machine.status), machine.name)))

    @property
    def on_their_way(self) -> Mapping[tuple[str, str], tuple[MachineRow, ...]]:
        """The machines that are pending, by what they wait for and the reason's name."""
        found: dict[tuple[str, str], list[MachineRow]] = {}
        for machine in self.machines:
            if machine.status is Status.PENDING:
                # Percentages are the machine's own; what it waits for is not.
                waits = _PERCENT.sub("", machine.message).rstrip(".")
                found.setdefault((waits, machine.reason), []).append(machine)
        return {what: tuple(machines) for what, machines in sorted(found.items())}

    @property
    def settled(self) -> bool:
        """Whether the vault was seen and every machine is in its phase."""
        return self.live and all(m.status is Status.SATISFIED for m in self.machines)

    @property
    def standstill(self) -> str:
        """Why nothing goes on by itself, in words; empty if something does or all is done."""
        if not self.waves:
            return (
                "the stack has recorded no wave yet. Look again when `pulumi up` is at its waves."
            )
        if not self.live:
            return f"the vault was not read: {self.problem.rstrip('.')}."
        stopped = 0
        for machine in self.machines:
            if machine.status is Status.PENDING or machine.busy:
                return ""
            stopped += machine.status is not Status.SATISFIED
        if not stopped:
            return ""
        count = f"{stopped} machine is" if stopped == 1 else f"{stopped} machines are"
        return f"{count} blocked or failed, and no other one is on its way. See what to look at."

    def used(self) -> Usage:
        """What all machines used."""
        known = [machine.usage for machine in self.machines if machine.usage]
        return Usage(
            sum(each.replication_days for each in known),
            sum(each.test_hours for each in known),
            sum(each.vm_hours for each in known),
            cost=self.cost,
        )


def report(record: StackRecord, live: Live, prices: Prices | None = None) -> Report:
    """The report of a stack.

    Args:
        record: what it has recorded.
        live: what its vault said.
        prices: the price table, or None.
    """
    waves = []
    for wave in record.waves:
        snapshot = live.of(wave.site)
        if snapshot is None or live.time is None:
            rows = tuple(_recorded(wave, machine) for machine in wave.machines)
            waves.append(Wave(wave.name, wave.phase, rows, (), wave.plan))
        else:
            waves.append(_seen(wave, snapshot, live.time, prices))
    machines = [machine for wave in waves for machine in wave.machines]
    costs = [machine.usage.cost for machine in machines if machine.usage]
    priced = [cost for cost in costs if cost is not None]
    time = live.time or record.time
    return Report(
        record.stack,
        time if live.problem == "" else record.time,
        live.problem,
        tuple(waves),
        durations((run for wave in waves for run in wave.runs), time) if time else (),
        prices.currency if prices is not None else "",
        sum(priced) if prices is not None and not live.problem else None,
        _unpriced(machines, prices),
    )


def _unpriced(machines: Iterable[MachineRow], prices: Prices | None) -> tuple[str, ...]:
    if prices is None:
        return ()
    lacking = {
        machine.usage.size or "a size that Azure does not show"
        for machine in machines
        if machine.usage is not None and machine.usage.cost is None
    }
    return tuple(sorted(lacking))


def _seen(wave: WaveRecord, snapshot: Snapshot, now: datetime, prices: Prices | None) -> Wave:
    """A wave as its vault shows it."""
    observed = {each.machine.name: observe(each.machine, snapshot) for each in wave.machines}
    runs = runs_of(wave, snapshot, observed)
    by_machine: dict[str, list[Run]] = {}
    for run in runs:
        by_machine.setdefault(run.machine, []).append(run)
    sizes = {vm.id.lower(): vm.size for vm in snapshot.virtual_machines}
    rules = Rules(
        require_test_failover=wave.require_test_failover,
        discovers=EXPERIENCES[wave.site.experience].discovers,
    )
    rows = []
    for each in wave.machines:
        seen = observed[each.machine.name]
        own = [*by_machine.get(each.machine.name, ()), *by_machine.get("", ())]
        size = sizes.get((seen.azure_vm_id or seen.test_vm_id or "").lower(), "")
        used = usage(
            sorted(own, key=lambda run: run.started),
            now,
            size or seen.target.vm_size or "",
            prices,
            replicates=seen.item_id is not None,
            in_azure=seen.azure_vm_id is not None,
        )
        rows.append(_live_row(wave, each, seen, next_step(wave.phase, seen, rules), used))
    return Wave(wave.name, wave.phase, tuple(rows), runs, wave.plan)


def _live_row(
    wave: WaveRecord, record: MachineRecord, seen: Observed, step: Step, used: Usage
) -> MachineRow:
    status, reason, message, way_out = _verdict(record, step)
    # The service forgets it with the item, the record does not.
    last_test = seen.last_test_failover
    if last_test is None and record.item is not None:
        last_test = record.item.last_test_failover
    return MachineRow(
        record.machine.name,
        wave.name,
        wave.phase,
        _PLACES.get(seen.stage, Place.NOT_BEGUN),
        str(seen.stage),
        status,
        reason,
        message,
        way_out,
        seen.busy or "",
        seen.progress if seen.stage is Stage.REPLICATING else None,
        "" if seen.health == NO_HEALTH else seen.health,
        tuple(parted(str(error)) for error in seen.health_errors),
        seen.rpo.total_seconds() if seen.rpo is not None else None,
        arm_ids.name(seen.azure_vm_id or ""),
        arm_ids.name(seen.test_vm_id or ""),
        _addresses(record, seen.azure_vm_id or "", seen.test_vm_id or ""),
        last_test,
        record.check,
        used,
    )


def _verdict(record: MachineRecord, step: Step) -> tuple[Status, str, str, str]:
    """Status, reason, message and way out: the record's unless the machine went on since."""
    outcome = record.outcome
    match step:
        case Satisfied():
            return Status.SATISFIED, "", "", ""
        case Blocked(reason, what, way_out):
            return Status.BLOCKED, str(reason), f"{what}.", f"{way_out}."
        case Wait(reason, what):
            return Status.PENDING, str(reason), f"{what}.", _GO_ON
        case Do() | RollBack() | DeleteKept():
            if outcome.status in (Status.FAILED, Status.BLOCKED):
                said = parted(outcome.message)
                return Status(outcome.status), outcome.reason, said.what, said.way_out
            rest = "the end of its rollback" if isinstance(step, DeleteKept) else "the rollback"
            operation = str(step.operation) if isinstance(step, Do) else rest
            next_one = f"its next operation is {operation}."
            return Status.PENDING, outcome.reason, outcome.message or next_one, _GO_ON


_GO_ON = "Run pulumi up again: it goes on from where the machine is."
_ADVICE = " Recommended action: "


def parted(message: str) -> Said:
    """A message in its parts; the action is empty if the service recommends none."""
    what, _, advice = message.partition(_ADVICE)
    return Said(what, advice)


def _recorded(wave: WaveRecord, record: MachineRecord) -> MachineRow:
    """A machine as its stack recorded it, without a look at the vault."""
    outcome, item, seen = record.outcome, record.item, record.seen
    status = _status(wave, record)
    said = parted(outcome.message)
    message, way_out = said.what, said.way_out
    if status is Status.SATISFIED:
        message, way_out = "", ""
    elif status is Status.PENDING:
        way_out = _GO_ON
    # The wave's own observation is newer unless the machine has reached its phase.
    newer = item if item is not None and status is Status.SATISFIED else seen
    stage = seen.stage
    if item is not None and (status is Status.SATISFIED or not stage):
        stage = item.observed_phase
    return MachineRow(
        record.machine.name,
        wave.name,
        wave.phase,
        _place(stage),
        stage or "not recorded",
        status,
        outcome.reason if status is not Status.SATISFIED else "",
        message,
        way_out,
        health="" if newer.health == NO_HEALTH else newer.health,
        azure_vm=arm_ids.name(newer.azure_vm_id),
        test_vm=arm_ids.name(newer.test_vm_id),
        addresses=_addresses(record, newer.azure_vm_id, newer.test_vm_id),
        last_test=item.last_test_failover if item is not None else None,
        check=record.check,
    )


def _addresses(record: MachineRecord, azure_vm_id: str, test_vm_id: str) -> tuple[str, ...]:
    return () if record.item is None else record.item.addresses(azure_vm_id, test_vm_id)


def _status(wave: WaveRecord, record: MachineRecord) -> Status:
    try:
        status = Status(record.outcome.status)
    except ValueError:
        status = Status.PENDING
    item = record.item
    if status is Status.SATISFIED and item is not None and item.observed_phase != wave.phase:
        return Status.PENDING
    return status


def _place(stage: str) -> Place:
    """The place of a stage or a phase, whichever word was recorded."""
    for known, place in _PLACES.items():
        if stage in (str(known), str(place)):
            return place
    return Place.NOT_BEGUN
