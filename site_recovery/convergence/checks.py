"""Drives the checks of each machine of a run, once it is in Azure.

Each round looks at the first check that has not passed. A machine is in its phase only when all
have; the first that fails, fails the machine. Nothing is remembered across runs but a `Record`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from site_recovery import arm_ids, checks
from site_recovery.checks import Record, Subject
from site_recovery.convergence.check_course import CheckCourse
from site_recovery.convergence.guests import Guests
from site_recovery.convergence.machine_run import MachineRun
from site_recovery.convergence.outcome import Failure
from site_recovery.declared.checks import Check
from site_recovery.fleet import Assignment
from site_recovery.observation import Observed, Stage
from site_recovery.planning import has_arrived
from site_recovery.reasons import Reason
from site_recovery.service_clock import ServiceClock
from site_recovery.steps import Step


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
        self._courses: dict[str, CheckCourse] = {}

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
        course = self._courses.get(machine.name)
        if course is None or course.guest_id != vm_id:
            course = CheckCourse(
                vm_id, assignment.platform, assignment.checks, self._guests, self._clock
            )
            self._courses[machine.name] = course
        wrong = await course.go_on(
            lambda check: self._event(f"{machine.name}: check passed: {check.title}")
        )
        check = course.present
        if check is not None and wrong is None:
            self._tell(machine, check, course)
            return True
        if check is not None and wrong:
            self._fail(machine, observed, course, check, wrong)
            return True
        self._record(machine, observed, course, passed=True)
        return False

    def _tell(self, machine: MachineRun, check: Check, course: CheckCourse) -> None:
        machine.attempts.tell(Reason.CHECK_RUNNING, f"check {check.title}: {course.wrong}")

    def _fail(
        self, machine: MachineRun, observed: Observed, course: CheckCourse, check: Check, wrong: str
    ) -> None:
        self._record(machine, observed, course, passed=False)
        name = arm_ids.name(course.guest_id) if course.guest_id else "its virtual machine"
        place = f"{course.at + 1} of {len(machine.assignment.checks)}"
        message = (
            f"check {place} of {name} failed ({check.title}): {wrong}. Put that right on the "
            "virtual machine or in checks, then run pulumi up again, which checks it again."
        )
        machine.fail(observed, Failure(Reason.CHECK_FAILED, message))

    def _record(
        self, machine: MachineRun, observed: Observed, course: CheckCourse, *, passed: bool
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
