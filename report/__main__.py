"""What became of a stack's migration.

    python -m report status --stack dev            on the terminal (--watch, --json)
    python -m report status --stack a --stack b    one table over several stacks, from their records
    python -m report status --all                  the same over all stacks of the backend
    python -m report page --stack dev --output F   as a page, one HTML file

Run in the stack's environment. It reads the record of the stack and its vault, and changes nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console

from report import data, engine, live, model, page, prices, record, stdout, terminal
from report.live import Live, Viewer
from report.model import Report
from report.prices import Prices
from site_recovery.errors import MigrationError

_EVERY_SECONDS = 15.0
_LEAST_SECONDS = 5.0
_STILL_LOOKS = 4
"""After so many looks in a row in which nothing goes on, a watch ends."""
_AT_ONCE = 8
"""How many exports of stacks run at the same time."""


def main(arguments: list[str] | None = None) -> int:
    """Run a command.

    Returns:
        The exit code: 1 if a record cannot be read, the price table is wrong, a page cannot be
        written, or a watch ends before all machines are in their phases.
    """
    stdout.never_fail()
    options = _options(arguments)
    try:
        if options.command == "status" and (options.all or len(options.stack) > 1):
            names = engine.stacks() if options.all else list(dict.fromkeys(options.stack))
            return _overview(names, as_json=options.json)
        problems = _shown(options)
    except MigrationError as error:
        problems = [str(error)]
    except KeyboardInterrupt:
        return 0
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    return 1 if problems else 0


def _shown(options: argparse.Namespace) -> list[str]:
    """Show one stack. Returns what went wrong meanwhile, in words.

    Raises:
        MigrationError: its record cannot be read.
    """
    problems: list[str] = []
    table = None
    try:
        table = prices.read(options.prices)
    except MigrationError as error:
        problems.append(f"{error} Until then nothing here has a cost.")
    if options.command == "status":
        [stack] = options.stack
        if options.watch:
            ended = asyncio.run(_watch(stack, table, max(options.every, _LEAST_SECONDS)))
            return [*problems, *([f"the watch ends: {ended}"] if ended else [])]
    else:
        stack = options.stack
    made = asyncio.run(_report(stack, table, recorded=options.recorded))
    if options.command == "status":
        if options.json:
            print(json.dumps(data.of(made), indent=2))
        else:
            console = Console(highlight=False)
            console.print(terminal.shown(made, console.width))
    if options.page is not None:
        try:
            page.write(made, options.page)
        except MigrationError as error:
            return [*problems, str(error)]
        if options.command == "page":
            print(f"{options.page}: the report of stack {stack}")
        elif not options.json:
            print(f"As a page: {options.page}")
    return problems


async def _report(stack: str, table: Prices | None, *, recorded: bool) -> Report:
    """The report of a stack.

    Args:
        stack: its name.
        table: the price table, or None.
        recorded: whether the vault is left alone.
    """
    found = record.read(stack, engine.exported(stack))
    if recorded:
        return model.report(found, Live({}, problem="only the record was asked for"), table)
    async with live.viewer() as viewer:
        return model.report(found, await viewer.look(found), table)


async def _watch(stack: str, table: Prices | None, every: float) -> str:
    """Show a stack until nothing happens to it any more, or the user stops it. See `watching`."""
    console = Console(highlight=False)
    async with live.viewer() as viewer:
        with stdout.one_place(console) as show:
            return await watching(
                lambda: _look(stack, viewer, table),
                lambda made: show(terminal.shown(made, console.width)),
                lambda: asyncio.sleep(every),
            )


async def _look(stack: str, viewer: Viewer, table: Prices | None) -> Report:
    exported = await asyncio.to_thread(engine.exported, stack)
    found = record.read(stack, exported)
    return model.report(found, await viewer.look(found), table)


async def watching(
    look: Callable[[], Awaitable[Report]],
    show: Callable[[Report], None],
    rest: Callable[[], Awaitable[None]],
) -> str:
    """Show a stack again and again, until all machines are in their phases or none goes on.

    One look in which nothing goes on ends nothing: a run may be about to begin, and a vault may not
    answer once.

    Args:
        look: makes a report.
        show: shows it.
        rest: waits until the next look.

    Returns:
        Why it ended before all machines were in their phases, in words; empty if they are.

    Raises:
        MigrationError: the record cannot be read.
    """
    still = 0
    while True:
        made = await look()
        show(made)
        if made.settled:
            return ""
        still = still + 1 if made.standstill else 0
        if still == _STILL_LOOKS:
            return made.standstill
        await rest()


def _overview(names: Sequence[str], *, as_json: bool) -> int:
    """One table over stacks, as they are recorded. A stack that cannot be read stops no other one."""
    reports: list[Report] = []
    failed: list[tuple[str, str]] = []
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for name, result in zip(names, pool.map(_recorded, names), strict=True):
            if isinstance(result, Report):
                reports.append(result)
            else:
                failed.append((name, result))
    if as_json:
        print(
            json.dumps(
                {
                    "stacks": [data.of(report) for report in reports],
                    "problems": dict(failed),
                },
                indent=2,
            )
        )
    else:
        Console(highlight=False).print(terminal.overview(reports, failed))
    return 1 if failed else 0


def _recorded(stack: str) -> Report | str:
    """A stack as recorded, or why its record cannot be read."""
    try:
        found = record.read(stack, engine.exported(stack))
    except MigrationError as error:
        return str(error)
    return model.report(found, Live({}, problem="many stacks are read from their records"))


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m report", description="What became of a stack's migration."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    status = commands.add_parser("status", help="on the terminal")
    made = commands.add_parser("page", help="as a page, one HTML file")
    made.add_argument("--output", dest="page", type=Path, required=True, help="the file to write")
    made.add_argument("--stack", required=True)
    status.add_argument(
        "--stack", action="append", default=[], help="several are shown in one table"
    )
    for command in (status, made):
        command.add_argument("--prices", type=Path, help="a price table (prices.yaml if it exists)")
        command.add_argument(
            "--recorded", action="store_true", help="leave the vault alone: only what is recorded"
        )
    status.add_argument("--page", type=Path, help="write the page too, to this file")
    status.add_argument("--json", action="store_true", help="for programs")
    status.add_argument("--all", action="store_true", help="one table over all stacks")
    status.add_argument(
        "--watch", action="store_true", help="look again until nothing goes on any more"
    )
    status.add_argument(
        "--every",
        type=float,
        default=_EVERY_SECONDS,
        metavar="SECONDS",
        help=f"how long --watch waits between two looks ({_EVERY_SECONDS:.0f}; at least "
        f"{_LEAST_SECONDS:.0f})",
    )
    options = parser.parse_args(arguments)
    if options.command == "status" and not (options.all or options.stack):
        status.error("name a stack with --stack, or show all of them with --all")
    if options.command == "status" and (options.all or len(options.stack) > 1):
        for name in ("watch", "page", "prices"):
            if getattr(options, name):
                status.error(f"--{name} shows one stack: name one, and leave out --all")
    if options.command == "status" and options.watch:
        for name in ("json", "page", "recorded"):
            if getattr(options, name):
                status.error(f"--watch shows the vault on the terminal: leave out --{name}")
    return options


if __name__ == "__main__":
    sys.exit(main())
