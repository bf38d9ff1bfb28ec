from __future__ import annotations

from pathlib import Path

from toolchain import logs
from toolchain.layout import Layout


def test_only_the_newest_logs_are_kept(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    folder = layout.pulumi_home / "logs"
    folder.mkdir(parents=True)
    names = [f"pulumi-20261128T{number:06}-17-up.log" for number in range(logs.KEPT + 5)]
    for name in names:
        (folder / name).touch()

    logs.remove_old(layout)

    assert sorted(log.name for log in folder.iterdir()) == names[5:]


def test_before_the_first_command_there_is_nothing_to_remove(tmp_path: Path) -> None:
    logs.remove_old(Layout(tmp_path))
