"""`make up` and `make preview` on a terminal of 80 columns, and in a log."""

from __future__ import annotations

import io
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests import terminal
from toolchain.layout import checkout
from toolchain.progress.__main__ import Events, asks_for_passphrase, run
from toolchain.progress.deployment import Deployment
from toolchain.progress.display import Display
from toolchain.progress.ending import Ending

OF = "urn:pulumi:dev::shop::"
WAVE = f"{OF}shop:components:MigrationWave$pulumi-python:dynamic/asr:Wave::web"
LONG = f"{OF}x:y:Z$aws:ec2/networkInterfaceSecurityGroupAttachment:" + (
    "NetworkInterfaceSecurityGroupAttachment::a-machine-with-a-long-name-01"
)
PROVIDER = f"{OF}pulumi:providers:aws::default"


def step(kind: str, urn: str, op: str = "update", **more: Any) -> dict[str, Any]:
    full = urn.split("::")[2].rpartition("$")[2]
    state = {"custom": True}
    return {kind: {"metadata": {"op": op, "urn": urn, "type": full, "new": state, **more}}}


def said(text: str, urn: str = WAVE, severity: str = "info", **more: Any) -> dict[str, Any]:
    return {"diagnosticEvent": {"urn": urn, "message": text, "severity": severity, **more}}


RUN: list[dict[str, Any]] = [
    {"policyLoadEvent": {}},
    {"preludeEvent": {"config": {}}},
    said("asking AWS about the machines\n", "", ephemeral=True),
    step("resourcePreEvent", PROVIDER, "create"),
    step("resourcePreEvent", LONG, "create"),
    step("resourcePreEvent", WAVE),
    said("a debug message\n", severity="debug"),
    said("web-02: unplanned failover started\n"),
    said("3/8 protected · db-02 63 %\n", ephemeral=True),
]
ENDED: list[dict[str, Any]] = [
    said("web-02: <{%reset%}>protected -> failed over\n"),
    step("resOutputsEvent", WAVE),
    said("it is <too long> for AWS\n", LONG, "error"),
    step("resOpFailedEvent", LONG, "create"),
]
PRINTED = """\
Updating (dev):
Loading policy packs...: starting

 ~  pulumi-python:dynamic/asr:Wave web updating (0s) web-02: unplanned failover started
    pulumi:pulumi:Stack shop-dev
Policies:
    ✅ shop@v0.0.1 (local: policy)

Diagnostics:
  aws:ec2:NetworkInterfaceSecurityGroupAttachment (a-machine-with-a-long-name-01):
    error: it is <too long> for AWS

      second paragraph

  pulumi-python:dynamic/asr:Wave (web):
    web-02: unplanned failover started
    web-02: protected -> failed over

Resources:
    ~ 1 updated
    1 errored

Duration: 3s
"""


def told(deployment: Deployment, events: list[dict[str, Any]]) -> list[str]:
    return [line for event in events for line in deployment.take(event, 0.0)]


def test_a_log_has_a_line_for_each_change_and_each_word_that_stays() -> None:
    assert told(Deployment(preview=False), RUN + ENDED) == [
        "web-02: unplanned failover started",
        "web-02: protected -> failed over",
        "~ web (asr:Wave)",
        "+ a-machine-with-a-long-name-01 (aws:ec2:NetworkInterfaceSecurityGroupAttachment): failed",
    ]


def test_a_preview_names_each_resource_that_would_change() -> None:
    replaced = step("resourcePreEvent", LONG, "replace", diffs=["subnetId"])
    assert told(Deployment(preview=True), [*RUN[3:4], replaced, *RUN[5:8]]) == [
        "+- a-machine-with-a-long-name-01 (aws:ec2:NetworkInterfaceSecurityGroupAttachment): subnetId",
        "~ web (asr:Wave)",
    ]


def test_what_was_told_does_not_stand_in_the_diagnostics_again() -> None:
    deployment = Deployment(preview=False)
    told(deployment, RUN + ENDED)
    ending = Ending(deployment.told)
    shown = [line for text in PRINTED.splitlines() for line in ending.take(text)]
    assert [*shown, *ending.rest()] == [
        "Policies:",
        "    ✅ shop@v0.0.1 (local: policy)",
        "",
        "Diagnostics:",
        "  aws:ec2:NetworkInterfaceSecurityGroupAttachment (a-machine-with-a-long-name-01):",
        "    error: it is <too long> for AWS",
        "",
        "      second paragraph",
        "",
        "Resources:",
        "    ~ 1 updated",
        "    1 errored",
        "",
        "Duration: 3s",
    ]


