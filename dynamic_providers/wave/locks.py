"""The preview of locks: which machines they keep from the failover that would begin now."""

from __future__ import annotations

from collections.abc import Sequence

from dynamic_providers.wave.vault import WaveVault
from site_recovery.convergence.lock_check import LockCheck
from site_recovery.convergence.review import MachineReview
from site_recovery.convergence.room import TAKING


async def reviewed(
    vault: WaveVault | None, reviews: Sequence[MachineReview]
) -> list[MachineReview]:
    """Reviews with the locks that are in the way. What begins later is looked at then.

    Args:
        vault: the vault of the machines; None if it is not known, and so none fails over now.
        reviews: the machines.

    Raises:
        MigrationError: Azure did not answer.
    """
    if vault is None:
        return list(reviews)
    check = LockCheck(vault)
    return [
        each.also(await check.refusal(each.assignment)) if _begins(each) else each
        for each in reviews
    ]


def _begins(review: MachineReview) -> bool:
    return bool(review.operations) and review.operations[0] in TAKING and not review.waits
