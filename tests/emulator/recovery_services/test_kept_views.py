"""A view that was kept says the same as one that is built anew, whatever happened in between."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.kernel.store import Document
from emulator.kernel.wire import rendered
from tests.emulator.recovery_services.site_recovery_support import (
    BOTH,
    MACHINES,
    VAULT,
    Classic,
    Site,
    linux,
    windows,
)

_FLEET = (windows(1), linux(1))
_STEPS = (
    timedelta(microseconds=1),
    timedelta(seconds=1),
    timedelta(seconds=29, milliseconds=999),
    timedelta(minutes=2),
    timedelta(minutes=5),
    timedelta(minutes=61),
    timedelta(hours=25),
)


def _change(action: str) -> Callable[[Site, int], None]:
    """Send a change of one machine's item; whether it is accepted does not matter."""

    def work(site: Site, number: int) -> None:
        machine = _FLEET[number]
        path = site.item(machine)
        if action == "enable":
            with contextlib.suppress(AssertionError):  # not known yet, or not any more
                site.call("PUT", path, site.enable_body(machine))
        elif action == "update":
            site.call("PATCH", path, site.experience.update("other", "Standard_D4s_v3", {"a": "b"}))
        elif action == "purge":
            site.call("DELETE", path)
        else:
            bodies: dict[str, Any] = {
                "testFailover": {"properties": site.experience.test_failover()},
                "testFailoverCleanup": {"properties": {"comments": "tested"}},
                "unplannedFailover": {"properties": site.experience.failover()},
                "failoverCommit": None,
                "remove": {"properties": {"disableProtectionReason": "MigrationComplete"}},
            }
            site.call("POST", f"{path}/{action}", bodies[action])

    return work


def _instance(**changes: Any) -> Callable[[Site, int], None]:
    return lambda site, number: site.become(number + 1, **changes)


def _server_stops(site: Site, _: int) -> None:
    site.become(0, state="stopped")


def _fails_next(site: Site, _: int) -> None:
    for scenario in ("TestFailover", "Failover", "ReplicationProtectedItems_Create"):
        site.fault(operation=scenario, job={"errorCode": "1", "errorMessage": "no"})


def _refused(site: Site, number: int) -> None:
    """A change that is rolled back after its handler wrote."""
    site.call("PUT", site.item(_FLEET[number]), {"properties": {}})


_EVENTS: dict[str, Callable[[Site, int], None]] = {
    **{
        action: _change(action)
        for action in (
            "enable",
            "update",
            "testFailover",
            "testFailoverCleanup",
            "unplannedFailover",
            "failoverCommit",
            "remove",
            "purge",
        )
    },
    "stops": _instance(state="stopped"),
    "starts": _instance(state="running"),
    "is terminated": _instance(state="terminated"),
    "the server stops": _server_stops,
    "the next jobs fail": _fails_next,
    "is refused": _refused,
}

_events = st.tuples(st.sampled_from(sorted(_EVENTS)), st.sampled_from(range(len(_FLEET))))
_steps = st.one_of(_events, st.sampled_from(_STEPS), st.just("next change"))


@pytest.mark.parametrize("experience", BOTH, ids=lambda one: one.name)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(_steps, min_size=10, max_size=30))
def test_kept_views_are_never_stale(
    experience: Classic, steps: list[tuple[str, int] | timedelta | str]
) -> None:
    site = Site(_FLEET, experience=experience).prepare()
    for machine in _FLEET:
        site.protect(machine)
    for step in steps:
        if isinstance(step, timedelta):
            site.pass_time(seconds=step.total_seconds())
        elif isinstance(step, str):
            _to_the_next_change(site)
        else:
            event, number = step
            _EVENTS[event](site, number)
        kept, fresh = _everything(site), _built_anew(site)
        assert kept == fresh
    site.store.close()


def test_views_that_did_not_change_are_not_built_again() -> None:
    site = Site(_FLEET).prepare()
    for machine in _FLEET:
        site.protect(machine)
    _everything(site)
    with _counted(site) as built:
        site.pass_time(milliseconds=1)
        _everything(site)
    assert not built


def test_a_machine_that_changes_has_its_own_views_built_again_only() -> None:
    site = Site(_FLEET).prepare()
    for machine in _FLEET:
        site.protect(machine)
    _everything(site)
    site.test_failover(_FLEET[0])
    with _counted(site) as built:
        _everything(site)
    items = [about[-1] for about in built if about[0].endswith("replicationprotecteditems")]
    assert items
    assert {name.rsplit("/", 1)[-1] for name in items} == {_FLEET[0].name}


def test_text_of_a_caller_is_never_taken_for_a_value_that_changes() -> None:
    site = Site(_FLEET).prepare()
    mark = f"{'0' * 32}:0"
    site.protect(_FLEET[0], targetVmTags={"a": mark})
    assert _everything(site) == _built_anew(site)
    assert site.properties(_FLEET[0])["providerSpecificDetails"]["targetVmTags"] == {"a": mark}


def _everything(site: Site) -> dict[str, Any]:
    """What every kept view says now."""
    lists = {
        name: site.call("GET", f"{VAULT}/{name}").body
        for name in ("replicationProtectedItems", "replicationJobs", "replicationFabrics")
    }
    items = [one["id"] for one in lists["replicationProtectedItems"]["value"]]
    found = {identifier: site.call("GET", identifier).body for identifier in items}
    found[site.fabric] = site.call("GET", site.fabric).body
    found["machines"] = site.call("GET", MACHINES, version="2024-11-01").body
    if site.experience.name == "classic":
        path = f"{site.container}/replicationProtectableItems"
        found["sources"] = site.call("GET", path).body
    else:
        found["sources"] = site.machines()
    return {**lists, **found}


def _built_anew(site: Site) -> dict[str, Any]:
    """The same, with every view built for its request."""

    def pieces(about: object, build: Callable[[], Document]) -> Sequence[bytes]:
        return (rendered(build()),)

    with _instead(site, pieces):
        return _everything(site)


@contextlib.contextmanager
def _counted(site: Site) -> Iterator[list[Any]]:
    """The views that are built inside, by what they are about."""
    kept, built = site.world.views.pieces, []

    def pieces(about: Any, build: Callable[[], Document]) -> Sequence[bytes]:
        def counted() -> Document:
            built.append(about)
            return build()

        return kept(about, counted)

    with _instead(site, pieces):
        yield built


@contextlib.contextmanager
def _instead(
    site: Site, pieces: Callable[[Any, Callable[[], Document]], Sequence[bytes]]
) -> Iterator[None]:
    kept = site.world.views.pieces
    site.world.views.pieces = pieces  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        site.world.views.pieces = kept  # type: ignore[method-assign]


def _to_the_next_change(site: Site) -> None:
    """Step the clock to the very moment at which a kept view may change by itself."""
    moment = site.world.views.next_change()
    if moment is not None:
        site.pass_time(seconds=max(0.0, (moment - site.world.now).total_seconds()))


def test_an_instance_that_is_replaced_shows_in_its_machine() -> None:
    site = Site(_FLEET, experience=BOTH[1]).prepare()
    site.pass_time(minutes=30)
    assert not any(one["properties"]["isDeleted"] for one in site.machines())
    site.estate.machines[1] = replace(site.estate.machines[1], state="terminated")
    gone = {
        one["properties"]["displayName"]: one["properties"]["isDeleted"] for one in site.machines()
    }
    assert gone == {_FLEET[0].name: True, _FLEET[1].name: False}
