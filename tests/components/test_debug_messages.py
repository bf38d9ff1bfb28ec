"""The debug messages of Pulumi's SDK, each of which would be a call of the engine."""

from __future__ import annotations

import logging

import pulumi
import pytest
from pulumi import log

from components import debug_messages
from tests.components.harness import deploy


def _program() -> None:
    debug_messages.keep()
    log.info("told")
    pulumi.ComponentResource("test:component", "one")


@pytest.fixture
def told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> pytest.LogCaptureFixture:
    monkeypatch.setattr(log, "debug", log.debug)  # what the program replaces is put back
    caplog.set_level(logging.DEBUG)
    return caplog


def _levels(told: pytest.LogCaptureFixture) -> set[str]:
    """The levels of what the engine was sent once the program ran."""
    sent = [one for one in told.records if one.name == "root"]
    begun = next(n for n, one in enumerate(sent) if one.getMessage() == "told")
    return {one.levelname for one in sent[begun:]}


def test_the_engine_gets_no_debug_message_of_the_sdk_but_all_others(
    told: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(debug_messages.WANTED, raising=False)
    deploy(_program)
    assert _levels(told) == {"INFO"}


def test_a_variable_of_the_environment_sends_the_debug_messages(
    told: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(debug_messages.WANTED, "1")
    deploy(_program)
    assert _levels(told) == {"DEBUG", "INFO"}
