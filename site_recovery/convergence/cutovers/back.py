"""Gives the source of a cutover back: its security groups, its start, its application."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

from site_recovery import cutover, cutover_memory
from site_recovery.convergence.cutovers.course import Course, Courses, quiesce_comment, tell
from site_recovery.convergence.machine_run import MachineRun
from site_recovery.convergence.outcome import Failure
from site_recovery.convergence.sources import GroupsGoneError
from site_recovery.cutover_memory import Source
from site_recovery.errors import MigrationError
from site_recovery.jobs import Job
from site_recovery.observation import Observed, Stage, observe
from site_recovery.operations import Operation
from site_recovery.phases import Phase
from site_recovery.planning import NOT_BEGUN
from site_recovery.reasons import Reason
from site_recovery.snapshot import Kind, Snapshot

_SHOWN_WITHIN = timedelta(hours=1)
"""How long after its failover a single read of a machine may show it as before, and much longer."""
_SERVES = (cutover.NoteRestoring, cutover.GiveGroups, cutover.Start)
"""The steps after which a source takes writes, or will."""


class Back:
    """Takes the cutovers of one run back.

    Args:
        courses: what is known of them, and what they are taken with.

    Attributes:
        snapshot: the services in this round.
    """

    def __init__(self, courses: Courses) -> None:
        self._courses = courses
        self.snapshot = Snapshot()

    async def fail(
        self, machine: MachineRun, source: Source, observed: Observed, reason: Reason, what: str
    ) -> None:
        """A step failed: give the source back, or hold it as `cutover.onFailure` says.

        Raises:
            MigrationError: AWS or Azure did not answer, or refused.
        """
        course = self._courses.of(machine)
        if _is_held(machine, source):
            message = (
                f"{what}. Its source is held as it is, because cutover.onFailure is hold: run "
                "pulumi up again to go on, or set its wave's phase to protected to give it back"
            )
            machine.fail(observed, Failure(reason, message))
            return
        course.failure = Failure(reason, what)
        await self.take(machine, source, observed)

    async def take(
        self, machine: MachineRun, source: Source, observed: Observed, *, rolls_back: bool = False
    ) -> bool:
        """Take as many steps back as can be taken now.

        Args:
            machine: the machine.
            source: its source.
            observed: its state.
            rolls_back: whether its failover is taken back, and its virtual machine is off. Without
                that, nothing lets a source serve again whose failover was accepted.

        Returns:
            Whether the machine has nothing else to do in this round.

        Raises:
            MigrationError: AWS or Azure did not answer, or refused.
        """
        course, declared = self._courses.of(machine), machine.assignment.cutover
        fencing, is_certain = self._courses.sources.fencing, rolls_back
        while True:
            if not self._courses.pace.may_submit() or self._courses.may_lag(machine, source):
                return True
            step = cutover.next_back(
                declared,
                source,
                fencing,
                self._courses.service.clock.now(),
                resumed=course.resumed,
                asked=course.stop_repeated,
            )
            if isinstance(step, _SERVES) and not is_certain:
                # Also if an earlier run noted that it is given back: hours may have passed since.
                if not await self._is_ours_still(machine, source, observed):
                    tell(machine, "its failover was accepted and does not show yet")
                    return True
                is_certain = True
            match step:
                case cutover.NoteRestoring():
                    course.command = None
                    why = course.failure.message if course.failure is not None else "taken back"
                    await self.note(machine, source, why)
                case cutover.GiveGroups(groups):
                    for interface, ids in groups.items():
                        await self._give(machine, source, interface, ids)
                case cutover.Start():
                    await self._courses.sources.start(source.instance_id)
                    tell(machine, "its source is being started again")
                    return True
                case cutover.AwaitStart():
                    if source.state == "running":
                        # The end of a run looks at AWS alone, and Azure's answers tell the time.
                        await self._courses.service.item(machine.assignment, observed)
                    tell(machine, "its source is being started again")
                    return True
                case cutover.RunResume():
                    await self._resume(machine, source)
                    if not course.resumed:
                        return True
                case cutover.Forget():
                    course.kept = cutover.kept(source, fencing)
                    await self._courses.remove(machine, source, _is_over)
                    self._courses.event(f"{machine.name}: {_served(course)}")
                case cutover.Lost():
                    return self._lost(machine, source, observed)
                case cutover.Restored():
                    failure, course.failure, course.ended = course.failure, None, True
                    if failure is None:
                        return False
                    served = _served(course)
                    message = (
                        f"{failure.message}. {served[0].upper()}{served[1:]}, and nothing was failed "
                        "over. Put that right, then run pulumi up again"
                    )
                    machine.fail(observed, Failure(failure.reason, message))
                    return True
            source = self._courses.newest(machine, source)

    async def note(self, machine: MachineRun, source: Source, why: str) -> None:
        """Note that a source is being given back, and that this attempt to fail over is over.

        The run may be killed before it records that. The next attempt runs all hooks again.

        Raises:
            MigrationError: AWS did not answer, or refused.
        """
        tags = {cutover_memory.RESTORING: cutover_memory.value(why) or "-"}
        if machine.assignment.hooks.are_declared:
            number = machine.hooks.number if machine.hooks is not None else 0
            machine.ended_attempts = max(number, source.memory.attempts + 1)
            tags[cutover_memory.ATTEMPTS] = str(machine.ended_attempts)
        await self._courses.write(machine, tags)

    def _lost(self, machine: MachineRun, source: Source, observed: Observed) -> bool:
        """Somebody terminated the instance. A machine that leaves needs it no longer."""
        course = self._courses.of(machine)
        failure, course.failure, course.ended = course.failure, None, True
        if machine.assignment.desired is None:
            return False
        other = failure is not None and failure.reason is not Reason.SOURCE_UNAVAILABLE
        before = f"{failure.message}. Besides, " if failure is not None and other else ""
        message = (
            f"{before}{cutover.in_words(source)}, so nothing gives its source back. If its cutover had "
            "chosen a recovery point, the phase failed-over goes on to the newest one, unless its "
            "source was being given back. Otherwise fail it over in the vault, to a recovery point "
            "that you choose, and set the phase to failed-over"
        )
        machine.fail(observed, Failure(Reason.SOURCE_UNAVAILABLE, message))
        return True

    async def _give(
        self, machine: MachineRun, source: Source, interface: str, ids: tuple[str, ...]
    ) -> None:
        """Give an interface its groups back. Those that were deleted meanwhile, which EC2 allows as
        soon as the fence has taken their place, are forgotten: without them the source is reached by
        fewer, and with the fence by nobody.
        """
        course = self._courses.of(machine)
        try:
            await self._courses.sources.give_groups(interface, ids)
        except GroupsGoneError as error:
            tags = cutover_memory.without(source, interface, error.groups)
            if error.groups >= set(ids):
                raise MigrationError(
                    f"interface {interface} of instance {source.instance_id} had "
                    f"{_groups_said(error.groups)} alone, and nothing of that exists any more. Give "
                    "it the groups that its clients need, and remove the tag "
                    f"{' and the tag '.join(sorted(tags))} of the instance"
                ) from error
            await self._courses.write(machine, tags)
            course.gone |= error.groups
            return
        course.groups[interface] = (ids, self._courses.service.clock.now())

    async def _resume(self, machine: MachineRun, source: Source) -> None:
        """Start the application again. What that prints is told; it keeps nothing from going on."""
        quiesce, course = machine.assignment.cutover.quiesce, self._courses.of(machine)
        platform = machine.assignment.platform
        lines = quiesce.resume.script(platform) if quiesce is not None else []
        if quiesce is None or not lines:
            course.resumed = True
            return
        if course.command is None:
            stops = await self._courses.sources.find(source.instance_id, quiesce_comment(source))
            if stops and await self._courses.sources.ran(source.instance_id, stops) is None:
                # What a killed run sent would stop the application after this has started it.
                tell(machine, "its application is still being stopped, and is started then")
                return
            course.command = await self._courses.sources.send(
                source.instance_id, platform, lines, "site-recovery resume", quiesce.timeout
            )
            tell(machine, "its application is being started again")
            return
        ran = await self._courses.sources.ran(source.instance_id, course.command)
        if ran is None:
            return
        course.command, course.resumed = None, True
        if not ran.succeeded:
            course.not_resumed = str(ran)

    async def _is_ours_still(self, machine: MachineRun, source: Source, observed: Observed) -> bool:
        """Whether the source may be given back: no failover was accepted, by single reads.

        A source that serves beside its virtual machine would take writes that are lost.

        Raises:
            MigrationError: Azure did not answer, or a job cannot be read that may be its failover.
        """
        assignment, service = machine.assignment, self._courses.service
        item = await service.item(assignment, observed)
        alone = self.snapshot.with_item(observed.item_id, item)
        # Its item was read by itself. Of what lists show and nobody can read only a job matters.
        jobs = tuple(odd for odd in alone.unreadable if odd.kind is Kind.JOB)
        alone = replace(alone, unreadable=jobs)
        now = observe(assignment.machine, alone)
        if now.stage in NOT_BEGUN:
            # Somebody may have completed its migration; then its virtual machine alone shows that.
            alone = alone.with_virtual_machine(await service.virtual_machine(assignment))
            now = observe(assignment.machine, alone)
        if now.stage is Stage.UNREADABLE:
            raise MigrationError(
                f"it is not certain that nothing was failed over: {now.unreadable}"
            )
        if now.in_azure or now.busy == Operation.UNPLANNED_FAILOVER.scenario:
            return False
        names, began = machine.attempts.names, source.memory.began
        tried = [
            job
            for job in (await service.jobs()).values()
            if job.scenario == Operation.UNPLANNED_FAILOVER.scenario
            and job.target.lower() in names
            and began is not None
            and (job.started is None or job.started >= began)
        ]
        if any(job.failed for job in tried):
            await self._require_off(machine)
        return not any(_may_show_yet(job, service.clock.now()) for job in tried)

    async def _require_off(self, machine: MachineRun) -> None:
        """Check that a failover that failed left no virtual machine that serves.

        Site Recovery has a state for one that failed at its completion
        (`UnplannedFailoverCompletionFailed`), and its item is still in AWS then.

        Raises:
            MigrationError: there is one, or Azure did not answer.
        """
        service = self._courses.service
        made = await service.virtual_machine(machine.assignment)
        power = await service.compute.power(made.id) if made is not None else None
        if made is not None and power not in (None, "deallocated", "stopped"):
            raise MigrationError(
                f"its failover failed and left its virtual machine {made.name} {power or 'there'}, so "
                "its source is not started beside that. Find out which of them has what was written "
                "last; to give the source back, switch the virtual machine off (deallocate)"
            )


def _may_show_yet(job: Job, now: datetime) -> bool:
    """Whether a failover may have been accepted that the item of its machine does not show.

    One that succeeded long ago and is not shown was undone by somebody, who deleted the virtual
    machine. Then nothing serves until the source is given back.
    """
    if job.running or job.failed:
        return job.running
    return job.ended is None or now - job.ended < _SHOWN_WITHIN


def _is_held(machine: MachineRun, source: Source) -> bool:
    """Whether a source stays as it is when a step fails.

    Not if it is being given back already, or if the config says to give it back.
    """
    declared, memory = machine.assignment.cutover, source.memory
    goes_forward = (
        declared.fences
        and machine.assignment.desired in (Phase.FAILED_OVER, Phase.MIGRATED)
        and memory.began is not None
        and not memory.restoring
    )
    return declared.on_failure == "hold" and goes_forward


def _is_over(tag: str) -> bool:
    return cutover_memory.is_ours(tag) or cutover_memory.is_afterwards(tag)


def _groups_said(groups: Collection[str]) -> str:
    word = "security group" if len(groups) == 1 else "security groups"
    return f"{word} {', '.join(sorted(groups))}"


def _served(course: Course) -> str:
    """How the source is at the end, in words."""
    gone = f" without {_groups_said(course.gone)}, deleted meanwhile" if course.gone else ""
    said = f"its source is given back{gone}" if gone else "its source serves as before"
    if course.not_resumed:
        said = (
            f"its source is given back{gone}, but its application may be stopped, because the commands "
            f"of quiesce.resume ended with {course.not_resumed}"
        )
    if not course.kept:
        return said
    return (
        f"{said}, but {', '.join(course.kept)} keeps the security groups that somebody else gave it"
    )
