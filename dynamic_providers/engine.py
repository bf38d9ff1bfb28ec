"""The engine that a provider process serves: its log, and whether it is still running.

When the engine is killed, its dynamic provider process goes on running. That process must stop
submitting operations: nobody would record them, and the next `pulumi up` drives the same machines.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache

import grpc
from google.protobuf import empty_pb2  # noqa: F401  (registers the type the stubs refer to)
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

_WATCH_SECONDS = 2.0
_MISSES = 2
_SILENCE_SECONDS = 60.0
"""How long the row of a resource says nothing in a log."""
_GRACE_SECONDS = 20.0
"""How long an orphaned process may take to finish its call before it ends itself."""


_sender = ThreadPoolExecutor(1, "engine-log")
"""The one thread that sends lines to the engine."""


def flush() -> None:
    """Wait until the lines so far were sent, or for a moment, if the engine does not take them.

    The engine shows a line of a resource only until the call for that resource has ended.
    """
    with suppress(TimeoutError):
        _sender.submit(int).result(_WATCH_SECONDS)


class Engine:
    """One engine, at the address that it gave this process.

    Args:
        address: host and port of its gRPC endpoint.
    """

    def __init__(self, address: str) -> None:
        self._engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address))
        self._gone = threading.Event()

    def log(self, urn: str, text: str, *, ephemeral: bool = False, warning: bool = False) -> None:
        """Show a line on a resource's own row (Engine.Log).

        It returns at once, because all waves wait for whoever waits on their event loop. Lines are
        sent in order; one that cannot be sent is dropped.
        """
        severity = engine_pb2.WARNING if warning else engine_pb2.INFO
        request = engine_pb2.LogRequest(
            severity=severity, message=text, urn=urn, ephemeral=ephemeral
        )
        _sender.submit(self._send, request)

    def _send(self, request: engine_pb2.LogRequest) -> None:
        try:
            self._engine.Log(request, timeout=_WATCH_SECONDS)
        except grpc.RpcError as error:
            logging.getLogger(__name__).debug("the engine did not accept a log line: %s", error)

    def alive(self) -> bool:
        """Whether the engine still answers."""
        return not self._gone.is_set()

    def watch(self) -> None:
        """Check from now on, in the background, whether the engine still answers."""
        threading.Thread(target=self._watch, name="engine-watch", daemon=True).start()

    def _watch(self) -> None:
        misses = 0
        pause = threading.Event()
        while misses < _MISSES:
            pause.wait(_WATCH_SECONDS)
            misses = 0 if self._answers() else misses + 1
        self._gone.set()
        pause.wait(_GRACE_SECONDS)
        os._exit(1)

    def _answers(self) -> bool:
        try:
            self._engine.GetRootResource(
                engine_pb2.GetRootResourceRequest(), timeout=_WATCH_SECONDS
            )
        except grpc.RpcError as error:
            # Any answer, even a refusal, is a sign of life.
            return bool(error.code() is not grpc.StatusCode.UNAVAILABLE)
        return True


@cache
def current() -> Engine:
    """The engine of this provider process, watched."""
    engine = Engine(sys.argv[1])
    engine.watch()
    return engine


def in_a_log() -> bool:
    """Whether the engine writes a log, in which it prints a row again for each of its statuses.

    It does not tell its providers. EC2_TO_AZURE_PROGRESS (`log` or `live`) says it, which `make` sets
    because it shows statuses by itself; CI systems set CI.
    """
    said = os.environ.get("EC2_TO_AZURE_PROGRESS")
    if said in ("log", "live"):
        return said == "log"
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


class RowReporter:
    """Shows progress on one resource's row.

    In a log a status is shown only after a minute in which the row said nothing, as a sign of life.

    Args:
        engine: the engine.
        urn: the resource.
        log: whether the engine writes a log.
        now: a clock, in seconds.
    """

    def __init__(
        self,
        engine: Engine,
        urn: str,
        log: bool | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._urn = urn
        self._last = ""
        self._log = in_a_log() if log is None else log
        self._now = now
        self._spoke = now()

    def status(self, text: str) -> None:
        """Replace the status of the row."""
        if text == self._last or (self._log and self._now() - self._spoke < _SILENCE_SECONDS):
            return
        self._last, self._spoke = text, self._now()
        self._engine.log(self._urn, text, ephemeral=True)

    def event(self, text: str) -> None:
        """Add a line under the row that stays."""
        self._spoke = self._now()
        self._engine.log(self._urn, text)
