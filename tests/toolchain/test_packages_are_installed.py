from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from toolchain import packages
from toolchain.layout import Layout


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """A checkout with a lock; making its virtual environment takes seconds."""
    made = Layout(tmp_path_factory.mktemp("checkout"))
    made.local.mkdir()
    return made


def test_packages_are_installed_again_only_when_the_lock_changed(layout: Layout) -> None:
    lock = layout.root / "requirements.lock"
    lock.write_text("# nothing yet\n")
    said: list[str] = []

    def installed() -> int:
        # A slow computer says in between that it is still at it.
        return sum(line.startswith("Installing") for line in said)

    packages.ensure(layout, said.append)
    packages.ensure(layout, said.append)
    assert installed() == 1

    lock.write_text("# still nothing\n")
    packages.ensure(layout, said.append)
    assert installed() == 2
    answer = subprocess.check_output([layout.python, "-c", "import sys; print(sys.prefix)"])
    assert Path(answer.decode().strip()) == layout.virtual_environment

    # CI and container images set this. It must not make every command compile its modules again.
    kept = subprocess.check_output(
        [layout.python, "-c", "import sys; print(sys.dont_write_bytecode, sys.pycache_prefix)"],
        env={"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPYCACHEPREFIX": str(layout.root / "elsewhere")},
        text=True,
    )
    assert kept == "False None\n"


def test_what_the_project_imports_is_compiled_also_what_it_imports_later(tmp_path: Path) -> None:
    modules = {
        "components/__init__.py": "",
        "components/now.py": "import settings.not_there\n\ndef later():\n    from sdk import vm\n",
        "sdk/__init__.py": "",
        "sdk/vm.py": "",
        "sdk/never_imported.py": "",
    }
    for name, text in modules.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    subprocess.run([sys.executable, "-m", "toolchain.byte_code", tmp_path], check=True)

    compiled = {path.name.partition(".")[0] for path in tmp_path.rglob("*.pyc")}
    assert compiled == {"__init__", "now", "vm"}


def test_a_package_that_cannot_be_installed_is_an_error_each_time(layout: Layout) -> None:
    (layout.root / "requirements.lock").write_text("./not-there\n")

    for _ in range(2):
        with pytest.raises(packages.PackagesError, match="not-there"):
            packages.ensure(layout, lambda line: None)
