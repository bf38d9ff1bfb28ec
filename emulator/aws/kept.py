"""What moto finds out anew at each request although it never changes: kept after the first time.

To route a request it lists its own folders, and then it inspects the class that answers. That is
half of the time of a small answer. moto has no setting for it, so the two functions are replaced
where moto looks them up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

Names = Callable[..., Iterable[str]]


def keep() -> None:
    """Let this process's moto keep it, from now on."""
    from moto import backends
    from moto.core import responses

    for module, name in (
        (backends, "list_of_moto_modules"),
        (responses, "method_names_from_class"),
    ):
        found = getattr(module, name)
        if not hasattr(found, "cache_info"):
            setattr(module, name, _kept(found))


def _kept(names: Names) -> Names:
    @cache
    def answer(*given: Any) -> frozenset[str]:
        return frozenset(names(*given))

    return answer
