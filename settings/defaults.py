"""Defaults that depend on another part of the config; they are filled in before validation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def filled(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config with the defaults of its experience.

    In the classic experience the configuration server installs the agents itself (push), unless
    the config sets another installation. A part of the wrong type is left to validation.
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
