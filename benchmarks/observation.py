"""Measures the processor time of one look at a vault: reading it and parsing what it answers.

    python -m benchmarks.observation [--machines 200] [--looks 20] [--json]

The answers of the emulator are recorded once and then replayed, so that only the program's own time
is measured. Figures of different computers cannot be compared, so each has two baselines of the same
run: `json.loads` of the same bytes, and the lists of the Azure SDK over the same pages.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from typing import Any

from azure.core.pipeline import Pipeline
from azure.core.rest import AsyncHttpResponse, HttpRequest
from azure.core.rest._http_response_impl_async import AsyncHttpResponseImpl

from benchmarks.fleet import Fleet, protected
from emulator.arm.subscriptions import SUBSCRIPTION
from emulator.in_process import AsyncWorldTransport
from site_recovery.arm_ids import ContainerId
from site_recovery.azure.connection import Connection, connector
from site_recovery.azure.service import VaultService
from site_recovery.fleet import LandingZone, Site
from tests.emulator.recovery_services.site_recovery_support import (
    GROUP,
    NETWORK,
    STORAGE,
    TEST_NETWORK,
    AsyncCredential,
)


@dataclass(frozen=True)
class Measured:
    """The cost of one look.

    Attributes:
        requests: requests sent.
        kilobytes: size of the answers.
        seconds: processor time.
        parsing: processor time of `json.loads` for the same bytes.
        sdk: processor time of the SDK's lists over the same pages.
    """

    requests: int
    kilobytes: float
    seconds: float
    parsing: float
    sdk: float


def main(arguments: list[str] | None = None) -> int:
    """Measure and print. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.observation")
    parser.add_argument("--machines", type=int, default=200)
    parser.add_argument("--looks", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    found = asyncio.run(_measure(protected(options.machines), options.looks))
    if options.json:
        print(json.dumps({name: asdict(one) for name, one in found.items()}))
        return 0
    print(f"{options.machines} machines, seconds of processor time a look")
    print(
        f"{'':12}{'requests':>10}{'KB':>8}{'seconds':>9}{'json':>8}{'ratio':>7}{'SDK':>8}{'ratio':>7}"
    )
    for name, one in found.items():
        print(
            f"{name:12}{one.requests:>10}{one.kilobytes:>8.0f}{one.seconds:>9.3f}"
            f"{one.parsing:>8.3f}{one.seconds / one.parsing:>7.1f}"
            f"{one.sdk:>8.3f}{one.seconds / one.sdk:>7.2f}"
        )
    return 0


async def _measure(fleet: Fleet, looks: int) -> dict[str, Measured]:
    """The first look of a process, and a later one."""
    tape = _Tape(fleet)
    connect = connector(
        credential=lambda: AsyncCredential(fleet.site.token), transport=lambda: tape
    )
    site = _site(fleet)
    async with AsyncExitStack() as opened:
        # A process remembers the vault as long as its connection.
        connections = [
            await opened.enter_async_context(connect(SUBSCRIPTION)) for _ in range(looks + 2)
        ]
        services = [VaultService(connection, site, "dev") for connection in connections]
        unused = iter(services)

        async def first() -> None:
            await next(unused).observe()

        async def later() -> None:
            await services[0].observe()

        return {
            "first look": await _one(first, tape, connections[0], site, looks),
            "later look": await _one(later, tape, connections[0], site, looks),
        }


async def _one(
    look: Callable[[], Awaitable[None]], tape: _Tape, connection: Connection, site: Site, looks: int
) -> Measured:
    await look()
    tape.sent = []
    await look()
    pages = list(tape.sent)
    contents = [content for _, content in pages]

    async def parse() -> None:
        for content in contents:
            json.loads(content)

    return Measured(
        requests=len(pages),
        kilobytes=sum(map(len, contents)) / 1000,
        seconds=await _seconds(look, looks),
        parsing=await _seconds(parse, looks),
        sdk=await _seconds(lambda: _by_the_sdk(connection, site), looks),
    )


async def _by_the_sdk(connection: Connection, site: Site) -> None:
    """The three lists of a look that the SDK has, in full."""
    client, container = connection.client, site.container
    where = (container.vault.resource_group, container.vault.vault)
    for listed in (
        client.replication_protected_items.list(*where),
        client.replication_jobs.list(*where),
        client.replication_protectable_items.list_by_replication_protection_containers(
            *where, container.fabric, container.container
        ),
    ):
        async for model in listed:
            model.as_dict()


async def _seconds(work: Callable[[], Awaitable[None]], times: int) -> float:
    """The least processor time of one run."""
    spent = []
    for _ in range(times):
        begun = time.process_time()
        await work()
        spent.append(time.process_time() - begun)
    return min(spent)


class _Tape(AsyncWorldTransport):
    """Answers a request that was answered before with the same bytes.

    Attributes:
        sent: the requests of the last look: URL and the bytes of the answer.
    """

    def __init__(self, fleet: Fleet) -> None:
        super().__init__(fleet.site.world)
        self._known: dict[str, tuple[bytes, Any]] = {}
        self.sent: list[tuple[str, bytes]] = []

    async def send(self, request: HttpRequest, **options: Any) -> AsyncHttpResponse:
        """Answer one request."""
        if request.url not in self._known:
            answer = await super().send(request, **options)
            assert answer.status_code == 200, answer.text()
            self._known[request.url] = answer.content, answer.headers
        content, headers = self._known[request.url]
        self.sent.append((request.url, content))

        async def chunks(
            response: AsyncHttpResponse, pipeline: Pipeline[Any, Any], **_: Any
        ) -> AsyncIterator[bytes]:
            yield content

        answer = AsyncHttpResponseImpl(
            request=request,
            internal_response=_Nothing(),
            status_code=200,
            reason="",
            content_type="application/json",
            headers=headers,
            stream_download_generator=chunks,
        )
        if not options.get("stream"):
            await answer.read()
        return answer


class _Nothing:
    """The stand-in for a response that azure-core closes after reading it."""

    async def close(self) -> None:
        """Nothing to close."""


def _site(fleet: Fleet) -> Site:
    return Site(
        experience="classic",
        container=ContainerId.parse(fleet.site.container),
        landing_zone=LandingZone(GROUP, NETWORK, "servers", TEST_NETWORK, STORAGE, "servers"),
    )


if __name__ == "__main__":
    sys.exit(main())
