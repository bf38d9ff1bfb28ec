"""How long a run waits until it looks again: by the age of the youngest thing that it waits for."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from datetime import datetime, timedelta

from site_recovery.polling import SHORTEST, by_age

_PATIENCE = timedelta(seconds=30)


def pause(
    youngest: timedelta | None,
    longest: timedelta,
    *,
    setback: bool = False,
    nothing_for: timedelta | None = None,
) -> timedelta:
    """The pause until the next look.

    Args:
        youngest: how long the youngest operation has been running; None if nothing is known to run.
        longest: the longest pause.
        setback: whether the service did not answer for something or does not show something. Runs
            give up after a number of such rounds, so these must not follow each other in seconds.
        nothing_for: how long certainly nothing can go on; None if that is not known.
    """
    if setback:
        return min(longest, _PATIENCE)
    if nothing_for is not None and nothing_for > timedelta():
        return min(longest, max(SHORTEST, nothing_for))
    if youngest is None:
        return longest
    return by_age(youngest, longest)


class Ages:
    """Since when each machine of a run does what it does, in the service's time."""

    def __init__(self) -> None:
        self._doing: dict[str, tuple[Hashable, datetime]] = {}

    def saw(self, machine: str, doing: Hashable, began: datetime) -> None:
        """Note what a machine does now.

        Args:
            machine: its name.
            doing: what it does; equal to what it did before if that goes on.
            began: when that began, if it is something new.
        """
        if machine not in self._doing or self._doing[machine][0] != doing:
            self._doing[machine] = doing, began

    def youngest(self, machines: Collection[str], now: datetime) -> timedelta | None:
        """How long the youngest of what these machines do has been going on; None without any."""
        began = [self._doing[name][1] for name in machines if name in self._doing]
        return max(timedelta(), now - max(began)) if began else None
