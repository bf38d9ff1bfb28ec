"""A terminal that a command runs on."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_ROWS = 24
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\].*?(?:\x07|\x1b\\)")


@dataclass(frozen=True)
class Shown:
    """What a command wrote to a terminal.

    Attributes:
        code: its exit code.
        lines: every line as it was drawn, those that were drawn over too, without colours.
    """

    code: int
    lines: tuple[str, ...]


def run(
    command: Sequence[str],
    columns: int,
    environment: Mapping[str, str],
    folder: Path,
    press_ctrl_c_at: str | None = None,
) -> Shown:
    """Run a command on a terminal of 24 rows.

    Args:
        command: the command.
        columns: the columns of the terminal.
        environment: all its environment variables.
        folder: where it runs.
        press_ctrl_c_at: presses Ctrl-C once this text is shown.
    """
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, columns, 0, 0))
    process = subprocess.Popen(
        command,
        stdin=its,
        stdout=its,
        stderr=its,
        cwd=folder,
        env={**environment, "TERM": "xterm-256color"},
        start_new_session=True,
    )
    os.close(its)
    read = b""
    waits_for = None if press_ctrl_c_at is None else press_ctrl_c_at.encode()
    while True:
        try:
            more = os.read(ours, 65536)
        except OSError:  # The command has ended.
            break
        if not more:
            break
        read += more
        if waits_for is not None and waits_for in read:
            # As a terminal does: to everything that runs on it.
            os.killpg(process.pid, signal.SIGINT)
            waits_for = None
    os.close(ours)
    text = _ESCAPES.sub("", read.decode("utf-8", "replace"))
    return Shown(process.wait(), tuple(re.split(r"[\r\n]+", text)))
