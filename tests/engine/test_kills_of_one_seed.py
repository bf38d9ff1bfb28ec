"""Two kills of the long campaign (`make kills`), chosen by a seed, in every run of the tests."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.engine import kills
from tests.engine.harness import Stack
from tests.engine.kills import Victim

pytestmark = pytest.mark.engine

SEED, COUNT = 2, 2


def test_a_life_with_kills_ends_like_one_without(stack: Stack) -> None:
    life = kills.live(stack, SEED, COUNT)

    assert len(life.struck) == COUNT
    assert life.wrong == []


def test_a_seed_always_gives_the_same_kills_and_every_victim_its_share() -> None:
    one = kills.strikes(7, 40)

    assert one == kills.strikes(7, 40)
    assert one != kills.strikes(8, 40)
    assert set(Counter(strike.victim for strike in one).values()) == {40 // len(Victim)}
    assert kills.strikes(7, 8) == one[:8]


def test_each_victim_is_the_first_of_some_seed() -> None:
    """A life always meets its first strike, and may end before the others."""
    seeds = range(1, len(Victim) + 1)

    assert {kills.strikes(seed, 1)[0].victim for seed in seeds} == set(Victim)
