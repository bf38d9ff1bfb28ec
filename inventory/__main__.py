"""From EC2 to stack files, a report and a sheet: `python -m inventory --help`."""

from __future__ import annotations

import os
import sys
import textwrap
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel, ValidationError

from inventory import accounts, applied_sheet, planning, sheet, text_files
from inventory.accounts import Measures
from inventory.config_file import StackFileError
from inventory.found import Reading
from inventory.options import parsed
from inventory.planning import StackPlan
from inventory.report_folder import ReportFolder
from inventory.stack_folder import StackFolder
from inventory.text_files import FileError
from inventory.waves import Conditions
from settings import translation
from settings.schema.places import AwsRegion
from site_recovery import authorities
from site_recovery import problems as told
from site_recovery.problems import Problem


def main(arguments: list[str] | None = None) -> int:
    """Run an inventory, or apply a sheet.

    Returns:
        The exit code: 1 if something could not be read or written, or is wrong.
    """
    options = parsed(arguments)
    try:
        return _inventory(options) if options.from_sheet is None else _from_sheet(options)
    except (FileError, StackFileError) as error:
        print(error, file=sys.stderr)
        return 1


def _inventory(options: Namespace) -> int:
    regions = options.region or [r for r in (os.environ.get("AWS_REGION"),) if r]
    if not regions:
        print("Name a region: --region eu-west-1 (or set AWS_REGION).", file=sys.stderr)
        return 1
    wrong = [*_wrong(regions), *authorities.problems()]
    if wrong:
        print(told.report("Nothing was read:", wrong), file=sys.stderr)
        return 1
    folder = ReportFolder(options.directory)
    with folder.locked():
        # What is wrong in a file is said before accounts are read, which takes minutes.
        StackFolder(options.directory, options.include_local)
        folder.written()
    identities = accounts.identities(options.profile, options.role_arn)
    measures = Measures(
        options.flow_hours if "flow-logs" in options.connections else None,
        "ss" in options.connections,
        options.churn_days,
    )
    reading = accounts.read(identities, regions, measures)
    with folder.locked():
        return _write(options, folder, reading)


def _write(options: Namespace, folder: ReportFolder, reading: Reading) -> int:
    """Plan on the files as they are now, since a person may have changed them meanwhile, and write."""
    conditions = Conditions(
        options.wave_tag, options.application_tag, options.environment_tag, options.wave_size
    )
    stacks = StackFolder(options.directory, options.include_local)
    plans = planning.plan(
        reading.machines,
        stacks.files.values(),
        folder.written(),
        conditions,
        reading.connections or (),
        stacks.taken,
    )
    changed = {one.file.stack: one.file for one in plans if one.members or not one.made}
    refused = stacks.write(changed, {one.file.stack: _became(one) for one in plans})
    # What was not written is neither remembered as written, nor in the sheet.
    plans = [one for one in plans if one.file.stack not in refused]
    unreadable = folder.write(plans, reading, stacks.files, refused.values())
    _tell(plans, folder)
    wrong = {
        "Not everything could be written:": list(refused.values()),
        "The sheet was left as it is:": unreadable,
        "Not everything could be read:": reading.problems,
    }
    for title, problems in wrong.items():
        if problems:
            print(told.report(title, problems), file=sys.stderr)
    return 1 if any(wrong.values()) else 0


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


def _from_sheet(options: Namespace) -> int:
    path: Path = options.from_sheet
    rows, problems = sheet.read(text_files.read(path), path.name)
    with ReportFolder(options.directory).locked():
        stacks = StackFolder(options.directory, options.include_local)
        problems = problems or applied_sheet.apply(rows, stacks.files, path.name)
        if problems:
            count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
            title = f"{count} in the sheet; nothing was changed"
            print(told.report(title, problems), file=sys.stderr)
            return 1
        refused = stacks.write(stacks.files)
    if refused:
        title = "Not everything could be written:"
        print(told.report(title, list(refused.values())), file=sys.stderr)
    return 1 if refused else 0


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
