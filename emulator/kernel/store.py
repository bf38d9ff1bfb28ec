"""Durable documents in SQLite: one transaction per request, so that a kill loses nothing."""

from __future__ import annotations

import builtins
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

Document: TypeAlias = dict[str, Any]

_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    number INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL,
    UNIQUE (kind, key)
);
"""


@dataclass(slots=True)
class _Entry:
    """A stored document: its place in the order of insertion, and its JSON text. `parsed` is made
    from the text by the first `peek`.
    """

    number: int
    text: str
    parsed: Document | None = None


class Store:
    """Documents by kind and key, held in memory and written through to SQLite.

    Keys are compared case-insensitively, as ARM compares ids. Documents are copied on the way in
    and out, so a handler that fails half-way has changed nothing.

    Args:
        path: the database file; None keeps everything in memory.

    Raises:
        sqlite3.Error: the file cannot be written, or is not a state of this version.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._database = sqlite3.connect(str(path or ":memory:"), check_same_thread=False)
        self._database.isolation_level = None
        self._require_version()
        if path is not None:
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.executescript(_SCHEMA)
        self._entries: dict[str, dict[str, _Entry]] = {}
        self._number = 0
        rows = self._database.execute(
            "SELECT number, kind, key, body FROM documents ORDER BY number"
        )
        for number, kind, key, body in rows:
            self._entries.setdefault(kind, {})[key] = _Entry(number, body)
            self._number = number
        self._before: dict[tuple[str, str], _Entry | None] = {}
        self._open = False

    @property
    def changed(self) -> bool:
        """Whether the open transaction has written or removed anything."""
        return bool(self._before)

    def get(self, kind: str, key: str) -> Document | None:
        """The document, or None."""
        entry = self._entries.get(kind, {}).get(key.lower())
        return _load(entry) if entry is not None else None

    def peek(self, kind: str, key: str) -> Document | None:
        """The document for reading only, or None. It is shared: nobody may change it."""
        entry = self._entries.get(kind, {}).get(key.lower())
        return _shared(entry) if entry is not None else None

    def put(self, kind: str, key: str, document: Document) -> None:
        """Create or replace a document.

        Raises:
            RuntimeError: no transaction is open.
        """
        key = key.lower()
        self._remember(kind, key)
        entries = self._entries.setdefault(kind, {})
        present = entries.get(key)
        if present is None:
            self._number += 1
        number = self._number if present is None else present.number
        entries[key] = _Entry(number, json.dumps(document))

    def delete(self, kind: str, key: str) -> bool:
        """Remove a document; False if there was none.

        Raises:
            RuntimeError: no transaction is open.
        """
        key = key.lower()
        if key not in self._entries.get(kind, {}):
            return False
        self._remember(kind, key)
        del self._entries[kind][key]
        return True

    def kinds(self) -> list[str]:
        """The kinds that have documents."""
        return [kind for kind, entries in self._entries.items() if entries]

    def keys(self, kind: str, prefix: str = "") -> list[str]:
        """The (lower-case) keys of a kind that begin with `prefix`, in the order of insertion."""
        prefix = prefix.lower()
        return [key for key in self._entries.get(kind, {}) if key.startswith(prefix)]

    def list(self, kind: str, prefix: str = "") -> list[Document]:
        """The documents of a kind whose keys begin with `prefix`, in the order of insertion."""
        entries = self._entries.get(kind, {})
        return [_load(entries[key]) for key in self.keys(kind, prefix)]

    def peeks(self, kind: str, prefix: str = "") -> builtins.list[Document]:
        """Like `list`, for reading only: the documents are shared and must not be changed."""
        entries = self._entries.get(kind, {})
        return [_shared(entries[key]) for key in self.keys(kind, prefix)]

    def altered(self) -> builtins.list[str]:
        """The keys of documents that were changed although they were for reading only; for
        tests."""
        return [
            key
            for entries in self._entries.values()
            for key, entry in entries.items()
            if entry.parsed is not None and entry.parsed != json.loads(entry.text)
        ]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Apply all changes inside, or none. A transaction inside another one is part of it."""
        if self._open:
            yield
            return
        self._open = True
        try:
            yield
            self._write()
        except BaseException:
            self._undo()
            raise
        finally:
            self._before.clear()
            self._open = False

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Inside a transaction: an exception rolls back the changes inside, and is raised again.

        Raises:
            RuntimeError: no transaction is open.
        """
        if not self._open:
            raise RuntimeError("a savepoint is possible only inside a transaction")
        outer, self._before = self._before, {}
        try:
            yield
        except BaseException:
            self._undo()
            self._before = outer
            raise
        self._before = {**self._before, **outer}

    def close(self) -> None:
        """Close the database; the store cannot be used afterwards."""
        self._database.close()

    def _require_version(self) -> None:
        (version,) = self._database.execute("PRAGMA user_version").fetchone()
        tables = self._database.execute("SELECT name FROM sqlite_master").fetchall()
        if tables and version != _VERSION:
            raise sqlite3.DatabaseError(f"it has layout {version}, not {_VERSION}")
        self._database.execute(f"PRAGMA user_version = {_VERSION}")

    def _remember(self, kind: str, key: str) -> None:
        if not self._open:
            raise RuntimeError("a document changes only inside a transaction")
        self._before.setdefault((kind, key), self._entries.get(kind, {}).get(key))

    def _undo(self) -> None:
        disordered = set()
        for (kind, key), entry in self._before.items():
            if entry is None:
                self._entries[kind].pop(key, None)
            else:
                self._entries[kind][key] = entry
                disordered.add(kind)
        for kind in disordered:
            in_order = sorted(self._entries[kind].items(), key=lambda item: item[1].number)
            self._entries[kind] = dict(in_order)

    def _write(self) -> None:
        if not self._before:
            return
        self._database.execute("BEGIN IMMEDIATE")
        try:
            for kind, key in self._before:
                entry = self._entries[kind].get(key)
                if entry is None:
                    self._database.execute(
                        "DELETE FROM documents WHERE kind = ? AND key = ?", (kind, key)
                    )
                else:
                    self._database.execute(
                        "INSERT INTO documents VALUES (?, ?, ?, ?) ON CONFLICT (kind, key) "
                        "DO UPDATE SET body = excluded.body, number = excluded.number",
                        (entry.number, kind, key, entry.text),
                    )
            self._database.execute("COMMIT")
        except BaseException:
            self._database.execute("ROLLBACK")
            raise


def _shared(entry: _Entry) -> Document:
    if entry.parsed is None:
        entry.parsed = _load(entry)
    return entry.parsed


def _load(entry: _Entry) -> Document:
    document: Document = json.loads(entry.text)
    return document
