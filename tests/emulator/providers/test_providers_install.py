from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from emulator.providers.__main__ import main
from emulator.providers.install import InstallError, install, uninstall

PYTHON = Path(sys.executable)


@pytest.fixture
def launcher(tmp_path: Path) -> Path:
    folder, _ = install(tmp_path, PYTHON)
    return folder / "pulumi-resource-aws"


@pytest.fixture
def plugin(launcher: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([launcher, "127.0.0.1:1"], stdout=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.wait()


def test_folders_bear_the_versions_of_the_installed_packages(tmp_path: Path) -> None:
    folders = install(tmp_path, PYTHON)
    assert [folder.name for folder in folders] == [
        f"resource-aws-v{version('pulumi-aws')}",
        f"resource-azure-native-v{version('pulumi-azure-native')}",
    ]
    for folder in folders:
        (launcher,) = folder.glob("pulumi-resource-*")
        assert os.access(launcher, os.X_OK)


def test_installing_again_changes_nothing(tmp_path: Path) -> None:
    (aws, _) = install(tmp_path, PYTHON)
    before = (aws / "pulumi-resource-aws").stat().st_mtime_ns
    install(tmp_path, PYTHON)
    assert (aws / "pulumi-resource-aws").stat().st_mtime_ns == before


def test_real_plugin_is_left_alone_and_nothing_is_half_done(tmp_path: Path) -> None:
    real = tmp_path / "plugins" / f"resource-azure-native-v{version('pulumi-azure-native')}"
    real.mkdir(parents=True)
    (real / "pulumi-resource-azure-native").write_text("real")
    with pytest.raises(InstallError, match="PULUMI_HOME of their own"):
        install(tmp_path, PYTHON)
    assert (real / "pulumi-resource-azure-native").read_text() == "real"
    assert sorted(path.name for path in (tmp_path / "plugins").iterdir()) == [real.name]


def test_command_says_what_stands_in_the_way(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["install", "--home", str(tmp_path), "--python", str(tmp_path / "none")]
    assert main(arguments) == 1
    assert "error: there is no Python at" in capsys.readouterr().err


def test_uninstall_takes_away_only_what_install_wrote(tmp_path: Path) -> None:
    other = tmp_path / "plugins" / "resource-random-v4.0.0"
    other.mkdir(parents=True)
    install(tmp_path, PYTHON)
    assert len(uninstall(tmp_path)) == 2
    assert list((tmp_path / "plugins").iterdir()) == [other]


def test_launcher_starts_a_plugin_that_prints_its_port(plugin: subprocess.Popen[str]) -> None:
    assert plugin.stdout is not None
    assert 0 < int(plugin.stdout.readline()) < 65536


def test_plugin_ends_cleanly_when_the_engine_asks_it_to(plugin: subprocess.Popen[str]) -> None:
    assert plugin.stdout is not None
    plugin.stdout.readline()
    plugin.send_signal(signal.SIGINT)
    assert plugin.wait(timeout=20) == 0


def test_plugin_ends_when_the_engine_was_killed(launcher: Path) -> None:
    engine = subprocess.Popen(
        ["/bin/sh", "-c", f'"{launcher}" 127.0.0.1:1 & echo $!; wait'],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert engine.stdout is not None
    lines = [engine.stdout.readline(), engine.stdout.readline()]  # its id and its port
    assert all(line.strip().isdigit() for line in lines)
    engine.kill()
    engine.wait()
    # The plugin holds the other end of the pipe: it has ended when nothing more can come.
    assert engine.stdout.read() == ""


def test_started_by_hand_it_says_what_it_is() -> None:
    result = subprocess.run(
        [PYTHON, "-m", "emulator.providers.aws"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert "the Pulumi engine starts it" in result.stderr
