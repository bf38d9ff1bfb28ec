"""Hooks: what is declared, what they are told, and how those run that run where pulumi runs."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from site_recovery.declared.hooks import Hook, Hooks, Webhook, When
from site_recovery.hooks import HookRecord, Told, key
from site_recovery.local_hooks import IDEMPOTENCY, SIGNATURE, LocalHooks, signature
from tests.endpoint import Endpoint

TOLD = Told("web-01", "i-1", "pilot", "failed-over", "/vm/web-01", "attempt-1", "afterFailover 1")
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({}, "this is nothing"),
        ({"command": ["a"], "ssm": {}}, "command and ssm"),
        ({"command": []}, "at least 1"),
        ({"webhook": {"url": "ftp://x", "secretEnv": "S"}}, "is not a URL to which"),
        (
            {"webhook": {"url": "https://x", "secretEnv": "a b"}},
            "is not the name of an environment variable",
        ),
        ({"webhook": {"url": "https://me:word@x", "secretEnv": "S"}}, "is not a URL to which"),
        ({"ssm": {}}, "ssm has no lines"),
        ({"command": ["a"], "timeout": "3h"}, "out of bounds"),
    ],
)
def test_a_hook_is_one_thing(declared: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Hook.model_validate(declared)


def test_a_machine_has_its_own_hooks_and_those_of_its_wave() -> None:
    wave = Hooks.model_validate(
        {"beforeFailover": [{"command": ["a"]}], "afterFailover": [{"command": ["b"]}]}
    )
    own = Hooks.model_validate({"afterFailover": [{"command": ["c"]}]})
    both = own.over(wave)
    assert [hook.command for hook in both.of(When.BEFORE_FAILOVER)] == [["a"]]
    assert [hook.command for hook in both.of(When.AFTER_FAILOVER)] == [["c"]]
    assert both.of(When.BEFORE_COMPLETION) == []


def test_another_attempt_has_another_id_and_nothing_done() -> None:
    record = HookRecord("i-1").with_done(key(When.BEFORE_FAILOVER, 0))
    assert record.done == ("beforeFailover 1",)
    assert HookRecord.of(record.wire()) == record
    assert record.attempt == HookRecord("i-1").attempt
    assert record.next().attempt != record.attempt
    assert record.next().done == ()
    assert HookRecord("i-2").attempt != record.attempt


# -- commands -----------------------------------------------------------------------------------


def run(*command: str, within: timedelta = MINUTE) -> str:
    return asyncio.run(LocalHooks("pilot").command(command, TOLD, within))


def python(script: str) -> tuple[str, ...]:
    return sys.executable, "-c", script


def test_a_command_has_what_it_needs_in_its_environment() -> None:
    wanted = {
        "MIGRATION_MACHINE": "web-01",
        "MIGRATION_INSTANCE": "i-1",
        "MIGRATION_WAVE": "pilot",
        "MIGRATION_PHASE": "failed-over",
        "MIGRATION_AZURE_VM": "/vm/web-01",
        "MIGRATION_ATTEMPT": "attempt-1",
        "MIGRATION_HOOK": "afterFailover 1",
    }
    script = f"import os, sys; sys.exit(not {wanted!r}.items() <= os.environ.items())"
    assert run(*python(script)) == ""


def test_a_command_that_fails_tells_what_it_printed() -> None:
    script = "import sys; print('half'); print('no such zone', file=sys.stderr); sys.exit(3)"
    wrong = run(*python(script))
    assert "ended with 3" in wrong
    assert "half" in wrong
    assert "no such zone" in wrong


def test_no_shell_reads_the_arguments_of_a_command() -> None:
    assert run(*python("import sys; sys.exit(sys.argv[1] != '$HOME; true')"), "$HOME; true") == ""


def test_a_command_that_is_not_there_is_named() -> None:
    assert run("no-such-program") == "no-such-program cannot be run: No such file or directory"


def test_a_command_that_does_not_end_is_killed() -> None:
    wrong = run(*python("import time; time.sleep(600)"), within=timedelta(milliseconds=300))
    assert "did not end within" in wrong


def test_what_a_command_started_ends_with_it(tmp_path: Path) -> None:
    script = f"sleep 600 & echo $! > {tmp_path}/child; wait"
    wrong = run("sh", "-c", script, within=timedelta(milliseconds=500))
    assert "did not end within" in wrong
    child = int((tmp_path / "child").read_text())
    assert _ends(child), f"process {child} still runs"


def _ends(process: int) -> bool:
    """Whether a process that was killed is gone, or only waits for whoever inherited it."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
    return False


def test_the_end_of_a_long_output_is_told() -> None:
    wrong = run(*python("print('x' * 300000); print('no such zone'); raise SystemExit(1)"))
    assert wrong.endswith("no such zone")
    assert len(wrong) < 5000


# -- webhooks -----------------------------------------------------------------------------------


def post(endpoint: Endpoint, slept: list[float] | None = None) -> str:
    async def sleep(seconds: float) -> None:
        if slept is not None:
            slept.append(seconds)

    hook = Webhook.model_validate(
        {"url": f"http://127.0.0.1:{endpoint.port}/hook", "secretEnv": "HOOK_SECRET"}
    )
    return asyncio.run(LocalHooks("pilot", sleep).webhook(hook, TOLD, MINUTE))


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", "hunter2")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def test_a_webhook_is_signed() -> None:
    with Endpoint([200]).serving() as endpoint:
        assert post(endpoint) == ""
    [(headers, body)] = endpoint.requests
    assert json.loads(body) == TOLD.body()
    assert headers[SIGNATURE] == signature("hunter2", body)
    assert headers[SIGNATURE].startswith("sha256=")
    assert "hunter2" not in str(headers) + body.decode()


def test_a_webhook_is_sent_again_with_the_same_key_after_a_5xx() -> None:
    slept: list[float] = []
    with Endpoint([503, 500, 200]).serving() as endpoint:
        assert post(endpoint, slept) == ""
    assert len({headers[IDEMPOTENCY] for headers, _ in endpoint.requests}) == 1
    assert len(slept) == 2


def test_a_webhook_that_is_refused_is_not_sent_again() -> None:
    with Endpoint([403]).serving() as endpoint:
        assert post(endpoint) == f"127.0.0.1:{endpoint.port} answered 403: said"
    assert len(endpoint.requests) == 1


def test_a_webhook_gives_up_in_the_end() -> None:
    with Endpoint([503] * 9).serving() as endpoint:
        assert "answered 503" in post(endpoint)
    assert len(endpoint.requests) == 5


def test_nobody_who_answers_is_told() -> None:
    with Endpoint([]).serving() as endpoint:
        pass
    wrong = post(endpoint)
    assert wrong.startswith(f"127.0.0.1:{endpoint.port} does not answer")
    assert "/hook" not in wrong, "the path of a URL may be a secret"


def test_a_secret_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOOK_SECRET")
    assert post(Endpoint([])) == "the environment variable HOOK_SECRET is not set"
