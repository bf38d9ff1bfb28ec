"""The emulator's README: its shell and Python examples are run as they stand, in their order."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator import processes
from tests.warm_python import warm_clouds

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "emulator" / "README.md").read_text()
EXAMPLES = re.findall(r"^```(sh|python)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The shell environment of a reader after the first example."""
    directory = tmp_path_factory.mktemp("readme") / "clouds"
    clouds = processes.up(directory, python=str(warm_clouds()), say=lambda line: None)
    local = {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    try:
        yield {**os.environ, **clouds.environment(), **local, "PATH": path}
    finally:
        processes.down(directory, remove=True, say=lambda line: None)


def test_the_examples_run_as_they_stand(environment: dict[str, str]) -> None:
    assert {language for language, _ in EXAMPLES} == {"sh", "python"}
    assert len(EXAMPLES) >= 7
    for language, text in EXAMPLES:
        command = ["bash", "-euo", "pipefail", "-c"] if language == "sh" else [sys.executable, "-c"]
        ran = subprocess.run(
            [*command, text],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ran.returncode == 0, f"{text}\n{ran.stdout}\n{ran.stderr}"


def test_every_control_operation_is_in_it() -> None:
    from emulator import front
    from emulator.kernel.clock import Clock
    from emulator.kernel.store import Store

    table = README.partition("## Control API")[2]
    for route in front.create(Store(), Clock()).routes.all():
        if route.template.startswith("/_emulator/"):
            name = route.template.removeprefix("/_emulator/").split("/{")[0]
            assert f"{route.method} {name}" in table, route.template


def test_it_links_only_to_what_is_there() -> None:
    for link in re.findall(r"\]\((?!http|#)([^)#]+)", README):
        assert (ROOT / "emulator" / link).exists(), link
