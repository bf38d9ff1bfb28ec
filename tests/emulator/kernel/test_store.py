from __future__ import annotations

import contextlib
import copy
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.kernel.store import Store

KINDS = st.sampled_from(["vault", "network"])
KEYS = st.sampled_from(["/a", "/A", "/a/b", "/c", "/d"])
BODIES = st.dictionaries(st.text(max_size=3), st.integers() | st.text() | st.none(), max_size=3)
CHANGES = st.lists(
    st.tuples(st.just("put"), KINDS, KEYS, BODIES) | st.tuples(st.just("delete"), KINDS, KEYS),
    max_size=6,
)
TRANSACTIONS = st.lists(st.tuples(st.booleans(), CHANGES), max_size=6)


class RefusalError(Exception):
    """An error that a handler raises in the middle of a request."""


def apply(store: Store, changes: list[Any]) -> None:
    for change in changes:
        if change[0] == "put":
            store.put(*change[1:])
        else:
            store.delete(*change[1:])


def contents(store: Store) -> dict[str, list[tuple[str, Any]]]:
    """The content of the store, in order, without kinds that have no documents."""
    return {
        kind: [(key, store.get(kind, key)) for key in store.keys(kind)] for kind in store.kinds()
    }


@settings(max_examples=50, deadline=None)
@given(TRANSACTIONS)
def test_a_reopened_store_holds_what_was_committed_in_the_same_order(
    transactions: list[tuple[bool, Any]],
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        store = Store(Path(directory) / "state.sqlite")
        for commits, changes in transactions:
            before = contents(store)
            with contextlib.suppress(RefusalError), store.transaction():
                apply(store, changes)
                if not commits:
                    raise RefusalError
            if not commits:
                assert contents(store) == before
        expected = contents(store)
        store.close()
        again = Store(Path(directory) / "state.sqlite")
        # Kinds may come in another order; documents of one kind never do.
        assert contents(again) == expected
        again.close()


@settings(max_examples=50, deadline=None)
@given(CHANGES, CHANGES, CHANGES)
def test_a_failed_savepoint_takes_back_its_own_changes_only(
    before: Any, inside: Any, after: Any
) -> None:
    expected, store = Store(), Store()
    with expected.transaction():
        apply(expected, before)
        apply(expected, after)
    with store.transaction():
        apply(store, before)
        with contextlib.suppress(RefusalError), store.savepoint():
            apply(store, inside)
            raise RefusalError
        apply(store, after)
    assert contents(store) == contents(expected)


@settings(max_examples=50, deadline=None)
@given(CHANGES, CHANGES, CHANGES)
def test_a_transaction_that_fails_after_a_savepoint_takes_back_both(
    first: Any, outside: Any, inside: Any
) -> None:
    store = Store()
    with store.transaction():
        apply(store, first)
    before = contents(store)
    with contextlib.suppress(RefusalError), store.transaction():
        apply(store, outside)
        with store.savepoint():
            apply(store, inside)
        raise RefusalError
    assert contents(store) == before


def test_documents_go_in_and_come_out_as_copies() -> None:
    store = Store()
    document = {"tags": {"a": "1"}}
    with store.transaction():
        store.put("vault", "/v", document)
    document["tags"]["a"] = "2"
    read = store.get("vault", "/V")
    assert read == {"tags": {"a": "1"}}
    read["tags"]["a"] = "3"
    assert store.list("vault") == [{"tags": {"a": "1"}}]


def test_nothing_changes_outside_a_transaction() -> None:
    store = Store()
    with pytest.raises(RuntimeError, match="inside a transaction"):
        store.put("vault", "/v", {})
    assert store.get("vault", "/v") is None


def test_a_failed_commit_leaves_memory_as_the_disk_has_it(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    store = Store(path)
    with store.transaction():
        store.put("vault", "/v", {"n": 1})
    other = sqlite3.connect(path, isolation_level=None)
    other.execute(
        "CREATE TRIGGER full BEFORE UPDATE ON documents BEGIN SELECT RAISE(ABORT, 'x'); END"
    )
    before = copy.deepcopy(contents(store))
    changes = [("put", "vault", "/w", {"n": 2}), ("put", "vault", "/v", {"n": 3})]
    with pytest.raises(sqlite3.Error), store.transaction():
        apply(store, changes)
    assert contents(store) == before
    other.close()
    store.close()


def test_a_state_of_another_layout_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("CREATE TABLE documents (anything)")
    with pytest.raises(sqlite3.DatabaseError, match="layout 0"):
        Store(path)
    assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("documents",)]
    other.close()


def test_a_document_to_look_at_is_of_the_newest_text_and_what_alters_it_is_found_out() -> None:
    store = Store()
    with store.transaction():
        store.put("kind", "Key", {"number": 1})
    assert store.peek("kind", "key") == {"number": 1}
    assert store.peek("kind", "none") is None
    with store.transaction():
        store.put("kind", "key", {"number": 2})
    assert store.peeks("kind", "K") == [{"number": 2}]
    assert store.altered() == []
    shared = store.peek("kind", "key")
    assert shared is store.peek("kind", "key")
    assert shared is not None
    shared["number"] = 3
    assert store.altered() == ["key"]
    assert store.get("kind", "key") == {"number": 2}
    shared["number"] = 2
