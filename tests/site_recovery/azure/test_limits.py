"""Who goes first while the limits of Resource Manager make requests wait."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.pipeline import PipelineContext, PipelineRequest

from emulator.kernel.clock import Clock
from site_recovery.azure.limits import PATIENT, LimitsPolicy
from tests.convergence import virtual_time

URL = "https://management.azure.com/subscriptions/one/resourceGroups/rg"
BURST = 245
"""The reads that may be sent at once."""


def request(name: str, *, patient: bool = False) -> PipelineRequest[Any]:
    options = {PATIENT: True} if patient else {}
    http = SimpleNamespace(method="GET", url=URL, name=name)
    return PipelineRequest(http, PipelineContext(None, **options))


class Wire:
    """Takes every request, and notes what reached it."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.options: list[dict[str, Any]] = []

    async def send(self, sent: PipelineRequest[Any]) -> Any:
        self.names.append(sent.http_request.name)
        self.options.append(dict(sent.context.options))
        return SimpleNamespace(http_response=SimpleNamespace(headers={}))


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def limits(wire: Wire) -> LimitsPolicy:
    policy = LimitsPolicy(lambda: True)
    policy.next = wire  # type: ignore[assignment]
    return policy


def place(limits: LimitsPolicy, wire: Wire, *, patient: bool) -> int:
    """How many of 300 requests go before one that is made after all of them."""

    async def work() -> None:
        many = [limits.send(request("many", patient=patient)) for _ in range(300)]
        async with asyncio.TaskGroup() as group:
            for each in many:
                group.create_task(each)
            await asyncio.sleep(0)
            group.create_task(limits.send(request("late")))

    virtual_time.run(Clock(), work())
    assert len(wire.names) == 301
    return wire.names.index("late")


def test_a_request_goes_before_patient_ones_that_wait(limits: LimitsPolicy, wire: Wire) -> None:
    # One patient request may stand before it.
    assert place(limits, wire, patient=True) <= BURST + 1


def test_others_go_in_their_order(limits: LimitsPolicy, wire: Wire) -> None:
    assert place(limits, wire, patient=False) == 300


def test_patient_ones_get_what_the_others_leave(limits: LimitsPolicy, wire: Wire) -> None:
    async def work() -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(BURST):
                group.create_task(limits.send(request("burst")))
            for _ in range(30):
                group.create_task(limits.send(request("patient", patient=True)))
            # 20 a second, of the 25 that Resource Manager lets through.
            for _ in range(400):
                await asyncio.sleep(0.05)
                group.create_task(limits.send(request("steady")))

    virtual_time.run(Clock(), work())
    last = len(wire.names) - wire.names[::-1].index("patient")
    assert last <= BURST + 30 + 200


def test_nobody_else_sees_the_option_and_a_repeated_request_stays_patient(
    limits: LimitsPolicy, wire: Wire
) -> None:
    once = request("repeated", patient=True)

    async def twice() -> None:
        await limits.send(once)
        await limits.send(once)

    virtual_time.run(Clock(), twice())
    assert wire.options == [{}, {}]
    assert once.context[PATIENT] is True
