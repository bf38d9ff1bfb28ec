"""Texts that a person and several inventories change: read to the letter, and never overwritten unseen."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from site_recovery import whole_files
from site_recovery.problems import Problem


class FileError(Exception):
    """A file cannot be read or written; `problem` names it and says what to do."""

    def __init__(self, place: str, what: str, way_out: str) -> None:
        self.problem = Problem(place, what, way_out)
        super().__init__(str(self.problem))


class ChangedError(FileError):
    """A file is not as it was read, and was left alone."""

    def __init__(self, path: Path, what: str) -> None:
        way_out = "Save it where you have it open, then run this again"
        super().__init__(path.name, f"{what} while the inventory ran, and was left alone", way_out)


def read(path: Path) -> str:
    """The text of a file, with its own line ends.

    Raises:
        FileError: it cannot be read.
    """
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        way_out = "See that it is there and that you may read it, then run this again"
        raise _unusable(path, "read", error, way_out) from error
    except UnicodeDecodeError as error:
        way_out = "Save it in UTF-8 (a sheet as CSV UTF-8), then run this again"
        raise FileError(path.name, f"it cannot be read ({error})", way_out) from error


def earlier(path: Path) -> str | None:
    """The text of a file, or None if it is not there.

    Raises:
        FileError: it cannot be read.
    """
    return read(path) if os.path.lexists(path) else None


def write(path: Path, text: str, before: str | None) -> None:
    """Write a file: all of it or nothing.

    Args:
        path: where it is. A link stays a link.
        text: what it says then.
        before: what it says now, as it was read; None if it was not there.

    Raises:
        ChangedError: somebody changed, removed or made it since it was read.
        FileError: it cannot be written.
    """
    try:
        if before is None:
            _make(path, text)
        else:
            _replace(path.resolve(), text, before)
    except OSError as error:
        way_out = "See that you may write there and that there is room, then run this again"
        raise _unusable(path, "written", error, way_out) from error


def _make(path: Path, text: str) -> None:
    try:
        file = path.open("x", encoding="utf-8", newline="")
    except FileExistsError as error:
        raise ChangedError(path, "it came into being") from error
    try:
        with file:
            file.write(text)
    except OSError:
        path.unlink(missing_ok=True)
        raise


def _replace(path: Path, text: str, before: str) -> None:
    # Stack files are found by how their names begin, so what is written meanwhile is none of them.
    with whole_files.replacing(path) as file:
        file.write(text)
        file.flush()
        if earlier(path) != before:
            raise ChangedError(path, "it was changed")


@contextmanager
def only_one(lock: Path) -> Iterator[None]:
    """Let several inventories write to a place one after the other: the others wait.

    Args:
        lock: a file that all of them know. It is made if it is not there.

    Raises:
        FileError: it cannot be made or locked.
    """
    with ExitStack() as held:
        try:
            lock.parent.mkdir(exist_ok=True)
            file = held.enter_context(lock.open("a"))
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print(f"Waiting for another inventory, which holds {lock}", file=sys.stderr)
                fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as error:
            way_out = "Name a directory that is there and that you may write, with --directory"
            raise _unusable(lock, "locked", error, way_out) from error
        yield


def _unusable(path: Path, what: str, error: OSError, way_out: str) -> FileError:
    return FileError(str(path), f"it cannot be {what} ({error.strerror or error})", way_out)
