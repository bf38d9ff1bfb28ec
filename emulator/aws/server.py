"""Moto's server on loopback, with its ids seeded and the estate created before it is healthy.

In front of it is what moto does not have: part of Systems Manager, checks of Secrets Manager,
permissions of callers, and the control API.
"""

from __future__ import annotations

import io
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeAlias

import boto3
from werkzeug.serving import BaseWSGIServer, make_server

from emulator.aws import (
    endpoints,
    estate,
    instances,
    interfaces,
    kept,
    resource_policies,
    security_groups,
    tags,
)
from emulator.aws.access import calls, denials
from emulator.aws.access.control import OWN_KEY, Access
from emulator.aws.control_api import PREFIX, ControlApi
from emulator.aws.fleet import LEAST, fleet
from emulator.aws.guests import Alone
from emulator.aws.joining import Joining
from emulator.aws.network import describe
from emulator.aws.refusals import Refusal
from emulator.aws.systems_manager import amazon_documents, images
from emulator.aws.systems_manager.service import SystemsManager

StartResponse: TypeAlias = Callable[..., Any]
Wsgi: TypeAlias = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

_IMAGES = Path(__file__).with_name("amis.json")
_ACCOUNT = "123456789012"  # moto's


class AwsServer:
    """An AWS endpoint with the estate in it.

    Its control API is under `/_emulator/`. Everything else is AWS: part of Systems Manager, and
    everything that moto has. State is in memory and ends with the process.

    Args:
        port: the TCP port on loopback; 0 takes a free one.
        seed: the seed of all ids.
        seeded: the estate, if an AwsServer with the same seed has created it in this process or in
            the one that this was forked from. By default it is created at the start.
        machines: how many of the estate's machines can be migrated.
        listener: a socket that listens on that port already; None opens one.

    Attributes:
        joining: the machines from the inside.
    """

    def __init__(
        self,
        port: int = 0,
        seed: int = 1,
        seeded: estate.Seeded | None = None,
        machines: int = LEAST,
        listener: socket.socket | None = None,
    ) -> None:
        self._fleet = fleet(machines)
        self._seeded = seeded
        self._seed = seed
        alone = Alone(lambda: describe(self._client("ec2", estate.REGION)), time.time)
        self.joining = Joining(uuid.uuid4().hex, alone)
        self._connected = cache(self._connect)
        self._connecting = threading.Lock()
        self._systems_manager = SystemsManager(
            self._client, lambda: self.joining.changes, lambda: self.joining.guests
        )
        self._access = Access(self._client, _ACCOUNT)
        self._control = ControlApi(seed, self.joining, self._systems_manager, self._access)
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

        _complete_moto()
        self._moto: Wsgi = DomainDispatcherApplication(create_backend_app)
        self._server: BaseWSGIServer = make_server(
            "127.0.0.1",
            port,
            self._answer,
            threaded=True,
            request_handler=QuietHandler,
            fd=None if listener is None else listener.fileno(),
        )
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def endpoint(self) -> str:
        """The URL for `AWS_ENDPOINT_URL`."""
        return f"http://127.0.0.1:{self._server.port}"

    def start(self) -> estate.Seeded:
        """Start serving, and create the estate."""
        self._thread.start()
        if self._seeded is None:
            self._seeded = self._create_estate()
        return self._seeded

    def _create_estate(self) -> estate.Seeded:
        from moto.moto_api._internal import mock_random

        client = self._client("ec2", estate.REGION)
        # Moto creates a region with its images at the first request and draws their ids from the
        # same source. Doing it first keeps the estate's ids the same.
        client.describe_vpcs()
        seeded = estate.seed(
            client,
            self._client("iam", estate.REGION),
            lambda name: mock_random.seed(f"{self._seed}:{name}"),
            self._fleet,
        )
        images.publish(estate.REGION)
        amazon_documents.publish(estate.REGION)
        return seeded

    def wait(self) -> None:
        """Serve until `stop`, or until the process ends."""
        self._thread.join()

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def _client(self, service: str, region: str) -> Any:
        # Requests come on threads of their own, and boto3 cannot make two clients at once.
        with self._connecting:
            return self._connected(service, region)

    def _connect(self, service: str, region: str) -> Any:
        connect: Any = boto3.client  # its types know the services' names only as literals
        return connect(
            service,
            endpoint_url=self.endpoint,
            region_name=region,
            aws_access_key_id=OWN_KEY,
            aws_secret_access_key=OWN_KEY,  # moto asks for any
        )

    def _answer(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        path = environ.get("PATH_INFO", "")
        if path.startswith(PREFIX):
            if self._seeded is None:
                return _respond(start_response, 503, {"status": "starting"})
            answer = self._control.answer(environ["REQUEST_METHOD"], path, body, self._seeded)
            return _respond(start_response, *answer)
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        authorization = environ.get("HTTP_AUTHORIZATION", "")
        call = calls.read(authorization, target, environ.get("QUERY_STRING", ""), body)
        denied = self._access.denies(call) if call else None
        if call and denied:
            request = str(uuid.uuid4())
            denial = denials.of(call, denied.principal, denied.need, denied.explicit, request)
            return _send(start_response, denial.status, denial.headers, denial.body)
        fault = None
        if call and call.key != OWN_KEY:
            fault = self._control.faults.take(call.operation, body)
        if call is None or fault is None:
            return self._carry_out(environ, start_response, call, body)
        if fault.carried_out:
            for _ in self._carry_out(environ, _ignore, call, body):
                pass
        if fault.drop:
            return _drop(environ, start_response)
        refused = denials.refusal(call, fault.status, fault.error, fault.message, str(uuid.uuid4()))
        return _send(start_response, refused.status, refused.headers, refused.body)

    def _carry_out(
        self,
        environ: dict[str, Any],
        start_response: StartResponse,
        call: calls.Call | None,
        body: bytes,
    ) -> Iterable[bytes]:
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        if self._systems_manager.takes(target, body):
            authorization = environ.get("HTTP_AUTHORIZATION", "")
            answer = self._systems_manager.answer(target, authorization, body)
            return _respond(start_response, answer.status, answer.body, answer.refused)
        try:
            resource_policies.check(target, body, self._client("iam", estate.REGION))
        except Refusal as refusal:
            return _respond(start_response, 400, refusal.body, refusal.code)
        body = self._systems_manager.for_moto(target, body)
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        with self.joining.change(body):
            answered = self._moto(environ, start_response)
        if call:
            self._control.holds.wait(call.operation)
        return answered


@cache
def _complete_moto() -> None:
    """Let this process's moto do what EC2 does and moto alone does not; once, for all servers."""
    kept.keep()
    interfaces.keep_own_groups()
    interfaces.refuse_groups_that_it_may_not_have()
    interfaces.end_with_their_instances()
    security_groups.refuse_to_delete_what_is_used()
    instances.refuse_by_state()
    instances.refuse_addresses_in_use()
    instances.tell_boot_modes()
    resource_policies.keep_principals()
    tags.refuse_what_breaks_a_rule()
    endpoints.place_in_their_subnets()


def _respond(
    start_response: StartResponse, status: int, body: Mapping[str, Any], refused: str | None = None
) -> Iterable[bytes]:
    headers = {
        "Content-Type": "application/json" if refused is None else "application/x-amz-json-1.1",
        "x-amzn-RequestId": str(uuid.uuid4()),
    }
    if refused is not None:
        headers["x-amzn-ErrorType"] = refused
    return _send(start_response, status, headers, json.dumps(body).encode())


def _send(
    start_response: StartResponse, status: int, headers: Mapping[str, str], content: bytes
) -> Iterable[bytes]:
    start_response(
        f"{status} {HTTPStatus(status).phrase}",
        [*headers.items(), ("Content-Length", str(len(content)))],
    )
    return [content]


def _ignore(status: str, headers: list[tuple[str, str]], failed: Any = None) -> None:
    """Start a response that nobody gets."""


def _drop(environ: Mapping[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """Break the connection."""
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    start_response("500 dropped", [])
    return []
