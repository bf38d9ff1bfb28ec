"""Ids of our requests, by which the jobs that they started can be found.

The `activityId` of a job contains the `x-ms-client-request-id` of the request that started it.
The ids are derived, not random: a run that lost a reply, or that follows a killed run, derives the
same id and finds the job.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID, uuid5

_NAMESPACE = UUID("5f0f3f5a-6a0e-4c37-9b57-0f3d0a4a2c11")


@dataclass(frozen=True)
class RequestIds:
    """Derives the request ids of one stack.

    Attributes:
        stack: distinguishes this stack from others that use the same vault.
    """

    stack: str

    def of(self, subject: str, operation: str, attempt: int) -> str:
        """The id of a request.

        Args:
            subject: the instance id of a machine, or the name of a recovery plan.
            operation: an `Operation`, or the name of a change to a plan.
            attempt: 1 for the first request that the service accepts, then 2, and so on.
        """
        return str(uuid5(_NAMESPACE, "\n".join((self.stack, subject, operation, str(attempt)))))
