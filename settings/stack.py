"""Reads the stack's config from what the engine passes to the program."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

OTHER_NAMESPACES = ("aws:region", "azure-native:location", "azure-native:subscriptionId")
"""Config keys of the providers that this project reads too."""


def stack_config(project: str, config: Mapping[str, str]) -> dict[str, Any]:
    """Return the keys of the project's namespace, and those in `OTHER_NAMESPACES`.

    Args:
        project: the project's name, which is also its config namespace.
        config: values by full key. The engine passes structured values as JSON text.

    Returns:
        Values by key. The project's namespace is removed, another one is kept: `waves`,
        `aws:region`.
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
