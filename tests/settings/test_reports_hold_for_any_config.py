from __future__ import annotations

import string
from collections.abc import Iterator
from copy import deepcopy
from datetime import timedelta
from ipaddress import IPv4Network
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import settings
from site_recovery.config_paths import path
from site_recovery.declared import addresses, durations
from tests.settings import configs

Location = tuple[str | int, ...]

CONFIGS = {"classic": configs.valid(), "modernized": configs.modernized()}


def _mappings(part: Any, at: Location = ()) -> Iterator[Location]:
    """The locations of all mappings whose keys are defined by the schema, not by the user."""
    if isinstance(part, dict):
        if at not in (("machines",), ("waves",)):
            yield at
        for key, value in part.items():
            yield from _mappings(value, (*at, key))


def _leaves(part: Any, at: Location = ()) -> Iterator[Location]:
    entries = part.items() if isinstance(part, dict) else enumerate(part)
    for key, value in entries:
        if isinstance(value, dict | list):
            yield from _leaves(value, (*at, key))
        else:
            yield (*at, key)


def changed(experience: str, location: Location, value: Any) -> dict[str, Any]:
    return configs.put(deepcopy(CONFIGS[experience]), *location, value=value)


_MAPPINGS = [(name, at) for name, config in CONFIGS.items() for at in _mappings(config)]
_LEAVES = [(name, at) for name, config in CONFIGS.items() for at in _leaves(config)]
_PLACES = [
    *((name, at) for name, at in _MAPPINGS if at),
    *_LEAVES,
    *((name, (part,)) for name in CONFIGS for part in ("waves", "machines")),
]
_keys = st.text(string.ascii_letters + string.digits + "-", min_size=1, max_size=12)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=3),
    max_leaves=6,
)


@given(where=st.sampled_from(_MAPPINGS), key=_keys.map(lambda key: f"x{key}"), value=_json)
def test_an_unknown_key_is_refused_anywhere(
    where: tuple[str, Location], key: str, value: Any
) -> None:
    experience, at = where
    config = changed(experience, (*at, key), value)
    assert f"unknown key {key!r}" in configs.report(config)[path(*at, key)]


@given(where=st.sampled_from(_LEAVES), value=st.none() | st.booleans() | st.just(["a", {}]))
def test_a_value_of_no_possible_kind_is_reported_at_its_place(
    where: tuple[str, Location], value: Any
) -> None:
    experience, at = where
    report = configs.report(changed(experience, at, value))
    assert any(place.startswith(path(*at)) for place in report)


@given(where=st.sampled_from(_PLACES), value=_json)
def test_any_value_anywhere_is_accepted_or_reported(
    where: tuple[str, Location], value: Any
) -> None:
    experience, at = where
    reading = settings.read(changed(experience, at, value))
    assert (reading.settings is None) == bool(reading.problems)
    for problem in reading.problems:
        assert problem.path
        assert problem.what
        assert not problem.what.endswith(".")
        assert problem.way_out
        assert not problem.way_out.endswith(".")


@given(st.sampled_from(list(CONFIGS)), st.data())
def test_no_fault_hides_another(experience: str, data: st.DataObject) -> None:
    leaves = [at for name, at in _LEAVES if name == experience]
    places = data.draw(st.lists(st.sampled_from(leaves), min_size=1, unique=True))
    config = deepcopy(CONFIGS[experience])
    for place in places:
        configs.put(config, *place, value=None)
    assert {path(*place) for place in places} <= set(configs.report(config))


@given(
    st.integers(min_value=0, max_value=9_999 * 3_600_000).map(lambda ms: timedelta(milliseconds=ms))
)
def test_a_duration_written_and_read_again_is_the_same(duration: timedelta) -> None:
    assert durations.parse(durations.write(duration)) == duration


@given(st.text(max_size=8))
def test_what_reads_as_a_duration_has_units(text: str) -> None:
    try:
        durations.parse(text)
    except ValueError:
        return
    assert text.isascii()
    assert text.endswith(("h", "m", "s"))


_networks = st.builds(
    lambda address, prefix: str(IPv4Network((int(address), prefix), strict=False)),
    st.ip_addresses(v=4),
    st.integers(8, 29),
)


@given(_networks, _networks)
def test_networks_overlap_when_one_is_inside_the_other(left: str, right: str) -> None:
    nested = addresses.inside(left, right) or addresses.inside(right, left)
    assert addresses.overlap(left, right) == nested


@given(st.integers(0, 260))
def test_a_fleet_is_accepted_up_to_what_one_server_serves(count: int) -> None:
    report = configs.report(configs.fleet(count)) if count else {}
    assert ("waves" in report) == (count > 200)
