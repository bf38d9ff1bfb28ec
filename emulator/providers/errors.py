"""Errors of a provider, for the person who runs the stack."""

from __future__ import annotations

from typing import Any


class ProviderError(Exception):
    """An error. Its text is one line, which the user sees as it is."""


class PartialFailureError(ProviderError):
    """The resource exists, but did not become ready: the engine records it, and tries again.

    Args:
        message: what went wrong.
        resource_id: the id of what was made.
        properties: its state as far as it is known.
    """

    def __init__(self, message: str, resource_id: str, properties: dict[str, Any]) -> None:
        super().__init__(message)
        self.resource_id = resource_id
        self.properties = properties
