"""What the commands write to the terminal."""

from __future__ import annotations

import io
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.live import Live


def never_fail() -> None:
    """Write a question mark for what the terminal's encoding does not have, such as an arrow."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


@contextmanager
def one_place(console: Console) -> Iterator[Callable[[RenderableType], None]]:
    """Shows each thing in the place of the one before it.

    Where lines cannot be drawn over, such as in a log, the last one alone is shown, at the end. FORCE_COLOR and the
    like make a log a terminal for `rich`, and a terminal may have no cursor (TERM=dumb).
    """
    shows = console.is_terminal and console.is_interactive and not console.is_dumb_terminal
    if shows and console.file.isatty():
        with Live(console=console, auto_refresh=False, vertical_overflow="visible") as out:
            yield lambda shown: out.update(shown, refresh=True)
        return
    # The newest alone is kept.
    last: deque[RenderableType] = deque(maxlen=1)
    try:
        yield last.append
    finally:
        for shown in last:
            console.print(shown)
