"""Durable documents in SQLite: one transaction per request, so that a kill loses nothing."""

from __future__ import annotations

import builtins
import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

Document: TypeAlias = dict[str, Any]

_VERSION = 1
_LISTS_KEPT = 500
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


@dataclass(slots=True)
class Reads:
    """What was read in a `Store.watched` block: enough to see whether any of it has changed since.

    Attributes:
        entries: the entry of each document by kind and key; None for one that did not exist.
        contents: the number of changes of every kind of which documents were listed.
        members: the same of every kind of which keys were listed.
    """

    entries: dict[tuple[str, str], _Entry | None] = field(default_factory=dict)
    contents: dict[str, int] = field(default_factory=dict)
    members: dict[str, int] = field(default_factory=dict)


class Store:
    """Documents by kind and key, held in memory and written through to SQLite.

    Keys are compared case-insensitively, as ARM compares ids. Documents are copied on the way in
    and out, so a handler that fails half-way has changed nothing.

    Args:
        path: the database file; None keeps everything in memory.

    Attributes:
        revision: the number of changes so far, undone ones and their undoing too.

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
        self._entries: defaultdict[str, dict[str, _Entry]] = defaultdict(dict)
        self._changes: Counter[str] = Counter()
        self._memberships: Counter[str] = Counter()
        self._listed: dict[tuple[str, str], tuple[int, tuple[str, ...]]] = {}
        self._reads: Reads | None = None
        self._number = 0
        self.revision = 0
        rows = self._database.execute(
            "SELECT number, kind, key, body FROM documents ORDER BY number"
        )
        for number, kind, key, body in rows:
            self._entries[kind][key] = _Entry(number, body)
            self._number = number
        self._before: dict[tuple[str, str], _Entry | None] = {}
        self._open = False

    def copy(self) -> Store:
        """A store in memory with the same documents, of which none changes with this one; for
        tests."""
        made = Store()
        self._database.backup(made._database)
        for kind, entries in self._entries.items():
            made._entries[kind] = dict(entries)
        made._number = self._number
        return made

    def get(self, kind: str, key: str) -> Document | None:
        """The document, or None."""
        entry = self._entry(kind, key.lower())
        return _load(entry) if entry is not None else None

    def peek(self, kind: str, key: str) -> Document | None:
        """The document for reading only, or None. It is shared: nobody may change it."""
        entry = self._entry(kind, key.lower())
        return _shared(entry) if entry is not None else None

    def put(self, kind: str, key: str, document: Document) -> None:
        """Create or replace a document.

        Raises:
            RuntimeError: no transaction is open.
        """
        key = key.lower()
        self._remember(kind, key)
        entries = self._entries[kind]
        present = entries.get(key)
        self._count(kind, members=present is None)
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
        if key not in self._entries[kind]:
            return False
        self._remember(kind, key)
        self._count(kind, members=True)
        del self._entries[kind][key]
        return True

    def kinds(self) -> list[str]:
        """The kinds that have documents."""
        return [kind for kind, entries in self._entries.items() if entries]

    def keys(self, kind: str, prefix: str = "") -> list[str]:
        """The (lower-case) keys of a kind that begin with `prefix`, in the order of insertion."""
        if self._reads is not None:
            self._reads.members[kind] = self._memberships[kind]
        return list(self._keys(kind, prefix.lower()))

    def list(self, kind: str, prefix: str = "") -> list[Document]:
        """The documents of a kind whose keys begin with `prefix`, in the order of insertion."""
        return [_load(entry) for entry in self._listing(kind, prefix)]

    def peeks(self, kind: str, prefix: str = "") -> builtins.list[Document]:
        """Like `list`, for reading only: the documents are shared and must not be changed."""
        return [_shared(entry) for entry in self._listing(kind, prefix)]

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
    def watched(self) -> Iterator[Reads]:
        """Note everything that is read inside, for `unchanged`."""
        outer, self._reads = self._reads, Reads()
        try:
            yield self._reads
        finally:
            self._reads = outer

    def touch(self, kind: str) -> None:
        """Count a change of what is not in the store, but is read with what is."""
        self._count(kind, members=False)

    def note(self, kind: str) -> None:
        """Note that all of a kind is read, if reads are noted now."""
        if self._reads is not None:
            self._reads.contents[kind] = self._changes[kind]

    @property
    def watching(self) -> bool:
        """Whether reads are noted now."""
        return self._reads is not None

    def unchanged(self, reads: Reads) -> bool:
        """Whether a reader would find now what it found then."""
        entries = self._entries
        return (
            all(entries[kind].get(key) is then for (kind, key), then in reads.entries.items())
            and all(self._changes[kind] == then for kind, then in reads.contents.items())
            and all(self._memberships[kind] == then for kind, then in reads.members.items())
        )

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

    def _entry(self, kind: str, key: str) -> _Entry | None:
        entry = self._entries[kind].get(key)
        if self._reads is not None:
            self._reads.entries[kind, key] = entry
        return entry

    def _listing(self, kind: str, prefix: str) -> builtins.list[_Entry]:
        self.note(kind)
        entries = self._entries[kind]
        return [entries[key] for key in self._keys(kind, prefix.lower())]

    def _keys(self, kind: str, prefix: str) -> tuple[str, ...]:
        # Every list of a large vault would look at every key again.
        at, keys = self._listed.get((kind, prefix), (-1, ()))
        if at != self._memberships[kind]:
            keys = tuple(key for key in self._entries[kind] if key.startswith(prefix))
            if len(self._listed) >= _LISTS_KEPT:
                self._listed.clear()
            self._listed[kind, prefix] = (self._memberships[kind], keys)
        return keys

    def _count(self, kind: str, *, members: bool) -> None:
        self.revision += 1
        self._changes[kind] += 1
        self._memberships[kind] += members

    def _remember(self, kind: str, key: str) -> None:
        if not self._open:
            raise RuntimeError("a document changes only inside a transaction")
        self._before.setdefault((kind, key), self._entries[kind].get(key))

    def _undo(self) -> None:
        disordered = set()
        for (kind, key), entry in self._before.items():
            self._count(kind, members=True)
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
