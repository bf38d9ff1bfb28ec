"""How far an item's stage on its way to Protected is: it goes on only while data reaches the server.

What has been copied stays; that an interrupted copy goes on from there is [inferred].
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from emulator.guests import machine
from emulator.kernel.present import Present
from emulator.kernel.resources import PRIVATE
from emulator.kernel.store import Document
from emulator.kernel.world import World


@dataclass(frozen=True)
class Course:
    """A stage that goes on while data arrives.

    Attributes:
        takes: how long it takes, all together.
        done: how long it went on until `since`.
        since: the moment since which it goes on; None while nothing arrives.
    """

    takes: timedelta
    done: timedelta
    since: datetime | None

    def left(self, now: datetime) -> timedelta:
        """How much longer it takes, if data arrives; zero when it is over."""
        gone = self.done + (now - self.since if self.since is not None else timedelta())
        return max(self.takes - gone, timedelta())

    def percentage(self, present: Present) -> int:
        """Whole percent, 0 to 100, rounded down."""
        if self.since is not None:
            begins = self.since - self.done
            return present.percentage(begins, begins + self.takes)
        return 100 if self.done >= self.takes else 100 * self.done // self.takes

    def whole(self, present: Present, width: timedelta) -> int:
        """How many times a width it has gone on; more than it takes while it waits for its end."""
        if self.since is not None:
            return present.whole(self.since - self.done, width)
        return self.done // width


def course(world: World, item: Document, state: str) -> Course:
    """The course of a stage that an item has entered.

    Args:
        world: the world.
        item: the item.
        state: the name of the stage's state.
    """
    private = item[PRIVATE]
    rest = private["rests"][state]
    begins, ends = (datetime.fromisoformat(rest[name]) for name in ("begins", "ends"))
    guest = machine.peek(world, private["machine"]["instance"])
    done, since = timedelta(), None
    for begin, end in machine.replicated(guest) if guest is not None else ():
        started = max(begin, begins)
        if end is None or not world.present.passed(end):
            since = started
        else:
            done += max(end - started, timedelta())
    return Course(ends - begins, done, since)
