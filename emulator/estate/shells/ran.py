"""The result of a script on a guest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass
class Ran:
    """What a script printed so far, and its exit code."""

    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)
    code: int = 0

    def prints(self, text: str) -> None:
        """Print a line on standard output."""
        self.out.append(f"{text}\n")

    def complains(self, text: str) -> None:
        """Print a line on standard error."""
        self.err.append(f"{text}\n")


@dataclass
class ScriptEnded(Exception):
    """`exit` was called."""

    code: int


Command: TypeAlias = Callable[[list[str], Ran], int]
"""Runs a command with its words, the name first; returns its exit code."""
