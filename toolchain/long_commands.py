"""Runs commands that take minutes, and says every few seconds that they are still running."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

SECONDS = 5.0
"""How long nothing is said."""


def run(
    command: Sequence[str],
    directory: Path,
    still: Callable[[], str],
    say: Callable[[str], None],
    seconds: float = SECONDS,
) -> subprocess.CompletedProcess[str]:
    """Run a command and capture what it prints, errors among it.

    Args:
        command: the command.
        directory: the folder that it runs in.
        still: what is going on, in words; asked whenever it is said.
        say: shows a line to the user.
        seconds: how long to be silent.

    Raises:
        OSError: there is no such command.
    """
    began = time.monotonic()
    with subprocess.Popen(
        command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        while True:
            try:
                printed, _ = process.communicate(timeout=seconds)
            except subprocess.TimeoutExpired:
                say(f"  {still()} ({time.monotonic() - began:.0f} s)")
            except BaseException:
                process.kill()
                raise
            else:
                return subprocess.CompletedProcess(list(command), process.returncode, printed)
