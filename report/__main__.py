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
from rich.live import Live as LiveDisplay

from report import data, engine, live, model, page, prices, record, stdout, terminal
from report.live import Live, Viewer
from report.model import Report
from report.prices import Prices
from site_recovery.errors import MigrationError

_EVERY_SECONDS = 15.0
_LEAST_SECONDS = 5.0
_AT_ONCE = 8
"""How many exports of stacks run at the same time."""


def main(arguments: list[str] | None = None) -> int:
    """Run a command. Returns its exit code: 1 if the record of a stack cannot be read."""
    stdout.never_fail()
    options = _options(arguments)
    try:
        if options.command == "page":
            table = prices.read(options.prices)
            made = asyncio.run(_report(options.stack, table, recorded=options.recorded))
            page.write(made, options.output)
            print(f"{options.output}: the report of stack {options.stack}")
            return 0
        if options.all or len(options.stack) > 1:
            names = engine.stacks() if options.all else list(dict.fromkeys(options.stack))
            return _overview(names, as_json=options.json)
        [stack] = options.stack
        table = prices.read(options.prices)
        if options.watch:
            asyncio.run(_watch(stack, table, max(options.every, _LEAST_SECONDS)))
            return 0
        made = asyncio.run(_report(stack, table, recorded=options.recorded))
        if options.page is not None:
            page.write(made, options.page)
    except MigrationError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    if options.json:
        print(json.dumps(data.of(made), indent=2))
    else:
        console = Console(highlight=False)
        console.print(terminal.shown(made, console.width))
        if options.page is not None:
            console.print(f"As a page: {options.page}", soft_wrap=True)
    return 0


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


async def _watch(stack: str, table: Prices | None, every: float) -> None:
    """Show a stack until the user stops it."""
    console = Console(highlight=False)
    async with live.viewer() as viewer:
        with LiveDisplay(console=console, auto_refresh=False, vertical_overflow="visible") as out:
            await watching(
                lambda: _look(stack, viewer, table),
                lambda made: out.update(terminal.shown(made, console.width), refresh=True),
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
) -> None:
    """Show a stack again and again, until all machines are in their phases.

    Args:
        look: makes a report.
        show: shows it.
        rest: waits until the next look.

    Raises:
        MigrationError: the record cannot be read.
    """
    while True:
        made = await look()
        show(made)
        if made.settled:
            return
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
    made.add_argument("--output", type=Path, required=True, help="the file to write")
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
    status.add_argument("--watch", action="store_true", help="look again until all is done")
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
        for name in ("watch", "page"):
            if getattr(options, name):
                status.error(f"--{name} shows one stack: name one, and leave out --all")
    return options


if __name__ == "__main__":
    sys.exit(main())
