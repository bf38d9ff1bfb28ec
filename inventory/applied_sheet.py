"""Puts what a sheet plans into the stack files, unless a row is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import ValidationError

from inventory.config_file import StackFileError
from inventory.names import valid
from inventory.sheet import Row
from inventory.stack_file import StackFile
from inventory.start_order import OrderError
from settings import translation
from site_recovery.declared.names import MACHINE
from site_recovery.declared.target import TargetSpec
from site_recovery.phases import Phase
from site_recovery.problems import Problem


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
