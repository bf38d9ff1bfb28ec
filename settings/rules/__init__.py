"""Rules between parts of the config. Each rule is a small function that yields problems."""

from __future__ import annotations

from settings.draft import Draft
from settings.rules import (
    addresses,
    cutover,
    fleet,
    guards,
    interfaces,
    recovery_plans,
    recovery_points,
    replication,
    server,
    target,
)
from site_recovery.problems import Problem

_RULES = (
    *fleet.RULES,
    *guards.RULES,
    *cutover.RULES,
    *recovery_plans.RULES,
    *recovery_points.RULES,
    *target.RULES,
    *addresses.RULES,
    *interfaces.RULES,
    *server.RULES,
    *replication.RULES,
)


def broken(draft: Draft) -> list[Problem]:
    """Return the problems of all rules that the config breaks."""
    return [problem for check in _RULES for problem in check(draft)]
