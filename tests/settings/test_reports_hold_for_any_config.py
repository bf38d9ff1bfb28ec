from __future__ import annotations

import string
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import IPv4Network
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import settings
from settings import addresses, durations
from settings.paths import path
from tests.settings import configs

Location = tuple[str | int, ...]


def _mappings(part: Any, at: Location = ()) -> Iterator[Location]:
    """The places of all mappings whose keys are the schema's and not the user's."""
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


_MAPPINGS = list(_mappings(configs.valid()))
_LEAVES = list(_leaves(configs.valid()))
_keys = st.text(string.ascii_letters + string.digits + "-", min_size=1, max_size=12)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=3),
    max_leaves=6,
)


@given(at=st.sampled_from(_MAPPINGS), key=_keys.map(lambda key: f"x{key}"), value=_json)
def test_an_unknown_key_is_refused_wherever_it_stands(at: Location, key: str, value: Any) -> None:
    config = configs.changed(*at, key, value=value)
    assert f"unknown key {key!r}" in configs.report(config)[path(*at, key)]


@given(at=st.sampled_from(_LEAVES), value=st.none() | st.booleans() | st.just(["a", {}]))
def test_a_value_of_no_possible_kind_is_reported_at_its_place(at: Location, value: Any) -> None:
    report = configs.report(configs.changed(*at, value=value))
    assert any(place.startswith(path(*at)) for place in report)


@given(
    at=st.sampled_from([*_MAPPINGS[1:], *_LEAVES, ("waves",), ("machines",)]),
    value=_json,
)
def test_whatever_stands_anywhere_is_accepted_or_reported(at: Location, value: Any) -> None:
    reading = settings.read(configs.changed(*at, value=value))
    assert (reading.settings is None) == bool(reading.problems)
    for problem in reading.problems:
        assert problem.path
        assert problem.what
        assert not problem.what.endswith(".")
        assert problem.way_out
        assert not problem.way_out.endswith(".")


@given(st.lists(st.sampled_from(_LEAVES), min_size=1, unique=True))
def test_no_fault_hides_another(places: list[Location]) -> None:
    config = configs.valid()
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
