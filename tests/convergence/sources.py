"""The EC2 instances of a fleet in process: the estate of its site, and the guests in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from emulator.estate.machines import Instance
from emulator.estate.security_groups import Rule, SecurityGroup
from emulator.guests import machine as guests
from site_recovery.convergence.sources import GroupsGoneError, Ran
from site_recovery.cutover_memory import Interface, Source
from site_recovery.fencing import Fencing
from site_recovery.fleet import Platform
from tests.emulator.recovery_services.site_recovery_support import Site


def fence(*ports: int) -> SecurityGroup:
    """A fence that lets nothing in, and out only to these TCP ports."""
    rules = (Rule(from_port=port, to_port=port, cidrs=("0.0.0.0/0",)) for port in ports)
    return SecurityGroup("sg-fence", egress=tuple(rules))


FENCE = fence(443, 9443)
"""Lets replication and Systems Manager out, and nothing in."""
OWN = SecurityGroup("sg-own", ingress=(Rule(from_port=1, to_port=65535, cidrs=("0.0.0.0/0",)),))
"""The group that a stack gives its machines. It lets everybody in, which the real one does not."""
STOPS_IN = timedelta(seconds=40)
_OVER = {"Success", "Failed", "TimedOut"}


class Killed(BaseException):
    """The driver was killed."""


class EstateSources:
    """`convergence.sources.Sources` over the estate of a site.

    Attributes:
        calls: the changes that were asked for, as (verb, instance).
        scripts: the lines of every command by instance, the newest last.
        before, after: called with the verb and the instance around every change.
        stops: what state an instance that was asked to stop gets into at last.
        results: how commands end instead, by instance and a text in their lines.
        attached: the groups of further interfaces, by instance and interface.
        tagging: the names of the tags that the newest change of tags sets.
    """

    def __init__(self, site: Site) -> None:
        assert site.estate.groups is not None
        site.estate.groups |= {group.group_id: group for group in (FENCE, OWN)}
        self.fencing = Fencing(FENCE.group_id, frozenset({OWN.group_id}))
        self.servers = frozenset({site.experience.server.private_ip})
        self.calls: list[tuple[str, str]] = []
        self.scripts: dict[str, list[tuple[str, ...]]] = {}
        self.before: Callable[[str, str], None] = lambda verb, instance: None
        self.after: Callable[[str, str], None] = lambda verb, instance: None
        self.stops: Mapping[str, str] = {}
        self.results: dict[tuple[str, str], Ran] = {}
        self.attached: dict[str, dict[str, tuple[str, ...]]] = {}
        self.tagging: frozenset[str] = frozenset()
        self._site = site
        self._commands: dict[str, tuple[str, str, Ran | None]] = {}
        self._tags: dict[str, dict[str, str]] = {}
        self._stopping: dict[str, datetime] = {}

    # -- what a test looks at ---------------------------------------------------------------

    def instance(self, instance_id: str) -> Instance:
        return next(each for each in self._site.estate.machines if each.id == instance_id)

    def source(self, instance_id: str) -> Source:
        self._settle(instance_id)
        instance = self.instance(instance_id)
        first = Interface(f"eni-{instance.id}", instance.security_groups)
        others = self.attached.get(instance.id, {}).items()
        return Source(
            instance.id,
            instance.state,
            (first, *(Interface(*each) for each in others)),
            self._tags.get(instance.id, {}),
            instance.private_ip,
            frozenset({instance.private_ip}),
        )

    def inside(self, instance_id: str) -> Any:
        """The document of the guest."""
        found = guests.of(self._site.world, instance_id)
        assert found is not None
        return found

    def written(self, instance_id: str) -> int:
        """The number of the last record that the machine has written."""
        return guests.records(self.inside(instance_id), self._site.world.clock.now())

    def goes_wrong(self, instance_id: str, **faults: Any) -> None:
        """Let something go wrong inside the machine from now on."""
        inside = self.inside(instance_id)
        inside["faults"] = {**inside["faults"], **faults}
        with self._site.world.store.transaction():
            self._site.world.store.put(guests.KIND, instance_id, inside)

    def become(self, instance_id: str, **changes: Any) -> None:
        """Change the instance in EC2; its guest meets that at once."""
        machines = self._site.estate.machines
        number = next(n for n, each in enumerate(machines) if each.id == instance_id)
        machines[number] = replace(machines[number], **changes)
        told = self._site.call("POST", "/_emulator/aws-changes?", {"instances": [instance_id]})
        assert told.status == 200, told.body

    def fence_lets_out(self, *ports: int) -> None:
        """Let the fence let nothing else out from now on."""
        assert self._site.estate.groups is not None
        self._site.estate.groups[self.fencing.fence] = fence(*ports)

    # -- what a run asks for ----------------------------------------------------------------

    async def look(self, instance_ids: Sequence[str]) -> Mapping[str, Source]:
        return {each: self.source(each) for each in instance_ids}

    async def status(self, instance_id: str) -> str:
        return "ok" if self.source(instance_id).state == "running" else ""

    async def tag(self, instance_id: str, tags: Mapping[str, str]) -> None:
        self.tagging = frozenset(tags)
        with _Change(self, "tag", instance_id):
            self._tags[instance_id] = {**self._tags.get(instance_id, {}), **tags}

    async def untag(self, instance_id: str, names: Iterable[str]) -> None:
        with _Change(self, "untag", instance_id):
            gone = set(names)
            held = self._tags.get(instance_id, {})
            self._tags[instance_id] = {k: v for k, v in held.items() if k not in gone}

    async def give_groups(self, interface_id: str, groups: Sequence[str]) -> None:
        further = [i for i, its in self.attached.items() if interface_id in its]
        instance_id = further[0] if further else interface_id.removeprefix("eni-")
        gone = frozenset(groups) - frozenset(self._site.estate.groups or ())
        if gone:
            raise GroupsGoneError(f"{', '.join(sorted(gone))} does not exist", gone)
        with _Change(self, "groups", instance_id):
            if further:
                self.attached[instance_id][interface_id] = tuple(groups)
                return
            self.become(instance_id, security_groups=tuple(groups))

    async def stop(self, instance_id: str) -> None:
        with _Change(self, "stop", instance_id):
            if self.instance(instance_id).state == "running":
                self.become(instance_id, state="stopping")
                self._stopping[instance_id] = self._site.world.clock.now() + STOPS_IN

    async def start(self, instance_id: str) -> None:
        with _Change(self, "start", instance_id):
            if self.instance(instance_id).state == "stopped":
                self.become(instance_id, state="running")

    async def terminate(self, instance_id: str) -> None:
        with _Change(self, "terminate", instance_id):
            self.become(instance_id, state="terminated")

    async def find(self, instance_id: str, comment: str) -> str | None:
        sent = [n for n, (i, c, _) in self._commands.items() if (i, c) == (instance_id, comment)]
        return sent[-1] if sent else None

    async def send(
        self,
        instance_id: str,
        platform: Platform,
        lines: Sequence[str],
        comment: str,
        within: timedelta,
    ) -> str:
        name = f"command-{len(self._commands)}"
        with _Change(self, "send", instance_id):
            self.scripts.setdefault(instance_id, []).append(tuple(lines))
            instead = next(
                (
                    ran
                    for (which, text), ran in self.results.items()
                    if which == instance_id and any(text in line for line in lines)
                ),
                None,
            )
            self._commands[name] = (instance_id, comment, instead)
            order = {
                "command": name,
                "platform": platform,
                "script": "\n".join(lines),
                "instances": [instance_id],
                "deliverySeconds": 600,
                "executionSeconds": int(within.total_seconds()),
            }
            if instead is None:
                sent = self._site.call("POST", "/_emulator/run-commands?", order)
                assert sent.status == 202, sent.body
        return name

    async def ran(self, instance_id: str, command: str) -> Ran | None:
        instead = self._commands[command][2]
        if instead is not None:
            return instead
        answer = self._site.call("GET", f"/_emulator/run-commands/{command}?")
        told = answer.body["value"][instance_id]
        if told["status"] not in _OVER:
            return None
        return Ran(told["details"], told.get("out", ""), told.get("err", ""))

    def _settle(self, instance_id: str) -> None:
        due = self._stopping.get(instance_id)
        if due is not None and self._site.world.clock.now() >= due:
            del self._stopping[instance_id]
            self.become(instance_id, state=self.stops.get(instance_id, "stopped"))


class _Change:
    """Counts a change, and lets the test step in before and after it."""

    def __init__(self, sources: EstateSources, verb: str, instance_id: str) -> None:
        self._sources, self._verb, self._instance = sources, verb, instance_id

    def __enter__(self) -> None:
        self._sources.before(self._verb, self._instance)

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            self._sources.calls.append((self._verb, self._instance))
            self._sources.after(self._verb, self._instance)
