"""The records that a machine writes, and which of them its disks hold.

The machine writes record 1 when it begins, and another one every second of service time in which
its service runs and a client can write. A record is in the memory of the operating system first.
It reaches the disk half a minute later, or with a flush before that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from emulator.estate.guest_os import periods

WRITTEN_BACK = timedelta(seconds=30)
"""How old a record gets before the operating system writes it to the disk by itself: Linux's
default of `vm.dirty_expire_centisecs`, 3000. Windows is taken to need as long."""


def new() -> dict[str, Any]:
    """The writes of a machine that has written nothing.

    `periods`: begin and end (None while it goes on; it may be in the future) of each time in which
    records were written. `flushes`: when everything was flushed to the disks.
    """
    return {"periods": [], "flushes": []}


def goes_on(writes: dict[str, Any], now: datetime, until: datetime | None) -> None:
    """Note that records are written from now until a moment; None for no end that is known.

    `until` at or before `now` means that nothing is written any more.
    """
    periods.goes_on(writes["periods"], now, until)


def writing(writes: Mapping[str, Any], at: datetime) -> bool:
    """Whether records are written at a moment."""
    return any(periods.runs(period, at) for period in writes["periods"][-1:])


def records(writes: Mapping[str, Any], at: datetime) -> int:
    """The number of the last record that was written at a moment."""
    written = writes["periods"]
    if not written or datetime.fromisoformat(written[0][0]) > at:
        return 0
    return math.floor(periods.length(written, at).total_seconds()) + 1


def held(writes: Mapping[str, Any], at: datetime) -> int:
    """The number of the last record that is on the disks at a moment."""
    flushed = [one for one in map(datetime.fromisoformat, writes["flushes"]) if one <= at]
    return records(writes, max([at - WRITTEN_BACK, *flushed]))


def flush(writes: dict[str, Any], now: datetime) -> None:
    """Write everything to the disks."""
    writes["flushes"].append(now.isoformat())
