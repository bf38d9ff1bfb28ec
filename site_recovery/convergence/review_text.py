"""A review as text that fits into 80 columns, and stands in a comment as it is."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import zip_longest

from site_recovery.convergence.review_data import MachineRow, StackReview, WaveReview
from site_recovery.operations import NO_FAILBACK, Operation
from site_recovery.reasons import Reason
from site_recovery.usual_durations import in_words

WIDTH = 74
"""The engine indents what a resource says by four columns."""
IRREVERSIBLE = "IRREVERSIBLE"

_GAP = "  "
_STATE_MIN = 13
_ALONE = 25
"""The most machines of a wave that have a row each; of more, machines with the same row share it."""
_NAMED = 3

_COUNTED = {
    Operation.UNPLANNED_FAILOVER: ("failover", "failovers"),
    Operation.COMPLETE_MIGRATION: ("completion", "completions"),
    Operation.TEST_FAILOVER: ("test failover", "test failovers"),
    Operation.ENABLE_PROTECTION: ("new replication", "new replications"),
    Operation.DISABLE_PROTECTION: ("removal", "removals"),
}


def wave_block(review: WaveReview) -> str:
    """The block of one wave: its line, its table, and what is said about it once."""
    lines = _wrapped(f"wave {review.wave} → {review.phase}: {summary(review)}")
    if review.machines:
        lines += ["", *_table(shared(review.machines))]
    notes = [*_notes(review.machines), *terminations(review), *review.notes]
    if notes:
        lines += ["", *(line for note in notes for line in _wrapped(note))]
    return "\n".join(lines)


def stack_line(review: StackReview) -> str:
    """The line of the whole stack, and once what cannot be undone."""
    together = totals(review)
    lines = [together] if len(together) <= WIDTH else together.split("; ", 1)
    lines = [line for each in lines for line in _wrapped(each)]
    still = [n for n, wave in review.waves.items() if not (wave.machines or wave.terminates)]
    if review.rows and still:
        lines += _wrapped(
            f"nothing to do in {'wave' if len(still) == 1 else 'waves'} {names(still)}"
        )
    for sentence in irreversible(review):
        lines += _wrapped(sentence)
    return "\n".join(lines)


def totals(review: StackReview) -> str:
    """What would happen in the stack, and how long machines would be down, in a line."""
    return "; ".join(filter(None, (_sum(review), _downtime(review.rows))))


def summary(review: WaveReview) -> str:
    """What would happen in a wave, in a line."""
    return _sum(StackReview({review.wave: review}))


def irreversible(review: StackReview) -> list[str]:
    """What cannot be undone, each a sentence."""
    lines = []
    if review.count(Operation.UNPLANNED_FAILOVER):
        lines.append(f"{IRREVERSIBLE}: a failover moves a machine for good; {NO_FAILBACK}.")
    if review.count(Operation.COMPLETE_MIGRATION):
        lines.append(
            f"{IRREVERSIBLE}: after Complete Migration the replication is removed, and billing for "
            "it stops."
        )
    if any(wave.terminates for wave in review.waves.values()):
        lines.append(f"{IRREVERSIBLE}: a terminated instance is lost, with the disks it deletes.")
    return lines


def names(machines: Sequence[str], most: int = _NAMED) -> str:
    """Names of machines, the first few of many."""
    more = f" and {len(machines) - most} more" if len(machines) > most else ""
    return f"{', '.join(machines[:most])}{more}"


def _sum(review: StackReview) -> str:
    rows = review.rows
    counted = [
        f"{count} {words[count > 1]}"
        for operation, words in _COUNTED.items()
        if (count := review.count(operation))
    ]
    if ends := sum(len(wave.terminates) for wave in review.waves.values()):
        counted += [f"{ends} {'source' if ends == 1 else 'sources'} terminated"]
    others = sum(not row.blocked and not _is_counted(row) for row in rows)
    counted += [f"{others} {'machine goes' if others == 1 else 'machines go'} on"] if others else []
    waiting = sum(bool(row.waits) and not row.blocked for row in rows)
    blocked = sum(bool(row.blocked) for row in rows)
    counted += [f"{waiting} held by a guard"] if waiting else []
    counted += [f"{blocked} blocked" if blocked else "nothing blocked"] if rows else []
    return ", ".join(counted) or "nothing to do"


def terminations(review: WaveReview) -> Iterator[str]:
    """What is said of the sources that are due."""
    if review.terminates:
        yield (
            f"source.terminateAfter has passed for {names(review.terminates)}: EC2 terminates what "
            "is stopped and fenced, if the virtual machine runs"
        )


def _is_counted(row: MachineRow) -> bool:
    return any(each.operation in _COUNTED for each in row.operations)


def _downtime(rows: Iterable[MachineRow]) -> str:
    by_length: dict[str, list[str]] = {}
    for row in sorted(rows, key=lambda row: -(row.downtime_seconds or 0)):
        if row.downtime_seconds is not None and not row.blocked:
            length = in_words(timedelta(seconds=row.downtime_seconds))
            by_length.setdefault(length, []).append(row.machine)
    parts = [f"{length} for {names(sorted(who))}" for length, who in by_length.items()]
    if len(parts) > _NAMED:
        longest, shortest = next(iter(by_length)), list(by_length)[-1]
        count = sum(map(len, by_length.values()))
        parts = [f"{shortest} to {longest} for {count} machines"]
    return f"expected downtime {', '.join(parts)}" if parts else ""


def shared(rows: Sequence[MachineRow]) -> list[tuple[str, MachineRow]]:
    """The rows with their names; of many machines, those with the same row share it."""
    if len(rows) <= _ALONE:
        return [(row.machine, row) for row in rows]
    same: dict[object, list[MachineRow]] = {}
    for row in rows:
        kinds = tuple(each.operation for each in row.operations)
        held = tuple(each.reason for each in (*row.waits, *row.blocked))
        same.setdefault((row.now, row.then, kinds, row.running, held), []).append(row)
    return [(names([row.machine for row in alike], 2), alike[0]) for alike in same.values()]


def _table(rows: Sequence[tuple[str, MachineRow]]) -> Iterator[str]:
    steps = {row.machine: list(_steps(row)) for _, row in rows}
    marked = any(mark for lines in steps.values() for _, _, mark in lines)
    third = max(len("operations"), *(len(what) for lines in steps.values() for what, _, _ in lines))
    fourth = max(len("usual"), *(len(usual) for lines in steps.values() for _, usual, _ in lines))
    last = len(IRREVERSIBLE) if marked else 0
    taken = third + fourth + last + len(_GAP) * (4 if marked else 3)
    longest = max(len(f"{row.now} → {row.then}") for _, row in rows)
    # Names come first; what is long is wrapped.
    first = max(len("machine"), *(len(name) for name, _ in rows))
    first = min(first, WIDTH - taken - _STATE_MIN)
    second = max(_STATE_MIN, min(longest, WIDTH - taken - first))
    widths = (first, second, third, fourth)

    def line(*cells: str) -> str:
        padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=False)]
        return _GAP.join([*padded, *cells[len(widths) :]]).rstrip()

    yield line("machine", "now → then", "operations", "usual")
    for name, row in rows:
        state = textwrap.wrap(f"{row.now} → {row.then}", second, break_on_hyphens=False)
        for cells in zip_longest(textwrap.wrap(name, first), state, steps[row.machine]):
            what, usual, mark = cells[2] or ("", "", "")
            yield line(cells[0] or "", cells[1] or "", what, usual, mark)


def _steps(row: MachineRow) -> Iterator[tuple[str, str, str]]:
    """The lines of a machine: each an operation, its duration and its mark."""
    if row.running:
        yield f"({row.running} is running)", "", ""
    for each in row.operations:
        usual = in_words(timedelta(seconds=each.seconds)) if each.seconds is not None else "?"
        yield each.operation, usual, IRREVERSIBLE if each.irreversible else ""
    for hold in row.waits:
        yield f"held: {hold.reason}", "", ""
    for hold in row.blocked:
        yield f"BLOCKED: {hold.reason}", "", ""
    if not (row.operations or row.running or row.waits or row.blocked):
        yield "(wait for it)", "", ""


def _notes(rows: Iterable[MachineRow]) -> Iterator[str]:
    """What the table has no room for; machines with the same note share it."""
    who: dict[str, list[str]] = {}
    for row in rows:
        details = [f"{each.operation}: {each.detail}" for each in row.operations if each.detail]
        # What refuses the run is told by its error. What cannot be read refuses nothing.
        odd = [hold for hold in row.blocked if hold.reason == Reason.UNREADABLE]
        holds = [f"{hold.reason}: {hold.what}" for hold in (*row.waits, *odd)]
        for text in (*details, *holds):
            who.setdefault(text, []).append(row.machine)
    for text, machines in who.items():
        yield f"{names(machines)}: {text}"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent="  ", break_on_hyphens=False) or [""]
