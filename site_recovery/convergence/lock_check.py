"""Looks right before a failover for a lock that would let it fail.

The job of a failover meets a lock only when it makes the virtual machine, and by then the source of a
cutover is fenced and stopped.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from site_recovery.fleet import Assignment
from site_recovery.locks import Lock, named, removal
from site_recovery.reasons import Reason
from site_recovery.steps import Blocked


class Locks(Protocol):
    """The locks of Azure. `azure.service.VaultService` implements it."""

    async def read_only_locks(self, assignment: Assignment) -> Sequence[Lock]:
        """List the locks that let nothing be made in the vault or in the machine's group."""


class LockCheck:
    """The locks as one round or one preview sees them.

    Args:
        service: the locks.
    """

    def __init__(self, service: Locks) -> None:
        self._service = service
        self._by_group: dict[str | None, Sequence[Lock]] = {}

    async def refusal(self, assignment: Assignment) -> Blocked | None:
        """Why no failover of a machine, test or not, may begin; None if it may.

        Raises:
            MigrationError: Azure did not answer.
        """
        group = assignment.settings.resource_group_id if assignment.settings else None
        if group not in self._by_group:
            self._by_group[group] = await self._service.read_only_locks(assignment)
        locks = self._by_group[group]
        if not locks:
            return None
        what = f"no virtual machine can be made of it: it is forbidden by {named(locks)}"
        return Blocked(Reason.LOCKED, what, removal(locks))
