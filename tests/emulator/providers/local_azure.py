"""The emulator's Azure in this process, over HTTP."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from emulator import front
from emulator.http import Application
from emulator.kernel.clock import Clock
from emulator.kernel.store import Store
from emulator.kernel.world import World


def environment(port: int) -> dict[str, str]:
    """The variables with which SDKs reach it."""
    endpoint = f"http://127.0.0.1:{port}"
    return {
        "AZURE_RESOURCE_MANAGER_ENDPOINT": endpoint,
        "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
        "IDENTITY_ENDPOINT": f"{endpoint}/_identity/token",
        "IDENTITY_HEADER": "local",
    }


@contextmanager
def serving() -> Iterator[tuple[World, int]]:
    """A new world and its port. Hours pass in seconds."""
    world = front.create(Store(), Clock(scale=3600))
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(Application(world), log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield world, listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        listener.close()
