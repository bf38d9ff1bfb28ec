"""A run goes by the time of Resource Manager: answers of others do not begin anything early."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from azure.core.rest import AsyncHttpResponse, HttpRequest
from azure.core.rest._http_response_impl_async import AsyncHttpResponseImpl
from azure.core.utils import CaseInsensitiveDict

from emulator.in_process import AsyncWorldTransport
from site_recovery.convergence.guarding import Guarding
from site_recovery.convergence.outcome import Status
from site_recovery.declared.cutover import Decision
from site_recovery.observation import Stage
from site_recovery.phases import Phase
from tests.convergence.fleet import PORTALS_WAY, Fleet
from tests.convergence.test_a_cutover_loses_nothing import FAILOVER, protected_fleet
from tests.convergence.test_guards_hold_a_run import window
from tests.convergence.test_nobody_decides_after_a_failover import decide, failed_over_fleet, stage
from tests.emulator.recovery_services.site_recovery_support import Classic

ITEMS = "replicationProtectedItems"


class Ahead(AsyncWorldTransport):
    """Answers whose Date is ahead, instead of some lists of the items.

    Args:
        fleet: the fleet behind it.
        by: how far they are ahead.
        left: how many such answers there are.
        status: 502 for those of a proxy, and 200 for those of Azure itself.
    """

    def __init__(self, fleet: Fleet, by: timedelta, left: int, status: int) -> None:
        super().__init__(fleet.site.world)
        self._fleet = fleet
        self._by = by
        self.left = left
        self._status = status

    async def send(self, request: HttpRequest, **options: Any) -> AsyncHttpResponse:
        answer = await super().send(request, **options)
        if request.method != "GET" or ITEMS not in request.url or not self.left:
            return answer
        self.left -= 1
        date = format_datetime(self._fleet.site.world.clock.now() + self._by, usegmt=True)
        if self._status != 502:
            answer.headers["Date"] = date
            return answer
        return await _bad_gateway(request, date)


async def _bad_gateway(request: HttpRequest, date: str) -> AsyncHttpResponse:
    async def chunks(response: Any, pipeline: Any, **_: Any) -> AsyncIterator[bytes]:
        yield b"<html>Bad Gateway</html>"

    class Closed:
        async def close(self) -> None: ...

    made = AsyncHttpResponseImpl(
        request=request,
        internal_response=Closed(),
        status_code=502,
        reason="",
        content_type="text/html",
        headers=CaseInsensitiveDict({"Date": date, "Content-Type": "text/html"}),
        stream_download_generator=chunks,
    )
    await made.read()
    return made


@pytest.mark.parametrize(("status", "answers"), [(502, 11), (200, 1)])
def test_a_window_stays_closed_until_its_time(
    experience: Classic, status: int, answers: int
) -> None:
    fleet = protected_fleet(experience)
    fleet.cutovers = dict.fromkeys(fleet.machines, PORTALS_WAY)
    opens = fleet.site.world.clock.now() + timedelta(hours=4)
    guards = window(fleet, timedelta(hours=4), timedelta(hours=12))
    ahead = Ahead(fleet, timedelta(hours=5), 0, status)
    fleet.carrier = lambda: ahead
    rounds: list[bool] = []

    async def between() -> None:
        rounds.append(True)
        if len(rounds) == 2:
            ahead.left = answers

    outcomes = fleet.drive(Phase.FAILED_OVER, guarding=Guarding(guards), between_rounds=between)
    assert not ahead.left
    assert {o.status for o in outcomes.values()} == {Status.SATISFIED}, outcomes
    begun = [e["time"] for e in fleet.site.world.audited() if e["operation"] == FAILOVER]
    assert min(begun) >= opens.replace(second=0).isoformat()


@pytest.mark.parametrize("status", [502, 200])
def test_a_failover_is_not_taken_back_before_its_time(experience: Classic, status: int) -> None:
    fleet = failed_over_fleet(experience)
    decide(fleet, Decision.ROLLBACK)
    ahead = Ahead(fleet, timedelta(hours=9), 1, status)
    fleet.carrier = lambda: ahead
    fleet.drive(Phase.FAILED_OVER)
    assert not ahead.left
    assert stage(fleet) is Stage.FAILED_OVER
