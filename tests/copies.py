"""What many tests begin with is made once, and each test gets a copy."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import ParamSpec, Protocol, Self, TypeVar


class _Copyable(Protocol):
    def copy(self) -> Self: ...


_P = ParamSpec("_P")
_Made = TypeVar("_Made", bound=_Copyable)


def copied(make: Callable[_P, _Made]) -> Callable[_P, _Made]:
    """The same function, which runs once for equal arguments, and returns copies of what it made."""
    once = cache(make)

    @wraps(make)
    def copy_of(*args: _P.args, **kwargs: _P.kwargs) -> _Made:
        return once(*args, **kwargs).copy()  # type: ignore[arg-type]

    return copy_of
