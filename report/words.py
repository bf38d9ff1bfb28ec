"""Times, amounts and states as people read them, on the page and on the terminal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from report.model import MachineRow, Place, Report
from site_recovery.convergence.outcome import Status

NOTHING = "-"
_MINUTE, _HOUR, _DAY = 60, 3600, 86400

MARKS = {
    Place.NOT_BEGUN: "○",
    Place.REPLICATING: "◔",
    Place.PROTECTED: "◐",
    Place.TESTING: "◆",
    Place.FAILED_OVER: "▲",
    Place.MIGRATED: "●",
}
"""A mark for each place, so that nothing depends on colour alone."""

VERDICTS = {
    Status.SATISFIED: "in its phase",
    Status.PENDING: "pending",
    Status.BLOCKED: "blocked",
    Status.FAILED: "failed",
}


def span(length: timedelta | float) -> str:
    """A length of time in its two largest units, such as `3 h 20 min`; seconds if it is a number."""
    seconds = round(length.total_seconds() if isinstance(length, timedelta) else length)
    if seconds < _MINUTE:
        return f"{seconds} s"
    if seconds < _HOUR:
        minutes, rest = divmod(seconds, _MINUTE)
        return f"{minutes} min" + (f" {rest} s" if rest and minutes < 10 else "")
    if seconds < _DAY:
        hours, rest = divmod(seconds // _MINUTE, 60)
        return f"{hours} h" + (f" {rest} min" if rest else "")
    days, rest = divmod(seconds // _HOUR, 24)
    return f"{days} d" + (f" {rest} h" if rest else "")


def moment(time: datetime | None) -> str:
    """A time to the minute, in UTC."""
    return NOTHING if time is None else f"{time.astimezone(UTC):%Y-%m-%d %H:%M}"


def day(time: datetime | None) -> str:
    """The day of a time, in UTC."""
    return NOTHING if time is None else f"{time.astimezone(UTC):%Y-%m-%d}"


def money(amount: float | None, currency: str) -> str:
    """An amount in a currency."""
    return NOTHING if amount is None else f"{amount:,.2f} {currency}"


def doing(machine: MachineRow) -> str:
    """What happens with a machine now, in a few words; empty if nothing does."""
    if machine.progress is not None:
        return f"{machine.progress} %"
    return machine.busy


def source(report: Report) -> str:
    """Where the content of a report is from."""
    when = moment(report.time)
    if report.live:
        return f"As the vault shows it, {when} UTC"
    return f"As last recorded, {when} UTC"


def unseen(report: Report) -> str:
    """The sentence that says that the vault was not seen; empty if it was."""
    if report.live:
        return ""
    return (
        f"The vault was not read: {report.problem.rstrip('.')}. What follows is what the stack "
        "recorded last, without operations, progress, RPO and costs."
    )
