"""Ends the part of a machine in a run: its source is given back first, if its cutover is under way."""

from __future__ import annotations

from dataclasses import replace

from site_recovery.convergence.cutovers.back import Back
from site_recovery.convergence.cutovers.course import Courses
from site_recovery.convergence.machine_run import MachineRun
from site_recovery.convergence.outcome import Failure
from site_recovery.convergence.unexpected import named
from site_recovery.cutover_memory import Source
from site_recovery.errors import MigrationError
from site_recovery.observation import Observed
from site_recovery.operations import Operation
from site_recovery.reasons import Reason

UNANSWERED = 5
"""Consecutive rounds without an answer of AWS after which a cutover fails."""


class Ends:
    """The ends of machines of one run that may be in a cutover.

    Args:
        courses: what is known of the cutovers, and what they are taken with.
        back: gives their sources back.
    """

    def __init__(self, courses: Courses, back: Back) -> None:
        self._courses = courses
        self._back = back

    async def fail(self, machine: MachineRun, observed: Observed, failure: Failure) -> None:
        """Something ended the part of a machine in the run: give its source back, if it has to.

        Not if the service may have been asked for its failover. Whatever goes wrong, it fails.
        """
        message = failure.message.rstrip(".") if self.left(machine) else failure.message
        if self.may_go_back(machine) and self._courses.of(machine).unanswered < UNANSWERED:
            try:
                if await self.refused(machine, observed, failure):
                    return
            except Exception as error:  # noqa: BLE001 - it must not end the others
                message = f"{message}. Giving its source back ended with {named(error)}"
        machine.fail(observed, replace(failure, message=f"{message}{self.left(machine)}"))

    async def refused(self, machine: MachineRun, observed: Observed, failure: Failure) -> bool:
        """The request of the failover was refused: give the source back.

        Returns:
            Whether the machine is dealt with. If not, it has no cutover.
        """
        source = self._courses.source(machine)
        if source is None or not self._courses.is_under_way(machine):
            return False
        try:
            what = failure.message.rstrip(".")
            await self._back.fail(machine, source, observed, failure.reason, what)
        except MigrationError as error:
            self._courses.unanswered(machine, error)
        return True

    async def unanswered(
        self, machine: MachineRun, source: Source, observed: Observed, error: MigrationError
    ) -> None:
        """A step was refused again and again: give the source back, or say that even that failed."""
        source, course = self._courses.newest(machine, source), self._courses.of(machine)
        goes_forward = course.failure is None and not source.memory.restoring
        if goes_forward and not observed.in_azure:
            course.unanswered, course.command = 0, None
            try:
                await self._back.fail(machine, source, observed, Reason.UNAVAILABLE, _said(error))
            except MigrationError as another:
                self._courses.unanswered(machine, another)
            return
        machine.fail(observed, Failure(Reason.UNAVAILABLE, f"{_said(error)}{self.left(machine)}"))

    def left(self, machine: MachineRun) -> str:
        """What became of the source of a machine that cannot go on, as the end of a message."""
        observed = machine.observed
        if not self._courses.is_under_way(machine) or (observed and observed.in_azure):
            return ""
        instance = machine.assignment.machine.instance_id
        return (
            f". Its source, instance {instance}, is not given back yet. Put that right, then run "
            "pulumi up again, or set its wave's phase to protected to give it back"
        )

    def may_go_back(self, machine: MachineRun) -> bool:
        """Whether nothing was asked of the service that could have failed it over."""
        attempts, failover = machine.attempts, Operation.UNPLANNED_FAILOVER
        asked = attempts.in_flight is not None or failover in attempts.done
        lost = attempts.lost is failover or failover in attempts.requests
        in_azure = machine.observed is None or machine.observed.in_azure
        return self._courses.is_under_way(machine) and not (asked or lost or in_azure)


def _said(error: MigrationError) -> str:
    return str(error).rstrip(".")
