from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from toolchain.layout import checkout

# An object that only the garbage collector would free.
_RING = """\
import atexit

class Ring:
    def __init__(self):
        self.own = self

    def __del__(self):
        print("freed")

Ring()
atexit.register(print, "ended")
"""


def test_a_program_ends_without_freeing_its_objects_one_by_one(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(_RING)
    child = checkout().root / "toolchain" / "language_host" / "child.py"

    done = subprocess.run(
        [sys.executable, child, "path", program], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "ended\n", "")
