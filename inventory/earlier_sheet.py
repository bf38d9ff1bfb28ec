"""What a person planned in an earlier sheet: it goes into the next one."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from inventory.sheet import PLANNED, Row
from site_recovery.problems import Problem

_FILL_IN = "Fill in the columns stack and machine, or remove the line"


def identified(
    before: Iterable[tuple[int, Row]], told: Collection[Row], now: Collection[Row], name: str
) -> tuple[list[Row], list[Problem]]:
    """The rows of an earlier sheet with their stacks and instances, which a person may have removed.

    Args:
        before: with the numbers of their lines.
        told: what the stack files said when the sheet was written.
        now: what they say now.
        name: the name of the sheet, for messages.

    Returns:
        The rows, remarks too, and those that cannot be told apart.
    """
    places_then, places_now = _places(told), _places(now)
    found: list[Row] = []
    wrong: list[Problem] = []
    lines: dict[tuple[str, str], int] = {}
    for line, row in before:
        key = row.instance or row.machine
        # The names of a sheet are those of its time.
        known = places_then.get(key) or places_now.get(key, set())
        places = {place for place in known if row.stack in ("", place[0])}
        stack, instance = min(places, default=(row.stack, row.instance))
        found.append(replace(row, stack=stack, instance=instance))
        if row.remark:
            continue
        place, first = f"{name} line {line}", lines.setdefault((stack, instance or key), line)
        if len(places) > 1:
            what, way_out = f"{key} is a machine of several stacks", _FILL_IN
        elif not stack or not key:
            what = f"{key or 'a row without a machine'} is not a machine of a known stack"
            way_out = _FILL_IN
        elif first != line:
            what, way_out = f"{key} stands in line {first} already", "Remove one of the lines"
        else:
            continue
        wrong.append(Problem(place, what, way_out))
    return found, wrong


def _places(rows: Iterable[Row]) -> dict[str, set[tuple[str, str]]]:
    """Where machines are, by their names and their instances: stacks and instances."""
    found: dict[str, set[tuple[str, str]]] = {}
    for row in rows:
        for key in (row.machine, row.instance):
            found.setdefault(key, set()).add((row.stack, row.instance))
    return found


def kept(rows: Iterable[Row], before: Iterable[Row], told: Iterable[Row] = ()) -> list[Row]:
    """The rows with the cells that a person filled in, in an earlier sheet of the same machines.

    See `unread` for rows of other stacks.

    Args:
        rows: as the stack files say now.
        before: the earlier sheet, as `identified` returns it.
        told: what the stack files said then. A cell that says the same is no person's: the file
            may have been changed since, and then the file counts.
    """
    filled = {(row.stack, row.instance): row for row in before}
    known = {(row.stack, row.instance): row for row in told}
    merged = []
    for row in rows:
        key = (row.stack, row.instance)
        old, then = filled.get(key), known.get(key)
        cells = {
            name: cell
            for name in PLANNED
            if old and (cell := getattr(old, name)) and not (then and cell == getattr(then, name))
        }
        merged.append(replace(row, **cells, own=old.own if old else ()))
    return merged


def unread(before: Iterable[Row], read: Collection[str], there: Collection[str]) -> list[Row]:
    """The earlier rows of stacks whose machines were not read this time, and remarks, as they are.

    Another region was read then, or an account does not answer now: nobody's plan is lost.

    Args:
        before: the rows of the earlier sheet.
        read: the stacks that were read.
        there: the stacks that have a file.
    """
    return [row for row in before if row.remark or (row.stack in there and row.stack not in read)]
