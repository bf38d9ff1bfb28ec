"""What a run knows of its cutovers: each source as EC2 showed it, with what the run changed since."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from site_recovery import cutover_memory
from site_recovery.convergence.interfaces import Pace, Service
from site_recovery.convergence.machine_run import MachineRun
from site_recovery.convergence.outcome import Failure
from site_recovery.convergence.sources import Sources
from site_recovery.cutover import EC2_LAG
from site_recovery.cutover_memory import Interface, Source
from site_recovery.fence_proof import Connection
from site_recovery.reasons import Reason


@dataclass
class Course:
    """What a run remembers of one cutover.

    Attributes:
        written, removed: tags that this run set and removed. A list of EC2 may lag behind.
        groups: the groups that this run gave interfaces, and when, for the same reason.
        gone: the groups that interfaces did not get back, because they do not exist any more.
        command: the command that runs on the machine, or None.
        asked: the service's time before that command was sent.
        proofs: number of looks at its connections.
        left: the connections that the last look found.
        stop_asked, stop_repeated: when this run asked the instance to stop first and last, or None.
        unanswered: consecutive rounds in which AWS did not answer, or refused what was due.
        resumed: whether the commands that start the application again were run.
        kept: the interfaces that keep groups that somebody else gave them meanwhile.
        not_resumed: how they ended, if that was not well.
        failure: why the source is given back, if something failed.
        ended: whether this run gave the source back.
    """

    written: dict[str, str] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    groups: dict[str, tuple[tuple[str, ...], datetime]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    command: str | None = None
    asked: datetime | None = None
    proofs: int = 0
    left: list[Connection] = field(default_factory=list)
    stop_asked: datetime | None = None
    stop_repeated: datetime | None = None
    unanswered: int = 0
    resumed: bool = False
    kept: tuple[str, ...] = ()
    not_resumed: str = ""
    failure: Failure | None = None
    ended: bool = False

    def over(self, source: Source, now: datetime) -> Source:
        """The source, with what this run knows to be newer."""
        tags = {**source.tags, **self.written}
        kept = {name: text for name, text in tags.items() if name not in self.removed}
        interfaces = tuple(
            replace(each, groups=self._given(each, now)) for each in source.interfaces
        )
        return replace(source, tags=kept, interfaces=interfaces)

    def _given(self, interface: Interface, now: datetime) -> tuple[str, ...]:
        groups, since = self.groups.get(interface.id, ((), None))
        return groups if since is not None and now - since < EC2_LAG else interface.groups


class Courses:
    """The cutovers of one run: what is known of them, and what they are taken with.

    Args:
        sources: the instances in AWS.
        service: the vault.
        pace: the timing of the run.
        event: reports a step as a permanent line.
    """

    def __init__(
        self, sources: Sources, service: Service, pace: Pace, event: Callable[[str], None]
    ) -> None:
        self.sources = sources
        self.service = service
        self.pace = pace
        self.event = event
        self._seen: dict[str, Source] = {}
        self._first_seen: dict[str, datetime] = {}
        self._courses: dict[str, Course] = {}

    async def read(self, machines: Sequence[MachineRun]) -> None:
        """Read the sources of machines.

        Raises:
            MigrationError: AWS did not answer, or refused.
        """
        ids = [machine.assignment.machine.instance_id for machine in machines]
        found = await self.sources.look(ids)
        self._seen |= found
        self._first_seen = dict.fromkeys(found, self.service.clock.now()) | self._first_seen

    def of(self, machine: MachineRun) -> Course:
        """What the run remembers of a machine."""
        return self._courses.setdefault(machine.name, Course())

    def begin_anew(self, machine: MachineRun) -> None:
        """Forget what the run remembers, but for what EC2 may not show yet."""
        before = self.of(machine)
        self._courses[machine.name] = Course(removed=before.removed, groups=before.groups)

    def source(self, machine: MachineRun) -> Source | None:
        """The source of a machine; None if it was not read, or does not exist."""
        source = self._seen.get(machine.assignment.machine.instance_id)
        return self.newest(machine, source) if source is not None else None

    def newest(self, machine: MachineRun, source: Source) -> Source:
        """A source, with what this run knows to be newer."""
        return self.of(machine).over(source, self.service.clock.now())

    def is_under_way(self, machine: MachineRun) -> bool:
        """Whether the source of a machine is in a cutover, as far as is known."""
        source = self.source(machine)
        return source is not None and source.memory.began is not None

    def may_lag(self, machine: MachineRun, source: Source) -> bool:
        """Whether EC2 may not show yet what an earlier run, which was killed, did to a source.

        A source that is going back could seem to be ready for its failover, and one that was asked to
        stop to be serving. The machine then waits until it does.
        """
        if source.memory.began is None or cutover_memory.BEGAN in self.of(machine).written:
            return False
        first = self._first_seen.get(source.instance_id)
        if first is None or self.service.clock.now() - first >= EC2_LAG:
            return False
        machine.waits_until = first + EC2_LAG
        tell(machine, "what an earlier run did to its source may not show yet")
        return True

    async def write(self, machine: MachineRun, tags: Mapping[str, str]) -> None:
        """Set tags of a source.

        Raises:
            MigrationError: AWS did not answer, or refused.
        """
        await self.sources.tag(machine.assignment.machine.instance_id, tags)
        course = self.of(machine)
        course.written |= tags
        course.removed -= set(tags)

    async def remove(
        self, machine: MachineRun, source: Source, which: Callable[[str], bool]
    ) -> None:
        """Remove those of a source's tags that `which` is true of, all at once.

        Raises:
            MigrationError: AWS did not answer, or refused.
        """
        names = {name for name in source.tags if which(name)}
        if not names:
            return
        await self.sources.untag(source.instance_id, sorted(names))
        course = self.of(machine)
        course.removed |= names
        course.written = {k: v for k, v in course.written.items() if k not in names}

    def unanswered(self, machine: MachineRun, error: Exception) -> None:
        """Note that AWS did not answer in this round, or refused."""
        self.of(machine).unanswered += 1
        machine.attempts.tell(Reason.UNAVAILABLE, str(error))


def tell(machine: MachineRun, what: str) -> None:
    """Show what a cutover does, in the status of its machine."""
    machine.attempts.tell(Reason.CUTOVER, what)


def quiesce_comment(source: Source) -> str:
    """The comment by which the command that stops the application is found again."""
    began = source.memory.began
    return f"site-recovery {began.isoformat() if began else ''} quiesce"
