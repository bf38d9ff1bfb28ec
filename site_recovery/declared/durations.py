"""Durations in the config: `500ms`, `90s`, `15m`, `2h`, `1h30m`, `14d`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

from site_recovery.declared.model import broken, rule
from site_recovery.declared.wording import another_kind, said

_PATTERN = re.compile(
    r"(?:(?P<days>\d{1,4})d)?(?:(?P<hours>\d{1,4})h)?(?:(?P<minutes>\d{1,6})m)?(?:(?P<seconds>\d{1,8})s)?"
    r"(?:(?P<milliseconds>\d{1,9})ms)?",
    re.ASCII,
)


def parse(text: str) -> timedelta:
    """Read a duration.

    >>> parse("1h30m")
    datetime.timedelta(seconds=5400)

    Raises:
        ValueError: the text is not a duration.
    """
    match = _PATTERN.fullmatch(text)
    if match is None or not text:
        raise ValueError(f"{text!r} is not a duration")
    return timedelta(**{unit: int(n) for unit, n in match.groupdict().items() if n is not None})


def write(duration: timedelta) -> str:
    """Write a duration of whole milliseconds so that `parse` reads the same again.

    >>> write(timedelta(minutes=90))
    '1h30m'
    """
    if duration > timedelta(days=7) and not duration % timedelta(days=1):
        return f"{duration.days}d"
    rest = duration // timedelta(milliseconds=1)
    parts = []
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def between(low: timedelta, high: timedelta) -> AfterValidator:
    """Bounds of a duration, both included."""

    def holds(duration: timedelta) -> bool:
        return low <= duration <= high

    return rule(holds, "it is out of bounds", f"Use {write(low)} to {write(high)}")


def _from_config(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    # A bare number has no unit, and guessing one would turn minutes into seconds.
    if isinstance(value, str):
        try:
            return parse(value)
        except ValueError:
            pass
        what = f"{said(value)} is not a duration" if value.strip() else "it is empty"
    else:
        what, _ = another_kind(value, "text")
    raise broken(what, "Write it with units, such as 90s, 15m, 2h, 1h30m or 14d")


Duration = Annotated[
    timedelta,
    BeforeValidator(_from_config),
    PlainSerializer(write, return_type=str),
    Field(title="duration"),
]
"""A duration in the config; a timedelta in the settings."""
