"""What the config declares to guard a failover: who approved it, when it may begin, after whom."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field

from site_recovery.declared.model import Model, broken, rule
from site_recovery.declared.wording import another_kind, said

DAY_MINUTES = 24 * 60
_CLOCK = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d|24:00")


class Day(StrEnum):
    """A day of the week, in the order of `datetime.weekday`."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


def zone(name: str) -> ZoneInfo | None:
    """The time zone of this name in the IANA database; None if there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # A name of a folder of the database, such as Europe, is an OSError.
        return None


def _clock(value: Any) -> str:
    if isinstance(value, str) and _CLOCK.fullmatch(value):
        return value
    if isinstance(value, list | dict):
        raise broken(*another_kind(value, "text"))
    # YAML 1.1 reads 22:00 without quotes as the number 1320.
    raise broken(
        f"{said(value)} is not a time of day", 'Write hours and minutes in quotes: "22:00"'
    )


ClockTime = Annotated[str, BeforeValidator(_clock), Field(title='`"00:00"` to `"24:00"`')]
"""A time of day on the clock of a window's time zone."""

Text = Annotated[
    str, rule(lambda value: bool(value.strip()), "it is empty", "Write it, or remove the key")
]


class Approval(Model):
    """Who approved what cannot be undone for a wave. It is reviewed with the config that has it."""

    by: Text = Field(description="Who approved it: a name or an address.")
    ticket: Text = Field(description="The change or ticket that has the approval.")
    for_: Literal["failed-over", "migrated"] = Field(
        alias="for",
        description="The phase that is approved. `failed-over` does not include Complete "
        "Migration; `migrated` includes both.",
    )


class Window(Model):
    """When failovers may begin. A window whose end is not after its begin ends on the next day."""

    from_: ClockTime = Field(alias="from", description="When the window opens.")
    to: ClockTime = Field(
        description="When it closes. Not later than `from` means: on the next day."
    )
    timezone: Annotated[
        str,
        rule(
            lambda name: zone(name) is not None,
            "there is no time zone {value}",
            "Use a name of the IANA database, such as Europe/Berlin or UTC",
        ),
        Field(title="IANA time zone"),
    ] = Field(default="UTC", description="The time zone of `from` and `to`.")
    days: Annotated[tuple[Day, ...], Field(min_length=1)] = Field(
        default=tuple(Day), description="The days on which it opens."
    )

    def __str__(self) -> str:
        days = "" if set(self.days) == set(Day) else f"{', '.join(self.days)} "
        return f"{days}{self.from_} to {self.to} {self.timezone}"
