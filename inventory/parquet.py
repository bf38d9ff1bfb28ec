"""Flow logs in Parquet, of which only the columns that tell connections are read.

Its library is large and most fleets do not need it, so `inventory/requirements.txt` has it, and no other
file. Source: "Create tables for flow logs in Apache Parquet format" (Amazon Athena user guide): the columns
have the names of the fields with underscores.
"""

from __future__ import annotations

import importlib
import io
from collections.abc import Iterator
from typing import Any

from inventory.connections import NEEDED, Flow, flows

_FIELDS = (*NEEDED, "tcp-flags")
INSTALL = ".local/venv/bin/pip install --requirement inventory/requirements.txt"
"""The command that installs the library."""


def library() -> Any | None:
    """The library; None if it is not installed."""
    try:
        return importlib.import_module("pyarrow.parquet")
    except ImportError:
        return None


def read(body: bytes, library: Any) -> Iterator[Flow]:
    """The accepted TCP flows of a file; none if it lacks a column that is needed.

    Args:
        body: the file.
        library: what `library` returns.
    """
    file = library.ParquetFile(io.BytesIO(body))
    there = [name for name in _FIELDS if name.replace("-", "_") in file.schema_arrow.names]
    if not set(NEEDED) <= set(there):
        return
    for batch in file.iter_batches(columns=[name.replace("-", "_") for name in there]):
        columns = [batch.column(name.replace("-", "_")).to_pylist() for name in there]
        rows = zip(*columns, strict=True)
        yield from flows((" ".join(map(_text, row)) for row in rows), there)


def _text(value: Any) -> str:
    """A value as a text log has it."""
    return "-" if value is None else str(value)
