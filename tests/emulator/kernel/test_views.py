"""Views note by themselves what they depend on: documents, the time, the estate."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.estate.static import StaticEstate
from emulator.kernel.clock import EPOCH, Clock
from emulator.kernel.present import Present
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document, Store
from emulator.kernel.world import World

_SECOND = timedelta(seconds=1)


class Shown:
    """A world, and a view of it that counts how often it is built."""

    def __init__(self, build: Callable[[World], Any]) -> None:
        self.world = World(Store(), Clock(), Routes(), estate=StaticEstate())
        self.built = 0
        self._build = build

    def json(self) -> bytes:
        def build() -> Document:
            self.built += 1
            return {"value": self._build(self.world)}

        return self.world.views.json("the view", build)

    def put(self, kind: str, key: str, document: Document) -> None:
        with self.world.store.transaction():
            self.world.store.put(kind, key, document)

    def later(self, delta: timedelta) -> None:
        self.world.clock.advance(delta)
        self.world.settle()


def test_a_view_is_built_again_when_a_document_that_it_read_has_changed() -> None:
    view = Shown(lambda world: world.store.peek("kind", "key"))
    assert view.json() == b'{"value":null}'
    view.put("kind", "other", {})
    view.json()
    assert view.built == 1
    view.put("kind", "KEY", {"a": 1})
    assert view.json() == b'{"value":{"a":1}}'


@pytest.mark.parametrize("reads", ["keys", "list", "peeks"])
def test_a_view_of_a_list_is_built_again_when_a_document_is_added_or_removed(reads: str) -> None:
    view = Shown(lambda world: len(getattr(world.store, reads)("kind", "a")))
    assert view.json() == b'{"value":0}'
    view.put("kind", "ab", {})
    assert view.json() == b'{"value":1}'
    with view.world.store.transaction():
        view.world.store.delete("kind", "ab")
    assert view.json() == b'{"value":0}'


def test_a_view_of_a_list_is_built_again_when_one_of_its_documents_has_changed() -> None:
    view = Shown(lambda world: world.store.peeks("kind"))
    view.put("kind", "a", {"n": 1})
    view.json()
    view.put("kind", "a", {"n": 2})
    assert view.json() == b'{"value":[{"n":2}]}'


def test_a_view_of_a_change_that_is_undone_is_built_again() -> None:
    view = Shown(lambda world: world.store.peek("kind", "key"))
    view.put("kind", "key", {"n": 1})
    shown = []

    def change_and_fail() -> None:
        with view.world.store.transaction():
            view.world.store.put("kind", "key", {"n": 2})
            shown.append(view.json())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change_and_fail()
    assert shown == [b'{"value":{"n":2}}']
    assert view.json() == b'{"value":{"n":1}}'


def test_a_value_that_is_left_open_is_filled_in_anew_without_building() -> None:
    view = Shown(lambda world: world.present.written("time", lambda now: now.isoformat()))
    first = view.json()
    view.later(_SECOND)
    second = view.json()
    assert (first, second) == tuple(
        b'{"value":"%s"}' % (EPOCH + step * _SECOND).isoformat().encode() for step in (0, 1)
    )
    assert view.built == 1


def test_a_view_that_reads_the_time_itself_holds_for_no_other_moment() -> None:
    view = Shown(lambda world: world.now.isoformat())
    first = view.json()
    view.later(_SECOND)
    assert view.json() != first


def test_a_view_that_asks_the_estate_for_more_than_instances_is_built_every_time() -> None:
    view = Shown(lambda world: world.estate.managed("i-1"))
    view.json()
    view.json()
    assert view.built == 2


def test_a_view_that_alters_a_value_that_is_left_open_is_refused() -> None:
    view = Shown(lambda world: world.present.written("time", str) + "!")
    with pytest.raises(RuntimeError, match="filled in later"):
        view.json()


_spans = st.timedeltas(timedelta(microseconds=1), timedelta(days=2))


@given(width=_spans, age=_spans)
def test_the_number_of_whole_widths_changes_at_the_noted_moment_and_not_before(
    width: timedelta, age: timedelta
) -> None:
    _changes_when_noted(EPOCH + age, lambda present: present.whole(EPOCH, width))


@given(span=_spans, age=_spans)
def test_a_percentage_changes_at_the_noted_moment_and_not_before(
    span: timedelta, age: timedelta
) -> None:
    _changes_when_noted(EPOCH + age, lambda present: present.percentage(EPOCH, EPOCH + span))


@given(moment=_spans, age=_spans)
def test_a_moment_passes_at_the_noted_time_and_not_before(
    moment: timedelta, age: timedelta
) -> None:
    _changes_when_noted(EPOCH + age, lambda present: present.passed(EPOCH + moment))


def _changes_when_noted(moment: Any, read: Callable[[Present], object]) -> None:
    present = Present(moment)
    with present.watched() as reading:
        value = read(present)
    if reading.until is None:
        assert read(Present(moment + timedelta(days=400))) == value
        return
    assert reading.until > moment
    assert read(Present(reading.until - timedelta(microseconds=1))) == value
    assert read(Present(reading.until)) != value
