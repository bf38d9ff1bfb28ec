"""How many cases the agreement of preview and emulator is tried on, and that both answers were given."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

Case = TypeVar("Case")

_FUZZ = "FUZZ_EXAMPLES" in os.environ
"""Whether this is `make fuzz`, which tries many cases, and other ones with each run."""

EACH_WAY = 1000 if _FUZZ else 50
"""So many different cases at least preview lets through, and so many it refuses, of each input."""

_ROUND = 500 if _FUZZ else 50
_ROUNDS = 60
"""More than any input needs: one that is hardly ever refused, or let through, is a wrong one."""


def both_ways(
    inputs: st.SearchStrategy[Case], answers: Callable[[Case], tuple[bool, bool]]
) -> None:
    """Compare what preview and the emulator say of cases, until each said both often enough.

    Args:
        inputs: the cases; what they are is told apart by how they are shown.
        answers: whether preview lets a case through, and whether the emulator accepts it.
    """
    seen: dict[bool, set[str]] = {True: set(), False: set()}

    def agree(case: Case) -> None:
        preview, azure = answers(case)
        assert preview == azure
        seen[azure].add(repr(case))

    for number in range(_ROUNDS):
        tried_on(_ROUND, inputs, agree, number)
        if min(map(len, seen.values())) >= EACH_WAY:
            return
    counts = {"let through": len(seen[True]), "refused": len(seen[False])}
    raise AssertionError(f"of {_ROUNDS * _ROUND} cases too few are different ones: {counts}")


def tried_on(
    count: int, inputs: st.SearchStrategy[Case], check: Callable[[Case], None], number: int = 0
) -> None:
    """Try a check on so many cases; without `make fuzz` the same ones with each run.

    Args:
        count: how many.
        inputs: the cases.
        check: what must not fail.
        number: which of several rounds this is, so that each has other cases.
    """
    trying = settings(
        max_examples=count, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )(given(inputs)(check))
    (trying if _FUZZ else seed(number)(trying))()


def accepted(status: int) -> bool:
    """Whether Resource Manager took a request."""
    return status < 400
