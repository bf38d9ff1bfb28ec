"""Times as the service writes them."""

from __future__ import annotations

from datetime import datetime, timedelta

from emulator.kernel.world import World

UNSET = "0001-01-01T00:00:00"
"""The value of a job task's time that is not known yet."""

NEVER_RUN = "1753-01-01T01:01:01Z"
"""The start of an idle item's current scenario."""

NO_EXPIRY = "9999-12-31T23:59:59.9999999"


def stamp(moment: datetime) -> str:
    """A time in the service's format: UTC with seven decimals."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f0Z")


def ago(world: World, delta: timedelta) -> str:
    """The time that was `delta` ago, for a view."""
    text: str = world.present.written(("ago", delta), lambda now: stamp(now - delta))
    return text


def coarse(moment: datetime) -> str:
    """A time as the service writes the end of an operation: no fraction but seven zeros."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.0000000Z")


def seconds(moment: datetime) -> str:
    """A time as the service writes the end of a job: cut to whole seconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
