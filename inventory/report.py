"""The report of an inventory, as Markdown: what is ready, what is not and why, what nobody can read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from inventory import churn
from inventory.found import Reading
from inventory.names import one_line
from inventory.planning import Member, StackPlan
from settings.rules.sizing import CHURN_GIB_PER_DAY_MAX, MACHINES_MAX
from site_recovery.problems import Problem

_WIDTH = 80
_MARKER = re.compile(r"(?:-|\d+\.) ")
_BEGINS = re.compile(r"[A-Za-z(`<]")

_NOT_READABLE = """\
No API of AWS tells the following. Look on the machines before you migrate them:

- encryption inside the operating system (BitLocker, LUKS): Site Recovery does not replicate it
- Secure Boot: it has to be off
- the kernel of a Linux machine: Site Recovery supports the stock kernels of a distribution only
- paravirtual drivers, unless Systems Manager gathers an inventory (`AWS-GatherSoftwareInventory`)
- licences that are tied to the hardware or to AWS
"""

_COUNTS = """\
**ready**: in a wave, or can be put into one. **first**: something has to be done before. **never**: cannot be migrated \
as it is, and is not in the file unless it was there before. The reasons are below, stack by stack.
"""
_CHURN = """\
**a day** is what was written to the volumes of the machines on the busiest of the days that were read, from \
`VolumeWriteBytes` in CloudWatch. Every write counts, also one to a block that was written before: the limits of Site \
Recovery are for bytes that are written, and its agent records each write. Data that compresses makes the traffic lower \
than that. It is an estimate, because instance stores have no such metric, and a volume that was not attached has no \
values. Days that are busier than those that were read, such as the end of a month, are not in it. One server takes \
{churn:,} GiB a day; set `churnGiBPerDay` to what you expect.
"""
_TALK = """\
Connections are those within the time that was read, and of `ss` those of one moment. A nightly job may not be among \
them, nor what goes through a load balancer, a proxy or a second address of a machine.
"""


def written(plans: Sequence[StackPlan], reading: Reading, refused: Collection[Problem] = ()) -> str:
    """The report.

    Args:
        plans: the stacks.
        reading: what accounts and regions told, and what could not be read.
        refused: why other stack files were left alone.
    """
    text = "\n".join(_lines(plans, reading, refused))
    return "\n".join(folded for line in text.splitlines() for folded in _folded(line)) + "\n"


def _lines(
    plans: Sequence[StackPlan], reading: Reading, refused: Collection[Problem]
) -> Iterator[str]:
    yield "# Inventory"
    for what, problems in (("read", reading.problems), ("written", refused)):
        if problems:
            yield f"\n**Not everything could be {what}.** What follows lacks:\n"
            yield from (f"- {problem}" for problem in problems)
    yield "\n| stack | VPC | region | account |\n|---|---|---|---|"
    yield from (
        f"| {one.file.stack} | {_cell(one.home.vpc_text)} | {one.home.region} | "
        f"{_cell(one.home.account_text)} |"
        for one in plans
    )
    yield "\n| stack | machines | ready | first | never | disks, GiB | a day, GiB |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for one in plans:
        counts = one.counts
        gib = sum(member.found.gib for member in one.members)
        yield (
            f"| {one.file.stack} | {counts.ready + counts.first + counts.never} | {counts.ready} | "
            f"{counts.first} | {counts.never} | {gib:,} | {_changes(one)} |"
        )
    yield "\n" + _COUNTS.rstrip()
    stacks = len([one for one in plans if one.members])
    yield (
        f"\n{stacks} stack{'s' if stacks != 1 else ''}, each with a server and a vault of its own: "
        f"a stack is one VPC, at most {MACHINES_MAX} machines, and at most "
        f"{CHURN_GIB_PER_DAY_MAX:,} GiB of change a day."
    )
    yield "\n" + _CHURN.format(churn=CHURN_GIB_PER_DAY_MAX).rstrip()
    for one in plans:
        yield from _stack(one)
    yield from _connections(plans, reading)
    yield "\n## What the inventory cannot know\n"
    yield _NOT_READABLE.rstrip()


def _cell(text: str) -> str:
    """A text of a person, as a cell of a table."""
    return text.replace("|", "\\|")


def _folded(line: str) -> Iterator[str]:
    """A line as several that a terminal shows; rows of tables and titles stay.

    A new line begins with a letter, because a sign or a number could make it a list or a title.
    """
    if line.startswith(("|", "#")):
        yield line
        return
    marker = _MARKER.match(line)
    indent = " " * len(marker[0]) if marker else ""
    parts: list[str] = []
    for word in line.split(" "):
        if parts and not _BEGINS.match(word):
            parts[-1] += f" {word}"
        else:
            parts.append(word)
    made = parts[0]
    for part in parts[1:]:
        if len(made) + 1 + len(part) > _WIDTH and made != (marker[0].rstrip() if marker else ""):
            yield made
            made = indent + part
        else:
            made = f"{made} {part}"
    yield made


def _changes(one: StackPlan) -> str:
    """What changes in a day on the machines of a stack, as a cell."""
    known = [member.found.churn for member in one.members if member.found.churn is not None]
    if not known:
        return "not read"
    unmeasured = sum(len(each.unmeasured) for each in known)
    without = (
        f" (without {unmeasured} volume{'s' if unmeasured != 1 else ''})" if unmeasured else ""
    )
    gib = sum(each.gib for each in known)
    if not gib and unmeasured >= sum(len(member.found.facts.volumes) for member in one.members):
        return "no values"
    return f"{gib:,.0f}{without}"


def _too_much(one: StackPlan) -> list[str]:
    found = (
        churn.too_much(member.name.text, member.found.churn, CHURN_GIB_PER_DAY_MAX)
        for member in one.members
        if member.found.churn is not None
    )
    return [f"{problem}." for problem in found if problem is not None]


def _connections(plans: Sequence[StackPlan], reading: Reading) -> Iterator[str]:
    yield "\n## Who talks to whom\n"
    if reading.connections is None:
        yield (
            "It was not read. `--connections flow-logs` or `--connections ss` reads it, and plans "
            "the waves by it, too."
        )
        return
    yield _TALK.rstrip()
    homes = {one.home.vpc: one.home for one in plans}
    for vpc in reading.unknown:
        yield f"\nNo flow log and no machine of {homes.get(vpc, vpc)} told its connections."
    count = len(reading.connections)
    yield f"\n{count} connection{'s' if count != 1 else ''} between machines of the inventory."
    place = {m.found.id: (one.file.stack, m.name.text) for one in plans for m in one.members}
    across = Counter(
        (place[talk.client], place[talk.server][0])
        for talk in reading.connections
        if talk.client in place
        and talk.server in place
        and place[talk.client][0] != place[talk.server][0]
    )
    if across:
        yield "\nMachines that connect to another stack, which moves on its own:\n"
        yield from (
            f"- {name} of {stack} to {count} port{'s' if count != 1 else ''} of {other}"
            for ((stack, name), other), count in sorted(across.items())
        )


def _stack(one: StackPlan) -> Iterator[str]:
    yield f"\n## Stack {one.file.stack}\n"
    added = [member for member in one.members if not member.declared]
    new = "new file" if one.made else "file extended"
    yield (
        f"`Pulumi.{one.file.stack}.yaml` ({new}): {one.home}; "
        f"{len(added)} machine{'s' if len(added) != 1 else ''} added."
    )
    systems = Counter(m.found.facts.os or "unknown operating system" for m in one.members)
    if systems:
        counted = [f"{count} {system}" for system, count in sorted(systems.items())]
        yield f"Operating systems: {', '.join(counted)}."
    if one.waves:
        yield "\nProposed waves, in this order:\n"
        yield from (
            f"{number}. `{wave.name}`: {', '.join(wave.machines)} ({wave.why})"
            for number, wave in enumerate(one.waves, 1)
        )
    yield from _names("More change than a server takes", _too_much(one))
    yield from _problems("Cannot be migrated as they are", _never(one))
    yield from _problems("Do this first", [m for m in one.members if m.verdict.first])
    yield from _names(
        "In no wave, because theirs is in a later phase, or in the fleet file", one.left
    )
    yield from _names("Declared, and not in EC2 any more", one.gone)
    yield from _names(
        "Taken out of the file by a person, and not added again",
        [
            f"{one_line(machine.tags.get('Name', ''))} ({machine.id})".strip()
            for machine in one.removed
        ],
    )


def _never(one: StackPlan) -> list[Member]:
    return [*one.refused, *(member for member in one.members if member.verdict.never)]


def _problems(title: str, members: Sequence[Member]) -> Iterator[str]:
    if not members:
        return
    yield f"\n### {title}\n"
    for member in sorted(members, key=lambda member: member.name.text):
        for problem in (*member.verdict.never, *member.verdict.first):
            yield f"- {member.name.text} ({member.found.id}): {problem.what}. {problem.way_out}."


def _names(title: str, names: Sequence[str]) -> Iterator[str]:
    if names:
        yield f"\n### {title}\n"
        yield from (f"- {name}" for name in names)
