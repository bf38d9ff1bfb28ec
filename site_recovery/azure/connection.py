"""A connection to Azure Resource Manager: endpoint, credentials, retries and the service's time."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol
from urllib.parse import urlsplit

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.core.pipeline.transport import AsyncHttpTransport
from azure.identity.aio import DefaultAzureCredential
from azure.mgmt.recoveryservicessiterecovery.aio import SiteRecoveryManagementClient

from site_recovery.azure.errors import ENDPOINT_VARIABLE, explained
from site_recovery.azure.rest import call
from site_recovery.errors import MigrationError
from site_recovery.polling import RetryAfter
from site_recovery.service_clock import ServiceClock

PUBLIC_ENDPOINT = "https://management.azure.com"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass
class Connection:
    """One subscription as seen through the SDK.

    Attributes:
        client: the Site Recovery client; its `send_request` serves other resource providers.
        clock: the service's time.
        retry_after: how long Azure wants to be left alone, after it refused a request because
            there were too many.
    """

    client: SiteRecoveryManagementClient
    clock: ServiceClock
    retry_after: RetryAfter = field(default_factory=RetryAfter)

    def pause(self, poll: timedelta) -> float:
        """Seconds until the next look at Azure: those of `poll`, or more if Azure says so."""
        return max(poll.total_seconds(), self.retry_after.seconds())


class Connect(Protocol):
    """Opens connections; tests pass one that reaches an emulator in the same process."""

    def __call__(self, subscription: str) -> Any:
        """An async context manager that yields a `Connection`."""


def endpoint() -> str:
    """The URL of Resource Manager: from the environment, or the public one of Azure.

    Raises:
        MigrationError: credentials would be sent unencrypted to another machine.
    """
    url = os.environ.get(ENDPOINT_VARIABLE, PUBLIC_ENDPOINT).rstrip("/")
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise MigrationError(
            f"{ENDPOINT_VARIABLE}={url}: plain http is for local clouds on loopback only. "
            "Use https, or unset the variable to use Azure."
        )
    return url


class _ServicePolicy(SansIOHTTPPolicy[Any, Any]):
    """Reads time and Retry-After of answers; allows tokens over http, to loopback only."""

    def __init__(self, clock: ServiceClock, retry_after: RetryAfter, plain_http: bool) -> None:
        self._clock = clock
        self._retry_after = retry_after
        self._plain_http = plain_http

    def on_request(self, request: PipelineRequest[Any]) -> None:
        if self._plain_http:
            request.context.options["enforce_https"] = False

    def on_response(
        self, request: PipelineRequest[Any], response: PipelineResponse[Any, Any]
    ) -> None:
        answer = response.http_response
        self._clock.read(answer.headers.get("Date"))
        self._retry_after.read(answer.status_code, answer.headers.get("Retry-After"))


def connector(
    credential: Callable[[], AsyncTokenCredential] = DefaultAzureCredential,
    transport: Callable[[], AsyncHttpTransport[Any, Any]] | None = None,
    base_url: str | None = None,
) -> Connect:
    """A `Connect` with these parts.

    Args:
        credential: makes the credential; by default the one of the environment.
        transport: makes the HTTP transport; by default aiohttp.
        base_url: the URL of Resource Manager; by default that of `endpoint`.
    """

    @asynccontextmanager
    async def connect(subscription: str) -> AsyncIterator[Connection]:
        url = base_url or endpoint()
        clock, retry_after = ServiceClock(), RetryAfter()
        policy = _ServicePolicy(clock, retry_after, url.startswith("http://"))
        extra: dict[str, Any] = {} if transport is None else {"transport": transport()}
        async with (
            credential() as token,
            SiteRecoveryManagementClient(
                token,
                subscription,
                url,
                credential_scopes=[f"{PUBLIC_ENDPOINT}/.default"],
                per_call_policies=[policy],
                **extra,
            ) as client,
        ):
            yield Connection(client, clock, retry_after)

    return connect


async def check_access(connection: Connection) -> None:
    """Check that Azure answers and accepts the credentials (operation Subscriptions_List).

    Raises:
        MigrationError: it does not.
    """
    with explained("Azure"):
        await call(connection.client, "GET", "/subscriptions?api-version=2022-12-01")