GROUP = f"{OF}azure-native:resources:ResourceGroup::machines"


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        ("    - 79 deleted", ["    - 78 deleted", "    1 kept: machines (ResourceGroup)"]),
        ("    - 79 to delete", ["    - 78 to delete", "    1 kept: machines (ResourceGroup)"]),
        ("    - 1 deleted", ["    1 kept: machines (ResourceGroup)"]),
        ("    ~ 1 updated", ["    ~ 1 updated"]),
    ],
)
def test_what_stays_in_the_cloud_does_not_count_as_deleted(printed: str, shown: list[str]) -> None:
    deployment = Deployment(preview=False)
    events = [
        step(kind, urn, "delete", old={"custom": True, "retainOnDelete": urn == GROUP}, new=None)
        for kind in ("resourcePreEvent", "resOutputsEvent")
        for urn in (GROUP, LONG)
    ]
    assert told(deployment, events) == [
        "- machines (azure-native:resources:ResourceGroup): kept",
        "- a-machine-with-a-long-name-01 (aws:ec2:NetworkInterfaceSecurityGroupAttachment)",
    ]
    assert list(Ending(deployment.told, deployment.kept).take(printed)) == shown


def test_what_pulumi_says_before_it_begins_is_shown() -> None:
    ending = Ending(())
    assert list(ending.take("error: no stack named 'dev' found")) == [
        "error: no stack named 'dev' found"
    ]


def test_an_error_among_the_rows_ends_them_and_is_shown() -> None:
    printed = """\
Previewing update (dev):
Loading policy packs...: starting
    pulumi:pulumi:Stack shop-dev
error: could not load policy pack config: unexpected end of JSON input
  in policies.json
"""
    ending = Ending(())
    assert [shown for text in printed.splitlines() for shown in ending.take(text)] == [
        "error: could not load policy pack config: unexpected end of JSON input",
        "  in policies.json",
    ]


class Terminal(io.StringIO):
    """What is written to a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_the_row_of_a_wave_fits_and_comes_first(columns: int) -> None:
    out = Terminal()
    console = Console(
        file=out, width=columns, height=24, color_system=None, _environ={"TERM": "xterm"}
    )
    deployment = Deployment(preview=False)
    told(deployment, RUN)
    with Display("Updating dev", deployment, console, now=lambda: 65.0):
        pass
    lines = [line.rstrip("\r") for line in out.getvalue().split("\n")]
    [row] = [line for line in lines if "3/8" in line]
    assert "web" in row
    assert "3/8 protected"[: columns - 30] in row
    assert columns < 80 or row.rstrip().endswith("3/8 protected · db-02 63 %")
    assert lines.index(row) < next(i for i, line in enumerate(lines) if "a-machine" in line)
    assert max(len(line) for line in lines if "\x1b" not in line) < columns


def test_a_log_is_never_silent_for_long() -> None:
    out = io.StringIO()
    clock = itertools.count(0.0, 4.0)
    console = Console(file=out, force_terminal=False, width=80)
    deployment = Deployment(preview=False)
    told(deployment, RUN)
    with Display("Updating dev", deployment, console, now=lambda: next(clock)) as display:
        for _ in range(6):
            display.breathe()
    _, *lines = out.getvalue().splitlines()
    assert len(lines) >= 2
    assert all("… web: 3/8 protected · db-02 63 %" in line for line in lines)


@pytest.mark.parametrize(
    ("out", "variables"),
    [
        (io.StringIO(), {"FORCE_COLOR": "1"}),
        (io.StringIO(), {"TTY_COMPATIBLE": "1"}),
        (io.StringIO(), {"TTY_COMPATIBLE": "1", "TTY_INTERACTIVE": "1"}),
        (Terminal(), {"TERM": "dumb"}),
        (Terminal(), {"TERM": "dumb", "TTY_INTERACTIVE": "1"}),
        (Terminal(), {"TERM": "xterm", "TTY_INTERACTIVE": "0"}),
    ],
)
def test_where_lines_cannot_be_drawn_over_there_is_a_log(
    out: io.StringIO, variables: dict[str, str]
) -> None:
    clock = itertools.count(0.0, 8.0)
    deployment = Deployment(preview=False)
    told(deployment, RUN)
    console = Console(file=out, width=80, _environ=variables)
    with Display("Updating dev", deployment, console, now=lambda: next(clock)) as display:
        display.breathe()
        display.breathe()
    begins, *lines = out.getvalue().splitlines()
    assert begins == "Updating dev:"
    assert lines
    assert all("  … web: 3/8 protected · db-02 63 %" in line for line in lines)
    assert "\x1b" not in out.getvalue()


FAKE = """\
#!{python}
import json, signal, sys
log = sys.argv[sys.argv.index("--event-log") + 1]
assert "--non-interactive" in sys.argv
# Blocked, so that none is lost before it is waited for.
signal.pthread_sigmask(signal.SIG_BLOCK, {{signal.SIGINT}})
preview = sys.argv[1] == "preview"
with open(log, "w") as file:
    for event in json.loads({events!r})["preview" if preview else "up"]:
        file.write(json.dumps(event) + "\\n")
        file.flush()
    if not preview and "wait" in sys.argv:
        signal.sigwait({{signal.SIGINT}})
        file.write(json.dumps({{"stdoutEvent": {{"message": "cancelling"}}}}) + "\\n")
if preview and "wait-in-preview" in sys.argv:
    signal.sigwait({{signal.SIGINT}})
