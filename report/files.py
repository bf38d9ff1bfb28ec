"""Writes files of which a reader sees the whole, and which two writers may write at the same time."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from uuid import uuid4

from site_recovery.errors import MigrationError


def write(file: Path, text: str) -> None:
    """Write a file. It is there as a whole or as it was before, whatever ends this; a link stays one.

    Args:
        file: the file; its folder is made if it is not there.
        text: what it says then.

    Raises:
        MigrationError: it cannot be written.
    """
    try:
        place = file.resolve()
        place.parent.mkdir(parents=True, exist_ok=True)
        new = place.with_name(f".{place.name}.{uuid4().hex}.new")
        try:
            with new.open("x", encoding="utf-8") as out:
                out.write(text)
                out.flush()
                os.fsync(out.fileno())
            if place.exists():
                shutil.copymode(place, new)
            new.replace(place)
        finally:
            new.unlink(missing_ok=True)
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
