"""Writes files of which a reader sees the whole, and which two writers may write at the same time."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO
from uuid import uuid4


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
