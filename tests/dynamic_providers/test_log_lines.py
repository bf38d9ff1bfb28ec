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
    row = RowReporter(Engine("127.0.0.1:1"), "urn")

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
