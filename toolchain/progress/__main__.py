"""Runs Pulumi on a stack, and shows what it does.

    python -m toolchain.progress preview --stack dev -- --policy-pack policy
    python -m toolchain.progress up --stack dev --yes -- --policy-pack policy
    python -m toolchain.progress destroy --stack dev

`up` and `destroy` preview first and ask, unless `--yes`. Options behind `--` go to Pulumi. Pulumi's own table is
wider than most terminals, and in a log it prints a row again whenever its resource says something. Run
it in the stack's environment.
"""

from __future__ import annotations

import argparse
import codecs
import io
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from getpass import getpass
from pathlib import Path
from typing import IO, Any

from rich.console import Console

from toolchain.progress.deployment import Deployment
from toolchain.progress.display import Display
from toolchain.progress.ending import Ending

_LOOK_SECONDS = 0.2
_INTERRUPTED = 128 + signal.SIGINT
_PREVIEWS = {
    "preview": ["preview"],
    "up": ["preview"],
    "destroy": ["destroy", "--preview-only"],
}
"""The commands, and how Pulumi previews each."""
_TITLES = {"up": "Updating", "destroy": "Destroying"}
_PASSPHRASE = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")
_SALT = "encryptionsalt:"
"""Begins a line of the file of a stack whose secrets have a passphrase."""


class Events:
    """The engine's log of events, read while it is written.

    Args:
        file: the log, which the engine makes.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._open: IO[bytes] | None = None
        # What is read may end within a character.
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._begun = ""

    def new(self) -> Iterator[dict[str, Any]]:
        """The events since the last call."""
        if self._open is None:
            if not self._file.exists():
                return
            self._open = self._file.open("rb")
        read = self._decoder.decode(self._open.read())
        *lines, self._begun = (self._begun + read).split("\n")
        yield from (json.loads(line) for line in lines if line)

    def close(self) -> None:
        """Read no more."""
        if self._open is not None:
            self._open.close()


def run(title: str, command: Sequence[str], console: Console, *, preview: bool) -> int:
    """Run a command of Pulumi and show what it does. Returns its exit code.

    Args:
        title: what it does, such as `Updating dev`.
        command: the command with its options.
        console: where it is shown.
        preview: whether it only previews.
    """
    deployment = Deployment(preview)
    with tempfile.TemporaryDirectory() as folder:
        events = Events(Path(folder, "events.json"))
        arguments = [
            "pulumi",
            *command,
            *("--non-interactive", "--suppress-progress", "--suppress-outputs"),
            *("--event-log", str(Path(folder, "events.json"))),
        ]
        # The option of the log is there for programs only. Statuses are shown here.
        told = {"PULUMI_DEBUG_COMMANDS": "true", "EC2_TO_AZURE_PROGRESS": "live"}
        process = subprocess.Popen(
            arguments,
            env={**os.environ, **told},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        # A terminal sends Ctrl-C to Pulumi too, which ends in its own time, and is waited for.
        interrupts: list[bool] = []
        with (
            _handled(
                {
                    signal.SIGINT: lambda: interrupts.append(True),
                    signal.SIGTERM: process.terminate,
                }
            ),
            _attended(process, interrupts),
            Display(title, deployment, console) as display,
        ):
            ending = Ending(deployment.told, deployment.kept)
            last: list[str] = []
            for printed in _printed(process):
                for event in events.new():
                    for line in deployment.take(event, time.monotonic()):
                        display.line(line)
                last += [shown for line in printed for shown in ending.take(line)]
                display.breathe()
            last += ending.rest()
        events.close()
        code = process.wait()
        for line in last if last or code == 0 else ending.tail():
            display.plain(line)
        # A preview that was over by then says nothing of it, and must not be followed by an update.
        return code or (_INTERRUPTED if preview and interrupts else 0)


def main(arguments: list[str] | None = None) -> int:
    """Preview, update or destroy a stack. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m toolchain.progress", description=__doc__)
    parser.add_argument("command", choices=tuple(_PREVIEWS))
    parser.add_argument("--stack", required=True)
    parser.add_argument("--yes", action="store_true", help="do not ask")
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that has no arrow gets a question mark.
        sys.stdout.reconfigure(errors="replace")
    ours, options = _divided(sys.argv[1:] if arguments is None else arguments)
    chosen = parser.parse_args(ours)
    command, stack = chosen.command, chosen.stack
    if command in _TITLES and not chosen.yes and not sys.stdin.isatty():
        print(f"{command} asks before it changes something, and nobody can answer here. Say YES=1.")
        return 1
    try:
        return _run(command, stack, options, yes=chosen.yes)
    except KeyboardInterrupt:
        return _INTERRUPTED


