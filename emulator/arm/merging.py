"""Merging of nested properties, for PATCH."""

from __future__ import annotations

from emulator.kernel.store import Document


def merged(base: Document, over: Document) -> Document:
    """A document with the values of another one; objects are merged at every depth."""
    result = dict(base)
    for name, value in over.items():
        mergeable = isinstance(value, dict) and isinstance(result.get(name), dict)
        result[name] = merged(result[name], value) if mergeable else value
    return result
