"""The interface of a resource type of a stand-in provider."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from emulator.providers.schema import Problem, Property


@dataclass(frozen=True)
class Naming:
    """The rule by which a name is generated if none is given (auto-naming).

    Attributes:
        property: the input that is the name.
        prefix: the input with whose value the service's name begins instead; empty without one.
        separator: the text between the resource's name in the program and the suffix.
        digits: how many random hexadecimal digits follow; 0 uses the program's name unchanged.
        longest: the length of the longest name that the service accepts.
        plain: whether only lower-case letters and digits are allowed.
    """

    property: str = "name"
    prefix: str = ""
    separator: str = "-"
    digits: int = 7
    longest: int = 255
    plain: bool = False

    def is_given(self, inputs: Mapping[str, Any]) -> bool:
        """Whether inputs say what the name is, or how it begins."""
        return self.property in inputs or bool(self.prefix and self.prefix in inputs)

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
    """A resource type: its properties, and how a resource is created, read, changed and deleted.

    Attributes:
        token: the type token in programs.
        inputs: what may be given.
        outputs: the names of outputs that are known only after creation.
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
        """The inputs with the values that the real provider adds in check; by default none."""
        return inputs

    def problems(self, inputs: Mapping[str, Any]) -> list[Problem]:
        """Problems that concern several properties."""
        return []

    def forces_replacement(self, name: str, new: Mapping[str, Any]) -> bool:
        """Whether a change of this top-level property needs replacement because of other
        inputs."""
        return False

    def recomputed(self, state: Mapping[str, Any], inputs: Mapping[str, Any]) -> tuple[str, ...]:
        """The outputs that an update to these inputs may change, which a preview does not know."""
        return ()

    @abstractmethod
    def create(self, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Create one. Returns its id and state."""

    @abstractmethod
    def read(self, resource_id: str, state: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
        """The id and live state of one, or None if it is gone; `state` is empty on import."""

    @abstractmethod
    def update(
        self, resource_id: str, state: Mapping[str, Any], inputs: dict[str, Any]
    ) -> dict[str, Any]:
        """Change the one whose state was `state` to the inputs. Returns its new state."""

    @abstractmethod
    def delete(self, resource_id: str, state: Mapping[str, Any]) -> None:
        """Delete one. It is not an error if it is gone already."""
