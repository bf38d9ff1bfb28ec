"""Every module here has a stack and local clouds of its own; its tests go on from one another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.providers.install import install
from tests.engine.clouds import Clouds
from tests.engine.harness import Stack
from toolchain.layout import checkout


@pytest.fixture(scope="session")
def pulumi_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PULUMI_HOME whose plugins are the stand-in providers."""
    home = tmp_path_factory.mktemp("home")
    install(home, checkout().python)
    return home


@pytest.fixture(scope="module", params=["classic", "modernized"])
def experience(request: pytest.FixtureRequest) -> str:
    """How the stack replicates: every module runs in both, unless it says why not."""
    chosen: str = request.param
    return chosen


@pytest.fixture(scope="module")
def clouds(tmp_path_factory: pytest.TempPathFactory, experience: str) -> Iterator[Clouds]:
    """AWS with the estate and an empty Azure, anew for each experience."""
    running = Clouds(tmp_path_factory.mktemp("clouds"))
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def stack(
    tmp_path_factory: pytest.TempPathFactory, pulumi_home: Path, clouds: Clouds, experience: str
) -> Stack:
    """A stack without machines, of which nothing is there yet."""
    return Stack(tmp_path_factory.mktemp("stack"), pulumi_home, clouds, experience)
