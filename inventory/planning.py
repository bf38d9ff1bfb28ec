"""Sorts the machines of accounts into stacks: one VPC and at most 200 machines each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from inventory import names, verdicts, waves
from inventory.config_file import STACK_LETTERS
from inventory.connections import Connection
from inventory.dependencies import Candidate
from inventory.found import Found, Home
from inventory.names import Name
from inventory.stack_file import NewMachine, StackFile
from inventory.verdicts import Verdict
from inventory.waves import Conditions, Wave
from settings.rules.sizing import CHURN_GIB_PER_DAY_MAX, MACHINES_MAX
from site_recovery.fleet import ExperienceName


@dataclass(frozen=True)
class Member:
    """A machine of a stack.

    Attributes:
        declared: whether the file declared it before.
    """

    found: Found
    name: Name
    verdict: Verdict
    declared: bool


@dataclass(frozen=True)
class Counts:
    """How many machines of a stack are ready, need something first, and cannot be migrated."""

    ready: int
    first: int
    never: int


@dataclass
class StackPlan:
    """One stack after the inventory.

    Attributes:
        file: its config file, with the machines and waves added.
        made: whether the file, or all of its config, is new.
        home: where its machines are.
        members: the machines of its VPC that are, or now are, in the file.
        refused: machines that cannot be migrated as they are; the file does not declare them.
        removed: machines that the inventory once wrote and a person took out.
        gone: names of declared machines that EC2 does not list any more.
        waves: the waves that were proposed.
        left: machines whose wave is in a later phase, or in the fleet file: they were put into none.
    """

    file: StackFile
    made: bool
    home: Home
    members: list[Member] = field(default_factory=list)
    refused: list[Member] = field(default_factory=list)
    removed: list[Found] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    waves: list[Wave] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    @property
    def counts(self) -> Counts:
        """How far its machines are; the file may declare some that cannot be migrated."""
        ready = sum(member.verdict.ready for member in self.members)
        never = sum(bool(member.verdict.never) for member in self.members)
        return Counts(ready, len(self.members) - ready - never, never + len(self.refused))


def plan(
    machines: Iterable[Found],
    files: Iterable[StackFile],
    written: Mapping[str, Sequence[str]],
    conditions: Conditions,
    connections: Collection[Connection] = (),
    taken: Collection[str] = (),
) -> list[StackPlan]:
    """Add the machines to stack files, and make a file where a VPC has none.

    Args:
        machines: what was found.
        files: the stack files that exist; those of found VPCs are changed.
        written: instance ids that earlier inventories wrote, by stack.
        conditions: how waves are proposed.
        connections: between instances, by their ids.
        taken: stacks beside those of `files` whose names no new one gets.

    Returns:
        A plan for each stack of a VPC with machines, sorted by stack.
    """
    files = list(files)
    by_vpc: dict[tuple[str, str, str], list[Found]] = {}
    for machine in machines:
        where = (machine.account, machine.region, machine.facts.vpc_id or "")
        by_vpc.setdefault(where, []).append(machine)
    blank = {file.stack.lower(): file for file in files if file.blank}
    names_taken = {stack.lower() for stack in (*taken, *(file.stack for file in files))} - set(
        blank
    )
    plans: list[StackPlan] = []
    for (_, region, vpc), there in sorted(by_vpc.items()):
        own = [file for file in files if (file.region, file.vpc_id) == (region, vpc)]
        plans += _of_vpc(there, own, written, conditions, names_taken, blank, connections)
    return sorted(plans, key=lambda one: one.file.stack)


def _of_vpc(
    machines: Sequence[Found],
    files: Sequence[StackFile],
    written: Mapping[str, Sequence[str]],
    conditions: Conditions,
    taken: set[str],
    blank: Mapping[str, StackFile],
    connections: Collection[Connection],
) -> list[StackPlan]:
    plans = [StackPlan(file, made=False, home=machines[0].home) for file in files]
    holding = {instance: one for one in plans for instance in one.file.machines}
    once = {instance: one for one in plans for instance in written.get(one.file.stack, ())}
    new: list[Found] = []
    for machine in machines:
        if machine.id in holding:
            _keep(holding[machine.id], machine)
        elif machine.id in once:
            once[machine.id].removed.append(machine)
        else:
            new.append(machine)
    listed = {machine.id for machine in machines}
    for one in plans:
        one.gone = sorted(n for i, n in one.file.machines.items() if i not in listed)
    for one, share in _shares(new, plans, taken, blank):
        _add(one, share, conditions, connections)
    return plans


def _keep(one: StackPlan, machine: Found) -> None:
    name = Name(one.file.machines[machine.id])
    one.members.append(Member(machine, name, _judge(one, name.text, machine), declared=True))


def _judge(one: StackPlan, name: str, machine: Found) -> Verdict:
    experience: ExperienceName = "classic" if one.file.experience == "classic" else "modernized"
    return verdicts.judge(name, machine, experience)


def _shares(
    machines: Sequence[Found],
    plans: list[StackPlan],
    taken: set[str],
    blank: Mapping[str, StackFile],
) -> Iterator[tuple[StackPlan, Sequence[Found]]]:
    """The new machines of a VPC by stack; plans for new stacks are added to `plans`."""
    rest = sorted(machines, key=lambda machine: (machine.tags.get("Name", ""), machine.id))
    for one in list(plans):
        declared = sum(_gib(member.found) for member in one.members)
        share, rest = _fitting(rest, MACHINES_MAX - len(one.file.machines), declared)
        if share:
            yield one, share
    while rest:
        first = rest[0]
        base = names.valid(first.vpc_name or "") or first.facts.vpc_id or "no-vpc"
        stack = names.unique(base.lower(), taken, STACK_LETTERS)
        taken.add(stack)
        where = {
            "vpc_id": first.facts.vpc_id or "<vpc-...>",
            "vpc": first.home.vpc_text,
            "account": first.home.account_text,
            "region": first.region,
        }
        file = blank.get(stack)
        if file is None:
            file = StackFile.new(stack, **where)
        else:
            file.begin(**where)
        one = StackPlan(file, made=True, home=first.home)
        plans.append(one)
        share, rest = _fitting(rest, MACHINES_MAX, 0.0)
        # A machine that is too much for any server gets one of its own, and the report says so.
        share, rest = (share, rest) if share else (rest[:1], rest[1:])
        yield one, share


def _fitting(machines: Sequence[Found], room: int, gib: float) -> tuple[list[Found], list[Found]]:
    """The machines that fit into a stack, and those that do not, both in their order.

    Args:
        machines: the machines.
        room: how many the stack can take.
        gib: what changes in a day on those that it has.
    """
    fitting: list[Found] = []
    rest: list[Found] = []
    for machine in machines:
        if len(fitting) < room and gib + _gib(machine) <= CHURN_GIB_PER_DAY_MAX:
            fitting.append(machine)
            gib += _gib(machine)
        else:
            rest.append(machine)
    return fitting, rest


def _gib(machine: Found) -> float:
    return machine.churn.gib if machine.churn else 0.0


def _add(
    one: StackPlan,
    machines: Sequence[Found],
    conditions: Conditions,
    connections: Collection[Connection],
) -> None:
    given = names.named(
        [(machine.id, machine.tags.get("Name")) for machine in machines],
        one.file.machines.values(),
    )
    declared: list[NewMachine] = []
    ready: list[Candidate] = []
    for machine in sorted(machines, key=lambda machine: given[machine.id].text):
        name = given[machine.id]
        member = Member(machine, name, _judge(one, name.text, machine), declared=False)
        if member.verdict.never:
            one.refused.append(member)
            continue
        one.members.append(member)
        declared.append(NewMachine(name.text, machine.id, tuple(_comments(member))))
        if member.verdict.ready:
            ready.append(Candidate(name.text, machine.tags))
    one.file.add_machines(declared)
    taken = () if conditions.wave_tag else tuple(one.file.waves)
    name_of = one.file.machines
    own = [
        Connection(name_of[talk.client], name_of[talk.server], talk.port)
        for talk in connections
        if talk.client in name_of and talk.server in name_of
    ]
    placed = {name: wave for name in name_of.values() if (wave := one.file.wave_of(name))}
    one.waves = waves.propose(ready, conditions, taken, own, placed)
    one.left = one.file.add_waves(one.waves)


def _comments(member: Member) -> Iterator[str]:
    facts = member.found.facts
    disks = " + ".join(str(disk.size_gib) for disk in facts.disks) or "?"
    yield f"{facts.os or facts.platform}, {facts.instance_type}, {disks} GiB"
    if member.name.reason:
        yield f"named so because {member.name.reason}"
    for problem in member.verdict.first:
        yield f"in no wave yet: {problem.what}. {problem.way_out}."
