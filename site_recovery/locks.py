"""Management locks of Azure, which forbid changes whatever the roles."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

READ_ONLY = "ReadOnly"
"""The level that forbids every change. `CanNotDelete` forbids to delete alone."""


@dataclass(frozen=True)
class Lock:
    """A lock ("Lock your resources to protect your infrastructure").

    Attributes:
        id: its ARM id.
        name: its name.
        level: such as `ReadOnly`.
        scope: the id of what it holds for, with everything below.
    """

    id: str
    name: str
    level: str
    scope: str

    @property
    def is_read_only(self) -> bool:
        """Whether it forbids every change."""
        return self.level.lower() == READ_ONLY.lower()


def named(locks: Iterable[Lock]) -> str:
    """Locks in words."""
    return ", ".join(f"lock '{lock.name}' ({lock.level}) of {lock.scope}" for lock in locks)


def removal(locks: Iterable[Lock]) -> str:
    """What a user can do about locks, without a full stop."""
    ids = " ".join(lock.id for lock in locks)
    return f"Remove it or ask its owner, then run pulumi up again: az lock delete --ids {ids}"
