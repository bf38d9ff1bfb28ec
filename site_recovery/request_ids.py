"""Ids that our changes carry, by which the jobs that they began are known afterwards.

A job's `activityId` tells the `x-ms-client-request-id` of the request that began it. The ids are
derived, not drawn: a run that lost a reply, and the run after one that was killed, derive the
same id and find the job.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID, uuid5

_NAMESPACE = UUID("5f0f3f5a-6a0e-4c37-9b57-0f3d0a4a2c11")


@dataclass(frozen=True)
class RequestIds:
    """The ids of one stack.

    Attributes:
        stack: what tells this stack from others that use the same vault.
    """

    stack: str

    def of(self, subject: str, operation: str, attempt: int) -> str:
        """The id of a request.

        Args:
            subject: the instance id of a machine, or the name of a recovery plan.
            operation: what is asked for: an `Operation`, or a change of a plan.
            attempt: 1 for the first request that the service accepts, and so on.
        """
        return str(uuid5(_NAMESPACE, "\n".join((self.stack, subject, operation, str(attempt)))))
