"""The checks of one machine, made one after the other until one fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from site_recovery import checks
from site_recovery.convergence.guests import Guests
from site_recovery.declared.checks import Check
from site_recovery.errors import MigrationError, RefusedError
from site_recovery.fleet import Platform
from site_recovery.service_clock import ServiceClock

_UNANSWERED = 10
"""Consecutive rounds without an answer after which a check fails."""
_DELIVERY = timedelta(minutes=5)
"""How long a script may take to reach the machine and to report, beside its own time."""


@dataclass
class CheckCourse:
    """How far the checks of one machine are.

    Attributes:
        guest_id: the id of the machine, as `guests` knows it; None while nothing shows it.
        platform: the platform of its system.
        checks: what is checked, in this order.
        guests: the machines.
        clock: the service's time.
        at: the place of the present check.
        since: the service's time at which that one began.
        poll: where the result of a script is polled; None if none runs.
        wrong: what was wrong when it was last tried, in words.
        unanswered: consecutive rounds without an answer.
        messages: how the checks ended.
    """

    guest_id: str | None
    platform: Platform
    checks: Sequence[Check]
    guests: Guests
    clock: ServiceClock
    at: int = 0
    since: datetime = field(init=False)
    poll: str | None = None
    wrong: str = ""
    unanswered: int = 0
    messages: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.since = self.clock.now()

    @property
    def present(self) -> Check | None:
        """The check that is made now; None once all passed."""
        return self.checks[self.at] if self.at < len(self.checks) else None

    async def go_on(self, passed: Callable[[Check], None]) -> str | None:
        """Try the present check, and those after it as long as they pass.

        Args:
            passed: called with each that does.

        Returns:
            Empty if all passed; why the present one failed; None if it has to be tried again, for
            the reason in `wrong`.
        """
        while (check := self.present) is not None:
            if check.in_guest and not checks.script(check, self.platform):
                # It is one of the wave, for machines of the other platform.
                self._end(check, f"nothing to run on {self.platform}")
                continue
            wrong = await self._tried(check)
            if wrong != "":
                return wrong
            passed(check)
        return ""

    async def _tried(self, check: Check) -> str | None:
        """Try the present check once; the next one is the present one if it passed."""
        wrong = await self._answered(check)
        if wrong is None:
            return None
        if wrong:
            self._note(check, wrong)
            return wrong
        took = timedelta(seconds=round((self.clock.now() - self.since).total_seconds()))
        self._end(check, f"passed after {took}")
        return ""

    def _end(self, check: Check, how: str) -> None:
        self._note(check, how)
        self.at += 1
        self.since, self.poll, self.wrong = self.clock.now(), None, ""

    def _note(self, check: Check, how: str) -> None:
        self.messages[f"{self.at + 1} {check.title}"] = how

    async def _answered(self, check: Check) -> str | None:
        try:
            result = await self._try(check)
        except RefusedError as error:
            self.unanswered = 0
            result = self._again(check, str(error)) if error.busy else str(error)
        except MigrationError as error:
            self.unanswered += 1
            if self.unanswered >= _UNANSWERED:
                return str(error)
            self.wrong = str(error)
            return None
        else:
            self.unanswered = 0
        return result

    async def _try(self, check: Check) -> str | None:
        if self.guest_id is None:
            # A list may lack it for a while. That counts for nobody's time but the run's.
            self.wrong = "Azure lists no such virtual machine yet"
            return None
        if check.running is not None:
            health = await self.guests.health(self.guest_id)
            if health is None:
                return self._again(check, "there is no such machine")
            return "" if health.is_up else self._again(check, str(health))
        if check.in_guest:
            return await self._in_guest(check, self.guest_id)
        host = check.host or await self.guests.address(self.guest_id)
        if host is None:
            return self._again(check, "it has no private address")
        if check.http is not None:
            wrong = await self.guests.http(host, check.http)
        else:
            wrong = await self.guests.tcp(host, check.tcp or 0)
        return "" if wrong is None else self._again(check, f"{host}: {wrong}")

    async def _in_guest(self, check: Check, guest_id: str) -> str | None:
        if self.poll is None:
            lines = checks.script(check, self.platform)
            self.poll = await self.guests.send(guest_id, self.platform, lines)
            self.wrong = "its script runs"
            return None
        found = await self.guests.ran(self.poll)
        if found is None:
            return self._again(check, "its script runs")
        self.poll = None
        wrong = checks.verdict(check, found)
        if wrong is None:
            return ""
        # A script of the config runs once. What this program asks can be asked again.
        return wrong if check.azure_run_command is not None else self._again(check, wrong)

    def _again(self, check: Check, wrong: str) -> str | None:
        """None if there is time to try a check again; else why it failed."""
        allowed = check.running.within if check.running is not None else check.timeout
        if check.azure_run_command is not None:
            allowed += _DELIVERY
        self.wrong = wrong
        if self.clock.now() - self.since < allowed:
            return None
        return f"{wrong}, after {allowed}"
