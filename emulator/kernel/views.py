"""Views of resources as JSON, kept until something that they show has changed.

A list of a hundred resources would otherwise be computed and written anew for every look at it.
Nobody says what a view depends on: the documents that it reads, the time that it needs and whether
it looks at the estate are noted while it is built. What changes with every moment, such as a
heartbeat, is left open and filled in for each request.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime

from emulator.kernel.present import Present, Write
from emulator.kernel.store import Document, Reads, Store
from emulator.kernel.wire import rendered

INSTANCES = "estate/instances"
"""The kind by which the store counts the changes of the estate's instances."""

_MOST = 50_000


@dataclass(slots=True)
class _View:
    """A view that was built.

    Attributes:
        parts: its JSON text, with an empty part for each hole.
        holes: the part, the key and the computation of each hole.
        reads: what it shows: documents, and whether instances too.
        until: the first moment at which it may be another; None for never.
        checked: the store's revision when it was last found to be right.
    """

    parts: list[bytes]
    holes: list[tuple[int, Hashable, Write]]
    reads: Reads
    until: datetime | None
    checked: int


class Views:
    """The views of a world that were built before.

    Args:
        store: the documents that views show.
        present: the time that views show.
        notice_instances: counts a change of the estate's instances in the store, if there is one.
    """

    def __init__(
        self, store: Store, present: Present, notice_instances: Callable[[], None]
    ) -> None:
        self._store = store
        self._present = present
        self._notice_instances = notice_instances
        self._views: dict[Hashable, _View] = {}
        self._filled: dict[Hashable, bytes] = {}
        self._filled_at: datetime | None = None
        self._mark = re.compile(f'"{present.mark("")}(\\d+)"'.encode())

    def json(self, about: Hashable, build: Callable[[], Document]) -> bytes:
        """A view as JSON, as it is now.

        Args:
            about: what the view shows, such as its kind and the resource's id.
            build: computes the view.
        """
        return b"".join(self.pieces(about, build))

    def pieces(self, about: Hashable, build: Callable[[], Document]) -> Sequence[bytes]:
        """As `json`, not joined yet: a list of many views is joined once, and not copied again."""
        if self._store.watching:
            return (rendered(build()),)  # A part of another view, which is kept.
        view = self._views.get(about)
        if view is None or not self._holds(view):
            view = self._built(build)
            if len(self._views) >= _MOST:
                self._views.clear()
            self._views[about] = view
        return self._complete(view)

    def next_change(self) -> datetime | None:
        """The first moment from now on at which a kept view may change by itself; for tests."""
        now = self._present.moment
        ends = [one.until for one in self._views.values() if one.until and one.until > now]
        return min(ends, default=None)

    def _holds(self, view: _View) -> bool:
        if view.until is not None and view.until <= self._present.moment:
            return False
        if INSTANCES in view.reads.contents:
            self._notice_instances()
        if view.checked != self._store.revision:
            if not self._store.unchanged(view.reads):
                return False
            view.checked = self._store.revision
        return True

    def _built(self, build: Callable[[], Document]) -> _View:
        with self._store.watched() as reads, self._present.watched() as reading:
            text = rendered(build())
        pieces = self._mark.split(text)
        holes = []
        parts = pieces[:1]
        for number, piece in zip(pieces[1::2], pieces[2::2], strict=True):
            key, write = reading.holes[int(number)]
            holes.append((len(parts), key, write))
            parts += [b"", piece]
        if self._present.mark("").encode() in b"".join(parts):
            raise RuntimeError("a view changed a value that is filled in later")
        return _View(parts, holes, reads, reading.until, self._store.revision)

    def _complete(self, view: _View) -> Sequence[bytes]:
        if not view.holes:
            return view.parts
        now = self._present.moment
        if self._filled_at != now:
            self._filled.clear()
            self._filled_at = now
        parts = view.parts.copy()
        for position, key, write in view.holes:
            value = self._filled.get(key)
            if value is None:
                value = self._filled[key] = rendered(write(now))
            parts[position] = value
        return parts
