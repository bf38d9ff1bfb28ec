"""The sheet: one row for each machine, for people who plan waves in a spreadsheet (CSV)."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields, replace

from pydantic import ValidationError

from inventory.names import valid
from inventory.stack_file import StackFile, StackFileError
from inventory.start_order import OrderError
from settings import translation
from site_recovery.declared.names import MACHINE
from site_recovery.declared.target import TargetSpec
from site_recovery.phases import Phase
from site_recovery.problems import Problem

PLANNED = ("wave", "order", "owner", "ticket", "size")
"""The columns that a person fills in."""


@dataclass(frozen=True)
class Row:
    """One machine.

    Attributes:
        order: the number of the group of the wave's recovery plan, the lowest first. Without one a
            machine stays in its group, or starts last; empty for all if they start together.
        owner: becomes the tag `owner` of the virtual machine.
        ticket: becomes the tag `ticket` of the virtual machine.
        size: the size of the virtual machine.
        note: why it is in no wave yet; it is not read.
    """

    stack: str
    machine: str
    instance: str
    wave: str = ""
    order: str = ""
    owner: str = ""
    ticket: str = ""
    size: str = ""
    os: str = ""
    ec2_type: str = ""
    disks_gib: str = ""
    note: str = ""

    @property
    def values(self) -> dict[str, str]:
        """What it sets in the target of the machine, apart from tags."""
        return {"vmSize": self.size} if self.size else {}

    @property
    def tags(self) -> dict[str, str]:
        """The tags that it gives the virtual machine."""
        given = {"owner": self.owner, "ticket": self.ticket}
        return {name: value for name, value in given.items() if value}


_COLUMNS = tuple(field.name for field in fields(Row))
_NEEDED = ("machine", *PLANNED)


def written(rows: Iterable[Row]) -> str:
    """The sheet as CSV, with a line of titles."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {name: getattr(row, name) for name in _COLUMNS}
        for row in sorted(rows, key=lambda row: (row.stack, row.machine))
    )
    return buffer.getvalue()


def read(text: str, name: str) -> tuple[list[tuple[int, Row]], list[Problem]]:
    """The rows of a sheet, each with the number of its line.

    Args:
        text: CSV, with a line of titles; other columns than those of `Row` are ignored.
        name: the name of the file, for messages.
    """
    # Spreadsheet programs of some countries separate by semicolons, and begin with a mark.
    text = text.removeprefix("\ufeff")
    first = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text), delimiter=";" if ";" in first else ",", strict=True)
    titles = [title.strip().lower() for title in reader.fieldnames or ()]
    missing = [title for title in _NEEDED if title not in titles]
    if missing:
        return [], [
            Problem(
                f"{name} line 1",
                f"it lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}",
                f"Begin with a line of titles: {', '.join(_COLUMNS)}",
            )
        ]
    reader.fieldnames = titles
    rows, wrong = [], []
    try:
        for cells in reader:
            if None in cells or None in cells.values():
                wrong.append(_uneven(f"{name} line {reader.line_num}"))
                continue
            known = {c: (cells.get(c) or "").strip() for c in _COLUMNS}
            if any(known.values()):
                rows.append((reader.line_num, Row(**known)))
    except csv.Error as error:
        place = f"{name} line {reader.line_num}"
        return [], [Problem(place, f"it is not CSV ({error})", "Save the sheet as CSV again")]
    return rows, wrong


def _uneven(place: str) -> Problem:
    return Problem(
        place,
        "it has more or fewer cells than the line of titles, so that they may be of other columns",
        "Put a text with a comma or a semicolon into quotes, or save the sheet as CSV again",
    )


