"""From EC2 to stack files, a report and a sheet: `python -m inventory --help`."""

from __future__ import annotations

import difflib
import os
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel, ValidationError

from inventory import accounts, planning, sheet
from inventory.accounts import Measures
from inventory.options import parsed
from inventory.planning import StackPlan
from inventory.report_folder import MemoryFileError, ReportFolder
from inventory.stack_file import StackFile, StackFileError, stack_of
from inventory.waves import Conditions
from settings import translation
from settings.schema.places import AwsRegion
from site_recovery import authorities
from site_recovery import problems as told
from site_recovery.problems import Problem

_LOCAL = ("dev", "dev-modernized")
"""Stacks of the local clouds, which no inventory of real accounts changes."""


def main(arguments: list[str] | None = None) -> int:
    """Run an inventory, or apply a sheet.

    Returns:
        The exit code: 1 if something could not be read or is wrong.
    """
    options = parsed(arguments)
    directory: Path = options.directory
    try:
        files = _files(directory, options.include_local)
    except (OSError, StackFileError) as error:
        print(error, file=sys.stderr)
        return 1
    before = {stack: file.text() for stack, file in files.items()}
    if options.from_sheet is not None:
        return _from_sheet(directory, files, before, options.from_sheet)
    regions = options.region or [r for r in (os.environ.get("AWS_REGION"),) if r]
    if not regions:
        print("Name a region: --region eu-west-1 (or set AWS_REGION).", file=sys.stderr)
        return 1
    wrong = [*_wrong(regions), *authorities.problems()]
    if wrong:
        print(told.report("Nothing was read:", wrong), file=sys.stderr)
        return 1
    try:
        folder = ReportFolder(directory)
    except MemoryFileError as error:
        print(error, file=sys.stderr)
        return 1
    identities = accounts.identities(options.profile, options.role_arn)
    measures = Measures(
        options.flow_hours if "flow-logs" in options.connections else None,
        "ss" in options.connections,
        options.churn_days,
    )
    reading = accounts.read(identities, regions, measures)
    conditions = Conditions(
        options.wave_tag, options.application_tag, options.environment_tag, options.wave_size
    )
    plans = planning.plan(
        reading.machines, files.values(), folder.written, conditions, reading.connections or ()
    )
    changed = {one.file.stack: one.file for one in plans if one.members or not one.made}
    _write(directory, changed, before, {one.file.stack: _became(one) for one in plans})
    unreadable = folder.write(plans, reading, files)
    _tell(plans, folder)
    if unreadable:
        print(told.report("The sheet was left as it is:", unreadable), file=sys.stderr)
    if reading.problems:
        print(told.report("Not everything could be read:", reading.problems), file=sys.stderr)
    return 1 if reading.problems or unreadable else 0


class _Regions(BaseModel):
    regions: list[AwsRegion]


def _wrong(regions: Sequence[str]) -> list[Problem]:
    """What is wrong with the regions, as it is said of those of a stack."""
    values = {"regions": list(regions)}
    try:
        _Regions.model_validate(values)
    except ValidationError as error:
        found = translation.problems(error, _Regions, values)
        return [replace(one, path="--region") for one in found]
    return []


def _files(directory: Path, include_local: bool) -> dict[str, StackFile]:
    """The stack files of a directory, by stack.

    Raises:
        StackFileError: one cannot be read as a stack file.
        OSError: one cannot be read at all.
    """
    stacks = {stack_of(path.name): path for path in sorted(directory.glob("Pulumi.*.yaml"))}
    return {
        stack: StackFile(stack, path.read_text("utf-8"), directory)
        for stack, path in stacks.items()
        if stack is not None and (include_local or stack not in _LOCAL)
    }


def _from_sheet(
    directory: Path, files: Mapping[str, StackFile], before: Mapping[str, str], path: Path
) -> int:
    try:
        rows, problems = sheet.read(path.read_text("utf-8"), path.name)
    except OSError as error:
        why = error.strerror or error
        print(f"{path} cannot be read ({why}). Name the sheet that you changed.", file=sys.stderr)
        return 1
    except UnicodeDecodeError as error:
        print(f"{path} cannot be read ({error}). Save it as CSV in UTF-8.", file=sys.stderr)
        return 1
    problems = problems or sheet.apply(rows, files, path.name)
    if problems:
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        print(told.report(f"{count} in the sheet; nothing was changed", problems), file=sys.stderr)
        return 1
    _write(directory, files, before)
    return 0


def _write(
    directory: Path,
    files: Mapping[str, StackFile],
    before: Mapping[str, str],
    became: Mapping[str, str] | None = None,
) -> None:
    """Write stack files, and print what changes in those that existed.

    Args:
        directory: where they are.
        files: those that may have changed, by stack.
        before: the texts of those that existed.
        became: what else to say of a stack.
    """
    for stack, file in sorted(files.items()):
        name, old, new = f"Pulumi.{stack}.yaml", before.get(stack), file.text()
        if old == new:
            print(f"{name}: nothing to change")
        elif old is None:
            (directory / name).write_text(new, "utf-8")
            print(f"{name}: written")
        else:
            (directory / name).write_text(new, "utf-8")
            lines = difflib.unified_diff(
                old.splitlines(), new.splitlines(), name, name, lineterm="", n=1
            )
            print("\n".join((f"{name}: changed", *lines)))
        if became and stack in became:
            print(became[stack])


def _became(one: StackPlan) -> str:
    """Where the machines of a stack are and how far they are, in indented lines."""
    counts = one.counts
    parts = [f"{counts.ready} ready"]
    parts += [f"{counts.first} need something first"] if counts.first else []
    there = f"{_machines(counts.ready + counts.first)}: {', '.join(parts)}"
    more = f"; {counts.never} more cannot be migrated" if counts.never else ""
    place = textwrap.wrap(str(one.home), 76, break_long_words=False, break_on_hyphens=False)
    return textwrap.indent("\n".join((*place, f"{there}{more}")), "  ")


def _machines(count: int) -> str:
    return f"{count} machine{'s' if count != 1 else ''}"


def _tell(plans: Sequence[StackPlan], folder: ReportFolder) -> None:
    machines = sum(len(one.members) for one in plans)
    refused = sum(len(one.refused) for one in plans)
    print(
        f"{_machines(machines)} in {len(plans)} stack{'s' if len(plans) != 1 else ''}, "
        f"{refused} that cannot be migrated.\n"
        f"Read {folder.report},\n"
        f"and plan waves in {folder.sheet}."
    )


if __name__ == "__main__":
    sys.exit(main())
