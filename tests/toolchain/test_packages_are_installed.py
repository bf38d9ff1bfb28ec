from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from toolchain import packages
from toolchain.layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path)
    made.local.mkdir()
    return made


def test_packages_are_installed_again_only_when_the_lock_changed(layout: Layout) -> None:
    lock = layout.root / "requirements.lock"
    lock.write_text("# nothing yet\n")
    said: list[str] = []

    packages.ensure(layout, said.append)
    packages.ensure(layout, said.append)
    assert len(said) == 1

    lock.write_text("# still nothing\n")
    packages.ensure(layout, said.append)
    assert len(said) == 2
    answer = subprocess.check_output([layout.python, "-c", "import sys; print(sys.prefix)"])
    assert Path(answer.decode().strip()) == layout.virtual_environment


def test_a_package_that_cannot_be_installed_is_an_error_each_time(layout: Layout) -> None:
    (layout.root / "requirements.lock").write_text("./not-there\n")

    for _ in range(2):
        with pytest.raises(packages.PackagesError, match="not-there"):
            packages.ensure(layout, lambda line: None)
