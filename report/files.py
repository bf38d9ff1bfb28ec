"""Writes and removes the files of a report, and says in words why that is not possible."""

from __future__ import annotations

from pathlib import Path

from site_recovery import whole_files
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
        file.resolve().parent.mkdir(parents=True, exist_ok=True)
        with whole_files.replacing(file) as out:
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
