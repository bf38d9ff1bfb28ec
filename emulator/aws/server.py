"""Moto's server on loopback, with its ids seeded and the estate created before it is healthy."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeAlias

import boto3
from werkzeug.serving import BaseWSGIServer, make_server

from emulator.aws import estate

StartResponse: TypeAlias = Callable[..., Any]
Wsgi: TypeAlias = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

_IMAGES = Path(__file__).with_name("amis.json")


class AwsServer:
    """An AWS endpoint with the estate in it.

    Its health is at `/_emulator/health`, the estate's ids at `/_emulator/estate`; everything
    else is AWS as moto has it. State is in memory: it ends with the process.

    Args:
        port: the TCP port on loopback; 0 takes a free one.
        seed: what all ids follow from.
    """

    def __init__(self, port: int = 0, seed: int = 1) -> None:
        self._seeded: estate.Seeded | None = None
        self._seed = seed
        # Moto reads these when its services are first imported. Every AWS account has Amazon's
        # managed policies.
        os.environ["MOTO_AMIS_PATH"] = str(_IMAGES)
        os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
        from moto.moto_server.werkzeug_app import (
            DomainDispatcherApplication,
            MotoRequestHandler,
            create_backend_app,
        )

        class QuietHandler(MotoRequestHandler):
            """Moto's handler without a line in the log for every request."""

            def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
                """Log nothing."""

        self._moto: Wsgi = DomainDispatcherApplication(create_backend_app)
        self._server: BaseWSGIServer = make_server(
            "127.0.0.1", port, self._answer, threaded=True, request_handler=QuietHandler
        )
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def endpoint(self) -> str:
        """The URL for `AWS_ENDPOINT_URL`."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> estate.Seeded:
        """Serve, and create the estate."""
        from moto.moto_api._internal import mock_random

        self._thread.start()
        client = boto3.client(
            "ec2",
            endpoint_url=self.endpoint,
            region_name=estate.REGION,
            aws_access_key_id="local",
            aws_secret_access_key="local",  # noqa: S106 - moto asks for any
        )
        # Moto makes a region with its images when it is first asked, and takes ids for them from
        # the same source: done before, they change no id of the estate.
        client.describe_vpcs()
        self._seeded = estate.seed(client, lambda name: mock_random.seed(f"{self._seed}:{name}"))
        return self._seeded

    def wait(self) -> None:
        """Serve until `stop`, or until the process ends."""
        self._thread.join()

    def stop(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if not path.startswith("/_emulator/"):
            return self._moto(environ, start_response)
        status, body = 404, {"error": f"There is nothing at {path}."}
        if self._seeded is None:
            status, body = 503, {"status": "starting"}
        elif path == "/_emulator/health":
            status, body = 200, {"status": "ok", "service": "aws", "seed": self._seed}  # type: ignore[dict-item]
        elif path == "/_emulator/estate":
            status, body = 200, self._seeded.document()  # type: ignore[assignment]
        content = json.dumps(body).encode()
        reason = {200: "OK", 404: "Not Found", 503: "Service Unavailable"}[status]
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(content)))]
        start_response(f"{status} {reason}", headers)
        return [content]
