"""Lines for the engine are sent in order, and nobody who drives machines waits for them."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from dynamic_providers import adapter, engine
from dynamic_providers.engine import Engine, RowReporter


class SlowEngine:
    """An engine that takes a line only when it is let."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.let = threading.Event()

    def Log(self, request: Any, timeout: float) -> None:  # noqa: N802 - gRPC's name
        assert self.let.wait(20)
        self.taken.append(request.message)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> SlowEngine:
    made = SlowEngine()
    monkeypatch.setattr(
        "dynamic_providers.engine.engine_pb2_grpc.EngineStub", lambda _channel: made
    )
    return made


def test_an_engine_that_hangs_keeps_nobody_waiting(slow: SlowEngine) -> None:
    row = RowReporter(Engine("127.0.0.1:1"), "urn", log=False)

    row.event("web-01: failover started")
    row.status("0/1 failed over")
    row.event("web-01: failed over")

    assert slow.taken == []
    slow.let.set()
    engine.flush()
    assert slow.taken == ["web-01: failover started", "0/1 failed over", "web-01: failed over"]


def test_a_call_answers_after_its_lines_were_sent(slow: SlowEngine) -> None:
    row = RowReporter(Engine("127.0.0.1:1"), "urn")
    slow.let.set()

    async def work() -> str:
        row.event("web-01: protected")
        return "done"

    assert adapter._run(work()) == "done"
    assert slow.taken == ["web-01: protected"]


def test_a_log_has_a_line_at_a_change_and_a_sign_of_life_a_minute(slow: SlowEngine) -> None:
    slow.let.set()
    clock = [0.0]
    row = RowReporter(Engine("127.0.0.1:1"), "urn", log=True, now=lambda: clock[-1])

    for second, percent in ((10.0, 1), (59.0, 2), (61.0, 3), (100.0, 4)):
        clock.append(second)
        row.status(f"0/1 protected · web-01 {percent} %")
    clock.append(115.0)
    row.event("web-01: initial replication -> protected")
    for second, text in ((130.0, "1/1 protected"), (174.0, "waits"), (176.0, "waits")):
        clock.append(second)
        row.status(text)

    engine.flush()
    assert slow.taken == [
        "0/1 protected · web-01 3 %",
        "web-01: initial replication -> protected",
        "waits",
    ]


@pytest.mark.parametrize(
    ("environment", "log"),
    [
        ({}, False),
        ({"CI": "true"}, True),
        ({"CI": "1"}, True),
        ({"CI": "false"}, False),
        ({"CI": ""}, False),
        ({"EC2_TO_AZURE_PROGRESS": "log"}, True),
        ({"EC2_TO_AZURE_PROGRESS": "live", "CI": "true"}, False),
        ({"EC2_TO_AZURE_PROGRESS": "other", "CI": "true"}, True),
    ],
)
def test_whether_it_is_a_log_is_said_by_the_environment(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], log: bool
) -> None:
    for name in ("CI", "EC2_TO_AZURE_PROGRESS"):
        monkeypatch.delenv(name, raising=False)
    for name, text in environment.items():
        monkeypatch.setenv(name, text)
    assert engine.in_a_log() is log
