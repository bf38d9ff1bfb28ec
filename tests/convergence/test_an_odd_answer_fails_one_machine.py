"""A field that is not as Azure documents it fails the machine that it belongs to, and no other."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from azure.core.rest import AsyncHttpResponse, HttpRequest
from azure.core.rest._http_response_impl_async import AsyncHttpResponseImpl
from azure.core.utils import CaseInsensitiveDict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.in_process import AsyncWorldTransport
from site_recovery.convergence.interfaces import PlanOrder
from site_recovery.convergence.outcome import Status
from site_recovery.convergence.review import refusals, review
from site_recovery.errors import MigrationError
from site_recovery.observation import Observed, Stage, observe
from site_recovery.operations import Operation
from site_recovery.phases import Phase
from site_recovery.planning import Rules, next_step
from site_recovery.reasons import Reason
from site_recovery.recovery_plan import Group, Plan
from site_recovery.steps import Do, Satisfied
from tests.convergence.fleet import LENIENT, Fleet
from tests.emulator.recovery_services.site_recovery_support import (
    BOTH,
    CLASSIC,
    Classic,
    linux,
    windows,
)

ITEMS, JOBS, MACHINES = "replicationProtectedItems", "replicationJobs", "virtualMachines"
SOURCES = ("replicationProtectableItems", "machines")
REMOVED = "removed"
Change = Callable[[str, Any], Any]


class OddFleet(Fleet):
    """A fleet for which lists are changed on their way.

    Attributes:
        change: takes the last part of a list's path and an answer; returns what arrives.
    """

    change: Change | None = None

    def _in_process(self) -> AsyncWorldTransport:
        return _OddTransport(self)

    def odd(self, part: str, name: str, path: str, value: Any) -> None:
        """Set a field of one entry of a list; `properties.x` is a path."""

        def change(listed: str, answer: Any) -> Any:
            if listed != part:
                return answer
            for entry in answer["value"]:
                if name in (entry.get("name"), entry["properties"].get("targetObjectName")):
                    put(entry, path.split("."), value)
            return answer

        self.change = change


def put(node: Any, path: list[Any], value: Any) -> None:
    *way, last = path
    for step in way:
        node = node[step]
    if value == REMOVED:
        del node[last]
    else:
        node[last] = value


class _OddTransport(AsyncWorldTransport):
    def __init__(self, fleet: OddFleet) -> None:
        super().__init__(fleet.site.world)
        self._fleet = fleet

    async def send(self, request: HttpRequest, **options: Any) -> AsyncHttpResponse:
        answer = await super().send(request, **options)
        part = request.url.split("?")[0].rsplit("/", 1)[-1]
        if self._fleet.change is None or request.method != "GET" or answer.status_code != 200:
            return answer
        body = self._fleet.change(part, json.loads(answer.content))
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = "text/html" if isinstance(body, bytes) else "application/json"
        return await _response(request, content, kind, answer)


async def _response(
    request: HttpRequest, content: bytes, kind: str, answer: AsyncHttpResponse
) -> AsyncHttpResponse:
    async def chunks(response: Any, pipeline: Any, **_: Any) -> Any:
        yield content

    class Closed:
        async def close(self) -> None: ...

    headers = {**answer.headers, "Content-Type": kind, "Content-Length": str(len(content))}
    made = AsyncHttpResponseImpl(
        request=request,
        internal_response=Closed(),
        status_code=200,
        reason="",
        content_type=kind,
        headers=CaseInsensitiveDict(headers),
        stream_download_generator=chunks,
    )
    await made.read()
    return made


def made(experience: Classic) -> OddFleet:
    return OddFleet([windows(1), windows(2), linux(1)], experience=experience)


@pytest.fixture
def fleet(experience: Classic) -> Iterator[OddFleet]:
    fleet = made(experience)
    yield fleet
    fleet.close()


@pytest.fixture
def quiet() -> Iterator[OddFleet]:
    fleet = made(CLASSIC)
    yield fleet
    fleet.close()


PROGRESS = {
    "classic": "properties.providerSpecificDetails.resyncProgressPercentage",
    "modernized": "properties.providerSpecificDetails.initialReplicationProgressPercentage",
}


@pytest.mark.parametrize(
    ("path", "value", "shown"),
    [
        ("progress", "n/a", '"n/a"'),
        ("properties.lastSuccessfulTestFailoverTime", "0000-01-01T00:00:00Z", '"0000-01'),
        ("properties", None, "properties is null"),
        ("properties.allowedOperations", "TestFailover", '"TestFailover"'),
        ("properties.providerSpecificDetails.vmNics", "eth0", '"eth0"'),
        ("properties.currentScenario", 5, "properties.currentScenario is 5"),
    ],
)
def test_an_odd_field_of_an_item_fails_its_machine_with_its_name(
    fleet: OddFleet, path: str, value: object, shown: str
) -> None:
    fleet.drive(Phase.PROTECTED)
    place = path if path != "progress" else PROGRESS[fleet.experience.name]
    fleet.odd(ITEMS, "web-01", place, value)
    outcomes = fleet.drive(Phase.TEST_FAILOVER)
    odd = outcomes.pop("web-01")
    assert (odd.status, odd.reason) == (Status.BLOCKED, Reason.UNREADABLE)
    assert "protected item web-01 cannot be read" in odd.message
    assert shown in odd.message
    assert {outcome.status for outcome in outcomes.values()} == {Status.SATISFIED}
    assert fleet.accepted("web-01").count("ReplicationProtectedItems_TestFailover") == 0


def test_an_entry_without_a_name_is_named_by_its_id(quiet: OddFleet) -> None:
    quiet.drive(Phase.PROTECTED)

    def change(listed: str, answer: Any) -> Any:
        if listed == ITEMS:
            for entry in answer["value"]:
                if entry["name"] == "web-02":
                    del entry["name"]
        return answer

    quiet.change = change
    outcomes = quiet.drive(Phase.TEST_FAILOVER)
    assert "web-02 cannot be read: it has no name" in outcomes["web-02"].message
    assert outcomes["web-01"].status is Status.SATISFIED


def test_a_machine_is_looked_at_again_before_it_fails(quiet: OddFleet) -> None:
    quiet.drive(Phase.PROTECTED)
    quiet.odd(ITEMS, "web-01", "properties.policyId", 5)
    looks = 0

    async def mended() -> None:
        nonlocal looks
        looks += 1
        if looks == 3:
            quiet.change = None

    outcomes = quiet.drive(Phase.TEST_FAILOVER, between_rounds=mended)
    assert {outcome.status for outcome in outcomes.values()} == {Status.SATISFIED}


def test_a_virtual_machine_that_cannot_be_read_is_still_somebodys(quiet: OddFleet) -> None:
    quiet.drive(Phase.MIGRATED)
    quiet.odd(MACHINES, "web-01", "tags", "none")
    outcomes = quiet.drive(Phase.MIGRATED)
    assert "virtual machine web-01 cannot be read: tags is" in outcomes["web-01"].message
    assert outcomes["web-02"].status is Status.SATISFIED
    assert quiet.accepted("web-01").count("ReplicationProtectedItems_Create") == 1


def test_an_odd_job_fails_its_machine(quiet: OddFleet) -> None:
    quiet.drive(Phase.PROTECTED)
    quiet.odd(JOBS, "web-01", "properties.startTime", "yesterday")
    outcomes = quiet.drive(Phase.TEST_FAILOVER)
    assert 'properties.startTime is "yesterday"' in outcomes["web-01"].message
    assert outcomes["web-02"].status is Status.SATISFIED


def test_an_odd_job_that_is_mended_keeps_nobody(quiet: OddFleet) -> None:
    quiet.drive(Phase.PROTECTED)
    quiet.odd(JOBS, "web-01", "properties.startTime", "yesterday")

    async def mended() -> None:
        quiet.change = None

    outcomes = quiet.drive(Phase.TEST_FAILOVER, between_rounds=mended)
    assert {outcome.status for outcome in outcomes.values()} == {Status.SATISFIED}


def test_an_odd_job_is_not_forgotten_because_a_later_list_is_no_list(quiet: OddFleet) -> None:
    quiet.drive(Phase.PROTECTED)
    quiet.odd(JOBS, "web-01", "properties.startTime", "yesterday")
    odd = quiet.change

    async def looks() -> list[str]:
        async with quiet.service() as service:
            before = (await service.observe()).unreadable
            quiet.site.pass_time(minutes=10)
            quiet.change = lambda listed, answer: b"<html></html>" if listed == JOBS else answer
            with pytest.raises(MigrationError):
                await service.observe()
            quiet.change = odd
            assert (await service.observe()).unreadable == before
            return [each.name for each in before]

    assert asyncio.run(looks())


def test_a_lost_request_is_not_sent_again_while_a_job_may_be_its_own(quiet: OddFleet) -> None:
    quiet.drive(Phase.PROTECTED)
    quiet.fault(operation="ReplicationProtectedItems_TestFailover", match="web-01", drop="after")

    def change(listed: str, answer: Any) -> Any:
        if listed == JOBS:
            for entry in answer["value"]:
                if entry["properties"]["scenarioName"] == "TestFailover":
                    entry["properties"] = None
        return answer

    quiet.change = change
    quiet.drive(Phase.TEST_FAILOVER, wait=timedelta(hours=1))
    assert quiet.accepted("web-01").count("ReplicationProtectedItems_TestFailover") == 1


def test_an_odd_recovery_plan_fails_its_wave_in_words(fleet: OddFleet) -> None:
    plan = Plan("plan-1", (Group(tuple(fleet.machines)),))
    fleet.drive(Phase.PROTECTED, plan=PlanOrder(plan))

    def change(read: str, answer: Any) -> Any:
        if read == plan.name:
            answer["properties"]["groups"][2]["startGroupActions"] = [5]
        return answer

    fleet.change = change
    outcomes = fleet.drive(Phase.TEST_FAILOVER, plan=PlanOrder(plan))
    assert {outcome.reason for outcome in outcomes.values()} == {Reason.PLAN_FAILED}
    assert "groups[2].startGroupActions[0] is 5" in outcomes["web-01"].message


def test_a_preview_tells_of_it_and_refuses_nothing(quiet: OddFleet) -> None:
    quiet.drive(Phase.PROTECTED)
    quiet.odd(ITEMS, "web-01", "properties", None)
    reviews = review(quiet.assignments(Phase.PROTECTED), quiet.snapshot(), Rules())
    assert refusals(reviews) == []
    [odd] = [each for each in reviews if each.has_something]
    assert odd.name == "web-01"
    assert "what Azure answers about" in str(odd.blocked[0])


def test_a_page_of_a_proxy_is_no_answer_of_azure(quiet: OddFleet) -> None:
    quiet.drive(Phase.PROTECTED)
    quiet.change = lambda listed, answer: b"<html>Sign in to go on</html>"
    with pytest.raises(MigrationError, match=r"<html>Sign in.*proxy"):
        quiet.snapshot()


@pytest.mark.parametrize(
    "page", [[], "no", {}, {"value": {}}, {"value": [], "nextLink": 5}, {"value": None}]
)
def test_an_answer_that_is_no_page_of_a_list_is_none(quiet: OddFleet, page: object) -> None:
    quiet.change = lambda listed, answer: page
    with pytest.raises(MigrationError, match="the answer is not one of Azure"):
        quiet.snapshot()


def test_pages_that_lead_in_a_circle_are_no_list(quiet: OddFleet) -> None:
    items = f"{quiet.migration_site.container.vault}/{ITEMS}"
    link = f"https://management.azure.com{items}?api-version=2025-08-01&again=1"
    quiet.change = lambda listed, answer: answer | {"nextLink": link if listed == ITEMS else None}
    with pytest.raises(MigrationError, match="the next page of a list"):
        quiet.snapshot()


def test_a_page_of_a_proxy_in_between_ends_nothing(quiet: OddFleet) -> None:
    quiet.drive(Phase.PROTECTED)
    looks = 0

    async def sometimes() -> None:
        nonlocal looks
        looks += 1
        odd = looks % 3 == 0
        quiet.change = (lambda listed, answer: b"<html></html>") if odd else None

    outcomes = quiet.drive(Phase.TEST_FAILOVER, between_rounds=sometimes)
    assert {outcome.status for outcome in outcomes.values()} == {Status.SATISFIED}


# -- any field, any value ------------------------------------------------------------------------

ODD = st.sampled_from(
    [
        *(REMOVED, None, True, 5, -1.5, 10**400, "", "n/a", "\ud800", "<html>"),
        *("0000-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00", [], {}, [None], {"a": [1]}),
    ]
)


@pytest.fixture(scope="module", params=BOTH, ids=lambda experience: experience.name)
def walked(request: pytest.FixtureRequest) -> Iterator[OddFleet]:
    """A fleet whose machines are protected, in a test, and failed over."""
    fleet = made(request.param)
    first, second, third = fleet.machines
    phases = {first: Phase.PROTECTED, second: Phase.TEST_FAILOVER, third: Phase.FAILED_OVER}
    fleet.drive({**phases}, rules=LENIENT)
    yield fleet
    fleet.close()


def seen(fleet: OddFleet) -> dict[str, Observed]:
    snapshot = fleet.snapshot()
    return {
        assignment.machine.name: observe(assignment.machine, snapshot, assignment.settings)
        for assignment in fleet.assignments(Phase.MIGRATED)
    }


def timeless(observed: Observed) -> Observed:
    return replace(observed, health_errors=())


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_one_odd_field_never_changes_what_is_seen_of_other_machines(
    walked: OddFleet, data: st.DataObject
) -> None:
    walked.change = None
    before = seen(walked)
    part = data.draw(st.sampled_from([ITEMS, MACHINES, *SOURCES]))
    name = data.draw(st.sampled_from(sorted(walked.machines)))
    number = sorted(walked.machines).index(name)

    def change(listed: str, answer: Any) -> Any:
        if listed == part and number < len(answer["value"]):
            answer = copy.deepcopy(answer)
            entry, path = answer["value"][number], list[Any]()
            node: Any = entry
            while isinstance(node, dict | list) and node:
                steps = sorted(node) if isinstance(node, dict) else list(range(len(node)))
                path.append(data.draw(st.sampled_from(steps)))
                node = node[path[-1]]
                if data.draw(st.booleans()):
                    break
            put(entry, path, data.draw(ODD))
        return answer

    walked.change = change
    try:
        after = seen(walked)
    finally:
        walked.change = None
    changed = [each for each in after if timeless(after[each]) != timeless(before[each])]
    assert len(changed) <= 1
    for each in changed:
        assert_nothing_is_begun_anew(after[each])


def assert_nothing_is_begun_anew(observed: Observed) -> None:
    """A machine with an item is never taken for one without."""
    for phase in Phase:
        step = next_step(phase, observed, Rules())
        assert step not in (Do(Operation.DISCOVER), Do(Operation.ENABLE_PROTECTION))
    assert observed.stage is not Stage.MIGRATED
    assert next_step(None, observed, Rules()) != Satisfied()
