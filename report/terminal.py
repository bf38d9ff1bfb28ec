"""The report on a terminal; 80 columns are enough."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from report.model import MachineRow, Place, Report, Said, Wave
from report.words import (
    MARKS,
    NOTHING,
    VERDICTS,
    day,
    doing,
    money,
    source,
    span,
    unseen,
)
from site_recovery.convergence.outcome import Status

_STYLES = {
    Place.NOT_BEGUN: "dim",
    Place.REPLICATING: "cyan",
    Place.PROTECTED: "blue",
    Place.TESTING: "yellow",
    Place.FAILED_OVER: "magenta",
    Place.MIGRATED: "green",
}
_VERDICT_STYLES = {Status.PENDING: "cyan", Status.BLOCKED: "yellow", Status.FAILED: "red"}
_NAMED = 8
"""How many machines that wait for the same are named."""
_WIDE = 110
"""The width, in columns, from which the last test and the costs of a machine are shown too."""


def shown(report: Report, width: int) -> RenderableType:
    """A report for a terminal.

    Args:
        report: the report.
        width: of the terminal, in columns.
    """
    return Group(*_parts(report, width))


def overview(reports: Sequence[Report], failed: Iterable[tuple[str, str]]) -> RenderableType:
    """One table over several stacks, as they are recorded.

    Args:
        reports: theirs.
        failed: the stacks whose record cannot be read, each with the reason.
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("stack", overflow="fold")
    table.add_column("waves", justify="right")
    table.add_column("machines", justify="right")
    for place in Place:
        table.add_column(f"{MARKS[place]} {place}", justify="right")
    table.add_column("not in their phase", justify="right")
    for report in reports:
        table.add_row(report.stack, *_totals([report]))
    if len(reports) > 1:
        table.add_section()
        table.add_row(Text("all", "bold"), *_totals(reports))
    notes = [Text(f"{stack}: {why}", "red") for stack, why in failed]
    if notes:
        read = f"{len(reports)} of {len(reports) + len(notes)} stacks could be read."
        notes.append(Text(read, "bold red"))
    return Group(table, *notes)


def _totals(reports: Sequence[Report]) -> Iterator[RenderableType]:
    """The cells of a row: the numbers of some stacks together."""
    machines = [machine for report in reports for machine in report.machines]
    late = sum(machine.status is not Status.SATISFIED for machine in machines)
    yield str(sum(len(report.waves) for report in reports))
    yield str(len(machines))
    for place in Place:
        yield str(sum(report.counts[place] for report in reports) or NOTHING)
    yield Text(str(late or NOTHING), "bold yellow" if late else "")


def _parts(report: Report, width: int) -> Iterator[RenderableType]:
    yield Text.assemble(
        (f"Stack {report.stack}", "bold"), f"  {source(report)[0].lower()}{source(report)[1:]}"
    )
    if not report.live:
        yield Text(unseen(report), "yellow")
    if not report.machines:
        yield Text("No wave of this stack is recorded yet.")
        return
    yield _counts(report)
    for wave in report.waves:
        yield Text()
        yield _heading(wave)
        yield _machines(wave.machines, width)
    if report.attention:
        yield Text("\nWhat to look at", "bold")
        for machine in report.attention:
            yield from _attention(machine)
    if report.on_their_way:
        yield Text("\nOn their way", "bold")
        yield from _on_their_way(report)
    if report.durations:
        yield Text("\nHow long operations took", "bold")
        yield _durations(report)
    if report.live:
        yield Text("\nUsed so far", "bold")
        yield _used(report)


def _counts(report: Report) -> Text:
    parts = [
        (f"{MARKS[place]} {count} {place}", _STYLES[place])
        for place, count in report.counts.items()
        if count
    ]
    return Text("  ").join(Text(*part) for part in parts)


def _heading(wave: Wave) -> Text:
    heading = Text.assemble(
        (f"Wave {wave.name}", "bold"), f" to {wave.phase}: {wave.done}/{len(wave.machines)}"
    )
    return heading if not wave.plan else heading.append(f"  (recovery plan {wave.plan})")


