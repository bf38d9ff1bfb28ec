"""Drives the checks of each machine of a run, once it is in Azure.

Each round looks at the first check that has not passed. A machine is in its phase only when all
have; the first that fails, fails the machine. Nothing is remembered across runs but a `Record`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from site_recovery import arm_ids, checks
from site_recovery.checks import Record, Subject
from site_recovery.convergence.guests import Guests
from site_recovery.convergence.machine_run import MachineRun
from site_recovery.convergence.outcome import Failure
from site_recovery.declared.checks import Check
from site_recovery.errors import MigrationError, RefusedError
from site_recovery.fleet import Assignment
from site_recovery.observation import Observed, Stage
from site_recovery.planning import Step, has_arrived
from site_recovery.reasons import Reason
from site_recovery.service_clock import ServiceClock

_UNANSWERED = 10
"""Consecutive rounds without an answer after which a check fails."""
_DELIVERY = timedelta(minutes=5)
"""How long Run Command may take to reach the virtual machine and to report, beside the script."""


@dataclass
class _Course:
    """What a run remembers of the checks of one virtual machine.

    Attributes:
        vm_id: the virtual machine that they are about.
        since: the service's time at which the present check began.
        began: the service's time at which the first one did.
        at: the place of the present check.
        poll: where the result of a script is polled; None if none runs.
        wrong: what was wrong when the present check was last tried.
        unanswered: consecutive rounds without an answer.
        messages: how the checks ended.
    """

    vm_id: str | None
    since: datetime
    began: datetime
    at: int = 0
    poll: str | None = None
    wrong: str = ""
    unanswered: int = 0
    messages: dict[str, str] = field(default_factory=dict)


def subject_of(observed: Observed) -> tuple[Subject, str | None, str]:
    """What the checks of a machine are about: whether it is a test, its ARM id, its test's time."""
    if observed.stage is not Stage.TEST_FAILOVER:
        return "production", observed.azure_vm_id, ""
    test = observed.last_test_failover
    return "test", observed.test_vm_id, test.isoformat() if test else ""


def are_made(assignment: Assignment, record: Record | None, observed: Observed) -> bool:
    """Whether the checks of a machine passed where it is now, or none are made there."""
    if not is_checked_stage(observed):
        return True
    _, vm_id, test = subject_of(observed)
    declared = checks.digest(assignment.checks)
    instance = assignment.machine.instance_id
    return record is not None and record.holds_for(instance, vm_id, test, declared)


def are_due(machine: MachineRun, step: Step, observed: Observed) -> bool:
    """Whether the checks of a machine have to pass before its next step."""
    return (
        is_checked_stage(observed)
        and has_arrived(step, observed)
        and machine.assignment.desired is not None
    )


def is_checked_stage(observed: Observed) -> bool:
    """Whether a machine is where its checks are made."""
    return observed.stage in (Stage.TEST_FAILOVER, Stage.FAILED_OVER)


