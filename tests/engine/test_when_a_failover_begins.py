"""A failover that begins at a moment, and only if a webhook lets it."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.endpoint import Endpoint
from tests.engine.harness import MACHINES_GROUP, Result, Stack

pytestmark = pytest.mark.engine

MACHINE = "web-01"
WAVE = "Wave pilot"
VARIABLE, SECRET = "HOOK_SECRET", "secret-of-the-webhook-of-this-test"
LATER = timedelta(days=10)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    """What the webhook is sent to; it refuses unless a test says otherwise."""
    with Endpoint([]).serving() as serving:
        yield serving


def failovers(stack: Stack) -> int:
    return stack.clouds.operations(MACHINE).count("UnplannedFailover")


def told(result: Result) -> str:
    return " ".join(result.text.split())


def fail_over(stack: Stack, **cutover: Any) -> None:
    """Declare the failover of the machine."""
    stack.declare(pilot=("failed-over", [MACHINE]))
    stack.waves["pilot"]["cutover"] |= cutover
    stack.convergence.update(requireTestFailover=False, wait="24h")


def test_it_does_not_begin_before_its_moment(stack: Stack) -> None:
    stack.declare(pilot=("protected", [MACHINE]))
    assert stack.up().code == 0
    at = stack.clouds.now() + LATER
    fail_over(stack, at=at.isoformat())

    preview, up = stack.preview(), stack.up()

    assert f"its failover begins {at:%a %Y-%m-%d %H:%M} UTC" in told(preview)
    assert up.code != 0
    assert f"{MACHINE}: its failover begins {at:%a %Y-%m-%d %H:%M} UTC" in told(up)
    assert failovers(stack) == 0


def test_a_schedule_may_run_before_it_without_a_failure(stack: Stack) -> None:
    stack.convergence["onPending"] = "warn"

    up = stack.up()

    assert up.code == 0, up.text
    assert failovers(stack) == 0


def test_its_moment_makes_the_difference_though_nothing_in_the_config_changed(
    stack: Stack,
) -> None:
    stack.clouds.advance(LATER.total_seconds())

    preview = stack.preview()

    assert preview.code == 0, preview.text
    assert preview.changes[WAVE] == "update"
    assert "1 failover, nothing blocked" in told(preview)
    assert "not-yet" not in told(preview)


def test_a_webhook_that_refuses_blocks_it_with_what_it_said(
    stack: Stack, endpoint: Endpoint
) -> None:
    stack.environment[VARIABLE] = SECRET
    hook = {
        "webhook": {"url": f"http://127.0.0.1:{endpoint.port}/approve", "secretEnv": VARIABLE},
        "timeout": "2m",
    }
    stack.waves["pilot"]["hooks"] = {"beforeFailover": [hook]}
    endpoint.statuses[:] = [403]

    preview, up = stack.preview(), stack.up()

    assert f"first hooks webhook 127.0.0.1:{endpoint.port}" in told(preview)
    assert up.code != 0
    assert "its hook beforeFailover 1 (webhook) failed: " in " ".join(up.error.split())
    assert f"127.0.0.1:{endpoint.port} answered 403: said" in " ".join(up.error.split())
    assert failovers(stack) == 0
    assert stack.clouds.virtual_machines(MACHINES_GROUP) == {}


def test_it_begins_once_the_webhook_lets_it(stack: Stack, endpoint: Endpoint) -> None:
    endpoint.statuses[:] = [200]

    up = stack.up()

    assert up.code == 0, up.text
    assert failovers(stack) == 1
    assert set(stack.clouds.virtual_machines(MACHINES_GROUP)) == {MACHINE}
    again = stack.up("--expect-no-changes")
    assert again.code == 0, again.text
    assert len(endpoint.requests) == 2, "once in each attempt"


def test_each_request_tells_what_it_is_about_and_is_signed(
    stack: Stack, endpoint: Endpoint
) -> None:
    attempts = set()
    for headers, body in endpoint.requests:
        # As docs/cutover.md tells a receiver to make it, without the program's own function.
        digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        assert headers["X-Migration-Signature"] == f"sha256={digest}"
        content = json.loads(body)
        attempts.add(content.pop("attempt"))
        assert content == {
            "machine": MACHINE,
            "instance": stack.fleet[MACHINE]["instanceId"],
            "wave": "pilot",
            "phase": "failed-over",
            "azureVm": "",
            "hook": "beforeFailover 1",
        }
    assert len(attempts) == 2


def test_the_secret_is_in_no_state_and_no_log(stack: Stack) -> None:
    assert SECRET not in stack.exported()
    assert SECRET not in stack.logs()
