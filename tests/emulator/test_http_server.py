"""The ARM front over real HTTP, in this process."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn

from emulator import http as front_http
from emulator.arm.identity import issue
from emulator.kernel.world import World

from .conftest import GROUP


@pytest.fixture
def port(world: World) -> Iterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(front_http.configuration(world, port=0))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join(10)
    listener.close()


def exchange(
    port: int, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
) -> tuple[int, bytes, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        connection.request(method, path, content, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers
    finally:
        connection.close()


def bearer(world: World) -> dict[str, str]:
    return {"Authorization": f"Bearer {issue(world)}"}


URL = f"{GROUP}?api-version=2024-03-01"


def test_a_resource_is_written_and_read_over_http(world: World, port: int) -> None:
    status, content, headers = exchange(port, "PUT", URL, {"location": "westeurope"}, bearer(world))
    assert (status, json.loads(content)["name"]) == (201, "rg-test")
    assert headers["Date"] == "Mon, 05 Jan 2026 08:00:00 GMT"
    assert headers["Content-Type"].startswith("application/json")
    assert exchange(port, "HEAD", URL, headers=bearer(world))[:2] == (204, b"")


def test_links_lead_to_the_host_that_was_asked(world: World, port: int) -> None:
    exchange(port, "PUT", URL, {"location": "westeurope"}, bearer(world))
    _, _, headers = exchange(port, "DELETE", URL, headers=bearer(world))
    link = headers["Location"]
    assert link.startswith(f"http://127.0.0.1:{port}/subscriptions/")
    path = link.removeprefix(f"http://127.0.0.1:{port}")
    assert exchange(port, "GET", path, headers=bearer(world))[0] == 202


def test_names_are_percent_decoded(world: World, port: int) -> None:
    path = URL.replace("rg-test", "rg%28test%29")
    status, content, _ = exchange(port, "PUT", path, {"location": "westeurope"}, bearer(world))
    assert (status, json.loads(content)["name"]) == (201, "rg(test)")


def test_a_body_of_more_than_four_mebibytes_is_refused(world: World, port: int) -> None:
    large = b" " * (front_http.MAX_BODY_BYTES + 1)
    status, content, _ = exchange(port, "PUT", URL, large, bearer(world))
    assert (status, json.loads(content)["error"]["code"]) == (413, "RequestContentTooLarge")
    assert exchange(port, "GET", "/_emulator/health")[0] == 200


def test_what_is_no_http_breaks_nothing(port: int) -> None:
    for nonsense in (
        b"\x00\xff\x16\x03\x01",
        b"GET\r\n\r\n",
        b"PUT / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(nonsense)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass
    assert exchange(port, "GET", "/_emulator/health")[0] == 200


@pytest.mark.parametrize(("when", "exists"), [("before", 404), ("after", 200)])
def test_a_dropped_connection_ends_without_an_answer(
    world: World, port: int, when: str, exists: int
) -> None:
    fault = {"operation": "ResourceGroups_CreateOrUpdate", "drop": when}
    assert exchange(port, "POST", "/_emulator/faults", fault)[0] == 201
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        exchange(port, "PUT", URL, {"location": "westeurope"}, bearer(world))
    assert exchange(port, "GET", URL, headers=bearer(world))[0] == exists
