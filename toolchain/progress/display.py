"""Shows a run on a terminal of any width, and in a log."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from toolchain.progress.deployment import Deployment, Row

_NAMES = 24
"""The most columns for the names of resources."""
_ROWS = 10
"""The most resources that are shown at the same time."""
_SILENCE_SECONDS = 10.0
"""After how long without a line a log says what is being done."""
_REFRESHES = 4
"""How often a second the terminal is drawn anew."""


class Display:
    """Lines that stay, and below them on a terminal what is being done now.

    Args:
        title: what is run, such as `Updating dev`.
        deployment: what it does.
        console: where it is shown.
        now: a clock, in seconds.
    """

    def __init__(
        self,
        title: str,
        deployment: Deployment,
        console: Console,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._title = title
        self._deployment = deployment
        self._console = console
        self._now = now
        self._began = self._spoke = now()
        self._live = (
            Live(
                get_renderable=self._drawn,
                console=console,
                refresh_per_second=_REFRESHES,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            if _can_be_drawn_on(console)
            else None
        )

    def __enter__(self) -> Self:
        self.plain(f"{self._title}:")
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def line(self, text: str) -> None:
        """Add a line that stays, with how long the run has taken so far."""
        self.plain(f"{span(self._now() - self._began):>6}  {text}")

    def plain(self, text: str) -> None:
        """Add a line that stays."""
        self._spoke = self._now()
        style = "red" if text.lstrip().startswith("error:") else ""
        if self._live is not None:
            text = _wrapped(text, self._console.width)
        self._console.print(Text(text, style), soft_wrap=True)

    def breathe(self) -> None:
        """Say in a log what is being done, if nothing was said for a while."""
        if self._live is None and self._now() - self._spoke >= _SILENCE_SECONDS:
            rows = [_shown(row, self._now()) for row in self._deployment.rows()]
            more = f" · {len(rows) - 2} more" if len(rows) > 2 else ""
            self.line(f"… {'; '.join(rows[:2]) or self._summary()}{more}")

    def _drawn(self) -> Group:
        rows, now = self._deployment.rows(), self._now()
        room = max(1, min(_ROWS, self._console.height - 4))
        shown = rows[:room]
        width = min(_NAMES, max((len(row.name) for row in shown), default=0))
        lines = [f"{self._title} · {span(now - self._began)} · {self._summary()}"]
        lines += [f"  {_cut(row.name, width):<{width}}  {_said(row, now)}" for row in shown]
        if len(rows) > room:
            lines.append(f"  and {len(rows) - room} more")
        # A terminal that is written to its last column may begin a new line.
        return Group(*(Text(_cut(line, self._console.width - 1)) for line in lines))

    def _summary(self) -> str:
        told = self._deployment
        if told.doing:
            return told.doing
        if told.preview or not (told.done or told.running):
            return "comparing with what is there"
        return f"{told.done} changes made, {len(told.running)} on their way"


def _can_be_drawn_on(console: Console) -> bool:
    """Whether lines can be drawn over.

    FORCE_COLOR and the like make a log a terminal for `rich`, and a terminal may have no cursor (TERM=dumb).
    """
    shows = console.is_terminal and console.is_interactive and not console.is_dumb_terminal
    return shows and console.file.isatty()


def span(seconds: float) -> str:
    """A duration as minutes and seconds."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}"


def _shown(row: Row, now: float) -> str:
    return f"{row.name}: {_said(row, now)}"


def _said(row: Row, now: float) -> str:
    return row.status.partition("\n")[0] or f"{row.kind} {span(now - row.began)}"


def _wrapped(text: str, width: int) -> str:
    """A line of any length in lines of a terminal, all of them indented like the first."""
    if len(text) <= width:
        return text
    indent = text[: len(text) - len(text.lstrip())]
    return textwrap.fill(
        text.strip(),
        width - 1,
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
    )


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
