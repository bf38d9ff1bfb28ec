from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.kernel.clock import EPOCH, Clock


class RealTime:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


STEPS = st.lists(
    st.tuples(st.just("real"), st.floats(0, 1e4))
    | st.tuples(st.just("scale"), st.floats(0, 1e4))
    | st.tuples(st.just("advance"), st.floats(0, 1e6)),
    max_size=20,
)


@given(STEPS)
def test_time_is_what_passed_at_each_scale_and_never_goes_back(
    steps: list[tuple[str, float]],
) -> None:
    real = RealTime()
    clock = Clock(real=real)
    expected, scale, last = 0.0, 0.0, clock.now()
    for kind, amount in steps:
        if kind == "real":
            real.seconds += amount
            expected += amount * scale
        elif kind == "scale":
            clock.set_scale(amount)
            scale = amount
        else:
            clock.advance(timedelta(seconds=amount))
            expected += amount
        assert clock.now() >= last
        last = clock.now()
    assert (last - EPOCH).total_seconds() == pytest.approx(expected, rel=1e-6, abs=1e-3)


def test_an_hour_passes_in_ten_seconds_at_scale_360() -> None:
    real = RealTime()
    clock = Clock(scale=360, real=real)
    real.seconds += 10
    assert clock.now() - EPOCH == timedelta(hours=1)


def test_the_clock_refuses_to_go_back() -> None:
    clock = Clock()
    with pytest.raises(ValueError, match="never goes back"):
        clock.advance(timedelta(seconds=-1))
    with pytest.raises(ValueError, match="0 or more"):
        clock.set_scale(-1)
    assert clock.now() == EPOCH
