"""Keeps the stack of the program out of the registrations of its resources."""

from __future__ import annotations

import sys
from functools import lru_cache
from pathlib import Path
from types import FrameType

from pulumi.runtime import resource
from pulumi.runtime.proto.source_pb2 import SourcePosition, StackFrame, StackTrace

_READS_STACK = "_get_stack_trace"
_CONSTRUCTORS = 3
"""Those of `Resource`, of `CustomResource` or `ComponentResource`, and of the resource itself."""


def keep() -> None:
    """Tell the engine of a resource the line that declares it, and not the whole stack.

    The SDK reads the stack, with the text of its lines, for each resource, and the engine writes it
    into its log. It takes a fourteenth of the program's time, and nothing shows it. An SDK that does
    it in another way is left as it is.
    """
    if hasattr(resource, _READS_STACK):
        setattr(resource, _READS_STACK, _declaring_line)


def _declaring_line() -> StackTrace:
    frame: FrameType | None = sys._getframe(1)
    seen = 0
    while frame is not None:
        seen += frame.f_code.co_name == "__init__"
        if seen == _CONSTRUCTORS:
            break
        frame = frame.f_back
    if frame is None or frame.f_back is None:
        return StackTrace()
    declares = frame.f_back
    position = SourcePosition(uri=_uri(declares.f_code.co_filename), line=declares.f_lineno)
    return StackTrace(frames=[StackFrame(pc=position)])


@lru_cache
def _uri(file: str) -> str:
    return Path(file).absolute().as_uri()