class CheckRuns:
    """The checks of one run.

    Args:
        guests: the virtual machines.
        clock: the service's time.
        event: reports a check that passed as a permanent line.
    """

    def __init__(self, guests: Guests, clock: ServiceClock, event: Callable[[str], None]) -> None:
        self._guests = guests
        self._clock = clock
        self._event = event
        self._courses: dict[str, _Course] = {}

    async def takes(self, machine: MachineRun, step: Step, observed: Observed) -> bool:
        """Take the checks of a machine further, if its next step needs them.

        Returns:
            Whether the machine has nothing else to do in this round.
        """
        if not are_due(machine, step, observed):
            self._courses.pop(machine.name, None)
            return False
        assignment = machine.assignment
        if are_made(assignment, machine.checked, observed):
            return False
        _, vm_id, _ = subject_of(observed)
        now = self._clock.now()
        course = self._courses.get(machine.name)
        if course is None or course.vm_id != vm_id:
            course = self._courses[machine.name] = _Course(vm_id, now, now)
        while course.at < len(assignment.checks):
            check = assignment.checks[course.at]
            wrong = await self._answered(machine, course, check)
            key = f"{course.at + 1} {check.title}"
            if wrong is None:
                self._tell(machine, check, course)
                return True
            if wrong:
                course.messages[key] = wrong
                self._fail(machine, observed, course, check, wrong)
                return True
            took = timedelta(seconds=round((self._clock.now() - course.since).total_seconds()))
            course.messages[key] = f"passed after {took}"
            self._event(f"{machine.name}: check passed: {check.title}")
            course.at += 1
            course.since, course.poll, course.wrong = self._clock.now(), None, ""
        self._record(machine, observed, course, passed=True)
        return False

    async def _answered(self, machine: MachineRun, course: _Course, check: Check) -> str | None:
        """Try a check once.

        Returns:
            Empty if it passed; why it failed; None if it has to be tried again, for the reason in
            `course.wrong`.
        """
        try:
            result = await self._try(machine, course, check)
        except RefusedError as error:
            course.unanswered = 0
            result = self._again(course, check, str(error)) if error.busy else str(error)
        except MigrationError as error:
            course.unanswered += 1
            if course.unanswered >= _UNANSWERED:
                return str(error)
            course.wrong = str(error)
            return None
        else:
            course.unanswered = 0
        return result

    async def _try(self, machine: MachineRun, course: _Course, check: Check) -> str | None:
        vm_id = course.vm_id
        if vm_id is None:
            # A list may lack it for a while. That counts for nobody's time but the run's.
            course.wrong = "Azure lists no such virtual machine yet"
            return None
        if check.running is not None:
            health = await self._guests.health(vm_id)
            if health is None:
                return self._again(course, check, "Azure has no such virtual machine")
            return "" if health.is_up else self._again(course, check, str(health))
        if check.in_guest:
            return await self._in_guest(machine, course, check, vm_id)
        host = check.host or await self._guests.address(vm_id)
        if host is None:
            return self._again(course, check, "it has no private address")
        if check.http is not None:
            wrong = await self._guests.http(host, check.http)
        else:
            wrong = await self._guests.tcp(host, check.tcp or 0)
        return "" if wrong is None else self._again(course, check, f"{host}: {wrong}")

    async def _in_guest(
        self, machine: MachineRun, course: _Course, check: Check, vm_id: str
    ) -> str | None:
        platform = machine.assignment.platform
        lines = checks.script(check, platform)
        if not lines:
            return ""
        if course.poll is None:
            course.poll = await self._guests.send(vm_id, platform, lines)
            course.wrong = "its script runs"
            return None
        found = await self._guests.ran(course.poll)
        if found is None:
            return self._again(course, check, "its script runs")
        course.poll = None
        wrong = checks.verdict(check, found)
        if wrong is None:
            return ""
        # A script of the config runs once. What this program asks can be asked again.
        return wrong if check.azure_run_command is not None else self._again(course, check, wrong)

    def _again(self, course: _Course, check: Check, wrong: str) -> str | None:
        """None if there is time to try a check again; else why it failed."""
        allowed = check.running.within if check.running is not None else check.timeout
        if check.azure_run_command is not None:
            allowed += _DELIVERY
        course.wrong = wrong
        if self._clock.now() - course.since < allowed:
            return None
        return f"{wrong}, after {allowed}"

    def _tell(self, machine: MachineRun, check: Check, course: _Course) -> None:
        machine.attempts.tell(Reason.CHECK_RUNNING, f"check {check.title}: {course.wrong}")

    def _fail(
        self, machine: MachineRun, observed: Observed, course: _Course, check: Check, wrong: str
    ) -> None:
        self._record(machine, observed, course, passed=False)
        name = arm_ids.name(course.vm_id) if course.vm_id else "its virtual machine"
        place = f"{course.at + 1} of {len(machine.assignment.checks)}"
        message = (
            f"check {place} of {name} failed ({check.title}): {wrong}. Put that right on the "
            "virtual machine or in checks, then run pulumi up again, which checks it again."
        )
        machine.fail(observed, Failure(Reason.CHECK_FAILED, message))

    def _record(
        self, machine: MachineRun, observed: Observed, course: _Course, *, passed: bool
    ) -> None:
        subject, vm_id, test = subject_of(observed)
        assignment = machine.assignment
        machine.checked = Record(
            instance=assignment.machine.instance_id,
            subject=subject,
            vm_id=vm_id or "",
            test=test,
            at=self._clock.now(),
            passed=passed,
            declared=checks.digest(assignment.checks),
            messages=dict(course.messages),
        )
        if subject == "test" and passed:
            known = replace(assignment.machine, checked_test=machine.checked.at)
            machine.assignment = replace(assignment, machine=known)
