"""The stack's config as the engine hands it over, taken apart."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

OTHER_NAMESPACES = ("aws:region", "azure-native:location", "azure-native:subscriptionId")
"""The providers' own keys that this project reads too. All others are the providers' business."""


def stack_config(project: str, config: Mapping[str, str]) -> dict[str, Any]:
    """Every key of the project's namespace, and the few of the providers' that count here.

    Args:
        project: the project's name, which is its namespace.
        config: values by full key. The engine hands structured values over as JSON text.

    Returns:
        Values by key, without the project's namespace, with its own: `waves`, `aws:region`.
    """
    prefix = f"{project}:"
    return {
        key.removeprefix(prefix): _value(text)
        for key, text in config.items()
        if key.startswith(prefix) or key in OTHER_NAMESPACES
    }


def _value(text: str) -> Any:
    if text[:1] in ("{", "["):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text
