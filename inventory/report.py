"""The report of an inventory, as Markdown: what is ready, what is not and why, what nobody can read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from inventory.planning import Member, StackPlan
from settings.rules.sizing import CHURN_GIB_PER_DAY_MAX, MACHINES_MAX
from site_recovery.problems import Problem

_NOT_READABLE = """\
No API of AWS tells the following. Look on the machines before you migrate them:

- encryption inside the operating system (BitLocker, LUKS): Site Recovery does not replicate it
- Secure Boot: it has to be off
- the kernel of a Linux machine: Site Recovery supports the stock kernels of a distribution only
- paravirtual drivers, unless Systems Manager gathers an inventory (`AWS-GatherSoftwareInventory`)
- licences that are tied to the hardware or to AWS
- how much data changes: one server takes {churn:,} GiB of change a day. CloudWatch has `VolumeWriteBytes`
  of every volume; set `churnGiBPerDay` if you know the sum.
"""


def written(plans: Sequence[StackPlan], problems: Iterable[Problem]) -> str:
    """The report.

    Args:
        plans: the stacks.
        problems: accounts and regions that could not be read.
    """
    return "\n".join(_lines(plans, list(problems))) + "\n"


def _lines(plans: Sequence[StackPlan], problems: Sequence[Problem]) -> Iterator[str]:
    yield "# Inventory"
    if problems:
        yield "\n**Not everything could be read.** What follows lacks:\n"
        yield from (f"- {problem}" for problem in problems)
    yield "\n| stack | machines | ready | do something first | cannot be migrated | disks, GiB |"
    yield "|---|---:|---:|---:|---:|---:|"
    for one in plans:
        ready = sum(member.verdict.ready for member in one.members)
        never = [*one.refused, *(m for m in one.members if m.verdict.never)]
        first = len(one.members) - ready - len(never) + len(one.refused)
        gib = sum(member.found.gib for member in one.members)
        total = len(one.members) + len(one.refused)
        yield f"| {one.file.stack} | {total} | {ready} | {first} | {len(never)} | {gib:,} |"
    stacks = len([one for one in plans if one.members])
    yield (
        f"\n{stacks} stack{'s' if stacks != 1 else ''}, each with a server and a vault of its own: "
        f"a stack is one VPC and at most {MACHINES_MAX} machines."
    )
    for one in plans:
        yield from _stack(one)
    yield "\n## What the inventory cannot know\n"
    yield _NOT_READABLE.format(churn=CHURN_GIB_PER_DAY_MAX).rstrip()


def _stack(one: StackPlan) -> Iterator[str]:
    yield f"\n## Stack {one.file.stack}\n"
    added = [member for member in one.members if not member.declared]
    new = "new file" if one.made else "file extended"
    yield (
        f"`Pulumi.{one.file.stack}.yaml` ({new}): VPC {one.file.vpc_id} in {one.file.region}, "
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
    yield from _problems("Cannot be migrated as they are", _never(one))
    yield from _problems("Do this first", [m for m in one.members if m.verdict.first])
    yield from _names("In no wave, because theirs is in a later phase", one.left)
    yield from _names("Declared, and not in EC2 any more", one.gone)
    yield from _names(
        "Taken out of the file by a person, and not added again",
        [f"{machine.tags.get('Name', '')} ({machine.id})".strip() for machine in one.removed],
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
