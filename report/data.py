"""The report as data, for programs."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from pydantic import BaseModel

from report.model import Report


def of(report: Report) -> dict[str, Any]:
    """A report as JSON values.

    Names are in camel case, as in the stack's outputs; times are ISO 8601, lengths of time are
    seconds; what is not known is null.
    """
    used = report.used()
    return {
        "stack": report.stack,
        "time": _plain(report.time),
        "live": report.live,
        "problem": report.problem or None,
        "counts": {str(place): count for place, count in report.counts.items()},
        "waves": [
            {
                "name": wave.name,
                "phase": str(wave.phase),
                "done": wave.done,
                "recoveryPlan": wave.plan or None,
                "machines": [_plain(machine) for machine in wave.machines],
                "operations": [_plain(run) for run in wave.runs],
            }
            for wave in report.waves
        ],
        "durations": _plain(report.durations),
        "usage": {
            "replicationDays": used.replication_days,
            "testHours": used.test_hours,
            "vmHours": used.vm_hours,
            "cost": report.cost,
            "currency": report.currency or None,
            "sizesWithoutPrice": list(report.unpriced),
        }
        if report.live
        else None,
    }


def _plain(value: Any) -> Any:
    match value:
        case Enum():
            return str(value)
        case BaseModel():
            return _plain(value.model_dump())
        case datetime():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case dict():
            return {_camel(str(key)): _plain(its) for key, its in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
        case "":
            return None
        case None | bool() | int() | float() | str():
            return value
    return _plain(asdict(value))


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
