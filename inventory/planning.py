"""Sorts the machines of accounts into stacks: one VPC and at most 200 machines each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from inventory import names, verdicts, waves
from inventory.found import Found
from inventory.names import Name
from inventory.stack_file import NewMachine, StackFile
from inventory.verdicts import Verdict
from inventory.waves import Candidate, Conditions, Wave
from settings.rules.sizing import MACHINES_MAX
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


@dataclass
class StackPlan:
    """One stack after the inventory.

    Attributes:
        file: its config file, with the machines and waves added.
        made: whether the file is new.
        members: the machines of its VPC that are, or now are, in the file.
        refused: machines that cannot be migrated as they are; the file does not declare them.
        removed: machines that the inventory once wrote and a person took out.
        gone: names of declared machines that EC2 does not list any more.
        waves: the waves that were proposed.
        left: machines whose wave is in a later phase, which were put into no wave.
    """

    file: StackFile
    made: bool
    members: list[Member] = field(default_factory=list)
    refused: list[Member] = field(default_factory=list)
    removed: list[Found] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    waves: list[Wave] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def plan(
    machines: Iterable[Found],
    files: Iterable[StackFile],
    written: Mapping[str, Sequence[str]],
    conditions: Conditions,
) -> list[StackPlan]:
    """Add the machines to stack files, and make a file where a VPC has none.

    Args:
        machines: what was found.
        files: the stack files that exist; those of found VPCs are changed.
        written: instance ids that earlier inventories wrote, by stack.
        conditions: how waves are proposed.

    Returns:
        A plan for each stack of a VPC with machines, sorted by stack.
    """
    files = list(files)
    by_vpc: dict[tuple[str, str, str], list[Found]] = {}
    for machine in machines:
        where = (machine.account, machine.region, machine.facts.vpc_id or "")
        by_vpc.setdefault(where, []).append(machine)
    taken = {file.stack.lower() for file in files}
    plans: list[StackPlan] = []
    for (_, region, vpc), there in sorted(by_vpc.items()):
        own = [file for file in files if (file.region, file.vpc_id) == (region, vpc)]
        plans += _of_vpc(there, own, written, conditions, taken)
    return sorted(plans, key=lambda one: one.file.stack)


def _of_vpc(
    machines: Sequence[Found],
    files: Sequence[StackFile],
    written: Mapping[str, Sequence[str]],
    conditions: Conditions,
    taken: set[str],
) -> list[StackPlan]:
    plans = [StackPlan(file, made=False) for file in files]
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
    for one, share in _shares(new, plans, taken):
        _add(one, share, conditions)
    return plans


def _keep(one: StackPlan, machine: Found) -> None:
    name = Name(one.file.machines[machine.id])
    one.members.append(Member(machine, name, _judge(one, name.text, machine), declared=True))


def _judge(one: StackPlan, name: str, machine: Found) -> Verdict:
    experience: ExperienceName = "classic" if one.file.experience == "classic" else "modernized"
    return verdicts.judge(name, machine, experience)


def _shares(
    machines: Sequence[Found], plans: list[StackPlan], taken: set[str]
) -> Iterator[tuple[StackPlan, Sequence[Found]]]:
    """The new machines of a VPC by stack; plans for new stacks are added to `plans`."""
    rest = sorted(machines, key=lambda machine: (machine.tags.get("Name", ""), machine.id))
    for one in list(plans):
        room = MACHINES_MAX - len(one.file.machines)
        if rest and room > 0:
            yield one, rest[:room]
            rest = rest[room:]
    while rest:
        first = rest[0]
        base = names.valid(first.vpc_name or "") or first.facts.vpc_id or "no-vpc"
        stack = names.unique(base.lower(), taken)
        taken.add(stack)
        one = StackPlan(
            StackFile.new(
                stack,
                vpc_id=first.facts.vpc_id or "<vpc-...>",
                vpc=first.vpc_name or first.facts.vpc_id or "no VPC",
                account=first.account,
                region=first.region,
            ),
            made=True,
        )
        plans.append(one)
        yield one, rest[:MACHINES_MAX]
        rest = rest[MACHINES_MAX:]


def _add(one: StackPlan, machines: Sequence[Found], conditions: Conditions) -> None:
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
    one.waves = waves.propose(ready, conditions, taken)
    one.left = one.file.add_waves(one.waves)


def _comments(member: Member) -> Iterator[str]:
    facts = member.found.facts
    disks = " + ".join(str(disk.size_gib) for disk in facts.disks) or "?"
    yield f"{facts.os or facts.platform}, {facts.instance_type}, {disks} GiB"
    if member.name.reason:
        yield f"named so because {member.name.reason}"
    for problem in member.verdict.first:
        yield f"in no wave yet: {problem.what}. {problem.way_out}."
