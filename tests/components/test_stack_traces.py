"""The stack of the program, which the SDK would send with each resource."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks, resource

from components import stack_traces
from tests.components.harness import deploy


class Inner(pulumi.ComponentResource):
    def __init__(self, name: str) -> None:
        super().__init__("test:component", name)


def test_a_resource_is_registered_with_the_line_that_declares_it_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resource, "_get_stack_trace", resource._get_stack_trace)  # put back
    sent: list[Any] = []
    register: Any = mocks.MockMonitor.RegisterResource

    def seen(monitor: mocks.MockMonitor, request: Any) -> Any:
        sent.append(request)
        return register(monitor, request)

    monkeypatch.setattr(mocks.MockMonitor, "RegisterResource", seen)

    def program() -> None:
        stack_traces.keep()
        Inner("one")

    deploy(program)

    (request,) = (each for each in sent if each.name == "one")
    (frame,) = request.stackTrace.frames
    line = program.__code__.co_firstlineno + 2
    assert (frame.pc.uri, frame.pc.line) == (Path(__file__).as_uri(), line)
    assert request.sourcePosition == frame.pc
