"""Drives the cutover of each machine of a run: prepares its source, or gives the source back.

What the next step is, `site_recovery.cutover` decides from EC2. This module takes the steps, one
after the other, until something has to be waited for; the next round goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from site_recovery import cutover, fence_proof
from site_recovery.convergence.interfaces import Pace, Service
from site_recovery.convergence.machine_run import MachineRun
from site_recovery.convergence.outcome import Failure
from site_recovery.convergence.sources import Ran, Sources
from site_recovery.cutover import Interface, Source
from site_recovery.errors import MigrationError
from site_recovery.fence_proof import Connection
from site_recovery.observation import Observed, Stage, observe
from site_recovery.operations import Operation
from site_recovery.planning import Blocked, Do, RollBack, Step, Wait
from site_recovery.reasons import Reason
from site_recovery.snapshot import Snapshot

_PROOFS = 6
"""Looks at the connections of a machine after which those that are left keep it from going on."""
_PROOF_TIMEOUT = timedelta(minutes=5)
_UNANSWERED = 5
"""Consecutive rounds without an answer of AWS after which a cutover fails."""
_BACK_ROUNDS = 200
"""Rounds for giving sources back after the wait of a run has ended."""
_SECOND = timedelta(seconds=1)
_LAG = timedelta(minutes=1)
"""How long EC2 may show the security groups that an interface had before."""


@dataclass
class _Course:
    """What a run remembers of one cutover.

    Attributes:
        written, removed: tags that this run set and removed. A list of EC2 may lag behind.
        groups: the groups that this run gave interfaces, and when, for the same reason.
        command: the command that runs on the machine, or None.
        asked: the service's time before that command was sent.
        proofs: number of looks at its connections.
        left: the connections that the last look found.
        unanswered: consecutive rounds in which AWS did not answer.
        resumed: whether the application was started again.
        failure: why the source is given back, if something failed.
        ended: whether this run gave the source back.
    """

    written: dict[str, str] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    groups: dict[str, tuple[tuple[str, ...], datetime]] = field(default_factory=dict)
    command: str | None = None
    asked: datetime | None = None
    proofs: int = 0
    left: list[Connection] = field(default_factory=list)
    unanswered: int = 0
    resumed: bool = False
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
        return groups if since is not None and now - since < _LAG else interface.groups


class Cutovers:
    """The cutovers of one run.

    Args:
        sources: the instances in AWS.
        service: the vault.
        pace: the timing of the run.
        event: reports a step as a permanent line.
    """

    def __init__(
        self, sources: Sources, service: Service, pace: Pace, event: Callable[[str], None]
    ) -> None:
        self._sources = sources
        self._service = service
        self._pace = pace
        self._event = event
        self._seen: dict[str, Source] = {}
        self._courses: dict[str, _Course] = {}
        self._looked = False
        self._snapshot = Snapshot()
        self._fresh: frozenset[str] = frozenset()

    async def look(self, machines: Sequence[MachineRun]) -> None:
        """Read the sources that this round needs: all of them once, then those in a cutover."""
        if self._looked:
            machines = [m for m in machines if self._is_under_way(m) or _fails_over_next(m)]
        ids = [machine.assignment.machine.instance_id for machine in machines]
        self._fresh = frozenset()
        if not ids:
            return
        try:
            self._seen |= await self._sources.look(ids)
        except MigrationError as error:
            for machine in machines:
                self._unanswered(machine, error)
            return
        self._looked, self._fresh = True, frozenset(ids)
        for machine in machines:
            self._course(machine).unanswered = 0
            source, assignment = self._source(machine), machine.assignment
            chosen = source is not None and bool(source.memory.point)
            machine.assignment = replace(
                assignment, machine=replace(assignment.machine, cut_over=chosen)
            )

    async def takes(
        self, machine: MachineRun, step: Step, observed: Observed, snapshot: Snapshot
    ) -> bool:
        """Take the cutover of a machine further, if its next step needs that.

        Args:
            machine: the machine.
            step: what it would do next at the service.
            observed: its state.
            snapshot: the snapshot by which that was decided.

        Returns:
            Whether the machine has nothing else to do in this round.
        """
        self._snapshot = snapshot
        course = self._course(machine)
        source = self._source(machine)
        declared = machine.assignment.cutover
        fails_over = step == Do(Operation.UNPLANNED_FAILOVER)
        if course.unanswered >= _UNANSWERED and fails_over and declared.fences:
            failure = Failure(Reason.UNAVAILABLE, machine.attempts.message)
            machine.fail(observed, failure)
            return True
        if source is None:
            if fails_over and declared.fences and self._looked:
                gone = f"instance {machine.assignment.machine.instance_id} does not exist"
                machine.fail(observed, Failure(Reason.SOURCE_UNAVAILABLE, gone))
            return fails_over and declared.fences
        if source.instance_id not in self._fresh and fails_over and declared.fences:
            # It was read before it was ready for its failover; the next round reads it again.
            self._tell(machine, "its cutover begins")
            return True
        try:
            if observed.in_azure:
                if not isinstance(step, RollBack):
                    await self._mark(machine, source, observed)
                    await self._end(machine, source, observed)
                return False
            if course.failure is not None:
                return await self._back(machine, source, observed)
            if fails_over and declared.fences and not source.memory.restoring:
                return not await self._forward(machine, source, observed)
            if fails_over and declared.fences:
                # A run that was killed was giving the source back. Then the cutover begins anew.
                if not await self._back(machine, source, observed):
                    anew = _Course(removed=course.removed, groups=course.groups)
                    self._courses[machine.name] = anew
                    self._tell(machine, "its cutover begins")
                return True
            if source.memory.began is None or isinstance(step, Wait) or course.ended:
                return False
            if isinstance(step, Blocked) and step.reason is Reason.HOOK_FAILED:
                await self._fail(machine, source, observed, step.reason, step.what)
                return True
            if isinstance(step, Blocked):
                course.failure = Failure(step.reason, str(step))
            return await self._back(machine, source, observed)
        except MigrationError as error:
            self._unanswered(machine, error)
            if course.unanswered >= _UNANSWERED:
                machine.fail(observed, Failure(Reason.UNAVAILABLE, str(error)))
            return True

    async def take_back(self, machine: MachineRun, observed: Observed) -> bool:
        """Give back the source of a machine whose failover is taken back.

        Only once its virtual machine is off. Returns whether the source serves as before.

        Raises:
            MigrationError: AWS did not answer, or refused.
        """
        source = self._source(machine)
        if source is None or source.instance_id not in self._fresh:
            return False
        if source.memory.began is not None and not source.memory.restoring:
            await self._set(machine, {cutover.RESTORING: "its failover is taken back"})
            source = self._source(machine) or source
        return not await self._back(machine, source, observed)

    async def give_back(self, machines: Sequence[MachineRun], why: Failure) -> None:
        """Give back the sources of machines that did not get to their failover in this run."""
        for _ in range(_BACK_ROUNDS):
            waiting = [m for m in machines if m.outcome is None and self._may_go_back(m)]
            if not waiting or not self._pace.may_submit():
                return
            await self.look(waiting)
            for machine in waiting:
                source, observed = self._source(machine), machine.observed
                if source is None or observed is None or source.memory.began is None:
                    continue
                course = self._course(machine)
                course.failure = course.failure or why
                try:
                    await self._back(machine, source, observed)
                except MigrationError as error:
                    self._unanswered(machine, error)
            if any(m.outcome is None and self._may_go_back(m) for m in machines):
                await self._pace.sleep(_SECOND.total_seconds())

    def is_under_way(self, machine: MachineRun) -> bool:
        """Whether the source of a machine is in a cutover, as far as is known."""
        return self._is_under_way(machine)

    def step_of(self, machine: MachineRun) -> object:
        """What a cutover does, as a value that changes with it. The pace of a run depends on it."""
        source, course = self._source(machine), self._courses.get(machine.name)
        if source is None or course is None:
            return None
        names = frozenset(filter(cutover.is_ours, source.tags))
        return (names, source.state, course.command, course.proofs)

    # -- forward --------------------------------------------------------------------------------

    async def _forward(self, machine: MachineRun, source: Source, observed: Observed) -> bool:
        """Take as many steps as can be taken now. Returns whether the failover may be asked for."""
        assignment, course = machine.assignment, self._course(machine)
        while True:
            now = self._service.clock.now()
            step = cutover.next_step(assignment.cutover, source, self._sources.fence, now)
            if not self._pace.may_submit():
                return False
            match step:
                case cutover.Remember():
                    fenced = (self._sources.fence,)
                    if any(each.groups == fenced for each in source.interfaces):
                        await self._fail(
                            machine,
                            source,
                            observed,
                            Reason.CUTOVER_DISTURBED,
                            "it is fenced, and its tags do not say which security groups it had",
                        )
                        return False
                    await self._set(machine, cutover.beginning(source, now))
                    self._event(f"{machine.name}: its cutover begins")
                case cutover.RunQuiesce():
                    ran = await self._quiesce(machine, source)
                    if ran is None:
                        return False
                    if not ran.succeeded:
                        what = f"the commands that stop its application ended with {ran}"
                        await self._fail(machine, source, observed, Reason.QUIESCE_FAILED, what)
                        return False
                    await self._set(machine, {cutover.QUIESCED: now.isoformat()})
                    self._event(f"{machine.name}: its application is stopped")
                case cutover.Fence(interfaces):
                    for interface in interfaces:
                        await self._sources.give_groups(interface, [self._sources.fence])
                        course.groups[interface] = ((self._sources.fence,), now)
                    self._event(f"{machine.name}: its source is fenced")
                case cutover.NoteFence():
                    await self._set(machine, {cutover.FENCED: await self._after_now(machine)})
                case cutover.Prove():
                    if not await self._prove(machine, source, observed):
                        return False
                case cutover.ChoosePoint(later_than):
                    if not await self._choose(machine, source, observed, later_than):
                        return False
                case cutover.Stop():
                    if source.memory.stopping is None:
                        await self._set(machine, {cutover.STOPPED: now.isoformat()})
                        self._event(f"{machine.name}: its source is being stopped")
                    await self._sources.stop(source.instance_id)
                    self._tell(machine, "its source is being stopped")
                    return False
                case cutover.AwaitStop():
                    self._tell(machine, "its source is being stopped")
                    return False
                case cutover.GiveUp(reason, what):
                    await self._fail(machine, source, observed, reason, what)
                    return False
                case cutover.Ready(point):
                    item = observed.item_id or ""
                    full = f"{item}/recoveryPoints/{point}"
                    machine.assignment = replace(assignment, failover_point=full)
                    return True
            source = course.over(source, self._service.clock.now())

    async def _quiesce(self, machine: MachineRun, source: Source) -> Ran | None:
        """Run the declared commands, once in a cutover. Returns how they ended, or None."""
        quiesce, course = machine.assignment.cutover.quiesce, self._course(machine)
        lines = quiesce.ssm.script(machine.assignment.platform) if quiesce is not None else []
        if quiesce is None or not lines:
            return Ran("Success")
        began = source.memory.began
        comment = f"site-recovery {began.isoformat() if began else ''} quiesce"
        if course.command is None:
            course.command = await self._sources.find(source.instance_id, comment)
        if course.command is None:
            course.command = await self._sources.send(
                source.instance_id,
                machine.assignment.platform,
                lines,
                comment,
                quiesce.timeout,
            )
            self._tell(machine, "its application is being stopped")
            return None
        ran = await self._sources.ran(source.instance_id, course.command)
        if ran is not None:
            course.command = None
        return ran

    async def _prove(self, machine: MachineRun, source: Source, observed: Observed) -> bool:
        """End what is left of the machine's connections. Returns whether none is left."""
        course, platform = self._course(machine), machine.assignment.platform
        if course.command is None:
            course.asked = self._service.clock.now()
            course.proofs += 1
            course.command = await self._sources.send(
                source.instance_id,
                platform,
                fence_proof.script(platform, course.left),
                f"site-recovery fence {course.proofs}",
                _PROOF_TIMEOUT,
            )
            self._tell(machine, "its connections are being looked at")
            return False
        ran = await self._sources.ran(source.instance_id, course.command)
        if ran is None:
            return False
        course.command = None
        proof = fence_proof.read(platform, ran.out) if ran.succeeded else None
        if proof is None:
            if course.proofs >= _PROOFS or not ran.succeeded:
                what = f"the machine did not tell its connections: its command ended with {ran}"
                await self._fail(machine, source, observed, Reason.NOT_MANAGED, what)
            return False
        course.left = fence_proof.foreign(proof.connections, self._sources.servers)
        if course.left:
            named = ", ".join(map(str, course.left[:5]))
            more = f" and {len(course.left) - 5} more" if len(course.left) > 5 else ""
            if course.proofs >= _PROOFS:
                what = f"connections of it go on behind its fence: {named}{more}"
                await self._fail(machine, source, observed, Reason.CONNECTIONS_LEFT, what)
            else:
                self._tell(machine, f"ending its connections with {named}{more}")
            return False
        # The service's time is read anew: that of this round is older than the end of the command.
        after = datetime.fromisoformat(await self._after_now(machine))
        fenced = fence_proof.later_than(proof, course.asked or after, after)
        await self._set(machine, {cutover.FENCED: fenced.isoformat()})
        self._event(f"{machine.name}: no connection is left, and its disks are flushed")
        return True

    async def _choose(
        self, machine: MachineRun, source: Source, observed: Observed, later_than: datetime
    ) -> bool:
        """Choose the recovery point. Returns whether there is one."""
        declared = machine.assignment.cutover
        points = await self._service.recovery_points(observed)
        point = cutover.point_after(points, later_than, declared)
        if point is not None:
            name = point.id.rpartition("/")[2]
            await self._set(machine, {cutover.POINT: name})
            self._event(
                f"{machine.name}: fails over to the recovery point of {point.time:%H:%M:%S}"
            )
            return True
        waited = self._service.clock.now() - later_than
        if waited > declared.recovery_point_wait:
            kind = "application-consistent " if declared.consistency == "application" else ""
            minutes = declared.recovery_point_wait / timedelta(minutes=1)
            what = f"there was no {kind}recovery point within {minutes:.0f} minutes of its fence"
            await self._fail(machine, source, observed, Reason.NO_LATER_POINT, what)
        else:
            self._tell(machine, "waiting for a recovery point that is later than its fence")
        return False

    async def _after_now(self, machine: MachineRun) -> str:
        """The service's time after all that happened until now. Its Date has whole seconds."""
        if machine.observed is not None:
            await self._service.item(machine.assignment, machine.observed)
        return (self._service.clock.now() + _SECOND).isoformat()

    async def _mark(self, machine: MachineRun, source: Source, observed: Observed) -> None:
        """Note on the source what it became."""
        became = cutover.value((observed.azure_vm_id or "").removeprefix("/subscriptions/"))
        if source.memory.began is None or not became or source.memory.migrated_to == became:
            return
        if self._pace.may_submit():
            await self._set(machine, {cutover.MIGRATED_TO: became})

    async def _end(self, machine: MachineRun, source: Source, observed: Observed) -> None:
        """Terminate the source of a migrated machine when that is due."""
        after = machine.assignment.terminate_after
        if observed.stage is not Stage.MIGRATED or after is None or not self._pace.may_submit():
            return
        now, instance = self._service.clock.now(), source.instance_id
        step = cutover.next_end(source, self._sources.fence, after, now)
        if isinstance(step, cutover.NoteMigrated):
            await self._set(machine, {cutover.MIGRATED_AT: now.isoformat()})
            return
        why = step.why if isinstance(step, cutover.Keep) else ""
        if isinstance(step, cutover.Terminate):
            power = await self._service.compute.power(observed.azure_vm_id or "")
            if power == "running":
                await self._sources.terminate(instance)
                self._event(f"{machine.name}: instance {instance} is terminated")
                return
            why = f"its virtual machine is {power or 'not there'}"
        if why:
            self._event(f"{machine.name}: instance {instance} is due and is kept: {why}")

    # -- back -----------------------------------------------------------------------------------

    async def _fail(
        self, machine: MachineRun, source: Source, observed: Observed, reason: Reason, what: str
    ) -> None:
        course = self._course(machine)
        if machine.assignment.cutover.on_failure == "hold" and source.memory.began is not None:
            message = (
                f"{what}. Its source is held as it is, because cutover.onFailure is hold: run "
                "pulumi up again to go on, or set its wave's phase to protected to give it back"
            )
            machine.fail(observed, Failure(reason, message))
            return
        course.failure = Failure(reason, what)
        await self._back(machine, source, observed)

    async def _back(self, machine: MachineRun, source: Source, observed: Observed) -> bool:
        """Give the source back. Returns whether the machine has nothing else to do."""
        course, declared = self._course(machine), machine.assignment.cutover
        while True:
            if not self._pace.may_submit():
                return True
            match cutover.next_back(declared, source, resumed=course.resumed):
                case cutover.NoteRestoring():
                    if not await self._is_ours_still(machine, source, observed):
                        self._tell(machine, "its failover was accepted and does not show yet")
                        return True
                    course.command = None
                    why = course.failure.message if course.failure is not None else "taken back"
                    await self._set(machine, {cutover.RESTORING: cutover.value(why) or "-"})
                case cutover.GiveGroups(groups):
                    for interface, ids in groups.items():
                        await self._sources.give_groups(interface, ids)
                        course.groups[interface] = (ids, self._service.clock.now())
                case cutover.Start():
                    await self._sources.start(source.instance_id)
                    self._tell(machine, "its source is being started again")
                    return True
                case cutover.AwaitStart():
                    self._tell(machine, "its source is being started again")
                    return True
                case cutover.RunResume():
                    await self._resume(machine, source)
                    if not course.resumed:
                        return True
                case cutover.Forget():
                    names = [name for name in source.tags if cutover.is_ours(name)]
                    await self._sources.untag(source.instance_id, names)
                    course.removed |= set(names)
                    course.written = {}
                    self._event(f"{machine.name}: its source serves as before")
                case cutover.Restored():
                    failure, course.failure, course.ended = course.failure, None, True
                    self._seen[source.instance_id] = source
                    if failure is None:
                        return False
                    message = (
                        f"{failure.message}. Its source serves as before, and nothing was failed "
                        "over. Put that right, then run pulumi up again"
                    )
                    machine.fail(observed, Failure(failure.reason, message))
                    return True
            source = course.over(source, self._service.clock.now())

    async def _resume(self, machine: MachineRun, source: Source) -> None:
        """Start the application again. What that prints is told; it keeps nothing from going on."""
        quiesce, course = machine.assignment.cutover.quiesce, self._course(machine)
        platform = machine.assignment.platform
        lines = quiesce.resume.script(platform) if quiesce is not None else []
        if quiesce is None or not lines:
            course.resumed = True
            return
        if course.command is None:
            course.command = await self._sources.send(
                source.instance_id, platform, lines, "site-recovery resume", quiesce.timeout
            )
            self._tell(machine, "its application is being started again")
            return
        ran = await self._sources.ran(source.instance_id, course.command)
        if ran is None:
            return
        course.command, course.resumed = None, True
        if not ran.succeeded:
            self._event(f"{machine.name}: the commands of quiesce.resume ended with {ran}")

    async def _is_ours_still(self, machine: MachineRun, source: Source, observed: Observed) -> bool:
        """Whether the source may be given back: no failover was accepted, by single reads.

        A source that serves beside its virtual machine would take writes that are lost.
        """
        assignment = machine.assignment
        item = await self._service.item(assignment, observed)
        now = observe(assignment.machine, self._snapshot.with_item(observed.item_id, item))
        if now.in_azure or now.busy == Operation.UNPLANNED_FAILOVER.scenario:
            return False
        began = source.memory.began
        return not any(
            job.scenario == Operation.UNPLANNED_FAILOVER.scenario
            and (job.running or not job.failed)
            and job.target.lower() in machine.attempts.names
            and began is not None
            and (job.started is None or job.started >= began)
            for job in (await self._service.jobs()).values()
        )

    # -- parts ----------------------------------------------------------------------------------

    def _course(self, machine: MachineRun) -> _Course:
        return self._courses.setdefault(machine.name, _Course())

    def _source(self, machine: MachineRun) -> Source | None:
        source = self._seen.get(machine.assignment.machine.instance_id)
        if source is None:
            return None
        return self._course(machine).over(source, self._service.clock.now())

    def _is_under_way(self, machine: MachineRun) -> bool:
        source = self._source(machine)
        return source is not None and source.memory.began is not None

    def _may_go_back(self, machine: MachineRun) -> bool:
        """Whether nothing was asked of the service that could have failed it over."""
        attempts, failover = machine.attempts, Operation.UNPLANNED_FAILOVER
        asked = attempts.in_flight is not None or failover in attempts.done
        lost = attempts.lost is failover or failover in attempts.requests
        in_azure = machine.observed is None or machine.observed.in_azure
        return self._is_under_way(machine) and not (asked or lost or in_azure)

    async def _set(self, machine: MachineRun, tags: Mapping[str, str]) -> None:
        await self._sources.tag(machine.assignment.machine.instance_id, tags)
        course = self._course(machine)
        course.written |= tags
        course.removed -= set(tags)

    def _tell(self, machine: MachineRun, what: str) -> None:
        machine.attempts.tell(Reason.CUTOVER, what)

    def _unanswered(self, machine: MachineRun, error: MigrationError) -> None:
        self._course(machine).unanswered += 1
        machine.attempts.tell(Reason.UNAVAILABLE, str(error))


def _fails_over_next(machine: MachineRun) -> bool:
    """Whether a machine may get to its failover in this round, so that its source is needed."""
    observed = machine.observed
    if observed is not None and observed.rolls_back and observed.in_azure:
        return True
    return (
        machine.assignment.cutover.fences
        and observed is not None
        and not observed.in_azure
        and "UnplannedFailover" in observed.allowed
        and machine.assignment.desired is not None
    )
