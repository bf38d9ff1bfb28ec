"""A local AWS for the tests of this ring."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.local_aws import LocalAws, local_aws


@pytest.fixture(scope="session")
def local() -> Iterator[LocalAws]:
    """One local AWS for all tests, which change nothing in it."""
    with local_aws() as started:
        yield started


@pytest.fixture
def aws(local: LocalAws, monkeypatch: pytest.MonkeyPatch) -> LocalAws:
    """The local AWS, in the environment of the test."""
    for name, value in local.environment.items():
        monkeypatch.setenv(name, value)
    return local
