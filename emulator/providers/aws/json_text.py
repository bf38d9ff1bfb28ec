"""Inputs that are JSON. The real provider also accepts objects, which become text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from emulator.providers.schema import Problem
from emulator.providers.values import UNKNOWN, has_unknowns


def as_text(inputs: dict[str, Any], name: str) -> dict[str, Any]:
    """The inputs with one of them as text."""
    value = inputs.get(name)
    if isinstance(value, dict | list):
        return {**inputs, name: UNKNOWN if has_unknowns(value) else json.dumps(value)}
    return inputs


def problems(token: str, inputs: Mapping[str, Any], name: str) -> list[Problem]:
    """Validation errors of an input that, if given, must be a JSON policy."""
    text = inputs.get(name, UNKNOWN)
    if text == UNKNOWN:
        return []
    try:
        json.loads(text)
    except ValueError as error:
        return [Problem(name, f"{name} of {token} is not a JSON policy: {error}")]
    return []
