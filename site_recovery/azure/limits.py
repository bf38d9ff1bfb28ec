"""Keeps requests within the limits of Resource Manager."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any
from urllib.parse import urlsplit

from aiolimiter import AsyncLimiter
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import AsyncHTTPPolicy

from site_recovery.errors import MigrationError

_BUCKETS = {"reads": (250, 25), "writes": (200, 10), "deletes": (200, 10)}
"""The token buckets of a subscription for one caller: their size, and how many tokens a second
come back (Azure Resource Manager, "Understand how Azure Resource Manager throttles requests")."""
_RESERVE = 5
"""Tokens that are left alone: requests overtake each other on their way, and so some arrive earlier
after those before them than they were sent."""
_KINDS = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}
_SUBSCRIPTION = re.compile(r"/subscriptions/([^/]+)", re.IGNORECASE)
PATIENT = "patient"
"""The option of a request that lets others go first. A fleet is read machine by machine, and each
read for a machine that is ready for its next step would wait behind all of them."""
_LEFT = "x-ms-ratelimit-remaining-subscription-"
"""The header of an answer that says how many tokens are left, with the kind at its end."""


class _Bucket:
    """The tokens for one kind of request."""

    def __init__(self, size: int, per_second: int) -> None:
        self._size = size - _RESERVE
        self._limiter = AsyncLimiter(self._size, self._size / per_second)
        self._patient = asyncio.Lock()

    async def take(self, *, patient: bool) -> None:
        """Wait for a token. Of the patient ones only one at a time stands among the others."""
        async with self._patient if patient else nullcontext():
            await self._limiter.acquire()

    async def lower(self, left: int) -> None:
        """Believe no more tokens to be left than Azure says: others take from the same bucket.

        The preview before this run did, or Pulumi's provider for Azure does.
        """
        usable = max(0, left - _RESERVE)
        while usable < self._size and self._limiter.has_capacity(usable + 1):
            await self._limiter.acquire()


class LimitsPolicy(AsyncHTTPPolicy[Any, Any]):
    """Lets each request, also a repeated one, wait for its token.

    Args:
        may_change: whether something may still be changed. It is asked when a request has its
            token: the engine may be gone by then.
        limited: whether requests wait at all. A test whose steps are no seconds has no limits.
    """

    def __init__(self, may_change: Callable[[], bool], *, limited: bool = True) -> None:
        self._may_change = may_change
        self._limited = limited
        self._buckets: dict[tuple[str, str], _Bucket] = {}

    async def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        """Send a request when there is a token for it.

        Raises:
            MigrationError: it would change something, and nothing may be changed any more. It is
                not sent.
        """
        kind = _KINDS.get(request.http_request.method, "writes")
        bucket = self._bucket(request.http_request.url, kind)
        # A repeated request has the same context, but its options were taken out the first time.
        patient = request.context.setdefault(PATIENT, request.context.options.pop(PATIENT, False))
        if bucket is not None:
            await bucket.take(patient=patient)
        if kind != "reads" and not self._may_change():
            raise MigrationError("the run was ended from outside, so nothing more is changed")
        answer = await self.next.send(request)
        left = answer.http_response.headers.get(f"{_LEFT}{kind}", "")
        if bucket is not None and left.isdigit():
            await bucket.lower(int(left))
        return answer

    def _bucket(self, url: str, kind: str) -> _Bucket | None:
        """The bucket of a subscription: the machines may be in another one than the vault."""
        if not self._limited:
            return None
        found = _SUBSCRIPTION.match(urlsplit(url).path)
        whose = found[1].lower() if found else ""
        return self._buckets.setdefault((whose, kind), _Bucket(*_BUCKETS[kind]))