def _run(command: str, stack: str, options: Sequence[str], *, yes: bool) -> int:
    console = Console(highlight=False)
    if sys.stdin.isatty() and asks_for_passphrase(Path(f"Pulumi.{stack}.yaml")):
        # Pulumi would ask in a terminal, for each of its commands; here it has none.
        os.environ[_PASSPHRASE[0]] = getpass(f"Passphrase of stack {stack}: ")
    of = ("--stack", stack, *options)
    code = run(f"Previewing {stack}", [*_PREVIEWS[command], *of], console, preview=True)
    if code != 0 or command not in _TITLES:
        return code
    if not yes and not _agreed(stack):
        print("Nothing was changed.")
        return 1
    title = f"{_TITLES[command]} {stack}"
    return run(title, [command, "--yes", "--skip-preview", *of], console, preview=False)


def asks_for_passphrase(file: Path) -> bool:
    """Whether the secrets of a stack have a passphrase, and no variable holds it.

    Args:
        file: the file of the stack.
    """
    if any(name in os.environ for name in _PASSPHRASE) or not file.exists():
        return False
    return any(line.startswith(_SALT) for line in file.read_text("utf-8", "replace").splitlines())


def _divided(arguments: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """The arguments in front of `--`, and those behind it."""
    if "--" not in arguments:
        return arguments, ()
    border = arguments.index("--")
    return arguments[:border], arguments[border + 1 :]


def _agreed(stack: str) -> bool:
    try:
        return input(f"Do this to stack {stack}? Only `yes` is taken: ").strip() == "yes"
    except EOFError:
        return False


def _printed(process: subprocess.Popen[str]) -> Iterator[list[str]]:
    """What a process printed since the last look, several times a second, until it has ended."""
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def listen() -> None:
        assert process.stdout is not None  # because of PIPE
        for line in process.stdout:
            lines.put(line.rstrip())
        lines.put(None)

    threading.Thread(target=listen, daemon=True).start()
    ended = False
    while not ended:
        found: list[str] = []
        until = time.monotonic() + _LOOK_SECONDS
        while not ended and (left := until - time.monotonic()) > 0:
            try:
                line = lines.get(timeout=left)
            except queue.Empty:
                break
            if line is None:
                ended = True
            else:
                found.append(line)
        yield found


@contextmanager
def _attended(process: subprocess.Popen[str], interrupts: Sequence[bool]) -> Iterator[None]:
    """Leave no engine behind that nobody watches: if showing it fails, it is interrupted and waited for.

    Args:
        process: the engine.
        interrupts: not empty if it was interrupted before. A second time would end it in the middle of a step.
    """
    try:
        yield
    except BaseException:
        if not interrupts:
            process.send_signal(signal.SIGINT)
        process.wait()
        raise


@contextmanager
def _handled(handlers: Mapping[signal.Signals, Callable[[], None]]) -> Iterator[None]:
    """Handle signals for a while.

    Args:
        handlers: what is done for each signal.
    """
    before = {
        number: signal.signal(number, lambda *_, handle=handle: handle())
        for number, handle in handlers.items()
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    sys.exit(main())
