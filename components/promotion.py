"""What the stack that goes first has reached, for the guards of the waves."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pulumi

from settings import Settings, outputs_file
from site_recovery.promotion import Forerunner, furthest

T = TypeVar("T")


class Promotion:
    """The stack that goes first, if there is one.

    Its outputs come from the backend, by a stack reference, or from a file.
    """

    def __init__(self, stack: Settings) -> None:
        self._declared = stack.promotion
        self._machines: pulumi.Output[Any] | None = None
        if self._declared.after is None:
            return
        if self._declared.outputs_file is not None:
            folder = Path(pulumi.runtime.get_root_directory())
            outputs = outputs_file.load(folder / self._declared.outputs_file)
            self._machines = pulumi.Output.from_input(outputs["machines"])
        else:
            name = _full(self._declared.after)
            self._machines = pulumi.StackReference(name).get_output("machines")

    def told(self, use: Callable[[Callable[[str], Forerunner | None]], T]) -> pulumi.Input[T]:
        """What a function makes of how far each wave is there.

        Args:
            use: gets a function from the name of a wave to its forerunner; None if the wave waits
                for no other stack.
        """
        if self._machines is None:
            return use(lambda wave: None)
        return self._machines.apply(lambda machines: use(partial(self._forerunner, machines)))

    def _forerunner(self, machines: Any, wave: str) -> Forerunner | None:
        stack = self._declared.after
        if stack is None or wave in self._declared.except_:
            return None
        return Forerunner(stack, furthest(machines, wave))


def _full(stack: str) -> str:
    """The full name of a stack: one without slashes is a stack of this project."""
    if "/" in stack:
        return stack
    return f"{pulumi.get_organization()}/{pulumi.get_project()}/{stack}"
