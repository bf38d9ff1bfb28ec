"""Measures how long an inventory reads 5,000 instances, and how many requests that takes.

Two accounts of 2,500 machines are local AWS processes, each behind a profile. A bucket of requests for
each account, smaller than EC2's own, refuses what is too much as EC2 does, with
RequestLimitExceeded. The time is real, and most of it is that of the local AWS, which makes each answer on one
core. Source of EC2's own buckets: "Request throttling for the Amazon EC2 API" (100 requests, 20 more a
second, for reads that are paged).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import botocore.session
from botocore.awsrequest import AWSResponse, HeadersDict

from inventory import accounts
from inventory.accounts import Identity, Measures

REGION = "eu-west-1"
_ACCOUNTS = 2
_BUCKET, _A_SECOND = 20, 10
_REFUSED = {
    "ec2": (
        503,
        b'<?xml version="1.0" encoding="UTF-8"?><Response><Errors><Error>'
        b"<Code>RequestLimitExceeded</Code><Message>Request limit exceeded.</Message>"
        b"</Error></Errors><RequestID>benchmark</RequestID></Response>",
    ),
    "ssm": (400, b'{"__type": "ThrottlingException", "message": "Rate exceeded"}'),
}
"""The status and the body with which a service refuses what is too much."""


@dataclass
class Bucket:
    """The requests that an account may make. It is used by several threads.

    Attributes:
        size: how many at once.
        a_second: how many more each second.
    """

    size: float
    a_second: float
    _left: float = field(init=False)
    _at: float = field(init=False, default_factory=time.monotonic)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._left = self.size

    def takes(self) -> bool:
        """Whether one more request is served now."""
        with self._lock:
            now = time.monotonic()
            self._left = min(self.size, self._left + (now - self._at) * self.a_second)
            self._at = now
            if self._left < 1:
                return False
            self._left -= 1
            return True


@dataclass
class Measured:
    """An inventory.

    Attributes:
        machines: how many were read.
        seconds: how long it took.
        requests: those that were answered, by operation.
        refused: how many were refused because there were too many.
    """

    machines: int
    seconds: float
    requests: Counter[str]
    refused: int

    def text(self) -> str:
        """The result in words."""
        said = ", ".join(f"{count} {name}" for name, count in self.requests.most_common())
        return (
            f"{self.machines:,} instances in {self.seconds:.1f} s with "
            f"{self.requests.total()} requests ({said}); {self.refused} were refused and repeated"
        )


def measured(machines: int) -> Measured:
    """Read this many machines, half of them in each of two accounts.

    Raises:
        RuntimeError: not everything was read.
    """
    each = machines // _ACCOUNTS
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        endpoints = [
            stack.enter_context(_local_aws(each, seed=number)) for number in range(_ACCOUNTS)
        ]
        profiles = [f"account-{number}" for number in range(_ACCOUNTS)]
        (folder / "config").write_text(
            "".join(
                f"[profile {name}]\naws_access_key_id = local\naws_secret_access_key = local\n"
                f"endpoint_url = {endpoint}\n"
                for name, endpoint in zip(profiles, endpoints, strict=True)
            ),
            "utf-8",
        )
        for variable in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[variable]
        os.environ["AWS_CONFIG_FILE"] = str(folder / "config")
        requests: Counter[str] = Counter()
        refused: Counter[str] = Counter()
        stack.enter_context(_limited(requests, refused))
        begun = time.perf_counter()
        reading = accounts.read(
            [Identity(profile=name) for name in profiles], [REGION], Measures(churn_days=7)
        )
        seconds = time.perf_counter() - begun
    if reading.problems:
        raise RuntimeError("; ".join(map(str, reading.problems)))
    return Measured(len(reading.machines), seconds, requests, refused.total())


@contextmanager
def _local_aws(machines: int, seed: int) -> Iterator[str]:
    """The URL of a local AWS."""
    command = ["-m", "emulator", "aws", "--port", "0", "--seed", str(seed)]
    process = subprocess.Popen(
        [sys.executable, *command, "--machines", str(machines)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None  # because of PIPE
        yield process.stdout.readline().strip().rsplit(" ", 1)[-1]
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _limited(requests: Counter[str], refused: Counter[str]) -> Iterator[None]:
    """Let every client of this process count its requests, and meet the bucket of its account."""
    make = botocore.session.Session.create_client
    buckets: dict[str, Bucket] = {}

    def client(session: botocore.session.Session, *args: Any, **kwargs: Any) -> Any:
        made: Any = make(session, *args, **kwargs)
        bucket = buckets.setdefault(made.meta.endpoint_url, Bucket(_BUCKET, _A_SECOND))

        def send(request: Any, event_name: str, **_: Any) -> AWSResponse | None:
            service, operation = event_name.split(".")[1:]
            if service not in _REFUSED or bucket.takes():
                requests[operation] += 1
                return None
            refused[operation] += 1
            status, body = _REFUSED[service]
            headers: Any = HeadersDict()
            return AWSResponse(request.url, status, headers, _Body(body))

        made.meta.events.register("before-send", send)
        return made

    botocore.session.Session.create_client = client  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        botocore.session.Session.create_client = make  # type: ignore[method-assign]


class _Body:
    """The body of an answer that no socket brought."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: Any) -> Iterator[bytes]:
        """All of it."""
        yield self._content


def main() -> int:
    """Measure and print. Returns the exit code: 1 if it took more than a minute."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.inventory", description=__doc__)
    parser.add_argument("--machines", type=int, default=5000)
    found = measured(parser.parse_args().machines)
    print(found.text())
    return int(found.seconds > 60)


if __name__ == "__main__":
    sys.exit(main())
