"""A stack whose config names another cloud of Azure than the public one."""

from __future__ import annotations

import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.engine.harness import Stack

pytestmark = pytest.mark.engine

CHINA = "https://management.chinacloudapi.cn"


@contextmanager
def listening(endpoint: str) -> Iterator[tuple[str, set[str]]]:
    """An endpoint of managed identities that hears for what each token is asked, and passes it on."""
    heard: set[str] = set()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = urlsplit(self.path).query
            heard.update(parse_qs(query).get("resource", ()))
            asked = urllib.request.Request(f"{endpoint}?{query}", headers=dict(self.headers))
            with urllib.request.urlopen(asked, timeout=30) as answer:
                body = answer.read()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/token", heard
    finally:
        server.shutdown()
        server.server_close()


def test_plugins_and_program_ask_for_tokens_of_that_cloud(stack: Stack) -> None:
    stack.declare(pilot=("protected", ["web-01"]))
    stack.config["azure-native:environment"] = "china"
    usual = stack.environment["IDENTITY_ENDPOINT"]
    with listening(usual) as (endpoint, heard):
        stack.environment["IDENTITY_ENDPOINT"] = endpoint
        preview = stack.preview()
        stack.environment["IDENTITY_ENDPOINT"] = usual
    assert preview.code == 0, preview.text
    assert heard == {CHINA}


def test_a_region_of_another_cloud_is_refused(stack: Stack) -> None:
    stack.declare(pilot=("protected", ["web-01"]))
    stack.config["azure-native:environment"] = "china"
    local = stack.environment.pop("AZURE_RESOURCE_MANAGER_ENDPOINT")
    preview = stack.preview()
    stack.environment["AZURE_RESOURCE_MANAGER_ENDPOINT"] = local
    assert preview.code != 0
    assert "azure-native:environment: westeurope is a region of cloud public" in " ".join(
        preview.error.split()
    )
