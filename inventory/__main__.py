"""From EC2 to stack files, a report and a sheet.

    python -m inventory --region eu-west-1 [--profile NAME] [--role-arn ARN]
    python -m inventory --from-sheet inventory-report/machines.csv

The first form reads accounts and writes `Pulumi.<stack>.yaml` for each VPC,
`inventory-report/report.md` and `inventory-report/machines.csv`. Run again, it
shows what it changes and keeps what a person wrote. The second form puts waves,
orders, owners, tickets and sizes of the sheet into the stack files.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel, ValidationError

from inventory import accounts, churn, planning, report, sheet
from inventory.accounts import Measures
from inventory.planning import Member, StackPlan
from inventory.sheet import Row
from inventory.stack_file import StackFile, StackFileError, stack_of
from inventory.waves import Conditions
from settings import translation
from settings.schema.places import AwsRegion
from site_recovery import authorities
from site_recovery import problems as told
from site_recovery.problems import Problem

_FOLDER = "inventory-report"
_LOCAL = ("dev", "dev-modernized")
"""Stacks of the local clouds, which no inventory of real accounts changes."""


def main(arguments: list[str] | None = None) -> int:
    """Run an inventory, or apply a sheet.

    Returns:
        The exit code: 1 if something could not be read or is wrong.
    """
    options = _options(arguments)
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
    memory = directory / _FOLDER / "written.json"
    try:
        written = json.loads(memory.read_text("utf-8")) if memory.exists() else {}
    except ValueError:
        print(
            f"{memory} is not as the inventory wrote it. Restore it, or remove it: then instances "
            "that you took out of the stack files are added again.",
            file=sys.stderr,
        )
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
        reading.machines, files.values(), written, conditions, reading.connections or ()
    )
    changed = {one.file.stack: one.file for one in plans if one.members or not one.made}
    _write(directory, changed, before, {one.file.stack: _became(one) for one in plans})
    folder = directory / _FOLDER
    folder.mkdir(exist_ok=True)
    (folder / "report.md").write_text(report.written(plans, reading), "utf-8")
    unreadable = _write_sheet(folder, plans, files)
    memory.write_text(json.dumps(_remembered(plans, written), indent=2) + "\n", "utf-8")
    _tell(plans, folder)
    if unreadable:
        print(told.report("The sheet was left as it is:", unreadable), file=sys.stderr)
    if reading.problems:
        print(told.report("Not everything could be read:", reading.problems), file=sys.stderr)
    return 1 if reading.problems or unreadable else 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m inventory",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--region", action="append", default=[], help="an AWS region; repeatedly")
    parser.add_argument("--profile", action="append", default=[], help="an AWS profile; repeatedly")
    parser.add_argument(
        "--role-arn", action="append", default=[], help="a role to assume; repeatedly"
    )
    parser.add_argument("--directory", type=Path, default=Path(), help="where the stack files are")
    parser.add_argument("--wave-tag", help="the tag that names the wave of a machine")
    parser.add_argument(
        "--application-tag",
        default=Conditions.application_tag,
        help="the tag whose machines move together (%(default)s)",
    )
    parser.add_argument(
        "--environment-tag",
        default=Conditions.environment_tag,
        help="the tag that says how risky a machine is (%(default)s)",
    )
    parser.add_argument(
        "--wave-size",
        type=_positive,
        default=Conditions.size,
        help="the most machines in a wave (%(default)s)",
    )
    parser.add_argument(
        "--connections",
        action="append",
        default=[],
        choices=["flow-logs", "ss"],
        help="plan waves by who talks to whom, too, as VPC flow logs tell it, or the machines "
        "themselves; with both, machines are asked where no flow log tells",
    )
    parser.add_argument(
        "--flow-hours", type=_positive, default=1, help="how much of the flow logs is read (1)"
    )
    parser.add_argument(
        "--churn-days",
        type=int,
        choices=range(15),
        metavar="DAYS",
        default=churn.DAYS,
        help=f"of how many days the written bytes are read from CloudWatch ({churn.DAYS}; 0 to 14)",
    )
    parser.add_argument("--from-sheet", type=Path, help="apply this sheet and read no account")
    parser.add_argument(
        "--include-local", action="store_true", help="also change the stacks of the local clouds"
    )
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


class _Regions(BaseModel):
    regions: list[AwsRegion]


def _wrong(regions: Sequence[str]) -> list[Problem]:
    """What is wrong with the regions, as it is said of those of a stack."""
    try:
        _Regions(regions=list(regions))
    except ValidationError as error:
        return [replace(one, path="--region") for one in translation.problems(error, _Regions)]
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


def _write_sheet(
    folder: Path, plans: Sequence[StackPlan], files: Mapping[str, StackFile]
) -> list[Problem]:
    """Write the sheet, and beside it what the stack files say, so that a person's cells are known.

    Returns:
        What is wrong in the sheet that is there. Then it is left alone, or a plan would be lost.
    """
    planned, wrong = _earlier(folder / "machines.csv")
    if wrong:
        return wrong
    then, _ = _earlier(folder / "written.csv")
    read, now = {one.file.stack for one in plans}, _rows(plans)
    rows = sheet.kept(now, planned, then) + sheet.unread(planned, read, files)
    (folder / "machines.csv").write_text(sheet.written(rows), "utf-8")
    (folder / "written.csv").write_text(
        sheet.written([*now, *sheet.unread(then, read, files)]), "utf-8"
    )
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


def _tell(plans: Sequence[StackPlan], folder: Path) -> None:
    machines = sum(len(one.members) for one in plans)
    refused = sum(len(one.refused) for one in plans)
    print(
        f"{_machines(machines)} in {len(plans)} stack{'s' if len(plans) != 1 else ''}, "
        f"{refused} that cannot be migrated.\n"
        f"Read {folder / 'report.md'},\n"
        f"and plan waves in {folder / 'machines.csv'}."
    )


if __name__ == "__main__":
    sys.exit(main())
