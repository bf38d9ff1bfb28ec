"""Keeps requests within the limits of Resource Manager."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiolimiter import AsyncLimiter
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import AsyncHTTPPolicy

from site_recovery.errors import MigrationError

_READS = (250, 10)
_WRITES = _DELETES = (200, 20)
"""Token buckets of a subscription for one caller: their size, and the seconds in which an empty
one fills: 25 reads, 10 writes and 10 deletes a second (Azure Resource Manager, "Understand how
Azure Resource Manager throttles requests")."""
_READING = ("GET", "HEAD")


class LimitsPolicy(AsyncHTTPPolicy[Any, Any]):
    """Lets each request, also a repeated one, wait for its token.

    Args:
        may_change: whether something may still be changed. It is asked when a request has its
            token: the engine may be gone by then.
        limited: whether requests wait at all. A test whose steps are no seconds has no limits.
    """

    def __init__(self, may_change: Callable[[], bool], *, limited: bool = True) -> None:
        self._may_change = may_change
        self._reads, self._writes, self._deletes = (
            AsyncLimiter(size, seconds) if limited else None
            for size, seconds in (_READS, _WRITES, _DELETES)
        )

    async def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        """Send a request when there is a token for it.

        Raises:
            MigrationError: it would change something, and nothing may be changed any more. It is
                not sent.
        """
        method = request.http_request.method
        bucket = self._deletes if method == "DELETE" else self._writes
        if method in _READING:
            bucket = self._reads
        if bucket is not None:
            await bucket.acquire()
        if method not in _READING and not self._may_change():
            raise MigrationError("the run was ended from outside, so nothing more is changed")
        return await self.next.send(request)
