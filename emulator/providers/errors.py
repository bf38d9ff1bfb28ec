"""What a provider refuses, in words for the person who runs the stack."""

from __future__ import annotations

from typing import Any


class ProviderError(Exception):
    """A refusal; its text is one clear line that reaches the user as it is."""


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
