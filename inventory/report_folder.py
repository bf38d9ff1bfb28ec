"""The folder beside the stack files: the report, the sheet, and what earlier runs wrote."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from inventory import earlier_sheet, report, sheet, text_files
from inventory.found import Reading
from inventory.planning import Member, StackPlan
from inventory.sheet import Row
from inventory.stack_file import StackFile
from inventory.text_files import ChangedError, FileError
from site_recovery.problems import Problem

NAME = "inventory-report"
_WRITTEN = TypeAdapter(dict[str, list[str]])


class ReportFolder:
    """The folder.

    Args:
        directory: where the stack files are.
    """

    def __init__(self, directory: Path) -> None:
        path = directory / NAME
        self._memory, self._told = path / "written.json", path / "written.csv"
        self.report, self.sheet = path / "report.md", path / "machines.csv"
        self._lock = path / ".lock"

    def locked(self) -> AbstractContextManager[None]:
        """Keep other inventories from reading and writing; the folder is made if it is not there.

        Raises:
            FileError: it cannot be made or locked.
        """
        return text_files.only_one(self._lock)

    def written(self) -> Mapping[str, Sequence[str]]:
        """The instances that earlier runs wrote, by stack.

        Raises:
            FileError: it cannot be read.
        """
        try:
            text = text_files.earlier(self._memory)
            return {} if text is None else _WRITTEN.validate_json(text)
        except ValidationError as error:
            raise FileError(
                str(self._memory),
                "it is not as the inventory wrote it",
                "Restore it, or remove it: then instances that you took out of the stack files are "
                "added again",
            ) from error

    def write(
        self,
        plans: Sequence[StackPlan],
        reading: Reading,
        files: Mapping[str, StackFile],
        refused: Collection[Problem] = (),
    ) -> list[Problem]:
        """Write all of it.

        Args:
            plans: what the inventory made of the stacks that it read.
            reading: what accounts and regions told.
            files: the stack files that existed.
            refused: why other stack files were left alone.

        Returns:
            What is wrong in the sheet that is there. Then it is left alone, or a plan would be lost.

        Raises:
            FileError: something cannot be written.
        """
        _put(self.report, report.written(plans, reading, refused))
        remembered = json.dumps(_remembered(plans, self.written()), indent=2)
        _put(self._memory, f"{remembered}\n")
        before, lines, wrong = _earlier(self.sheet)
        _, told, _ = _earlier(self._told)
        then, now = [row for _, row in told], _rows(plans)
        planned, unplaced = earlier_sheet.identified(lines, then, now, self.sheet.name)
        if wrong or unplaced:
            return wrong or unplaced
        read = {one.file.stack for one in plans}
        rows = earlier_sheet.kept(now, planned, then) + earlier_sheet.unread(planned, read, files)
        like = sheet.layout(before) if before else None
        try:
            text_files.write(self.sheet, sheet.written(rows, like), before)
        except ChangedError as error:
            return [error.problem]
        # What the stack files say beside it, so that a person's cells are known.
        _put(self._told, sheet.written([*now, *earlier_sheet.unread(then, read, files)]))
        return []


def _put(path: Path, text: str) -> None:
    """Write a file that is the inventory's own."""
    text_files.write(path, text, text_files.earlier(path))


def _rows(plans: Iterable[StackPlan]) -> list[Row]:
    return [_row(one.file, member) for one in plans for member in one.members]


def _row(file: StackFile, member: Member) -> Row:
    facts = member.found.facts
    target, tags = file.target_of(member.name.text)
    return Row(
        stack=file.stack,
        machine=member.name.text,
        instance=member.found.id,
        wave=file.wave_of(member.name.text) or "",
        order=str(file.order_of(member.name.text) or ""),
        owner=tags.get("owner", ""),
        ticket=tags.get("ticket", ""),
        size=target.get("vmSize", ""),
        os=facts.os or "",
        ec2_type=facts.instance_type,
        disks_gib=" + ".join(str(disk.size_gib) for disk in facts.disks),
        note=_note(member),
    )


def _earlier(path: Path) -> tuple[str | None, list[tuple[int, Row]], list[Problem]]:
    """The last sheet: its text, its rows with their lines, and what is wrong in it."""
    try:
        text = text_files.earlier(path)
    except FileError as error:
        return None, [], [error.problem]
    if text is None:
        return None, [], []
    return text, *sheet.read(text, path.name)


def _note(member: Member) -> str:
    problems: Sequence[Problem] = (*member.verdict.never, *member.verdict.first)
    return "; ".join(problem.what for problem in problems)


def _remembered(
    plans: Iterable[StackPlan], written: Mapping[str, Sequence[str]]
) -> dict[str, list[str]]:
    """The instances that any inventory wrote, by stack: a person may take one out for good."""
    remembered = {stack: set(instances) for stack, instances in written.items()}
    for one in plans:
        remembered.setdefault(one.file.stack, set()).update(one.file.machines)
    return {
        stack: sorted(instances) for stack, instances in sorted(remembered.items()) if instances
    }
