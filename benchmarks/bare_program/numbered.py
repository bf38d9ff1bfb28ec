"""The smallest dynamic resource: its provider calls nothing and imports nothing."""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider


class NumberedProvider(ResourceProvider):
    """Records the number that it is given."""

    serialize_as_secret_always = False

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Record the number."""
        return CreateResult(str(props["number"]), props)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Nothing ever changes."""
        return DiffResult(changes=False)


class Numbered(Resource, module="bare", name="Numbered"):
    """A resource with a number."""

    number: pulumi.Output[int]

    def __init__(self, number: int) -> None:
        super().__init__(NumberedProvider(), f"resource-{number}", {"number": number})
