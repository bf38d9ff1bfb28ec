"""Durable documents in SQLite: one transaction a request, so a kill at any moment loses none."""

from __future__ import annotations

import copy
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

Document: TypeAlias = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, key)
) WITHOUT ROWID;
"""


class Store:
    """Documents by kind and key, held in memory and written through to SQLite.

    Keys are compared without case, as ARM compares ids. Documents go in and come out as copies,
    so a handler that fails half way has changed nothing.

    Args:
        path: the database file; None keeps everything in memory.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._database = sqlite3.connect(str(path or ":memory:"), check_same_thread=False)
        self._database.isolation_level = None
        if path is not None:
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.executescript(_SCHEMA)
        self._documents: dict[str, dict[str, Document]] = {}
        for kind, key, body in self._database.execute("SELECT kind, key, body FROM documents"):
            self._documents.setdefault(kind, {})[key] = json.loads(body)
        self._before: dict[tuple[str, str], Document | None] = {}
        self._open = False

    def get(self, kind: str, key: str) -> Document | None:
        """The document, or None."""
        found = self._documents.get(kind, {}).get(key.lower())
        return copy.deepcopy(found) if found is not None else None

    def put(self, kind: str, key: str, document: Document) -> None:
        """Write a document, whether it was there or not."""
        key = key.lower()
        self._remember(kind, key)
        self._documents.setdefault(kind, {})[key] = copy.deepcopy(document)

    def delete(self, kind: str, key: str) -> bool:
        """Remove a document; False if there was none."""
        key = key.lower()
        if key not in self._documents.get(kind, {}):
            return False
        self._remember(kind, key)
        del self._documents[kind][key]
        return True

    def keys(self, kind: str, prefix: str = "") -> list[str]:
        """The (lower-case) keys of a kind that begin with `prefix`, in the order of insertion."""
        prefix = prefix.lower()
        return [key for key in self._documents.get(kind, {}) if key.startswith(prefix)]

    def list(self, kind: str, prefix: str = "") -> list[Document]:
        """The documents of a kind whose keys begin with `prefix`, in the order of insertion."""
        documents = self._documents.get(kind, {})
        return [copy.deepcopy(documents[key]) for key in self.keys(kind, prefix)]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes inside happen, or none does."""
        if self._open:
            yield
            return
        self._open = True
        try:
            yield
            self._write()
        except BaseException:
            for (kind, key), document in self._before.items():
                if document is None:
                    self._documents[kind].pop(key, None)
                else:
                    self._documents[kind][key] = document
            raise
        finally:
            self._before.clear()
            self._open = False

    def close(self) -> None:
        """Close the database; the store is of no use afterwards."""
        self._database.close()

    def _remember(self, kind: str, key: str) -> None:
        if not self._open:
            raise RuntimeError("a document changes only inside a transaction")
        self._before.setdefault((kind, key), self._documents.get(kind, {}).get(key))

    def _write(self) -> None:
        if not self._before:
            return
        self._database.execute("BEGIN IMMEDIATE")
        try:
            for kind, key in self._before:
                document = self._documents[kind].get(key)
                if document is None:
                    self._database.execute(
                        "DELETE FROM documents WHERE kind = ? AND key = ?", (kind, key)
                    )
                else:
                    self._database.execute(
                        "INSERT INTO documents VALUES (?, ?, ?) "
                        "ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body",
                        (kind, key, json.dumps(document)),
                    )
            self._database.execute("COMMIT")
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
