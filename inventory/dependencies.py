"""Which machines move together and in which order, by tags and by who talks to whom."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from inventory.connections import Connection
from inventory.names import one_line

_DATABASE = re.compile(
    r"(?:^|[^a-z])(?:db|database|sql|mssql|mysql|maria\w*|postgres\w*|pgsql|oracle|mongo\w*)"
    r"(?:[^a-z]|$)",
    re.IGNORECASE,
)
_DATABASE_PORTS = frozenset({1433, 1521, 3306, 5432, 27017, 50000})
"""SQL Server, Oracle, MySQL and MariaDB, PostgreSQL, MongoDB, Db2."""
_PEERS = 10
_SHARE = 3
"""A machine that talks to at least `_PEERS` others, and to one in `_SHARE` of the stack, is shared."""


@dataclass(frozen=True)
class Candidate:
    """A machine to put into a wave: its name in the config, and its tags in EC2."""

    name: str
    tags: Mapping[str, str]

    def tag(self, key: str) -> str:
        """The value of a tag without spaces around it; people write keys in any case."""
        if key not in self.tags:
            key = next((one for one in self.tags if one.casefold() == key.casefold()), key)
        return self.tags.get(key, "").strip()


@dataclass
class Group:
    """Machines that move together.

    Attributes:
        applications: the values of their application tag; none for machines without it.
        machines: their names.
        why: what beside the tags brought them together.
    """

    applications: set[str]
    machines: set[str]
    why: list[str] = field(default_factory=list)

    @property
    def key(self) -> tuple[list[str], str]:
        """By which groups are sorted where nothing else counts."""
        return sorted(self.applications), min(self.machines)


class Graph:
    """Who talks to whom.

    Args:
        connections: between machines, by their names in the config.
    """

    def __init__(self, connections: Iterable[Connection]) -> None:
        self.connections = sorted(set(connections))
        self._peers: dict[str, set[str]] = {}
        for one in self.connections:
            self._peers.setdefault(one.client, set()).add(one.server)
            self._peers.setdefault(one.server, set()).add(one.client)

    def peers(self, machine: str) -> set[str]:
        """The machines that a machine talks to, in either direction."""
        return self._peers.get(machine, set())

    def shared(self, machines: Collection[str]) -> set[str]:
        """Machines that talk to so many that they would bring all into one wave, such as a DNS server."""
        return {
            name
            for name in machines
            if len(self.peers(name)) >= _PEERS and len(self.peers(name)) * _SHARE >= len(machines)
        }

    def without(self, machines: Collection[str]) -> Graph:
        """The graph without some machines."""
        return Graph(
            one for one in self.connections if not {one.client, one.server} & set(machines)
        )

    def between(self, some: Collection[str], others: Collection[str]) -> list[Connection]:
        """The connections between two sets of machines."""
        return [
            one
            for one in self.connections
            if (one.client in some and one.server in others)
            or (one.client in others and one.server in some)
        ]

    def databases(self) -> set[str]:
        """The machines that others talk to on the port of a database."""
        return {one.server for one in self.connections if one.port in _DATABASE_PORTS}


def is_database(machine: Candidate) -> bool:
    """Whether the name or a tag says that a machine is a database server."""
    return any(_DATABASE.search(text) for text in (machine.name, *machine.tags.values()))


def groups(machines: Iterable[Candidate], tag: str, size: int, graph: Graph) -> list[Group]:
    """The groups of one environment, in the order in which they should move.

    Args:
        machines: of the environment.
        tag: names the application of a machine.
        size: applications that talk to each other are one group up to this number of machines.
        graph: who talks to whom, without shared machines.
    """
    tagged: dict[str, Group] = {}
    loose: set[str] = set()
    for machine in machines:
        if application := machine.tag(tag):
            # People write one application in several ways.
            found = tagged.setdefault(application.casefold(), Group({application}, set()))
            found.machines.add(machine.name)
        else:
            loose.add(machine.name)
    made = list(tagged.values())
    alone: set[str] = set()
    for together in _components(loose, graph):
        nearest = _nearest(together, made, graph)
        if nearest is not None:
            nearest.machines |= together
            nearest.why.append(f"it talks to {_few(sorted(together))}, without a tag {tag}")
        elif len(together) == 1:
            alone |= together
        else:
            made.append(Group(set(), together, ["they talk to each other"]))
    if alone:
        made.append(Group(set(), alone))
    return list(_ordered(_merged(made, size, graph), graph))


def _components(machines: Collection[str], graph: Graph) -> list[set[str]]:
    """The machines by who reaches whom over connections among them."""
    found: list[set[str]] = []
    seen: set[str] = set()
    for first in sorted(machines):
        if first in seen:
            continue
        together, front = {first}, [first]
        while front:
            more = (graph.peers(front.pop()) & set(machines)) - together
            together |= more
            front += sorted(more)
        seen |= together
        found.append(together)
    return found


def _nearest(machines: Collection[str], groups: Sequence[Group], graph: Graph) -> Group | None:
    """The group that machines talk to most, or None if they talk to none."""
    counted = [(len(graph.between(machines, group.machines)), group) for group in groups]
    talking = [(count, group) for count, group in counted if count]
    if not talking:
        return None
    return min(talking, key=lambda pair: (-pair[0], pair[1].key))[1]


def _merged(groups: Sequence[Group], size: int, graph: Graph) -> list[Group]:
    """Groups that talk to each other as one, those that do so most first, as far as the size allows."""
    left = list(groups)
    group_of = {name: number for number, group in enumerate(groups) for name in group.machines}
    weights = Counter(
        tuple(sorted((group_of[one.client], group_of[one.server])))
        for one in graph.connections
        if one.client in group_of and one.server in group_of
    )
    into = list(range(len(groups)))
    for (first, second), count in sorted(weights.items(), key=lambda pair: (-pair[1], pair[0])):
        one, other = left[into[first]], left[into[second]]
        if one is other or len(one.machines) + len(other.machines) > size:
            continue
        one.why += other.why
        one.why.append(f"{_title(one)} and {_title(other)} talk to each other ({_number(count)})")
        one.machines |= other.machines
        one.applications |= other.applications
        gone, kept = into[second], into[first]
        into = [kept if number == gone else number for number in into]
    return [left[number] for number in sorted(set(into))]


def _ordered(groups: Sequence[Group], graph: Graph) -> Iterator[Group]:
    """What others connect to first: always the group with the fewest connections to those left."""
    left = sorted(groups, key=lambda group: group.key)
    needs = {
        (id(one), id(other)): sum(
            c.client in one.machines and c.server in other.machines
            for c in graph.between(one.machines, other.machines)
        )
        for one in left
        for other in left
        if one is not other and graph.connections
    }
    while left:
        first = min(
            left,
            key=lambda one: sum(
                needs.get((id(one), id(other)), 0) for other in left if other is not one
            ),
        )
        left.remove(first)
        yield first


def walk(machines: Collection[str], first: Collection[str], graph: Graph) -> list[str]:
    """The machines so that those which talk to each other are near each other.

    Args:
        machines: their names.
        first: those to begin with, where there is a choice.
        graph: who talks to whom.
    """
    ordered: list[str] = []
    for together in _components(machines, graph):
        front = sorted(together, key=lambda name: (name not in first, name))[:1]
        seen = set(front)
        while front:
            name = front.pop(0)
            ordered.append(name)
            more = sorted(
                graph.peers(name) & together - seen, key=lambda each: (each not in first, each)
            )
            front += more
            seen |= set(more)
    return ordered


def _title(group: Group) -> str:
    if group.applications:
        return " and ".join(map(one_line, sorted(group.applications)))
    return _few(sorted(group.machines))


def _few(names: Sequence[str]) -> str:
    """Some names, and how many more there are."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _number(count: int) -> str:
    return f"{count} connection{'s' if count != 1 else ''}"


def crossing(machines: Collection[str], waves: Mapping[str, str], graph: Graph) -> str:
    """What the connections of a wave to machines outside it are, or an empty text.

    Args:
        machines: of the wave.
        waves: the wave of each machine that is in one.
        graph: who talks to whom.
    """
    counted: Counter[str] = Counter()
    for one in graph.connections:
        if (one.client in machines) != (one.server in machines):
            other = one.server if one.client in machines else one.client
            counted[f"wave {waves[other]}" if other in waves else f"{other}, in no wave"] += 1
    if not counted:
        return ""
    parts = [f"{count} to {where}" for where, count in sorted(counted.items())]
    return f"connections that cross: {', '.join(parts)}"
