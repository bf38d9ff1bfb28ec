from __future__ import annotations

import sys
from pathlib import Path

from toolchain import long_commands


def test_a_command_that_takes_long_is_said_to_be_still_running(tmp_path: Path) -> None:
    said: list[str] = []
    go_on = tmp_path / "go on"

    def say(line: str) -> None:
        said.append(line)
        go_on.touch()

    waits = "import pathlib\nwhile not pathlib.Path('go on').exists(): pass\nprint('done')"
    done = long_commands.run(
        [sys.executable, "-c", waits], tmp_path, lambda: "3 of 7 packages", say, seconds=0.2
    )

    assert (done.returncode, done.stdout) == (0, "done\n")
    assert said[0].startswith("  3 of 7 packages (")


def test_a_quick_one_is_not_and_its_errors_are_among_what_it_printed(tmp_path: Path) -> None:
    said: list[str] = []
    fails = "import sys; print('out', flush=True); sys.exit('wrong')"

    done = long_commands.run([sys.executable, "-c", fails], tmp_path, str, said.append)

    assert (done.returncode, done.stdout, said) == (1, "out\nwrong\n", [])
