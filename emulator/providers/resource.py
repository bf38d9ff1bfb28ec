"""What one resource type of a stand-in provider is, apart from any cloud."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from emulator.providers.schema import Problem, Property


@dataclass(frozen=True)
class Naming:
    """How a name is chosen when none is given.

    Attributes:
        property: the input that is the name.
        separator: what stands between the resource's name in the program and the suffix.
        digits: how many random hexadecimal digits follow; 0 takes the program's name as it is.
        longest: the longest name that the service takes.
        plain: whether only lower-case letters and digits are allowed.
    """

    property: str = "name"
    separator: str = "-"
    digits: int = 7
    longest: int = 255
    plain: bool = False

    def choose(self, name: str, seed: bytes) -> str:
        """A name for the resource called `name` in the program; the same seed gives the same."""
        suffix = ""
        if self.digits:
            suffix = self.separator + hashlib.sha256(seed).hexdigest()[: self.digits]
        if self.plain:
            name = "".join(
                letter for letter in name.lower() if letter.isascii() and letter.isalnum()
            )
        return name[: self.longest - len(suffix)] + suffix


class ResourceType(ABC):
    """One type: its properties, and how one is made, read, changed and removed.

    Attributes:
        token: the type token in programs.
        inputs: what may be given.
        outputs: the names of what is known only afterwards.
        naming: how a name is chosen, where the type has one.
        compare: what new inputs are compared with: the service's answer (`state`) or, where
            that has another shape, the inputs of last time (`inputs`).
    """

    token: ClassVar[str]
    inputs: Mapping[str, Property]
    outputs: tuple[str, ...] = ()
    naming: Naming | None = None
    compare: Literal["state", "inputs"] = "state"

    def prepared(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """The inputs with what the real provider fills in at check; nothing by default."""
        return inputs

    def problems(self, inputs: Mapping[str, Any]) -> list[Problem]:
        """What is wrong beyond single properties."""
        return []

    def forces_replacement(self, name: str, new: Mapping[str, Any]) -> bool:
        """Whether a change of this top-level property replaces, when other inputs decide it."""
        return False

    def recomputed(self, state: Mapping[str, Any], inputs: Mapping[str, Any]) -> tuple[str, ...]:
        """The outputs that an update to these inputs may change, which a preview does not know."""
        return ()

    @abstractmethod
    def create(self, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Make one; returns its id and state."""

    @abstractmethod
    def read(self, resource_id: str, state: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
        """The id and live state of one, or None when it is gone; `state` is empty on import."""

    @abstractmethod
    def update(
        self, resource_id: str, state: Mapping[str, Any], inputs: dict[str, Any]
    ) -> dict[str, Any]:
        """Make the one whose state was `state` as the inputs say; returns its state."""

    @abstractmethod
    def delete(self, resource_id: str, state: Mapping[str, Any]) -> None:
        """Remove one; one that is gone already is no error."""
