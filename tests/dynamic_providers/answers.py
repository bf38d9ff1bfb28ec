"""Stubs for coroutine methods of the vault."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

_T = TypeVar("_T")


def answering(value: _T) -> Callable[..., Awaitable[_T]]:
    """A coroutine function that always returns this value."""

    async def answer(*_: Any, **__: Any) -> _T:
        return value

    return answer
