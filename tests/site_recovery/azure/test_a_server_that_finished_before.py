"""A server whose set-up is finished when a run begins to wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from site_recovery.azure.servers import registration
from site_recovery.azure.servers.registered import Registration
from site_recovery.server_status import SUCCEEDED, ServerStatus

FOUND = Registration("fabric", "container", "provider", "process-server")
MISSING = "no configuration server asr-cs is registered with it yet"
CONNECTION = cast(
    Any,
    SimpleNamespace(
        clock=SimpleNamespace(now=lambda: datetime(2026, 1, 5, tzinfo=UTC)),
        pauses=lambda _: lambda: 0.0,
    ),
)
AWAITED = registration.Awaited(
    cast(Any, None), "asr-cs", "classic", timedelta(hours=1), timedelta(seconds=1)
)


async def _now(*_: object) -> None:
    """Wait for nothing."""


def events(monkeypatch: pytest.MonkeyPatch, looks: list[Registration | str]) -> list[str]:
    answers: Iterator[Registration | str] = iter(looks)

    async def find(*_: object) -> Registration | str:
        return next(answers)

    async def read() -> ServerStatus:
        return ServerStatus(SUCCEEDED, "done", "asr-cs is registered with its vault.")

    monkeypatch.setattr(registration, "find", find)
    told: list[str] = []
    waited = registration.wait(CONNECTION, AWAITED, lambda _: None, told.append, read, _now)
    assert asyncio.run(waited) == FOUND
    return [line for line in told if "does not register twice by itself" in line]


def test_one_that_finished_right_after_the_first_look_is_no_problem(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert events(monkeypatch, [MISSING, FOUND]) == []


def test_one_that_is_still_missing_is_told_once_with_the_way_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    [told] = events(monkeypatch, [MISSING, MISSING, MISSING, FOUND])
    assert "pulumi up --replace '**:Instance::server'" in told
