"""Every call of the engine runs on the one event loop of its process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from dynamic_providers import engine
from dynamic_providers.driver import Driver
from site_recovery.azure.connection import Connection, KeptOpen
from site_recovery.errors import MigrationError
from site_recovery.service_clock import ServiceClock


def test_calls_of_many_threads_meet_on_one_loop() -> None:
    driver, calls = Driver(), 20
    everyone = asyncio.Barrier(calls)

    async def call() -> int:
        async with everyone:
            return threading.get_ident()

    with ThreadPoolExecutor(calls) as threads:
        served = list(threads.map(lambda _: driver.run(call()), range(calls)))

    assert len(set(served)) == 1
    assert threading.get_ident() not in served


def test_blocking_libraries_do_not_wait_for_each_other() -> None:
    driver, calls = Driver(), 40
    everyone = threading.Barrier(calls, timeout=20)

    async def work() -> None:
        await asyncio.gather(*(asyncio.to_thread(everyone.wait) for _ in range(calls)))

    driver.run(work())


def test_an_error_reaches_the_call_that_caused_it() -> None:
    async def call() -> None:
        raise MigrationError("web-01: it is gone")

    with pytest.raises(MigrationError, match="web-01: it is gone"):
        Driver().run(call())


class TestAConnectionThatIsKeptOpen:
    def opening(self, *failures: str) -> tuple[KeptOpen, list[str]]:
        """A connector whose first attempts fail, and what it does."""
        done: list[str] = []
        failing = list(failures)

        @asynccontextmanager
        async def connect(subscription: str) -> AsyncIterator[Connection]:
            done.append(f"open {subscription}")
            await asyncio.sleep(0)
            if failing:
                raise MigrationError(failing.pop())
            client: Any = SimpleNamespace()
            yield Connection(client, ServiceClock())
            done.append(f"close {subscription}")

        return KeptOpen(connect), done

    def test_is_opened_once_for_all_and_closed_at_the_end(self) -> None:
        connect, done = self.opening()

        async def use(subscription: str) -> Connection:
            async with connect(subscription) as connection:
                found: Connection = connection
                return found

        async def work() -> list[Connection]:
            found = await asyncio.gather(use("one"), use("one"), use("two"))
            later = await use("one")
            await connect.close()
            return [*found, later]

        first, second, other, later = asyncio.run(work())
        assert first is second is later is not other
        assert sorted(done) == ["close one", "close two", "open one", "open two"]

    def test_is_opened_again_if_that_failed(self) -> None:
        connect, done = self.opening("no endpoint")

        async def work() -> None:
            with pytest.raises(MigrationError, match="no endpoint"):
                async with connect("one"):
                    pass
            async with connect("one"):
                pass

        asyncio.run(work())
        assert done == ["open one", "open one"]


def test_azure_is_reached_as_long_as_the_engine_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is changed for an engine that is gone, however long the request waited."""
    monkeypatch.setattr(engine, "current", lambda: SimpleNamespace(alive=lambda: False))
    monkeypatch.setenv("AZURE_RESOURCE_MANAGER_ENDPOINT", "https://127.0.0.1:9")
    driver = Driver()

    async def change() -> None:
        async with driver.azure("11111111-1111-1111-1111-111111111111") as connection:
            vault: Any = connection.client.replication_fabrics
            await vault.begin_delete("group", "vault", "fabric", polling=False)

    with pytest.raises(MigrationError, match="nothing more is changed"):
        driver.run(change())
