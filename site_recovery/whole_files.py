"""Writes files of which a reader sees the whole, and which two writers may write at the same time."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO
from uuid import uuid4

from site_recovery.errors import MigrationError


@contextmanager
def replacing(file: Path) -> Iterator[TextIO]:
    """A text that takes the place of a file at the end of the block, with its mode; a link stays one.

    Until then, and if the block raises, the file is as it was.

    Args:
        file: the file. What is written for it begins with a dot, and does not end as it does.

    Raises:
        OSError: it cannot be written.
    """
    place = file.resolve()
    new = place.with_name(f".{place.name}.{uuid4().hex}.new")
    try:
        with new.open("x", encoding="utf-8", newline="") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        if place.exists():
            shutil.copymode(place, new)
        new.replace(place)
    finally:
        new.unlink(missing_ok=True)


def write(file: Path, text: str) -> None:
    """Write a file. It is there as a whole or as it was before, whatever ends this; a link stays one.

    Args:
        file: the file; its folder is made if it is not there.
        text: what it says then.

    Raises:
        MigrationError: it cannot be written.
    """
    try:
        file.resolve().parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as out:
            out.write(text)
    except OSError as error:
        raise _refused(file, "written", error) from error


def remove(file: Path) -> None:
    """Remove a file, if it is there.

    Raises:
        MigrationError: it cannot be removed.
    """
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        raise _refused(file, "removed", error) from error


def _refused(file: Path, what: str, error: OSError) -> MigrationError:
    return MigrationError(
        f"{file}: it cannot be {what}: {error.strerror or error}. See that it is no folder, that you "
        "may write there and that there is room, then run this again."
    )
