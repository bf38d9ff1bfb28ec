"""Proposes waves: by a tag, or by ordered conditions. Every wave says why it is one.

The conditions, in their order: environments that are less risky first, machines of an application
together, a limit for the size of a wave, and within a wave the databases before the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from inventory.names import unique, valid

_ENVIRONMENTS = (
    re.compile(r"dev|sandbox|lab|play", re.IGNORECASE),
    re.compile(r"test|qa|int|uat", re.IGNORECASE),
    re.compile(r"stag|pre-?prod|acc", re.IGNORECASE),
)
"""Words in the tag of an environment, the least risky first. Everything else is production."""
_DATABASE = re.compile(
    r"(?:^|[^a-z])(?:db|database|sql|mssql|mysql|maria\w*|postgres\w*|pgsql|oracle|mongo\w*)"
    r"(?:[^a-z]|$)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Candidate:
    """A machine to put into a wave: its name in the config, and its tags in EC2."""

    name: str
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Wave:
    """A proposed wave.

    Attributes:
        machines: names, in the order in which they should start.
        groups: the machines by group of a recovery plan; empty if their order does not matter.
        why: why these machines are one wave.
    """

    name: str
    machines: tuple[str, ...]
    why: str
    groups: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Conditions:
    """How waves are proposed.

    Attributes:
        wave_tag: the tag that names the wave of a machine; with it no other condition counts.
        application_tag: the tag that names the application.
        environment_tag: the tag that names the environment.
        size: the most machines in a wave.
    """

    wave_tag: str | None = None
    application_tag: str = "Application"
    environment_tag: str = "Environment"
    size: int = 20


def propose(
    machines: Iterable[Candidate], conditions: Conditions, taken: Iterable[str] = ()
) -> list[Wave]:
    """Waves for machines, in the order in which they should move.

    Machines that lack the wave's tag are in no wave.

    Args:
        machines: the machines.
        conditions: how to propose.
        taken: names of other waves of the stack, which proposed waves do not get.
    """
    ordered = sorted(machines, key=lambda machine: machine.name)
    if conditions.wave_tag is not None:
        return _by_tag(ordered, conditions.wave_tag)
    return _by_conditions(ordered, conditions, taken)


def _by_tag(machines: Sequence[Candidate], tag: str) -> list[Wave]:
    waves: dict[str, tuple[str, list[str]]] = {}
    for machine in machines:
        value = machine.tags.get(tag, "")
        name = valid(value)
        if name:
            waves.setdefault(name, (value, []))[1].append(machine.name)
    return [
        Wave(name, tuple(members), f"their tag {tag} is {value}")
        for name, (value, members) in sorted(waves.items())
    ]


def _by_conditions(
    machines: Sequence[Candidate], conditions: Conditions, taken: Iterable[str]
) -> list[Wave]:
    together: dict[tuple[int, str, str], list[Candidate]] = {}
    for machine in machines:
        environment = machine.tags.get(conditions.environment_tag, "")
        application = machine.tags.get(conditions.application_tag, "")
        key = (_rank(environment), environment, application)
        together.setdefault(key, []).append(machine)
    used = {name.lower() for name in taken}
    waves: list[Wave] = []
    for (_, environment, application), members in sorted(together.items()):
        base = valid("-".join(filter(None, [application, environment]))) or "wave"
        members.sort(key=lambda machine: not is_database(machine))
        parts = [
            members[at : at + conditions.size] for at in range(0, len(members), conditions.size)
        ]
        for part in parts:
            name = unique(base, used)
            used.add(name.lower())
            why = _why(environment, application, conditions, len(parts))
            waves.append(_wave(name, part, why))
    return waves


def _wave(name: str, members: Sequence[Candidate], why: str) -> Wave:
    databases = tuple(machine.name for machine in members if is_database(machine))
    others = tuple(machine.name for machine in members if not is_database(machine))
    if databases and others:
        why += "; databases start first"
    groups = (databases, others) if databases and others else ()
    return Wave(name, (*databases, *others), why, groups)


def is_database(machine: Candidate) -> bool:
    """Whether the name or a tag says that a machine is a database server."""
    return any(_DATABASE.search(text) for text in (machine.name, *machine.tags.values()))


def _rank(environment: str) -> int:
    for rank, words in enumerate(_ENVIRONMENTS):
        if words.search(environment):
            return rank
    return len(_ENVIRONMENTS)


def _why(environment: str, application: str, conditions: Conditions, parts: int) -> str:
    said = [
        f"{conditions.application_tag} {application}"
        if application
        else f"no tag {conditions.application_tag}",
        f"{conditions.environment_tag} {environment}"
        if environment
        else f"no tag {conditions.environment_tag}",
    ]
    if parts > 1:
        said.append(f"at most {conditions.size} machines a wave")
    return ", ".join(said)
