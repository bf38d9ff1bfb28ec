"""Rules between parts of the config, each a small function that yields problems."""

from __future__ import annotations

from settings import fleet_rules, plan_rules, replication_rules, server_rules, target_rules
from settings.draft import Draft
from site_recovery.problems import Problem

_RULES = (
    *fleet_rules.RULES,
    *plan_rules.RULES,
    *target_rules.RULES,
    *server_rules.RULES,
    *replication_rules.RULES,
)


def broken(draft: Draft) -> list[Problem]:
    """Every rule that the config breaks."""
    return [problem for check in _RULES for problem in check(draft)]
