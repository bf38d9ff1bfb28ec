"""The commands on a terminal whose encoding lacks what they write."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from report import __main__, engine, kept, plan
from site_recovery.errors import MigrationError

TEXT = "protected → failed over"


def _pulumi(folder: Path) -> None:
    """A `pulumi` that refuses a preview."""
    document = json.dumps(
        {"diagnostics": [{"severity": "error", "message": TEXT}]}, ensure_ascii=False
    )
    fake = folder / "pulumi"
    fake.write_text(f"#!/bin/sh\ncat <<'END'\n{document}\nEND\nexit 1\n", "utf-8")
    fake.chmod(0o755)


def _plan(folder: Path) -> int:
    return plan.main(["--stack", "dev", "--output", str(folder / "plan")])


def _kept(folder: Path) -> int:
    return kept.main(["--stack", "dev", "--output", str(folder / "kept.json")])


def _overview(_: Path) -> int:
    return __main__.main(["status", "--stack", "a", "--stack", "b"])


@pytest.mark.parametrize("command", [_plan, _kept, _overview])
def test_what_it_cannot_encode_is_a_question_mark(
    command: Callable[[Path], int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _pulumi(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    outputs = {"migrated": {"web-01 →": "i-1"}}
    wave = {"type": "asr:Wave", "urn": "urn:pulumi:dev::p::asr:Wave::pilot", "outputs": outputs}

    def exported(_: str) -> dict[str, list[object]]:
        if command is _kept:
            return {"resources": [wave]}
        raise MigrationError(TEXT)

    monkeypatch.setattr(engine, "exported", exported)
    latin = io.TextIOWrapper(io.BytesIO(), "latin-1", newline="")
    monkeypatch.setattr(sys, "stdout", latin)
    command(tmp_path)
    latin.seek(0)
    assert " ?" in latin.read()
