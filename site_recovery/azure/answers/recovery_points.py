"""Recovery points of an item, parsed from what the service answers."""

from __future__ import annotations

from typing import Any

from site_recovery.azure.answers.reading import Moment, Wire
from site_recovery.snapshot import RecoveryPoint

_APP_CONSISTENT = ("AppConsistent", "ApplicationConsistent", "MultiVmSyncAppConsistent")


class _Properties(Wire):
    recovery_point_time: Moment = None
    recovery_point_type: str | None = None


class _Point(Wire):
    id: str
    properties: _Properties


def recovery_point(resource: Any) -> RecoveryPoint:
    """A recovery point from its wire object (RecoveryPoints_ListByReplicationProtectedItems).

    Raises:
        ValueError: it is not as the service documents it.
    """
    point = _Point.model_validate(resource)
    time = point.properties.recovery_point_time
    if time is None:
        raise ValueError("it has no properties.recoveryPointTime")
    return RecoveryPoint(point.id, time, point.properties.recovery_point_type in _APP_CONSISTENT)
