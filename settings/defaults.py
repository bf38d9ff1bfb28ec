"""Defaults that follow from another part of the config, put in before it is validated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def filled(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The config with what its experience implies.

    The configuration server installs the agents itself, as it did in 2017, unless the config says
    otherwise. Whatever has not the right shape is left for validation to report.
    """
    replication = raw.get("replication", {})
    if raw.get("experience") != "classic" or not isinstance(replication, dict):
        return dict(raw)
    agent = replication.get("agent", {})
    if not isinstance(agent, dict):
        return dict(raw)
    return {
        **raw,
        "replication": {**replication, "agent": {"installation": "push", **agent}},
    }
