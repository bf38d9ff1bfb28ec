"""What all scripts have in common: their result, and the connect attempts in them."""

from __future__ import annotations

import shlex
from dataclasses import dataclass


@dataclass(frozen=True)
class Ran:
    """The result of a script: its standard output, its standard error and its exit code."""

    out: str
    err: str
    code: int


class NotRunnableError(Exception):
    """The line is not supported here."""


def not_run(line: str) -> str:
    """What is told of a line that is not supported here; the script ends with it."""
    return f"The emulator does not run this line: {line}\n"


def words(text: str) -> list[str]:
    """The words of a command; at least one, which may be empty.

    Raises:
        NotRunnableError: a quote is not closed.
    """
    try:
        return shlex.split(text) or [""]
    except ValueError as error:
        raise NotRunnableError from error
