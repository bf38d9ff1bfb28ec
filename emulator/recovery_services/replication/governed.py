"""What locks, policies and a disabled subscription forbid Site Recovery: the same as everyone.

Its jobs work through Resource Manager ("Lock your resources to protect your infrastructure": locks
"apply to all users and roles"). A job that is forbidden something fails; the text is Resource
Manager's, the code is [inferred] as in `compute_refusals`.
"""

from __future__ import annotations

from collections.abc import Iterable

from emulator.arm.governance import locks, policies
from emulator.arm.governance.policy_rules import DENY, DENY_ACTION
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError
from emulator.kernel.world import World
from emulator.recovery_services.jobs.outcomes import JobError

_CODE = "28031"


def require_writable(world: World, resource: Document) -> None:
    """Fail a job that makes or changes a resource, given as it will be, if that is forbidden.

    Raises:
        JobError: a lock, a policy or the state of the subscription forbids it.
    """
    _raise(locks.refusal(world, resource["id"], deletes=False))
    _raise(policies.disallowed(world, resource, DENY))


def require_deletable(world: World, resources: Iterable[Document]) -> None:
    """Fail a job that deletes resources, if that is forbidden for one of them.

    Raises:
        JobError: a lock, a policy or the state of the subscription forbids it.
    """
    for resource in resources:
        _raise(locks.refusal(world, resource["id"], deletes=True))
        _raise(policies.disallowed(world, resource, DENY_ACTION))


def _raise(refusal: ArmError | None) -> None:
    if refusal is not None:
        raise JobError(
            _CODE,
            f"{refusal.code}: {refusal.message}",
            "A lock, a policy or the state of the subscription forbids it.",
            "Remove what forbids it, then try again.",
            task=0,
        )
