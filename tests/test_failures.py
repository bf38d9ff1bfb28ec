from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FAILS = """
import pytest

@pytest.fixture
def broken():
    raise RuntimeError("no cloud")

def test_first():
    assert 1 == 2, "one is not two"

def test_second(broken):
    pass

def test_third():
    print("after both")
"""
CONFTEST = """
from tests.failures import FailuresAtOnce

def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(FailuresAtOnce(config))
"""


@pytest.mark.parametrize("workers", [[], ["-n", "1"]])
def test_a_failure_is_told_before_the_next_test_ends(tmp_path: Path, workers: list[str]) -> None:
    (tmp_path / "test_it.py").write_text(FAILS, "utf-8")
    (tmp_path / "conftest.py").write_text(CONFTEST, "utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\n", "utf-8")
    root = Path(__file__).resolve().parent.parent

    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", *workers, str(tmp_path)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(root), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )

    before, _, _ = run.stdout.partition("= FAILURES =")
    at_once, told, after = before.partition("FAILED test_it.py::test_second (setup)")
    assert "FAILED test_it.py::test_first\n" in at_once, run.stdout + run.stderr
    assert "AssertionError: one is not two" in at_once
    assert told
    assert "RuntimeError: no cloud" in after
    assert "test_third" in after
