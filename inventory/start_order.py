"""In which order the machines of a wave start: the groups of its recovery plan, as numbers of a sheet.

Groups may have actions before and after them (`pre`, `post`), which stay with the machines of the group.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ruamel.yaml.comments import CommentedMap, CommentedSeq

from inventory.yaml_text import flow_list, plain
from site_recovery.recovery_plan import GROUPS_MAX

_PLAN = "recoveryPlan"


class OrderError(Exception):
    """An order that a recovery plan cannot have. The text says what is wrong."""


def numbers(wave: Any) -> dict[str, int]:
    """The number of the group of each machine, from 1; empty without a recovery plan."""
    return {
        str(machine): number
        for number, group in enumerate(_groups(wave), 1)
        for machine in _members(group)
    }


def remove(wave: Any, machine: str) -> None:
    """Take a machine out of its group, which may be empty then until `arrange` is called."""
    for group in _groups(wave):
        if machine in _members(group):
            _members(group).remove(machine)


def arrange(wave: Any, wanted: Mapping[str, int]) -> None:
    """Let the machines of a wave start by numbers, the lowest first.

    Args:
        wave: changed, unless its order is this one already. Without actions, one group is no plan.
        wanted: numbers of some of its machines. The others keep theirs, or start last.

    Raises:
        OrderError: there would be too many groups, or actions without machines.
    """
    now = numbers(wave)
    known = {name: wanted.get(name, now.get(name)) for name in map(str, wave["machines"])}
    given = [number for number in known.values() if number is not None]
    old = _groups(wave)
    if not given and not old:
        return
    last = max(given, default=0) + 1
    members: dict[int, list[str]] = {}
    for name, number in known.items():
        members.setdefault(last if number is None else number, []).append(name)
    places = _places(old, {name: n for n, names in members.items() for name in names})
    if len(members) > GROUPS_MAX:
        raise OrderError(
            f"there would be {len(members)} groups, and a recovery plan has at most {GROUPS_MAX}"
        )
    made = []
    for number in sorted(members):
        comment, group = places.get(number, (None, None))
        if group is None:
            group = flow_list(members[number])
        else:
            _set_members(group, members[number])
        made.append((comment, group))
    if len(made) == 1 and not _acts(made[0][1]):
        wave.pop(_PLAN, None)
        return
    if not old:
        wave[_PLAN] = CommentedMap({**(wave.get(_PLAN) or {}), "groups": CommentedSeq()})
    groups = wave[_PLAN]["groups"]
    if [id(group) for group in groups] == [id(group) for _, group in made]:
        return
    del groups[:]
    groups.extend(group for _, group in made)
    groups.ca.items.clear()
    groups.ca.items.update({n: comment for n, (comment, _) in enumerate(made) if comment})


def _places(old: CommentedSeq, number_of: Mapping[str, int]) -> dict[int, tuple[Any, Any]]:
    """Where each group of a plan goes, with its comment: where most of its machines go.

    Raises:
        OrderError: the actions of a group would be lost.
    """
    places: dict[int, tuple[Any, Any]] = {}
    for index, group in enumerate(old):
        counted = Counter(
            number_of[name] for name in map(str, _members(group)) if name in number_of
        )
        if not counted:
            if _acts(group):
                raise OrderError(
                    f"group {index + 1} has actions, and no machine would be left in it"
                )
            continue
        number = min(counted, key=lambda one: (-counted[one], one))
        other = places.get(number)
        if other is not None and _acts(other[1]):
            if _acts(group):
                raise OrderError(
                    f"group {index + 1} has actions, and so has the one that it would be part of"
                )
            continue
        places[number] = (old.ca.items.get(index), group)
    return places


def _groups(wave: Any) -> CommentedSeq:
    plan = wave.get(_PLAN) if isinstance(wave, dict) else None
    groups = plan.get("groups") if isinstance(plan, dict) else None
    return groups if isinstance(groups, CommentedSeq) else CommentedSeq()


def _members(group: Any) -> Any:
    members = group.get("machines") if isinstance(group, dict) else group
    return members if isinstance(members, list) else []


def _set_members(group: Any, names: Sequence[str]) -> None:
    """Change the members of a group one by one, so that the comments of those that stay do."""
    members = _members(group)
    for name in [name for name in members if str(name) not in names]:
        members.remove(name)
    members.extend(plain(name) for name in names if name not in list(map(str, members)))


def _acts(group: Any) -> bool:
    return isinstance(group, dict) and bool(set(group) - {"machines"})