def kept(rows: Iterable[Row], before: Iterable[Row], told: Iterable[Row] = ()) -> list[Row]:
    """The rows with the cells that a person filled in, in an earlier sheet of the same machines.

    See `unread` for rows of other stacks.

    Args:
        rows: as the stack files say now.
        before: the earlier sheet.
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
        merged.append(replace(row, **cells))
    return merged


def unread(before: Iterable[Row], read: Collection[str], there: Collection[str]) -> list[Row]:
    """The earlier rows of stacks whose machines were not read this time, as they are.

    Another region was read then, or an account does not answer now: nobody's plan is lost.

    Args:
        before: the rows of the earlier sheet.
        read: the stacks that were read.
        there: the stacks that have a file.
    """
    return [row for row in before if row.stack in there and row.stack not in read]


def apply(
    rows: Iterable[tuple[int, Row]], files: Mapping[str, StackFile], name: str
) -> list[Problem]:
    """Change stack files as the rows say, or none of them if a row is wrong.

    An empty cell changes nothing: what the file says stays.

    Args:
        rows: with the numbers of their lines.
        files: by stack.
        name: the name of the sheet, for messages.

    Returns:
        What is wrong, each with its line.
    """
    rows = list(rows)
    placed = [(line, row, _file_of(row, files)) for line, row in rows]
    problems = [
        problem
        for line, row, file in placed
        for problem in _problems(f"{name} line {line}", row, file)
    ]
    problems += _twice(rows, name)
    if problems:
        return problems
    # First on copies: what a wave becomes is known only when all of its rows are applied.
    copies = {stack: StackFile(stack, file.text(), file.folder) for stack, file in files.items()}
    return _changed(rows, copies, name) or _changed(rows, files, name)


def _changed(
    rows: Iterable[tuple[int, Row]], files: Mapping[str, StackFile], name: str
) -> list[Problem]:
    """Change the files. Returns what their waves cannot be, with the first line that made it so."""
    lines: dict[tuple[str, str], int] = {}
    orders: dict[tuple[str, str], dict[str, int]] = {}
    for line, row in rows:
        file = _file_of(row, files)
        if file is None:
            continue
        before = file.wave_of(row.machine)
        wave = row.wave or before
        if row.wave and before != row.wave:
            file.move(row.machine, row.wave)
            lines.setdefault((file.stack, before or row.wave), line)
            lines.setdefault((file.stack, row.wave), line)
        if row.order and wave:
            lines.setdefault((file.stack, wave), line)
            orders.setdefault((file.stack, wave), {})[row.machine] = int(row.order)
        file.set_target(row.machine, row.values, row.tags)
    problems = []
    for (stack, wave), line in lines.items():
        place = f"{name} line {line}"
        try:
            files[stack].tidy(wave, orders.get((stack, wave), {}))
        except OrderError as error:
            way_out = "Correct the column order of its machines, or the recovery plan by hand"
            problems.append(Problem(place, f"of wave {wave}, {error}", way_out))
        except StackFileError as error:
            way_out = f"Remove the wave from Pulumi.{stack}.yaml by hand, or leave a machine in it"
            problems.append(Problem(place, str(error), way_out))
    return problems


def _file_of(row: Row, files: Mapping[str, StackFile]) -> StackFile | None:
    if row.stack:
        return files.get(row.stack)
    having = [file for file in files.values() if row.machine in file.machines.values()]
    return having[0] if len(having) == 1 else None


def _problems(place: str, row: Row, file: StackFile | None) -> list[Problem]:
    if file is None:
        stack = f"stack {row.stack}" if row.stack else "a single stack"
        return [
            Problem(
                place,
                f"{row.machine or 'a row without a machine'} is not a machine of {stack}",
                "Correct the columns machine and stack, or remove the line",
            )
        ]
    found = []
    if row.machine not in file.machines.values():
        found.append(
            Problem(
                place,
                f"Pulumi.{file.stack}.yaml declares no machine {row.machine!r}",
                "Correct the name, or remove the line",
            )
        )
    if row.wave and not MACHINE.fullmatch(row.wave):
        found.append(
            Problem(
                place,
                f"{row.wave!r} is not a name of a wave",
                f"Use letters, digits and hyphens, such as {valid(row.wave) or 'pilot'}",
            )
        )
    if row.order and not (row.order.isdecimal() and int(row.order)):
        found.append(
            Problem(place, f"the order {row.order!r} is not a whole number from 1", "Use 1, 2, 3 …")
        )
    if row.order and not row.wave and file.wave_of(row.machine) is None:
        found.append(
            Problem(
                place,
                f"{row.machine} has an order, and is in no wave",
                "Fill in the column wave too, or leave the order empty",
            )
        )
    found += _size_problems(place, row)
    before = file.wave_of(row.machine)
    order = str(file.order_of(row.machine) or "")
    if (row.wave and before != row.wave) or (row.order and row.order != order):
        found += [
            Problem(
                place,
                f"wave {wave} is declared in the fleet file of stack {file.stack}",
                "Change it there by hand: other stacks may have it too",
            )
            for wave in sorted(file.fleet_waves & {before or row.wave, row.wave})
        ]
    if row.wave and before != row.wave:
        for wave in (before, row.wave):
            phase = file.waves.get(str(wave), Phase.PROTECTED)
            if phase != Phase.PROTECTED:
                found.append(
                    Problem(
                        place,
                        f"wave {wave} is in phase {phase} already",
                        f"Move {row.machine} by hand: what that means depends on how far it is",
                    )
                )
    return found


def _size_problems(place: str, row: Row) -> list[Problem]:
    target = {**row.values, "tags": row.tags}
    try:
        TargetSpec.model_validate(target)
    except ValidationError as error:
        wrong = translation.problems(error, TargetSpec, target)
        return [Problem(place, f"{each.path}: {each.what}", each.way_out) for each in wrong]
    return []


def _twice(rows: Iterable[tuple[int, Row]], name: str) -> list[Problem]:
    lines: dict[tuple[str, str], int] = {}
    found = []
    for line, row in rows:
        first = lines.setdefault((row.stack, row.machine), line)
        if first != line:
            found.append(
                Problem(
                    f"{name} line {line}",
                    f"{row.machine} stands in line {first} already",
                    "Remove one of the lines",
                )
            )
    return found
