"""Reads the stack's config from what the engine passes to the program."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from site_recovery.config_paths import path
from site_recovery.problems import Problem

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


def secrets(
    project: str, config: Mapping[str, str], is_secret: Callable[[str], bool]
) -> list[Problem]:
    """Refuse keys of the program that are encrypted: every message with them shows `[secret]`.

    Nothing that the config declares is a secret. Where a secret is needed, the config names it.

    Args:
        project: the project's name.
        config: values by full key.
        is_secret: whether the value of a key is a secret one.
    """
    prefix = f"{project}:"
    return [
        Problem(
            path(key.removeprefix(prefix)),
            "its value is a secret one, so that a preview shows [secret] where it is read",
            f"Run `pulumi config set {key.removeprefix(prefix)} <value> --plaintext`; nothing "
            "here is a secret",
        )
        for key in sorted(config)
        if (key.startswith(prefix) or key in OTHER_NAMESPACES) and is_secret(key)
    ]


def _value(text: str) -> Any:
    if text[:1] in ("{", "["):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text
