"""The bounds of a transition are below what any client can do, and as high as they can be."""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations

import pytest

from benchmarks.convergence.bounds import Limit, Work, least, mean_of_orders, of_order

SLOW = Limit(size=2, per_second=0.1)


def _works(*seconds: float) -> list[Work]:
    return [Work(asked=0, seconds=each) for each in seconds]


@pytest.mark.parametrize(
    ("seconds", "needed"),
    [
        ([60.0, 90.0], 90),
        # The 201st write waits a tenth of a second for its token, the 1,200th a hundred seconds.
        ([60.0] * 201, 60.1),
        ([60.0] * 1200, 160),
        # If the longest begins first, the limit costs nothing.
        ([500.0, *[1.0] * 1000], 500),
        ([*[1.0] * 1000, 500.0], 580.1),
    ],
)
def test_an_order_needs_its_longest_machine_or_the_limit_on_writes(
    seconds: list[float], needed: float
) -> None:
    assert of_order(_works(*seconds)) == pytest.approx(needed)


def test_no_order_needs_less_than_the_least() -> None:
    seconds = (5.0, 12.0, 30.0, 31.0, 44.0)
    needed = [of_order(_works(*order), SLOW) for order in permutations(seconds)]
    assert least(_works(*seconds), SLOW) == min(needed)


@pytest.mark.parametrize(
    "seconds",
    [
        (5.0, 12.0, 30.0, 31.0, 44.0, 44.0),
        (100.0, 7.0, 7.5, 8.0, 90.0, 95.0),
        (20.0,) * 6,
    ],
)
def test_the_mean_of_orders_is_the_mean_of_all_of_them(seconds: tuple[float, ...]) -> None:
    needed = [of_order(_works(*order), SLOW) for order in permutations(seconds)]
    mean = float(sum(map(Fraction, needed)) / len(needed))
    assert mean - 0.1 - 1e-6 <= mean_of_orders(_works(*seconds), SLOW) <= mean + 1e-6


def test_the_mean_of_orders_does_not_depend_on_the_order() -> None:
    means = {mean_of_orders(_works(*order), SLOW) for order in permutations((5.0, 60.0, 70.0))}
    assert len(means) == 1


def test_where_the_limit_lets_all_through_at_once_all_bounds_are_the_longest_machine() -> None:
    works = _works(*map(float, range(30, 230)))
    assert least(works) == of_order(works) == 229
    assert mean_of_orders(works) == pytest.approx(229)


def test_a_machine_that_is_asked_for_twice_takes_two_tokens() -> None:
    """Six machines that are discovered in five seconds each and then replicate for forty."""
    works = [*[Work(0, 45.0, stage=1)] * 6, *[Work(0, 40.0, stage=2)] * 6]
    # The last of twelve requests is a replication, and waits for ten tokens.
    assert least(works, SLOW) == 40 + 100
    assert mean_of_orders(works, SLOW) == pytest.approx(140)
