"""Prepares the source of a failover: fences it, proves that, chooses the point, and stops it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from site_recovery import cutover, cutover_memory, fence_proof
from site_recovery.convergence.cutovers.back import Back
from site_recovery.convergence.cutovers.course import Courses, quiesce_comment, tell
from site_recovery.convergence.machine_run import MachineRun
from site_recovery.convergence.sources import Ran
from site_recovery.cutover_memory import Source
from site_recovery.observation import Observed
from site_recovery.reasons import Reason
from site_recovery.snapshot import RecoveryPoint

_PROOFS = 6
"""Looks at the connections of a machine after which those that are left keep it from going on."""
_PROOF_TIMEOUT = timedelta(minutes=5)
_SECOND = timedelta(seconds=1)


class Forward:
    """Takes the cutovers of one run forward.

    Args:
        courses: what is known of them, and what they are taken with.
        back: gives a source back when a step fails.
    """

    def __init__(self, courses: Courses, back: Back) -> None:
        self._courses = courses
        self._back = back

    async def take(self, machine: MachineRun, source: Source, observed: Observed) -> bool:
        """Take as many steps as can be taken now.

        Returns:
            Whether the failover may be asked for.

        Raises:
            MigrationError: AWS or Azure did not answer, or refused.
        """
        assignment, course = machine.assignment, self._courses.of(machine)
        fencing = self._courses.sources.fencing
        while True:
            now = self._courses.service.clock.now()
            step = cutover.next_step(
                assignment.cutover, source, fencing, now, asked=course.stop_asked
            )
            if not self._courses.pace.may_submit() or self._courses.may_lag(machine, source):
                return False
            match step:
                case cutover.Remember(since):
                    begins = source.memory.began is None
                    fenced = any(fencing.holds(each.groups) for each in source.interfaces)
                    if begins and fenced:
                        await self._back.fail(
                            machine,
                            source,
                            observed,
                            Reason.CUTOVER_DISTURBED,
                            "it is fenced, and its tags do not say which security groups it had",
                        )
                        return False
                    await self._courses.remove(machine, source, cutover_memory.is_afterwards)
                    noted = (
                        cutover_memory.beginning(source, now, fencing.fence)
                        if begins
                        else cutover_memory.since(source, since)
                    )
                    await self._courses.write(machine, noted)
                    if begins:
                        self._courses.event(f"{machine.name}: its cutover begins")
                case cutover.RunQuiesce():
                    ran = await self._quiesce(machine, source)
                    if ran is None:
                        return False
                    if not ran.succeeded:
                        what = f"the commands that stop its application ended with {ran}"
                        await self._back.fail(
                            machine, source, observed, Reason.QUIESCE_FAILED, what
                        )
                        return False
                    await self._courses.write(machine, {cutover_memory.QUIESCED: now.isoformat()})
                    self._courses.event(f"{machine.name}: its application is stopped")
                case cutover.Fence(interfaces):
                    for interface in interfaces:
                        await self._courses.sources.give_groups(interface, fencing.alone)
                        course.groups[interface] = (fencing.alone, now)
                    self._courses.event(f"{machine.name}: its source is fenced")
                case cutover.FenceAnew():
                    # Before its groups change: a run that is killed in between must prove them too.
                    await self._courses.remove(machine, source, cutover_memory.is_proof)
                case cutover.NoteFence():
                    await self._courses.write(
                        machine, {cutover_memory.FENCED: await self._after_now(machine)}
                    )
                case cutover.Prove():
                    if not await self._prove(machine, source, observed):
                        return False
                case cutover.ChoosePoint(later_than):
                    if not await self._choose(machine, source, observed, later_than):
                        return False
                case cutover.Stop():
                    if source.memory.stopping is None:
                        await self._courses.write(
                            machine, {cutover_memory.STOPPED: now.isoformat()}
                        )
                        self._courses.event(f"{machine.name}: its source is being stopped")
                    # Before the call: a request without a reply may have been accepted.
                    course.stop_asked, course.stop_repeated = course.stop_asked or now, now
                    await self._courses.sources.stop(source.instance_id)
                    tell(machine, "its source is being stopped")
                    return False
                case cutover.AwaitStop():
                    tell(machine, "its source is being stopped")
                    return False
                case cutover.GiveUp(reason, what):
                    await self._back.fail(machine, source, observed, reason, what)
                    return False
                case cutover.Ready(point):
                    if not await self._is_kept(machine, source, observed, point):
                        return False
                    item = observed.item_id or ""
                    full = f"{item}/recoveryPoints/{point}"
                    machine.assignment = replace(assignment, failover_point=full)
                    return True
            source = self._courses.newest(machine, source)

    async def _quiesce(self, machine: MachineRun, source: Source) -> Ran | None:
        """Run the declared commands, once in a cutover. Returns how they ended, or None."""
        quiesce, course = machine.assignment.cutover.quiesce, self._courses.of(machine)
        lines = quiesce.ssm.script(machine.assignment.platform) if quiesce is not None else []
        if quiesce is None or not lines:
            return Ran("Success")
        comment = quiesce_comment(source)
        if course.command is None:
            course.command = await self._courses.sources.find(source.instance_id, comment)
        if course.command is None:
            course.command = await self._courses.sources.send(
                source.instance_id,
                machine.assignment.platform,
                lines,
                comment,
                quiesce.timeout,
            )
            tell(machine, "its application is being stopped")
            return None
        ran = await self._courses.sources.ran(source.instance_id, course.command)
        if ran is not None:
            course.command = None
        return ran

    async def _prove(self, machine: MachineRun, source: Source, observed: Observed) -> bool:
        """End what is left of the machine's connections. Returns whether none is left."""
        course, platform = self._courses.of(machine), machine.assignment.platform
        if course.command is None:
            course.asked = self._courses.service.clock.now()
            course.proofs += 1
            course.command = await self._courses.sources.send(
                source.instance_id,
                platform,
                fence_proof.script(platform, course.left),
                f"site-recovery fence {course.proofs}",
                _PROOF_TIMEOUT,
            )
            tell(machine, "its connections are being looked at")
            return False
        ran = await self._courses.sources.ran(source.instance_id, course.command)
        if ran is None:
            return False
        proof = fence_proof.read(platform, ran.out) if ran.succeeded else None
        if proof is None:
            course.command = None
            if course.proofs >= _PROOFS or not ran.succeeded:
                what = f"the machine did not tell its connections: its command ended with {ran}"
                await self._back.fail(machine, source, observed, Reason.NOT_MANAGED, what)
            return False
        servers = self._courses.sources.servers
        course.left = fence_proof.foreign(proof.connections, servers, source.addresses)
        if course.left:
            course.command = None
            named = ", ".join(map(str, course.left[:5]))
            more = f" and {len(course.left) - 5} more" if len(course.left) > 5 else ""
            if course.proofs >= _PROOFS:
                what = f"connections of it go on behind its fence: {named}{more}"
                await self._back.fail(machine, source, observed, Reason.CONNECTIONS_LEFT, what)
            else:
                tell(machine, f"ending its connections with {named}{more}")
            return False
        # The service's time is read anew: that of this round is older than the end of the command.
        after = datetime.fromisoformat(await self._after_now(machine))
        fenced = fence_proof.later_than(proof, course.asked or after, after)
        await self._courses.write(machine, {cutover_memory.FENCED: fenced.isoformat()})
        course.command = None
        self._courses.event(f"{machine.name}: no connection is left, and its disks are flushed")
        return True

    async def _choose(
        self, machine: MachineRun, source: Source, observed: Observed, later_than: datetime
    ) -> bool:
        """Choose the recovery point. Returns whether there is one."""
        declared = machine.assignment.cutover
        points = await self._courses.service.recovery_points(observed)
        point = cutover.point_after(points, later_than, declared)
        if point is not None:
            name = point.id.rpartition("/")[2]
            await self._courses.write(machine, {cutover_memory.POINT: name})
            self._courses.event(
                f"{machine.name}: fails over to the recovery point of {point.time:%H:%M:%S}"
            )
            return True
        waited = self._courses.service.clock.now() - later_than
        if waited > declared.recovery_point_wait:
            kind = "application-consistent " if declared.consistency == "application" else ""
            minutes = declared.recovery_point_wait / timedelta(minutes=1)
            what = f"there was no {kind}recovery point within {minutes:.0f} minutes of its fence"
            await self._back.fail(machine, source, observed, Reason.NO_LATER_POINT, what)
        else:
            tell(machine, "waiting for a recovery point that is later than its fence")
        return False

    async def _is_kept(
        self, machine: MachineRun, source: Source, observed: Observed, point: str
    ) -> bool:
        """Whether the chosen point still exists; if not, another one is chosen for the next round.

        A run that was killed may have chosen it days ago, and Site Recovery keeps points for the
        hours that the policy says. The source has stopped, so any later point has every write too.
        """
        points = await self._courses.service.recovery_points(observed)
        if source.state == cutover.TERMINATED:
            return await self._is_newest(machine, source, points, point)
        if any(each.id.rpartition("/")[2].lower() == point.lower() for each in points):
            return True
        if await self._courses.service.has_recovery_point(observed, point):
            return True
        fenced, declared = source.memory.fenced, machine.assignment.cutover
        other = None
        if fenced is not None:
            other = cutover.point_after(points, fenced, declared, newest=True)
        if other is None:
            what = "the recovery point of its cutover is not kept any more, and there is none later"
            await self._back.fail(machine, source, observed, Reason.NO_LATER_POINT, what)
            return False
        await self._courses.write(machine, {cutover_memory.POINT: other.id.rpartition("/")[2]})
        self._courses.event(
            f"{machine.name}: its recovery point is not kept any more; takes that of "
            f"{other.time:%H:%M:%S}"
        )
        return False

    async def _is_newest(
        self, machine: MachineRun, source: Source, points: Sequence[RecoveryPoint], point: str
    ) -> bool:
        """Whether there is no later point than the chosen one; if not, that is chosen.

        Nothing shows any more whether somebody opened the fence before the instance was terminated.
        The newest point has what was written then, and all that the chosen one has.
        """
        newest = max(points, key=lambda each: each.time, default=None)
        name = newest.id.rpartition("/")[2] if newest is not None else point
        if newest is None or name.lower() == point.lower():
            return True
        await self._courses.write(machine, {cutover_memory.POINT: name})
        self._courses.event(
            f"{machine.name}: its source is terminated; takes the newest recovery point, of "
            f"{newest.time:%H:%M:%S}"
        )
        return False

    async def _after_now(self, machine: MachineRun) -> str:
        """The service's time after all that happened until now. Its Date has whole seconds.

        Never an earlier one: a recovery point that only seems to be later would lack writes.
        """
        service = self._courses.service
        if machine.observed is not None:
            await service.item(machine.assignment, machine.observed)
            if service.clock.is_in_doubt():
                await service.item(machine.assignment, machine.observed)
        return (service.clock.latest() + _SECOND).isoformat()