for option in sys.argv:
    if option.startswith("--ended="):
        open(option.partition("=")[2], "w").close()
sys.stdout.buffer.write(json.loads({printed!r}).encode())
sys.exit(0 if preview else 3)
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment whose `pulumi` logs the events of a run, and ends with 3."""
    fake = tmp_path / "bin" / "pulumi"
    fake.parent.mkdir()
    events = json.dumps({"preview": RUN[:3], "up": RUN})
    fake.write_text(
        FAKE.format(python=sys.executable, events=events, printed=json.dumps(PRINTED)), "utf-8"
    )
    fake.chmod(0o755)
    path = f"{fake.parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": str(checkout().root)}


UP = [sys.executable, "-m", "toolchain.progress", "up", "--stack", "dev"]


def test_on_a_terminal_of_80_columns_a_person_sees_the_progress_of_a_wave(
    environment: dict[str, str], tmp_path: Path
) -> None:
    shown = terminal.run(
        [*UP, "--yes", "--", "wait"], 80, environment, tmp_path, "3/8 protected · db-02 63 %"
    )
    assert shown.code == 3
    assert any(line.endswith("web-02: unplanned failover started") for line in shown.lines)
    # Ctrl-C is Pulumi's: what it says and how it ends is shown.
    assert any(line.endswith("cancelling") for line in shown.lines)
    assert "Duration: 3s" in shown.lines
    assert max(len(line) for line in shown.lines) < 80


def test_ctrl_c_in_a_preview_is_never_followed_by_an_update(
    environment: dict[str, str], tmp_path: Path
) -> None:
    command = [*UP, "--yes", "--", "wait-in-preview"]
    shown = terminal.run(command, 80, environment, tmp_path, "asking AWS")
    assert shown.code == 130
    assert not any("Updating" in line for line in shown.lines if "(dev)" not in line)


def logged(
    command: list[str], environment: dict[str, str], folder: Path
) -> subprocess.CompletedProcess[str]:
    """Run a command without a terminal."""
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_in_a_log_nothing_is_drawn_and_nothing_stands_twice(
    environment: dict[str, str], tmp_path: Path
) -> None:
    done = logged([*UP, "--yes"], environment, tmp_path)
    assert done.returncode == 3, done.stderr
    assert "\x1b" not in done.stdout
    updating = done.stdout.partition("Updating dev:")[2]
    assert updating.count("web-02: unplanned failover started") == 1


def test_a_run_that_fails_without_a_word_shows_the_last_that_pulumi_printed(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    fake = tmp_path / "bin" / "pulumi"
    fake.write_text("#!/bin/sh\necho 'Previewing update (dev):'\necho '  panic in a row'\nexit 2\n")
    done = logged([*UP, "--yes"], environment, tmp_path)
    assert done.returncode == 2
    assert done.stdout.splitlines() == [
        "Previewing dev:",
        "Previewing update (dev):",
        "  panic in a row",
    ]


def test_a_character_that_is_half_written_is_read_with_its_other_half(tmp_path: Path) -> None:
    log = tmp_path / "events.json"
    events = Events(log)
    event = {"stdoutEvent": {"message": "protected → failed over"}}
    written = json.dumps(event, ensure_ascii=False).encode() + b"\n"
    middle = written.index("→".encode()) + 1
    with log.open("wb", buffering=0) as file:
        file.write(written[:middle])
        assert list(events.new()) == []
        file.write(written[middle:])
        assert list(events.new()) == [event]
    events.close()


def test_an_output_that_cannot_encode_what_is_shown_has_question_marks(
    environment: dict[str, str], tmp_path: Path
) -> None:
    done = logged([*UP, "--yes"], {**environment, "PYTHONIOENCODING": "latin-1"}, tmp_path)
    assert done.returncode == 3, done.stderr
    assert "    ? shop@v0.0.1 (local: policy)" in done.stdout.splitlines()


def test_an_engine_that_can_no_longer_be_shown_is_interrupted_and_waited_for(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            if "failover started" in text:
                raise OSError("no space left")
            return super().write(text)

    monkeypatch.setenv("PATH", environment["PATH"])
    ended = tmp_path / "ended"
    command = ["up", "wait", f"--ended={ended}"]
    with pytest.raises(OSError, match="no space left"):
        run("Updating dev", command, Console(file=Full()), preview=False)
    assert ended.exists()


def test_where_nobody_can_answer_nothing_is_changed(
    environment: dict[str, str], tmp_path: Path
) -> None:
    done = logged(UP, environment, tmp_path)
    assert done.returncode == 1
    assert "Say YES=1" in done.stdout
    assert "Previewing" not in done.stdout


def test_a_passphrase_is_asked_for_only_if_a_stack_has_one_that_no_variable_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "Pulumi.prod.yaml"
    assert not asks_for_passphrase(file)
    file.write_text("config: {}\n", "utf-8")
    assert not asks_for_passphrase(file)
    file.write_text("encryptionsalt: v1:abc\n", "utf-8")
    assert asks_for_passphrase(file)
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "")
    assert not asks_for_passphrase(file)
