"""The stack files of a directory, and what an inventory or a sheet changes in them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path

from inventory import text_files
from inventory.config_file import stack_of
from inventory.stack_file import StackFile
from inventory.text_files import ChangedError
from site_recovery.problems import Problem

_LOCAL = ("dev", "dev-modernized")
"""Stacks of the local clouds, which no inventory of real accounts changes."""


class StackFolder:
    """The stack files as they are now.

    Args:
        directory: where they are.
        include_local: whether those of the local clouds count.

    Attributes:
        files: those that may be changed, by stack.
        taken: the stacks whose names no new one gets.

    Raises:
        StackFileError: one cannot be read as a stack file.
        FileError: one cannot be read at all.
    """

    def __init__(self, directory: Path, include_local: bool) -> None:
        self._directory = directory
        paths = {stack_of(path.name): path for path in sorted(directory.glob("Pulumi.*.yaml"))}
        stacks = {stack: path for stack, path in paths.items() if stack is not None}
        self._before = {
            stack: text_files.read(path)
            for stack, path in stacks.items()
            if include_local or stack not in _LOCAL
        }
        self.files = {
            stack: StackFile(stack, text, directory) for stack, text in self._before.items()
        }
        self.taken = frozenset((*stacks, *_LOCAL))

    def write(
        self, files: Mapping[str, StackFile], became: Mapping[str, str] | None = None
    ) -> dict[str, Problem]:
        """Write stack files, and print what changes in those that existed.

        Args:
            files: those that may have changed, by stack.
            became: what else to say of a stack.

        Returns:
            Why files were left alone, by stack: somebody else changed them since they were read.

        Raises:
            FileError: one cannot be written.
        """
        refused: dict[str, Problem] = {}
        for stack, file in sorted(files.items()):
            name, old, new = f"Pulumi.{stack}.yaml", self._before.get(stack), file.text()
            try:
                if old != new:
                    text_files.write(self._directory / name, new, old)
            except ChangedError as error:
                refused[stack] = error.problem
                continue
            print("\n".join(_difference(name, old, new)))
            if became and stack in became:
                print(became[stack])
        return refused


def _difference(name: str, old: str | None, new: str) -> list[str]:
    if old is None:
        return [f"{name}: written"]
    if old == new:
        return [f"{name}: nothing to change"]
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), name, name, lineterm="", n=1)
    return [f"{name}: changed", *lines]
