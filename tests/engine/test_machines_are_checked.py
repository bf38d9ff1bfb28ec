"""Machines are checked in Azure: one that fails its check fails alone, and only a checked test counts."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.engine.harness import MACHINES_GROUP, Stack

pytestmark = pytest.mark.engine

WEB, DB = "web-01", "db-01"
CHECKS = [
    {
        "azureRunCommand": {
            "windows": ["if ((Get-Service W3SVC).Status -ne 'Running') { throw 'W3SVC is down' }"],
            "linux": ["systemctl is-active nginx"],
        }
    },
    {"http": {"path": "/healthz"}, "from": "azure"},
]


def commands(stack: Stack, machine: str) -> int:
    """How many scripts ran in a virtual machine."""
    return sum(
        entry["operation"] == "VirtualMachines_RunCommand"
        and f"/{machine}/" in f"{entry['resource']}/"
        for entry in stack.clouds.audit()
    )


def test_a_machine_whose_check_fails_fails_alone_with_what_it_printed(stack: Stack) -> None:
    stack.declare(pilot=("test-failover", [WEB, DB]))
    stack.waves["pilot"]["checks"] = CHECKS
    stack.clouds.fault(
        "VirtualMachines_RunCommand",
        match=f"{WEB}-test",
        command={"stderr": "the licence server does not answer", "exitCode": 3},
    )

    preview, up = stack.preview(), stack.up()

    assert preview.code == 0, preview.text
    told = " ".join(preview.line("pilot").split())
    assert (
        "checks running within 15m, run command (at most 10 min), http 80/healthz in the machine "
        "(at most 10 min)"
    ) in told
    assert up.code != 0
    assert "the licence server does not answer" in up.error
    assert f"check 2 of 3 of {WEB}-test failed (run command)" in up.error
    assert stack.recorded(WEB) is None
    assert stack.recorded(DB) is not None


def test_the_next_up_checks_it_again_and_only_it(stack: Stack) -> None:
    before = commands(stack, f"{DB}-test")

    up = stack.up()

    assert up.code == 0, up.text
    assert commands(stack, f"{DB}-test") == before == 2
    assert commands(stack, f"{WEB}-test") == 3
    for name in (WEB, DB):
        shown = stack.machine(name)["checks"]
        assert shown["passed"] is True
        assert shown["vmId"].endswith(f"/{name}-test")
        assert list(shown["messages"]) == [
            "1 running within 15m",
            "2 run command",
            "3 http 80/healthz in the machine",
        ]
        assert stack.clouds.operations(name).count("TestFailover") == 1
    again = stack.up("--expect-no-changes")
    assert again.code == 0, again.text


HOOK = """
import json, os, pathlib, sys
told = {name: os.environ[f"MIGRATION_{name}"] for name in
        ("MACHINE", "INSTANCE", "WAVE", "PHASE", "AZURE_VM", "HOOK", "ATTEMPT")}
with open(sys.argv[1], "a") as seen:
    print(json.dumps(told), file=seen)
sys.exit("the change is not approved" if sys.argv[2:] else 0)
"""


def hook(seen: Path, *arguments: str) -> dict[str, list[str]]:
    """A hook that notes what it is told in a file; with an argument it fails."""
    return {"command": [sys.executable, "-c", HOOK, str(seen), *arguments]}


def noted(seen: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in seen.read_text().splitlines()]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hooks") / "seen"


def test_a_hook_that_fails_keeps_its_machine_from_failing_over(stack: Stack, seen: Path) -> None:
    stack.declare(pilot=("protected", [DB]), production=("failed-over", [WEB]))
    stack.waves["production"]["hooks"] = {
        "beforeFailover": [hook(seen), hook(seen, "fail")],
        "afterFailover": [hook(seen)],
    }

    preview, up = stack.preview(), stack.up()

    told = " ".join(preview.line("production").split())
    program = f"command {sys.executable}"
    assert f"first hooks {program}, {program};" in told
    assert f"then hooks {program}" in told
    assert up.code != 0
    assert "its hook beforeFailover 2 (command) failed" in up.error
    assert "the change is not approved" in up.error
    assert stack.clouds.operations(WEB).count("UnplannedFailover") == 0
    assert set(stack.clouds.virtual_machines(MACHINES_GROUP)) == set()


def test_hooks_run_once_around_a_failover_that_a_checked_test_allows(
    stack: Stack, seen: Path
) -> None:
    seen.unlink()
    stack.waves["production"]["hooks"]["beforeFailover"] = [hook(seen)]

    up = stack.up()

    assert up.code == 0, up.text
    before, after = noted(seen)
    assert (before["HOOK"], after["HOOK"]) == ("beforeFailover 1", "afterFailover 1")
    assert before["ATTEMPT"] == after["ATTEMPT"]
    assert {before["MACHINE"], before["WAVE"], before["PHASE"]} == {
        WEB,
        "production",
        "failed-over",
    }
    assert before["AZURE_VM"] == ""
    assert after["AZURE_VM"].endswith(f"/{WEB}")
    assert set(stack.clouds.virtual_machines(MACHINES_GROUP)) == {WEB}
    assert stack.machine(WEB)["checks"]["vmId"].endswith(f"/{WEB}")
    assert stack.machine(DB)["checks"]["passed"] is True, "the record outlives the test machine"
    again = stack.up("--expect-no-changes")
    assert again.code == 0, again.text


def test_a_failover_that_nobody_decides_about_is_completed_when_that_is_due(stack: Stack) -> None:
    stack.waves["production"]["afterFailover"] = {"after": "10d", "do": "complete"}
    early = stack.up("--expect-no-changes")
    assert early.code == 0, early.text
    stack.clouds.advance(10 * 86400)

    preview, up = stack.preview(), stack.up()

    told = " ".join(preview.line("production").split())
    assert f"{WEB} failed over → migrated complete migration" in told
    assert "afterFailover.do is complete, and its time was" in told
    assert up.code == 0, up.text
    assert stack.machine(WEB)["observedPhase"] == "migrated"
    again = stack.up("--expect-no-changes")
    assert again.code == 0, again.text
