"""Rules about the order of waves, and of stacks."""

from __future__ import annotations

from collections.abc import Iterator

from settings.draft import Draft
from settings.translation import suggestion
from site_recovery.config_paths import path
from site_recovery.problems import Problem


def _waves_that_go_first(draft: Draft) -> Iterator[Problem]:
    for name, wave in draft.waves.items():
        for index, first in wave.after:
            place = path("waves", name, "after", index)
            if first not in draft.wave_names:
                yield Problem(place, f"there is no wave {first!r}", suggestion(first, draft.waves))
            elif first == name:
                yield Problem(place, "a wave cannot go after itself", "Remove it")


def _circles(draft: Draft) -> Iterator[Problem]:
    told: set[str] = set()
    for name in draft.waves:
        circle = _circle(draft, name)
        if len(circle) < 2 or told & set(circle):
            continue
        told |= set(circle)
        yield Problem(
            path("waves", name, "after"),
            f"each of these waves waits for the next one: {', '.join([*circle, name])}",
            "Remove one of them from an after",
        )


def _circle(draft: Draft, start: str) -> list[str]:
    """The waves on a way by `after` from a wave back to itself; empty if there is none."""
    ways = [[start]]
    seen = {start}
    while ways:
        way = ways.pop()
        for _, first in draft.waves[way[-1]].after if way[-1] in draft.waves else ():
            if first == start:
                return way
            if first not in seen:
                seen.add(first)
                ways.append([*way, first])
    return []


def _promotion(draft: Draft) -> Iterator[Problem]:
    promotion = draft.promotion
    if promotion is None:
        return
    if promotion.after is None and (promotion.outputs_file or promotion.except_):
        way_out = "Add the stack that goes first, or remove promotion"
        yield Problem(path("promotion", "after"), "it is missing", way_out)
    for index, name in enumerate(promotion.except_):
        if name not in draft.wave_names and "waves" not in draft.unread:
            place = path("promotion", "except", index)
            yield Problem(place, f"there is no wave {name!r}", suggestion(name, draft.waves))


RULES = (_waves_that_go_first, _circles, _promotion)
