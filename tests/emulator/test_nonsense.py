"""Malformed requests: no crash, an error in Resource Manager's format, and no partial change.

`make fuzz` runs many more examples than the suite does.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.http import Application
from emulator.kernel.wire import Request

from .nonsense import Answer, Call, Template, send, state

TIME_FOR_EVERYTHING = timedelta(hours=12)
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "120"))
TEMPLATE = Template()


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="FUZZ_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(TEMPLATE.calls(), min_size=1, max_size=4))
def test_any_requests_are_answered_and_a_refusal_changes_nothing(calls: list[Call]) -> None:
    world = TEMPLATE.world()
    application = Application(world)
    for call in calls:
        before = state(world)
        numbers = [entry["number"] for entry in world.audited()]
        answer = send(application, call)
        assert 200 <= answer.status < 600
        assert answer.status != 500, (call, answer.body)
        if answer.status >= 400:
            assert_error(call, answer)
            assert state(world) == before
        else:
            assert_readable(call, answer)
            audited = [entry["number"] for entry in world.audited()]
            assert audited[: len(numbers)] == numbers
            assert audited == sorted(set(audited))
        assert world.store.altered() == []
    with nothing_logged():
        world.clock.advance(TIME_FOR_EVERYTHING)
        world.settle()
    world.store.close()


class Kept(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@contextmanager
def nothing_logged() -> Iterator[None]:
    """Fail if an error was logged: errors in events are reported in the log only."""
    handler = Kept()
    logger = logging.getLogger("emulator")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
    assert handler.messages == []


def assert_error(call: Call, answer: Answer) -> None:
    if call.method == "HEAD":
        assert answer.body == b""
        return
    error = json.loads(answer.body)["error"]
    assert set(error) <= {"code", "message", "details", "target"}
    assert isinstance(error["code"], str)
    assert error["code"]
    assert isinstance(error["message"], str)
    assert error["message"]


def assert_readable(call: Call, answer: Answer) -> None:
    if answer.body:
        assert isinstance(json.loads(answer.body), dict)
    for name, value in answer.headers.items():
        assert b"\n" not in name + value
        assert b"\r" not in name + value


@pytest.mark.parametrize("body", [b'{"location": NaN}', b'{"a": Infinity}', b"[" * 100_000])
def test_json_that_is_none_is_refused(body: bytes) -> None:
    world = TEMPLATE.world()
    path = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg"
    headers = {"Authorization": f"Bearer {TEMPLATE.token}"}
    response = world.handle(Request.of("PUT", f"{path}?api-version=2024-03-01", headers, body))
    assert (response.status, response.body["error"]["code"]) == (400, "InvalidRequestContent")
