"""Refuses keys without a value, wherever they are.

YAML makes a null of `select:` with nothing behind it. Where a key may be left out, a null would
mean the same, and a wave would lose its machines or its recovery plan because of a line that
somebody did not finish.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from site_recovery.config_paths import path
from site_recovery.declared.wording import is_of_another_kind
from site_recovery.problems import Problem


def problems(raw: Mapping[str, Any], known: Iterable[Problem]) -> list[Problem]:
    """The empty keys of a config, without those that are reported already.

    Args:
        raw: the config as returned by `settings.stack_config`.
        known: the problems that were found otherwise.
    """
    reported = {problem.path: problem for problem in known}
    wrong = {place for place, problem in reported.items() if is_of_another_kind(problem.what)}
    return [
        Problem(place, "it is empty", "Give it a value, or remove it")
        for place in _empty(raw, wrong)
        if place not in reported
    ]


def _empty(part: Any, wrong: AbstractSet[str], *at: str | int) -> Iterator[str]:
    entries: Iterable[tuple[str | int, Any]] = ()
    if isinstance(part, dict):
        entries = part.items()
    elif isinstance(part, list):
        entries = enumerate(part)
    for key, value in entries:
        place = path(*at, key)
        if value is None:
            yield place
        elif place not in wrong:
            # What is inside a list or mapping that may not be there has no keys to fill.
            yield from _empty(value, wrong, *at, key)
