"""What moto finds out anew at each request although it never changes: kept after the first time.

To route a request it lists its own folders, and then it inspects the class that answers. That is
half of the time of a small answer. For each value of an answer it makes up the names that the value
may have in its objects, which is a third of the time of a large one. moto has no setting for it, so
the functions are replaced where moto looks them up.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from functools import cache
from typing import Any

Names = Callable[..., Iterable[str]]


def keep() -> None:
    """Let this process's moto keep it, from now on."""
    from moto import backends
    from moto.core import responses, serialize

    for module, name in (
        (backends, "list_of_moto_modules"),
        (responses, "method_names_from_class"),
    ):
        found = getattr(module, name)
        if not hasattr(found, "cache_info"):
            setattr(module, name, _kept(found))
    picker: Any = serialize.XFormedAttributePicker
    if not hasattr(picker.get_possible_keys, "known"):
        picker.get_possible_keys = _kept_names(picker.get_possible_keys)


def _kept(names: Names) -> Names:
    @cache
    def answer(*given: Any) -> frozenset[str]:
        return frozenset(names(*given))

    return answer


def _kept_names(find: Names) -> Names:
    """Names depend on the class of an object, and on the shape and the name in the API's model.

    A shape belongs to one place of the model, and is compared by identity.
    """
    known: dict[Hashable, tuple[str, ...]] = {}

    def names(picker: Any, context: Any) -> tuple[str, ...]:
        place = (type(context.obj), context.shape, context.key, *picker.alias_providers)
        found = known.get(place)
        if found is None:
            # The same name comes more than once.
            found = known[place] = tuple(dict.fromkeys(find(picker, context)))
        return found

    vars(names)["known"] = known
    return names
