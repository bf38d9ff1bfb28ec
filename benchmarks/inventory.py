"""Measures how long an inventory reads 5,000 instances, and how many requests that takes.

Two accounts of 2,500 machines are local AWS processes, each behind a profile. They are read once, so that all answers are
known. Then they are read again, and each answer comes from memory after the time that AWS is assumed to
take for it (`_SECONDS`), so that the local AWS, which makes answers on one core, costs nothing. A bucket of
requests for each account, smaller than EC2's own, refuses what is too much as EC2 does, with
RequestLimitExceeded. The waiting is real, and so are threads, retries and the time of this program. Source of EC2's own
buckets: "Request throttling for the Amazon EC2 API" (100 requests, 20 more a second, for reads that are paged).
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
from botocore.httpsession import URLLib3Session

from inventory import accounts
from inventory.accounts import Identity, Measures
from inventory.found import Reading

REGION = "eu-west-1"
_ACCOUNTS = 2
_BUCKET, _A_SECOND = 20, 10
_SECONDS = {
    "DescribeInstances": 3.0,
    "DescribeVolumes": 1.5,
    "DescribeInstanceInformation": 0.4,
    "GetMetricData": 2.0,
}
_OTHER_SECONDS = 0.5
"""What AWS is assumed to take for an answer: a full page, from another continent. Nothing is published."""
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
        cpu: how much of that this program computed, in seconds.
        bound: the assumed seconds of the longest series of pages, each of which begins with the one before.
        local: how long it took while the local AWS made the answers.
        requests: those that were answered, by operation.
        refused: how many were refused because there were too many.
    """

    machines: int
    seconds: float
    cpu: float
    bound: float
    local: float
    requests: Counter[str]
    refused: int

    def text(self) -> str:
        """The result in words."""
        said = ", ".join(f"{count} {name}" for name, count in self.requests.most_common())
        return (
            f"{self.machines:,} instances in {self.seconds:.1f} s, {self.cpu:.1f} s of it computing; "
            f"{self.seconds / self.bound:.2f} times the longest series of pages ({self.bound:.1f} s). "
            f"{self.requests.total()} requests ({said}); {self.refused} were refused and repeated. "
            f"While the local AWS made the answers: {self.local:.1f} s"
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
        identities = [Identity(profile=name) for name in profiles]
        tape = _Tape()
        stack.enter_context(_taped(tape))
        begun = time.perf_counter()
        _whole(accounts.read(identities, [REGION], Measures(churn_days=7)))
        local = time.perf_counter() - begun
        tape.rewind()
        begun, computed = time.perf_counter(), time.process_time()
        reading = _whole(accounts.read(identities, [REGION], Measures(churn_days=7)))
        seconds, cpu = time.perf_counter() - begun, time.process_time() - computed
    bound = max(count * _takes(name) for (_, name), count in tape.served.items())
    requests: Counter[str] = Counter()
    for (_, name), count in tape.served.items():
        requests[name] += count
    return Measured(
        len(reading.machines), seconds, cpu, bound, local, requests, tape.refused.total()
    )


def _whole(reading: Reading) -> Reading:
    """The reading, if nothing is missing in it: a local AWS of thousands may answer too late."""
    if reading.problems:
        raise RuntimeError("; ".join(map(str, reading.problems)))
    return reading


def _takes(operation: str) -> float:
    return _SECONDS.get(operation, _OTHER_SECONDS)


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


class _Tape:
    """Answers of the local AWS, which are given again once it is rewound.

    Attributes:
        served: how many requests were answered since, by endpoint and operation.
        refused: how many were refused, because the bucket of their account was empty.
    """

    def __init__(self) -> None:
        self.served: Counter[tuple[str, str]] = Counter()
        self.refused: Counter[str] = Counter()
        self._answers: dict[tuple[str, bytes], tuple[int, Any, bytes]] = {}
        self._buckets: dict[str, Bucket] = {}
        self._playing = False

    def rewind(self) -> None:
        """Answer from memory from now on."""
        self._playing = True

    def answer(self, request: Any, service: str, operation: str) -> AWSResponse:
        """The answer to a request that is about to be sent."""
        body = request.body or b""
        key = request.url, body if isinstance(body, bytes) else str(body).encode()
        if not self._playing:
            sent: AWSResponse = URLLib3Session().send(request)
            self._answers[key] = sent.status_code, sent.headers, sent.content
            return sent
        bucket = self._buckets.setdefault(request.url, Bucket(_BUCKET, _A_SECOND))
        if service in _REFUSED and not bucket.takes():
            self.refused[operation] += 1
            status, refusal = _REFUSED[service]
            none: Any = HeadersDict()
            return AWSResponse(request.url, status, none, _Body(refusal))
        time.sleep(_takes(operation))
        self.served[request.url, operation] += 1
        status, headers, content = self._answers[key]
        return AWSResponse(request.url, status, headers, _Body(content))


@contextmanager
def _taped(tape: _Tape) -> Iterator[None]:
    """Let every client of this process get its answers through a tape."""
    make = botocore.session.Session.create_client

    def client(session: botocore.session.Session, *args: Any, **kwargs: Any) -> Any:
        made: Any = make(session, *args, **kwargs)

        def send(request: Any, event_name: str, **_: Any) -> AWSResponse:
            return tape.answer(request, *event_name.split(".")[1:])

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