def _machines(machines: Iterable[MachineRow], width: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    wide = width >= _WIDE
    for title in ("machine", "where it is", "health"):
        table.add_column(title, overflow="fold")
    table.add_column("RPO", justify="right", no_wrap=True)
    table.add_column("Azure VM", overflow="fold")
    table.add_column("checks")
    if wide:
        table.add_column("last test", no_wrap=True)
        table.add_column("replicated", justify="right", no_wrap=True)
        table.add_column("VM", justify="right", no_wrap=True)
    for machine in machines:
        cells: list[RenderableType] = [
            Text(machine.name),
            _where(machine),
            Text(machine.health or NOTHING, _health_style(machine)),
            NOTHING if machine.rpo_seconds is None else span(machine.rpo_seconds),
            _in_azure(machine),
            _checks(machine),
        ]
        if wide:
            used = machine.usage
            cells += [
                day(machine.last_test),
                NOTHING if used is None else f"{used.replication_days:.1f} d",
                NOTHING if used is None else f"{used.vm_hours + used.test_hours:.0f} h",
            ]
        table.add_row(*cells)
    return table


def _where(machine: MachineRow) -> Text:
    where = Text(f"{MARKS[machine.place]} {machine.where}", _STYLES[machine.place])
    if extra := doing(machine):
        where.append(f" · {extra}", "bold")
    if machine.status is not Status.SATISFIED:
        where.append(f" · {VERDICTS[machine.status]}", _VERDICT_STYLES[machine.status])
    return where


def _in_azure(machine: MachineRow) -> Text:
    """The name of its virtual machine, with each of its addresses on a line of its own."""
    name = Text(machine.azure_vm or machine.test_vm or NOTHING)
    for address in machine.addresses:
        name.append(f"\n{address}", "dim")
    return name


def _checks(machine: MachineRow) -> Text:
    if machine.check is None or machine.check.passed is None:
        return Text(NOTHING)
    return Text("passed", "green") if machine.check.passed else Text("failed", "red")


def _health_style(machine: MachineRow) -> str:
    return {"Critical": "red", "Warning": "yellow"}.get(machine.health, "")


def _on_their_way(report: Report) -> Iterator[RenderableType]:
    for (waits, reason), machines in report.on_their_way.items():
        names = ", ".join(machine.name for machine in machines[:_NAMED])
        more = f" and {len(machines) - _NAMED} more" if len(machines) > _NAMED else ""
        why = f" ({reason})" if reason else ""
        yield Text.assemble((f"{waits}{why}: ", _VERDICT_STYLES[Status.PENDING]), names, more)


def _attention(machine: MachineRow) -> Iterator[RenderableType]:
    style = _VERDICT_STYLES.get(machine.status, "")
    reason = f" ({machine.reason})" if machine.reason else ""
    yield Text.assemble((machine.name, "bold"), " ", (f"{VERDICTS[machine.status]}{reason}", style))
    said = [Said(machine.message, machine.way_out), *machine.ills]
    if machine.check is not None and machine.check.passed is False:
        said += [Said(f"check: {message}") for message in machine.check.messages]
    for each in said:
        if each.what:
            yield Padding(Text(each.what), (0, 0, 0, 2))
        if each.way_out:
            yield Padding(Text(f"→ {each.way_out}", "italic"), (0, 0, 0, 2))


def _durations(report: Report) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("operation")
    for title in ("runs", "failed", "median", "longest"):
        table.add_column(title, justify="right")
    table.add_column("of machine", overflow="fold")
    for each in report.durations:
        table.add_row(
            each.operation,
            str(each.runs),
            str(each.failed or NOTHING),
            span(each.median),
            span(each.longest),
            each.slowest,
        )
    return table


def _used(report: Report) -> Text:
    used = report.used()
    text = (
        f"{used.replication_days:,.1f} days of replication, {used.test_hours:,.1f} hours of test "
        f"machines, {used.vm_hours:,.1f} hours of migrated machines"
    )
    if report.cost is not None:
        text += f": {money(report.cost, report.currency)}"
    if report.unpriced:
        text += f" (without {', '.join(report.unpriced)}, which the price table lacks)"
    return Text(text)
