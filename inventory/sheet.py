"""The sheet: one row for each machine, for people who plan waves in a spreadsheet (CSV)."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Mapping, Sequence
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
        own: the cells of the columns that a person added, in their order.
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
    own: tuple[str, ...] = ()

    @property
    def remark(self) -> bool:
        """Whether it is of no machine, and has cells of a person's own columns only."""
        return not any(getattr(self, name) for name in _COLUMNS)

    @property
    def values(self) -> dict[str, str]:
        """What it sets in the target of the machine, apart from tags."""
        return {"vmSize": self.size} if self.size else {}

    @property
    def tags(self) -> dict[str, str]:
        """The tags that it gives the virtual machine."""
        given = {"owner": self.owner, "ticket": self.ticket}
        return {name: value for name, value in given.items() if value}


_COLUMNS = tuple(field.name for field in fields(Row) if field.name != "own")
_NEEDED = ("machine", *PLANNED)
_MARK = "\ufeff"
_FILL_IN = "Fill in the columns stack and machine, or remove the line"


@dataclass(frozen=True)
class Layout:
    """How a sheet is written, by the spreadsheet program and by the person who has it.

    Attributes:
        titles: of its columns, to the letter.
        delimiter: a comma, or a semicolon in some countries.
        mark: the sign with which some programs begin a file, or an empty text.
        line_end: of its lines.
    """

    titles: tuple[str, ...] = _COLUMNS
    delimiter: str = ","
    mark: str = ""
    line_end: str = "\n"

    @property
    def columns(self) -> tuple[str, ...]:
        """What the titles mean: names of `Row`, and empty texts for columns of a person's own."""
        plain = (title.strip().lower() for title in self.titles)
        return tuple(title if title in _COLUMNS else "" for title in plain)

    def line(self, row: Row) -> list[str]:
        """The cells of a row. Those of own columns are empty in a row that is new."""
        own = iter(row.own)
        return [getattr(row, name) if name else next(own, "") for name in self.columns]


def layout(text: str) -> Layout:
    """How a sheet is written.

    Raises:
        csv.Error: its titles are not CSV.
    """
    lines = list(_text(text))
    first = lines[0] if lines else ""
    delimiter = ";" if first.count(";") > first.count(",") else ","
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    titles = next(reader, [])
    # A title may have lines of its own, with other ends.
    last = lines[reader.line_num - 1] if lines else ""
    return Layout(
        tuple(titles),
        delimiter,
        _MARK if text.startswith(_MARK) else "",
        "\r\n" if last.endswith("\r\n") else "\n",
    )


def _text(text: str) -> io.StringIO:
    """The lines of a sheet, with their ends."""
    return io.StringIO(text.removeprefix(_MARK), newline="")


def written(rows: Iterable[Row], like: Layout | None = None) -> str:
    """The sheet as CSV, with a line of titles.

    Args:
        rows: of machines, and remarks.
        like: how it was written before. A column that it lacks comes last.
    """
    like = like or Layout()
    lacking = [name for name in _COLUMNS if name not in like.columns]
    like = replace(like, titles=(*like.titles, *lacking))
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=like.delimiter, lineterminator=like.line_end)
    writer.writerow(like.titles)
    in_order = sorted(rows, key=lambda row: (row.remark, row.stack, row.machine))
    writer.writerows(map(like.line, in_order))
    return like.mark + buffer.getvalue()


def read(text: str, name: str) -> tuple[list[tuple[int, Row]], list[Problem]]:
    """The rows of a sheet, each with the number of its line.

    Args:
        text: CSV, with a line of titles.
        name: the name of the file, for messages.
    """
    try:
        form = layout(text)
    except csv.Error as error:
        return [], [_not_csv(f"{name} line 1", error)]
    wrong = _wrong_titles(form.columns, f"{name} line 1")
    if wrong:
        return [], wrong
    rows = []
    reader = csv.reader(_text(text), delimiter=form.delimiter, strict=True)
    next(reader)
    try:
        for cells in reader:
            if cells and len(cells) != len(form.titles):
                wrong.append(_uneven(f"{name} line {reader.line_num}"))
            elif any(map(str.strip, cells)):
                rows.append((reader.line_num, _row(form.columns, cells)))
    except csv.Error as error:
        return [], [_not_csv(f"{name} line {reader.line_num}", error)]
    return rows, wrong


def _not_csv(place: str, error: csv.Error) -> Problem:
    return Problem(place, f"it is not CSV ({error})", "Save the sheet as CSV again")


def _row(columns: Iterable[str], cells: Iterable[str]) -> Row:
    pairs = list(zip(columns, cells, strict=True))
    known = dict.fromkeys(_COLUMNS, "") | {name: cell.strip() for name, cell in pairs if name}
    return Row(**known, own=tuple(cell for name, cell in pairs if not name))


def _wrong_titles(columns: Sequence[str], place: str) -> list[Problem]:
    missing = [title for title in _NEEDED if title not in columns]
    if missing:
        what = f"it lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}"
        return [Problem(place, what, f"Begin with a line of titles: {', '.join(_COLUMNS)}")]
    twice = [title for title in _COLUMNS if columns.count(title) > 1]
    return [
        Problem(
            place, f"it has the column {title} twice", "Remove one of them, or name it otherwise"
        )
        for title in twice
    ]


def _uneven(place: str) -> Problem:
    return Problem(
        place,
        "it has more or fewer cells than the line of titles, so that they may be of other columns",
        "Put a text with a comma or a semicolon into quotes, or save the sheet as CSV again",
    )


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
    rows = [(line, row) for line, row in rows if not row.remark]
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
