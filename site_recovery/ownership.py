"""The tag by which a stack recognises what it made, although no record says so."""

from __future__ import annotations

STACK_TAG = "site-recovery:stack"
"""On everything in Azure that the program declares and that can have tags. The value is `mark`."""


def mark(organization: str, project: str, stack: str) -> str:
    """The value of `STACK_TAG` for a stack, by its full name in Pulumi."""
    return f"{organization}/{project}/{stack}"
