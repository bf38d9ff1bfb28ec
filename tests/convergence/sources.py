"""The EC2 instances of a fleet in process, with guests that answer the scripts of a cutover."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from emulator.estate.machines import Instance
from site_recovery.convergence.sources import Ran
from site_recovery.cutover import Interface, Source
from site_recovery.errors import MigrationError
from site_recovery.fleet import Platform
from tests.emulator.recovery_services.site_recovery_support import Site

FENCE = "sg-fence"
STOPS_IN = timedelta(seconds=40)


class Killed(BaseException):
    """The driver was killed."""


@dataclass
class Guest:
    """What runs on a machine.

    Attributes:
        peers: remote endpoints that are connected to its port 443.
        lasting: those that nothing ends.
        ahead: how far its clock is ahead of the service's.
        results: how commands end, by a text in their lines.
        hears: whether the agent of Systems Manager answers.
        scripts: the lines of every command that ran, the newest last.
    """

    peers: set[str] = field(default_factory=lambda: {"203.0.113.9:51234", "10.0.1.77:40000"})
    lasting: set[str] = field(default_factory=set)
    ahead: timedelta = timedelta()
    results: dict[str, Ran] = field(default_factory=dict)
    hears: bool = True
    scripts: list[tuple[str, ...]] = field(default_factory=list)


class EstateSources:
    """`convergence.sources.Sources` over the estate of a site.

    Attributes:
        guests: the guest of each instance by its id.
        calls: the changes that were asked for, as (verb, instance).
        before, after: called with the verb and the instance around every change.
        stops: what state an instance that was asked to stop gets into at last.
    """

    def __init__(self, site: Site, servers: Iterable[str]) -> None:
        self.fence = FENCE
        self.servers = frozenset(servers)
        self.guests: dict[str, Guest] = {}
        self.calls: list[tuple[str, str]] = []
        self.before: Callable[[str, str], None] = lambda verb, instance: None
        self.after: Callable[[str, str], None] = lambda verb, instance: None
        self.stops = "stopped"
        self._site = site
        self._commands: dict[str, tuple[str, str, Ran]] = {}
        self._tags: dict[str, dict[str, str]] = {}
        self._until: dict[str, tuple[str, object]] = {}

    def guest(self, instance_id: str) -> Guest:
        return self.guests.setdefault(instance_id, Guest())

    def instance(self, instance_id: str) -> Instance:
        return next(each for each in self._site.estate.machines if each.id == instance_id)

    def source(self, instance_id: str) -> Source:
        self._settle(instance_id)
        instance = self.instance(instance_id)
        interface = Interface(f"eni-{instance.id}", instance.security_groups)
        return Source(instance.id, instance.state, (interface,), self._tags.get(instance.id, {}))

    async def look(self, instance_ids: Sequence[str]) -> Mapping[str, Source]:
        return {each: self.source(each) for each in instance_ids}

    async def tag(self, instance_id: str, tags: Mapping[str, str]) -> None:
        with _Change(self, "tag", instance_id):
            held = self._tags.get(instance_id, {})
            self._tags[instance_id] = {**held, **tags}

    async def untag(self, instance_id: str, names: Iterable[str]) -> None:
        with _Change(self, "untag", instance_id):
            held = self._tags.get(instance_id, {})
            gone = set(names)
            self._tags[instance_id] = {k: v for k, v in held.items() if k not in gone}

    async def give_groups(self, interface_id: str, groups: Sequence[str]) -> None:
        instance_id = interface_id.removeprefix("eni-")
        with _Change(self, "groups", instance_id):
            self._become(instance_id, security_groups=tuple(groups))

    async def stop(self, instance_id: str) -> None:
        with _Change(self, "stop", instance_id):
            if self.instance(instance_id).state == "running":
                self._become(instance_id, state="stopping")
                self.guest(instance_id).peers.clear()
                self._until[instance_id] = (self.stops, self._site.world.clock.now() + STOPS_IN)

    async def start(self, instance_id: str) -> None:
        with _Change(self, "start", instance_id):
            if self.instance(instance_id).state == "stopped":
                self._become(instance_id, state="running")

    async def terminate(self, instance_id: str) -> None:
        with _Change(self, "terminate", instance_id):
            self._become(instance_id, state="terminated")

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
        guest = self.guest(instance_id)
        if not guest.hears or self.instance(instance_id).state != "running":
            raise MigrationError("Systems Manager refused: InvalidInstanceId")
        name = f"command-{len(self._commands)}"
        with _Change(self, "send", instance_id):
            guest.scripts.append(tuple(lines))
            self._commands[name] = (instance_id, comment, self._run(guest, platform, lines))
        return name

    async def ran(self, instance_id: str, command: str) -> Ran | None:
        return self._commands[command][2]

    def _run(self, guest: Guest, platform: Platform, lines: Sequence[str]) -> Ran:
        for text, ran in guest.results.items():
            if any(text in line for line in lines):
                return ran
        printed: list[str] = []
        now = self._site.world.clock.now() + guest.ahead
        for line in lines:
            if ended := re.search(r"-K .* dst (\S+)|^Stop-TcpConnection \S+ \S+ (\S+) (\S+)", line):
                peer = ended[1] or f"{ended[2]}:{ended[3]}"
                guest.peers -= {peer} - guest.lasting
            elif told := re.fullmatch(r"(?:echo|Write-Output) '(.*)'", line):
                printed.append(told[1])
            elif line == "ss -H -t -n -p state established":
                printed.append('0 0 10.0.1.1:50000 10.0.0.10:9443 users:(("s2",pid=7,fd=3))')
                printed.append('0 0 10.0.1.1:50001 52.94.1.1:443 users:(("amazon-ssm-agen",pid=9))')
                printed += [
                    f'0 0 10.0.1.1:443 {peer} users:(("nginx",pid=812,fd=9))'
                    for peer in sorted(guest.peers)
                ]
            elif line.startswith("Get-NetTCPConnection"):
                printed.append("10.0.1.1 50000 10.0.0.10 9443 svagents")
                printed.append("10.0.1.1 50001 52.94.1.1 443 ssm-agent-worker")
                printed += [
                    f"10.0.1.1 443 {peer.replace(':', ' ')} w3wp" for peer in sorted(guest.peers)
                ]
            elif line == "date -u +%s.%N":
                printed.append(f"{now.timestamp():.9f}")
            elif line == "[DateTime]::UtcNow.ToString('o')":
                printed.append(now.isoformat().replace("+00:00", "0Z"))
        return Ran("Success", "".join(f"{text}\n" for text in printed))

    def _settle(self, instance_id: str) -> None:
        state, due = self._until.get(instance_id, ("", self._site.world.clock.now()))
        if state and self._site.world.clock.now() >= due:  # type: ignore[operator]
            del self._until[instance_id]
            self._become(instance_id, state=state)

    def _become(self, instance_id: str, **changes: object) -> None:
        machines = self._site.estate.machines
        number = next(n for n, each in enumerate(machines) if each.id == instance_id)
        machines[number] = replace(machines[number], **changes)  # type: ignore[arg-type]


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
