"""The security groups with which a source of a cutover is fenced."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Fencing:
    """The fence of a stack, and its own groups, which may come back beside the fence.

    A fence takes the stack's own group from an interface. A refresh sees that, and the next run
    attaches the group again.

    Attributes:
        fence: the id of the security group that fences; empty if the stack has none.
        own: the ids of the groups that the stack gives its machines. They let out no more than the
            fence, and in what the server installs agents with.
    """

    fence: str
    own: frozenset[str] = frozenset()

    @property
    def alone(self) -> tuple[str, ...]:
        """The groups that a cutover gives an interface."""
        return (self.fence,)

    def holds(self, groups: Iterable[str]) -> bool:
        """Whether an interface with these groups is fenced."""
        held = set(groups)
        return self.fence in held and held <= {self.fence, *self.own}
