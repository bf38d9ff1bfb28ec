"""Writes files that others read at the same time, or that a killed process must not leave half written."""

from __future__ import annotations

import tempfile
from pathlib import Path


def write(file: Path, text: str) -> None:
    """Give a file this content at once, and leave it alone if it has that already."""
    content = text.encode()
    try:
        if file.read_bytes() == content:
            return
    except FileNotFoundError:
        pass
    with tempfile.NamedTemporaryFile(dir=file.parent, prefix=f"{file.name}.", delete=False) as new:
        partial = Path(new.name)
        try:
            new.write(content)
            new.close()
            partial.replace(file)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
