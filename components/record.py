"""The record of the stack that this program declares: read by hooks, before they let something be made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi

from dynamic_providers import stack_record


def stack() -> str:
    """The full name of the stack: organization, project and stack."""
    return f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"


def resources() -> list[Mapping[str, Any]]:
    """The recorded resources of the stack, also those that are being replaced.

    Raises:
        MigrationError: the record cannot be read.
    """
    return stack_record.resources(stack())
