"""The sheet: one row for each machine, for people who plan waves in a spreadsheet (CSV)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace

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
