from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from emulator import front
from emulator.arm.identity import issue
from emulator.estate.static import StaticEstate
from emulator.kernel.clock import Clock
from emulator.kernel.store import Store
from emulator.kernel.wire import Request, Response
from emulator.kernel.world import World
from tests.emulator.recovery_services.site_recovery_experiences import BOTH, Classic

SUBSCRIPTION = "/subscriptions/11111111-1111-1111-1111-111111111111"
GROUP = f"{SUBSCRIPTION}/resourceGroups/rg-test"
VERSIONS = {
    "microsoft.network": "2024-05-01",
    "microsoft.storage": "2024-01-01",
    "microsoft.compute": "2024-11-01",
    "microsoft.recoveryservices": "2024-10-01",
}


class Arm:
    """A caller of Resource Manager with a valid token and the api-version of each service."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.headers = {"Authorization": f"Bearer {issue(world)}", "Host": "127.0.0.1:5000"}

    def call(self, method: str, path: str, body: object = None, **query: str) -> Response:
        if "?" not in path and "api-version" not in query:
            namespace = path.lower().partition("/providers/")[2].partition("/")[0]
            query = {"api-version": VERSIONS.get(namespace, "2024-03-01"), **query}
        if query:
            path += "?" + "&".join(f"{name}={value}" for name, value in query.items())
        content = b"" if body is None else json.dumps(body).encode()
        return self.world.handle(Request.of(method, path, self.headers, content))

    def get(self, path: str, **query: str) -> Any:
        response = self.call("GET", path, **query)
        assert response.status == 200, response.body
        return response.body

    def put(self, path: str, body: object, **query: str) -> Response:
        response = self.call("PUT", path, body, **query)
        assert response.status < 400, response.body
        return response

    def refused(self, method: str, path: str, body: object = None, **query: str) -> tuple[int, str]:
        response = self.call(method, path, body, **query)
        assert response.status >= 400, response.body
        return response.status, response.body["error"]["code"]

    def pass_time(self, seconds: float) -> None:
        self.world.clock.advance(timedelta(seconds=seconds))
        self.world.settle()


@pytest.fixture(autouse=True)
def _shared_documents_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Documents for reading are shared. A test fails if something in it changes one of them."""
    # Of a test with thousands of worlds the last ones will do.
    stores: deque[Store] = deque(maxlen=20)
    make = Store.__init__

    def remembered(self: Store, *arguments: Any, **options: Any) -> None:
        make(self, *arguments, **options)
        stores.append(self)

    monkeypatch.setattr(Store, "__init__", remembered)
    yield
    assert [key for store in stores for key in store.altered()] == []


@pytest.fixture
def estate() -> StaticEstate:
    return StaticEstate()


@pytest.fixture
def world(estate: StaticEstate) -> Iterator[World]:
    store = Store()
    yield front.create(store, Clock(), seed=7, estate=estate)
    store.close()


@pytest.fixture
def arm(world: World) -> Arm:
    return Arm(world)


@pytest.fixture
def group(arm: Arm) -> str:
    """An existing resource group's id."""
    arm.put(GROUP, {"location": "westeurope"})
    return GROUP


@pytest.fixture
def reopened(tmp_path: Path) -> Iterator[Callable[[], Arm]]:
    """Open the world of a database as a new process would; the previous world is closed."""
    stores: list[Store] = []

    def open_again() -> Arm:
        from emulator.kernel.world import resumed_clock

        for store in stores:
            store.close()
        stores[:] = [Store(tmp_path / "azure.sqlite")]
        return Arm(front.create(stores[0], resumed_clock(stores[0]), seed=7))

    yield open_again
    for store in stores:
        store.close()


@pytest.fixture(scope="module", params=BOTH, ids=lambda experience: experience.name)
def experience(request: pytest.FixtureRequest) -> Classic:
    """Each experience of Site Recovery in turn."""
    chosen: Classic = request.param
    return chosen
