"""The machines that stay in Azure when their stack is destroyed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from report import engine, kept

VM = "/subscriptions/1/resourceGroups/m/providers/Microsoft.Compute/virtualMachines/web-01"


def wave(**outputs: Any) -> dict[str, Any]:
    kind = "pulumi-python:dynamic/asr:Wave"
    return {"type": kind, "urn": f"urn:pulumi:dev::p::{kind}::pilot", "outputs": outputs}


DEPLOYMENT = {
    "resources": [
        wave(
            migrated={"web-01": "i-1", "web-02": "i-2"},
            results={"web-01": {"stage": "migrated", "azure_vm_id": VM}},
        ),
        wave(migrated={}, results={"web-03": {"stage": "protected"}}),
        {"type": "ec2-to-azure:components:MigrationWave", "urn": "urn", "outputs": {}},
    ]
}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(engine, "exported", lambda stack: DEPLOYMENT)
    return tmp_path / "migrated" / "dev.json"


def test_they_are_named_and_noted(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert kept.main(["--stack", "dev", "--output", str(file)]) == 0
    out = capsys.readouterr().out
    assert f"web-01: {VM}" in out
    assert "target.adopt" in out
    assert json.loads(file.read_text("utf-8"))["web-01"] == {
        "instance": "i-1",
        "virtualMachine": VM,
        "wave": "pilot",
    }


def test_what_an_earlier_stack_noted_stays(file: Path) -> None:
    kept.note({"old-01": {"instance": "i-9", "virtualMachine": "", "wave": "x"}}, file)
    kept.main(["--stack", "dev", "--output", str(file)])
    assert list(json.loads(file.read_text("utf-8"))) == ["old-01", "web-01", "web-02"]


@pytest.mark.parametrize("content", [b"", b'{"old-01": {"ins', b"[]", b"\xff"])
def test_a_note_that_cannot_be_read_is_named_and_left_as_it_is(
    content: bytes, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.parent.mkdir()
    file.write_bytes(content)
    assert kept.main(["--stack", "dev", "--output", str(file)]) == 1
    said = capsys.readouterr()
    assert said.err.startswith(f"error: {file} notes the machines")
    assert "Correct the file, or move it to another place" in said.err
    assert not said.out
    assert file.read_bytes() == content
    assert list(file.parent.iterdir()) == [file]


def test_a_stack_without_migrated_machines_leaves_no_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "exported", lambda stack: {})
    assert kept.main(["--stack", "dev", "--output", str(file)]) == 0
    assert not file.exists()
