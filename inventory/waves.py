"""Proposes waves: by a tag, or by ordered conditions. Every wave says why it is one.

The conditions, in their order: environments that are less risky first, machines of an application
together, machines that talk to each other together, what others connect to first, a limit for the
size of a wave, and within a wave the databases before the rest.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from inventory import dependencies
from inventory.connections import Connection
from inventory.dependencies import Candidate, Graph, Group, is_database
from inventory.names import one_line, unique, valid

_ENVIRONMENTS = (
    re.compile(r"dev|sandbox|lab|play", re.IGNORECASE),
    re.compile(r"test|qa|int|uat", re.IGNORECASE),
    re.compile(r"stag|pre-?prod|acc", re.IGNORECASE),
)
"""Words in the tag of an environment, the least risky first. Everything else is production."""


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
    machines: Iterable[Candidate],
    conditions: Conditions,
    taken: Iterable[str] = (),
    connections: Iterable[Connection] = (),
    placed: Mapping[str, str] | None = None,
) -> list[Wave]:
    """Waves for machines, in the order in which they should move.

    Machines that lack the wave's tag are in no wave.

    Args:
        machines: the machines.
        conditions: how to propose.
        taken: names of other waves of the stack, which proposed waves do not get.
        connections: between machines of the stack, by their names.
        placed: the waves of other machines of the stack.
    """
    ordered = sorted(machines, key=lambda machine: machine.name)
    if conditions.wave_tag is not None:
        return _by_tag(ordered, conditions.wave_tag)
    return _by_conditions(ordered, conditions, taken, Graph(connections), placed or {})


def _by_tag(machines: Sequence[Candidate], tag: str) -> list[Wave]:
    waves: dict[str, tuple[str, list[str]]] = {}
    for machine in machines:
        value = machine.tag(tag)
        name = valid(value)
        if name:
            waves.setdefault(name.lower(), (value, []))[1].append(machine.name)
    return [
        Wave(valid(value), tuple(members), f"their tag {tag} is {one_line(value)}")
        for _, (value, members) in sorted(waves.items())
    ]


def _by_conditions(
    machines: Sequence[Candidate],
    conditions: Conditions,
    taken: Iterable[str],
    graph: Graph,
    placed: Mapping[str, str],
) -> list[Wave]:
    shared = graph.shared({*(machine.name for machine in machines), *placed})
    pulling = graph.without(shared)
    databases = graph.databases() | {m.name for m in machines if is_database(m)}
    environments: dict[tuple[int, str], list[Candidate]] = {}
    for machine in machines:
        environment = machine.tag(conditions.environment_tag)
        key = (_rank(environment), environment.casefold())
        environments.setdefault(key, []).append(machine)
    used = {name.lower() for name in taken}
    waves: list[Wave] = []
    for _, members in sorted(environments.items()):
        environment = members[0].tag(conditions.environment_tag)
        for group in dependencies.groups(
            members, conditions.application_tag, conditions.size, pulling
        ):
            base = valid("-".join([*sorted(group.applications)[:2], environment]).strip("-"))
            ordered = _ordered(group, databases, conditions.size, pulling)
            parts = [
                ordered[n : n + conditions.size] for n in range(0, len(ordered), conditions.size)
            ]
            for part in parts:
                name = unique(base or "wave", used)
                used.add(name.lower())
                why = _why(environment, group, conditions, len(parts))
                why += [f"{other} talks to very many" for other in sorted(shared & set(part))]
                waves.append(_wave(name, part, databases, why))
    return _with_crossings(waves, graph, placed)


def _ordered(group: Group, databases: Collection[str], size: int, graph: Graph) -> list[str]:
    """The machines of a group as they are cut into waves: databases first, or near those they serve."""
    if len(group.machines) > size and graph.connections:
        return dependencies.walk(group.machines, databases, graph)
    return sorted(group.machines, key=lambda name: (name not in databases, name))


def _wave(
    name: str, members: Sequence[str], databases: Collection[str], why: Sequence[str]
) -> Wave:
    first = tuple(member for member in members if member in databases)
    others = tuple(member for member in members if member not in databases)
    groups = (first, others) if first and others else ()
    said = [*why, "databases start first"] if groups else why
    return Wave(name, (*first, *others), "; ".join(said), groups)


def _with_crossings(waves: Sequence[Wave], graph: Graph, placed: Mapping[str, str]) -> list[Wave]:
    wave_of = {**placed, **{name: wave.name for wave in waves for name in wave.machines}}
    told = []
    for wave in waves:
        crossing = dependencies.crossing(wave.machines, wave_of, graph)
        told.append(replace(wave, why=f"{wave.why}; {crossing}") if crossing else wave)
    return told


def _rank(environment: str) -> int:
    for rank, words in enumerate(_ENVIRONMENTS):
        if words.search(environment):
            return rank
    return len(_ENVIRONMENTS)


def _why(environment: str, group: Group, conditions: Conditions, parts: int) -> list[str]:
    said = [
        f"{conditions.application_tag} {' and '.join(map(one_line, sorted(group.applications)))}"
        if group.applications
        else f"no tag {conditions.application_tag}",
        f"{conditions.environment_tag} {one_line(environment)}"
        if environment
        else f"no tag {conditions.environment_tag}",
    ]
    if parts > 1:
        said.append(f"at most {conditions.size} machines a wave")
    return [", ".join(said), *group.why]
