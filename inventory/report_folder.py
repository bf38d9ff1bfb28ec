"""The folder beside the stack files: the report, the sheet, and what earlier runs wrote."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from inventory import report, sheet
from inventory.found import Reading
from inventory.planning import Member, StackPlan
from inventory.sheet import Row
from inventory.stack_file import StackFile
from site_recovery.problems import Problem

NAME = "inventory-report"


class MemoryFileError(Exception):
    """What earlier runs wrote cannot be read. The text names the file and says what to do."""


class ReportFolder:
    """The folder.

    Args:
        directory: where the stack files are.

    Raises:
        MemoryFileError: what earlier runs wrote cannot be read.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / NAME
        self._memory = self._path / "written.json"
        self.report, self.sheet = self._path / "report.md", self._path / "machines.csv"
        self._told = self._path / "written.csv"
        try:
            known = json.loads(self._memory.read_text("utf-8")) if self._memory.exists() else {}
        except ValueError as error:
            raise MemoryFileError(
                f"{self._memory} is not as the inventory wrote it. Restore it, or remove it: then "
                "instances that you took out of the stack files are added again."
            ) from error
        self.written: Mapping[str, Sequence[str]] = known
        """The instances that earlier runs wrote, by stack."""

    def write(
        self, plans: Sequence[StackPlan], reading: Reading, files: Mapping[str, StackFile]
    ) -> list[Problem]:
        """Write all of it.

        Args:
            plans: what the inventory made of the stacks that it read.
            reading: what accounts and regions told.
            files: the stack files that existed.

        Returns:
            What is wrong in the sheet that is there. Then it is left alone, or a plan would be lost.
        """
        self._path.mkdir(exist_ok=True)
        self.report.write_text(report.written(plans, reading), "utf-8")
        remembered = json.dumps(_remembered(plans, self.written), indent=2)
        self._memory.write_text(f"{remembered}\n", "utf-8")
        planned, wrong = _earlier(self.sheet)
        if wrong:
            return wrong
        then, _ = _earlier(self._told)
        read, now = {one.file.stack for one in plans}, _rows(plans)
        rows = sheet.kept(now, planned, then) + sheet.unread(planned, read, files)
        self.sheet.write_text(sheet.written(rows), "utf-8")
        # What the stack files say beside it, so that a person's cells are known.
        told = [*now, *sheet.unread(then, read, files)]
        self._told.write_text(sheet.written(told), "utf-8")
        return []


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


def _earlier(path: Path) -> tuple[list[Row], list[Problem]]:
    """The rows of the last sheet, in which a person may have filled cells, and what is wrong in it."""
    if not path.exists():
        return [], []
    try:
        rows, problems = sheet.read(path.read_text("utf-8"), path.name)
    except UnicodeDecodeError as error:
        return [], [Problem(path.name, f"it cannot be read ({error})", "Save it as CSV in UTF-8")]
    return [row for _, row in rows], problems


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
