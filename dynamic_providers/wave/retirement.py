"""A wave whose source side is retired: it is only a record, and drives nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from site_recovery.convergence import review
from site_recovery.errors import MigrationError

_WAY_OUT = "Set sourceInfrastructure to active, and run pulumi up until every machine is migrated."


def kept(olds: Mapping[str, Any], news: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The inputs of a retired wave: those that are recorded, as nothing else is there any more.

    Args:
        olds: the recorded inputs; empty if the wave has none.
        news: the declared ones. Their ids of the server are placeholders.

    Returns:
        The inputs, and a line for each machine that is in no record.
    """
    recorded: Mapping[str, Any] = olds.get("machines") or {}
    refusals = [
        f"{name}: it is in no record of this wave, so nothing shows that it is migrated. {_WAY_OUT}"
        for name in sorted(news["machines"])
        if name not in recorded
    ]
    return {**news, **olds, "retired": True}, refusals


def require_migrated(machines: Iterable[str], migrated: Mapping[str, str]) -> None:
    """Refuse to retire the source side of a machine that is not recorded as migrated.

    Raises:
        MigrationError: naming each machine.
    """
    refusals = [
        f"{name}: it is not migrated, and its source side is to be retired. {_WAY_OUT}"
        for name in sorted(machines)
        if name not in migrated
    ]
    if refusals:
        raise MigrationError(review.refused(refusals))
