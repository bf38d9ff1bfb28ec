"""Plain Python values for the engine's property values.

Secrets and dependencies do not occur: the providers tell the engine that they accept neither, so
it tracks both itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi
from pulumi.provider.experimental.property_value import Computed, PropertyValue
from pulumi.runtime import rpc

from emulator.providers.errors import ProviderError

UNKNOWN: Final[str] = rpc.UNKNOWN
"""The sign on the wire for a value that is not known before the update."""


def plain(value: PropertyValue) -> Any:
    """A property value as str, int, float, bool, None, list or dict.

    Whole numbers become ints (the wire has only floats), and dict entries that are null are
    left out, as the engine means the same by both.

    Raises:
        ProviderError: the value is an asset, archive or resource reference.
    """
    content = value.value
    if isinstance(content, Computed):
        return UNKNOWN
    if isinstance(content, bool) or content is None or isinstance(content, str):
        return content
    if isinstance(content, float):
        return int(content) if content.is_integer() else content
    if isinstance(content, pulumi.Asset | pulumi.Archive):
        raise ProviderError("an asset or archive has no place in a property of this provider")
    if isinstance(content, Mapping):
        return plain_map(content)
    if isinstance(content, Sequence):
        return [plain(item) for item in content if isinstance(item, PropertyValue)]
    raise ProviderError("a resource reference has no place in a property of this provider")


def plain_map(values: Mapping[str, PropertyValue]) -> dict[str, Any]:
    """A map of property values as a dict, without nulls."""
    converted = {name: plain(value) for name, value in values.items()}
    return {name: value for name, value in converted.items() if value is not None}


def wrap(value: Any) -> PropertyValue:
    """A plain value for the wire."""
    if value is None or isinstance(value, bool | str):
        return PropertyValue(value)
    if isinstance(value, int | float):
        return PropertyValue(float(value))
    if isinstance(value, Mapping):
        return PropertyValue(wrap_map(value))
    if isinstance(value, Sequence):
        return PropertyValue([wrap(item) for item in value])
    raise TypeError(f"{type(value).__name__} is not a property value")


def wrap_map(values: Mapping[str, Any]) -> dict[str, PropertyValue]:
    """A dict for the wire, without None values."""
    return {name: wrap(value) for name, value in values.items() if value is not None}


def has_unknowns(value: Any) -> bool:
    """Whether a plain value contains an unknown."""
    if isinstance(value, Mapping):
        return any(has_unknowns(item) for item in value.values())
    if isinstance(value, list):
        return any(has_unknowns(item) for item in value)
    return bool(value == UNKNOWN)
