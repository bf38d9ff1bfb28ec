"""Moments in the config: ISO 8601 with an offset, `2026-12-05T22:00:00+01:00`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer

from site_recovery.declared.model import broken
from site_recovery.declared.wording import another_kind, said

_WAY_OUT = 'Write it in quotes, with the offset from UTC: "2026-12-05T22:00:00+01:00"'


def _from_config(value: Any) -> datetime:
    if not isinstance(value, (str, datetime)):
        what, _ = another_kind(value, "text")
        raise broken(what, _WAY_OUT)
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        raise broken(f"{said(value)} is not a date with a time", _WAY_OUT) from None
    if moment.tzinfo is None:
        raise broken(f"{said(str(value))} does not say its offset from UTC", _WAY_OUT)
    return moment


Moment = Annotated[
    datetime,
    BeforeValidator(_from_config),
    PlainSerializer(datetime.isoformat, return_type=str),
    Field(title='`"2026-12-05T22:00:00+01:00"`'),
]
"""A moment in the config, which knows its offset from UTC."""
