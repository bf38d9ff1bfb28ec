"""Files of the report and of a handover are whole, whoever else writes them and whatever fails."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from report import plan as plans
from site_recovery import whole_files
from site_recovery.errors import MigrationError


def test_writers_at_the_same_time_leave_the_text_of_one_of_them(tmp_path: Path) -> None:
    file = tmp_path / "made" / "dev.html"
    texts = [str(number) * 200_000 for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda text: whole_files.write(file, text), texts * 4))
    assert file.read_text("utf-8") in texts
    assert list(file.parent.iterdir()) == [file]


def test_files_of_one_name_but_their_ending_do_not_meet(tmp_path: Path) -> None:
    whole_files.write(tmp_path / "dev.new", "mine")
    whole_files.write(tmp_path / "dev.html", "page")
    assert (tmp_path / "dev.new").read_text("utf-8") == "mine"


def test_a_write_that_fails_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "dev.json"
    file.write_text("before", "utf-8")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MigrationError, match=r"dev\.json: it cannot be written: No space left"):
        whole_files.write(file, "after")
    assert file.read_text("utf-8") == "before"
    assert list(tmp_path.iterdir()) == [file]


def test_others_may_read_what_they_could_read_before(tmp_path: Path) -> None:
    file = tmp_path / "dev.html"
    file.write_text("before", "utf-8")
    file.chmod(0o640)
    whole_files.write(file, "after")
    assert file.stat().st_mode & 0o777 == 0o640
    plain = tmp_path / "plain"
    plain.write_text("", "utf-8")
    whole_files.write(tmp_path / "new", "")
    assert (tmp_path / "new").stat().st_mode == plain.stat().st_mode


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("before", "utf-8")
    (tmp_path / "link").symlink_to("real")
    whole_files.write(tmp_path / "link", "after")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text("utf-8") == "after"


def test_a_plan_that_cannot_be_written_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done = type("Done", (), {"stdout": json.dumps({"steps": []}), "returncode": 0})
    monkeypatch.setattr("subprocess.run", lambda *_, **__: done)
    (tmp_path / "plan").write_text("mine", "utf-8")
    assert plans.main(["--stack", "dev", "--output", str(tmp_path / "plan")]) == 1
    said = capsys.readouterr().err
    assert f"error: {tmp_path / 'plan' / 'dev.md'}: it cannot be removed: Not a directory" in said


def test_a_preview_that_fails_leaves_no_older_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in ("md", "json"):
        (tmp_path / f"dev.{kind}").write_text("older", "utf-8")
    done = type("Done", (), {"stdout": "error: no stack named 'dev' found", "returncode": 255})
    monkeypatch.setattr("subprocess.run", lambda *_, **__: done)
    assert plans.main(["--stack", "dev", "--output", str(tmp_path)]) == 255
    assert list(tmp_path.iterdir()) == []
