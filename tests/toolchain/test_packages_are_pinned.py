from __future__ import annotations

import re
from importlib.metadata import version

from toolchain.layout import checkout

_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[a-z0-9,]+\])?==([^\s#]+)", re.MULTILINE)


def _pins(file: str) -> dict[str, str]:
    text = (checkout().root / file).read_text("utf-8")
    return {re.sub(r"[-_.]+", "-", name).lower(): pin for name, pin in _PIN.findall(text)}


def test_the_lock_holds_every_direct_requirement_at_its_version() -> None:
    lock = _pins("requirements.lock")

    assert {name: lock.get(name) for name in _pins("requirements.txt")} == _pins("requirements.txt")


def test_every_requirement_is_pinned_and_says_what_it_is_for() -> None:
    lines = (checkout().root / "requirements.txt").read_text("utf-8").splitlines()
    requirements = [line for line in lines if line and not line.startswith("#")]

    assert [line for line in requirements if not re.match(r"\S+==\S+ +# \w", line)] == []


def test_what_runs_the_tests_is_what_the_lock_names() -> None:
    lock = _pins("requirements.lock")

    assert {name: version(name) for name in lock} == lock
