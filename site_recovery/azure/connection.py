"""A connection to Azure Resource Manager: endpoint, credentials, retries and the service's time."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import urlsplit

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.core.pipeline.transport import AsyncHttpTransport

from site_recovery import authorities
from site_recovery.azure import clouds
from site_recovery.azure.errors import ENDPOINT_VARIABLE, explained
from site_recovery.azure.limits import LimitsPolicy
from site_recovery.azure.rest import call
from site_recovery.azure.tenant import tenant_of
from site_recovery.errors import MigrationError
from site_recovery.polling import RetryAfter, by_age
from site_recovery.service_clock import ServiceClock

if TYPE_CHECKING:
    from azure.identity.aio import DefaultAzureCredential
    from azure.mgmt.recoveryservicessiterecovery.aio import SiteRecoveryManagementClient

_T = TypeVar("_T")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


async def _unknown_tenant() -> str:
    return ""


@dataclass
class Connection:
    """One subscription as seen through the SDK.

    Attributes:
        client: the Site Recovery client; its `send_request` serves other resource providers.
        clock: the service's time.
        retry_after: how long Azure wants to be left alone, after it refused a request because
            there were too many.
        tenant: reads the tenant of the credentials; empty if they do not say it.
    """

    client: SiteRecoveryManagementClient
    clock: ServiceClock
    retry_after: RetryAfter = field(default_factory=RetryAfter)
    tenant: Callable[[], Awaitable[str]] = _unknown_tenant
    _kept: dict[Hashable, Any] = field(default_factory=dict)

    def kept(self, kind: type[_T], what: Hashable) -> _T:
        """The one object of this kind for all who use the connection for the same thing.

        Args:
            kind: its class; it is made when it is first asked for.
            what: what it is about, such as a vault.
        """
        found: _T = self._kept.setdefault((kind, what), kind())
        return found

    def pause(self, poll: timedelta) -> float:
        """Seconds until the next look at Azure: those of `poll`, or more if Azure says so."""
        return max(poll.total_seconds(), self.retry_after.seconds())

    def pauses(self, longest: timedelta) -> Callable[[], float]:
        """The pauses of a wait that begins with the first of them: they get longer by its age.

        Args:
            longest: the longest one, unless Azure asks for more.
        """
        began: datetime | None = None

        def pause() -> float:
            nonlocal began
            now = self.clock.now()
            began = began or now
            return self.pause(by_age(now - began, longest))

        return pause


class Connect(Protocol):
    """Opens connections; tests pass one that reaches an emulator in the same process."""

    def __call__(self, subscription: str) -> Any:
        """An async context manager that yields a `Connection`."""


def endpoint() -> str:
    """The URL of Resource Manager: from the environment, or that of its cloud of Azure.

    Raises:
        MigrationError: credentials would be sent unencrypted to another machine.
    """
    url = (os.environ.get(ENDPOINT_VARIABLE) or clouds.of_environment().endpoint).rstrip("/")
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise MigrationError(
            f"{ENDPOINT_VARIABLE}={url}: plain http is for local clouds on loopback only. "
            "Use https, or unset the variable to use Azure."
        )
    return url


def _is_resource_managers(answer: Any) -> bool:
    """Whether Resource Manager itself made an answer, and not a proxy or gateway before it.

    "Track asynchronous Azure operations" and "Throttling Resource Manager requests" show these
    headers. A proxy that reaches nothing answers with a 5xx, and with a clock of its own.
    """
    ids = ("x-ms-request-id", "x-ms-correlation-request-id")
    return answer.status_code < 500 and any(each in answer.headers for each in ids)


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
        if _is_resource_managers(answer):
            self._clock.read(answer.headers.get("Date"))
        self._retry_after.read(answer.status_code, answer.headers.get("Retry-After"))


def connector(
    credential: Callable[[], AsyncTokenCredential] | None = None,
    transport: Callable[[], AsyncHttpTransport[Any, Any]] | None = None,
    base_url: str | None = None,
    may_change: Callable[[], bool] = lambda: True,
    *,
    limited: bool = True,
) -> Connect:
    """A `Connect` with these parts.

    Each connection has buckets of its own. Within the limits of Resource Manager stays who uses
    one connection for everything (`KeptOpen`).

    Args:
        credential: makes the credential; by default the one of the environment.
        transport: makes the HTTP transport; by default aiohttp, with one session for the client
            and the credential (`authorities.session`).
        base_url: the URL of Resource Manager; by default that of `endpoint`.
        may_change: see `LimitsPolicy`.
        limited: see `LimitsPolicy`.
    """

    @asynccontextmanager
    async def connect(subscription: str) -> AsyncIterator[Connection]:
        # The program imports this module and connects to nothing: it needs no SDK.
        from azure.mgmt.recoveryservicessiterecovery.aio import SiteRecoveryManagementClient

        url = base_url or endpoint()
        # Resource Manager takes tokens for its own cloud only, from that cloud's authority.
        scope = f"{clouds.at(url).endpoint}/.default"
        authority = clouds.authority(url)
        clock, retry_after = ServiceClock(), RetryAfter()
        policy = _ServicePolicy(clock, retry_after, url.startswith("http://"))
        async with (
            _carrier(transport) as carrier,
            credential() if credential else _of_environment(carrier, authority) as token,
            SiteRecoveryManagementClient(
                token,
                subscription,
                url,
                credential_scopes=[scope],
                per_call_policies=[policy],
                per_retry_policies=[LimitsPolicy(may_change, limited=limited)],
                transport=carrier,
            ) as client,
        ):

            async def tenant() -> str:
                return tenant_of((await token.get_token(scope)).token)

            yield Connection(client, clock, retry_after, tenant)

    return connect


def _of_environment(
    transport: AsyncHttpTransport[Any, Any], authority: str
) -> DefaultAzureCredential:
    """The credential of the environment.

    Raises:
        MigrationError: one of its variables is wrong; it has the SDK's own words.
    """
    from azure.identity.aio import DefaultAzureCredential

    try:
        return DefaultAzureCredential(transport=transport, authority=authority)
    except ValueError as error:
        said = str(error).rstrip(".")
        raise MigrationError(
            f"Azure: the environment names no credential: {said}. Correct or unset that variable."
        ) from error


@asynccontextmanager
async def _carrier(
    transport: Callable[[], AsyncHttpTransport[Any, Any]] | None,
) -> AsyncIterator[AsyncHttpTransport[Any, Any]]:
    if transport is not None:
        yield transport()
        return
    import aiohttp
    from azure.core.pipeline.transport import AioHttpTransport

    # The SDK's own session has no cookies, and the SDK decompresses.
    cookies = aiohttp.DummyCookieJar()
    async with authorities.session(cookie_jar=cookies, auto_decompress=False) as session:
        # Whoever is closed first must not close it for the other.
        yield AioHttpTransport(session=session, session_owner=False)


class KeptOpen:
    """A `Connect` that opens the connection to a subscription once and keeps it open.

    All who use it share the connection's limits, its sockets and what was observed over it. They
    have to run on one event loop.

    Args:
        connect: opens the connections.
    """

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._opening: dict[str, asyncio.Task[Connection]] = {}
        self._open = AsyncExitStack()

    @asynccontextmanager
    async def __call__(self, subscription: str) -> AsyncIterator[Connection]:
        """The connection to a subscription, which stays open afterwards.

        Raises:
            MigrationError: as the connector raises it. The next call tries anew.
        """
        opening = self._opening.get(subscription)
        if opening is None or (opening.done() and (opening.cancelled() or opening.exception())):
            opening = asyncio.ensure_future(
                self._open.enter_async_context(self._connect(subscription))
            )
            self._opening[subscription] = opening
        yield await asyncio.shield(opening)

    async def close(self) -> None:
        """Close all connections."""
        self._opening.clear()
        await self._open.aclose()


async def check_access(connection: Connection) -> None:
    """Check that Azure answers and accepts the credentials (operation Subscriptions_List).

    Raises:
        MigrationError: it does not.
    """
    with explained("Azure"):
        await call(connection.client, "GET", "/subscriptions?api-version=2022-12-01")
