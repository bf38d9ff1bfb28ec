from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.toolchain.conftest import Project

pytestmark = pytest.mark.engine

MakeProject = Callable[[dict[str, str]], Project]

_SECONDS = 20
# Reports its processes to the test through a named pipe, and then never returns.
_BLOCK = """\
    import os
    import pathlib
    import threading

    def block():
        folder = pathlib.Path(__file__).parent
        (folder / "pids").write_text(f"{os.getpid()} {os.getppid()}")
        threading.Event().wait()
    """


def _killed_while_blocked(toy: Project, *command: str) -> list[int]:
    """Kill the engine while the toy blocks. Returns descriptors of the processes that ran then."""
    pipe = toy.root / "pids"
    os.mkfifo(pipe)
    with toy.start(*command) as engine:
        mine, parent = map(int, pipe.read_text("ascii").split())
        running = [pid for pid in (mine, parent) if pid != engine.pid]
        descriptors = [os.pidfd_open(pid) for pid in running]
        os.kill(engine.pid, signal.SIGKILL)
    return descriptors


def _assert_all_end(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        # A process's descriptor becomes readable when the process ends.
        ended, _, _ = select.select([descriptor], [], [], _SECONDS)
        os.close(descriptor)
        assert ended, f"still running {_SECONDS} s after its engine was killed"


def test_a_program_and_its_host_end_with_a_killed_engine(project: MakeProject) -> None:
    toy = project({"blocking.py": _BLOCK, "__main__.py": "from blocking import block\nblock()\n"})

    descriptors = _killed_while_blocked(toy, "preview")

    assert len(descriptors) == 2, "the program and its host"
    _assert_all_end(descriptors)


def test_a_dynamic_provider_ends_with_a_killed_engine(project: MakeProject) -> None:
    toy = project(
        {
            "blocking.py": _BLOCK,
            "blocked.py": """\
                from pulumi.dynamic import Resource, ResourceProvider
                from blocking import block

                class BlockedProvider(ResourceProvider):
                    def create(self, props):
                        block()

                class Blocked(Resource):
                    def __init__(self, name):
                        super().__init__(BlockedProvider(), name, {})
                """,
            "__main__.py": "from blocked import Blocked\nBlocked('blocked')\n",
        }
    )

    descriptors = _killed_while_blocked(toy, "up", "--yes", "--skip-preview")

    assert len(descriptors) == 1, "the provider; its parent was the engine"
    _assert_all_end(descriptors)


def test_an_interrupted_host_ends_at_once_with_its_program(
    project: MakeProject, tmp_path: Path
) -> None:
    toy = project({"blocking.py": _BLOCK, "__main__.py": "from blocking import block\nblock()\n"})
    pipe = toy.root / "pids"
    os.mkfifo(pipe)

    with toy.start("preview") as engine:
        program, host = map(int, pipe.read_text("ascii").split())
        descriptors = [os.pidfd_open(pid) for pid in (program, host)]
        os.kill(host, signal.SIGINT)
        output, _ = engine.communicate(timeout=_SECONDS)

    assert engine.returncode != 0, output
    _assert_all_end(descriptors)
