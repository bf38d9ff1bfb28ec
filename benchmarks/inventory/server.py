"""A server on loopback that answers an inventory as AWS does: signed requests in, pages and refusals out.

    python -m benchmarks.inventory.server --machines 1250

It knows only the calls of an inventory, and checks no signature: the access key says which account is meant, and
the scope of the signature says which region and service.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from benchmarks.inventory import answers, wire
from benchmarks.inventory.buckets import Buckets
from benchmarks.inventory.region import Region, made
from benchmarks.inventory.wire import Answer, Call, Refusal

MEASURED = "/_measured"
"""The path at which it says what it counted, as JSON (`Counted`)."""
SECONDS: Mapping[str, float] = {
    "DescribeInstances": 3.0,
    "DescribeVolumes": 1.5,
    "DescribeInstanceInformation": 0.4,
    "GetMetricData": 2.0,
}
_LONG_PAGES: Mapping[str, Mapping[str, Any]] = {
    "DescribeInstances": {
        "Filters": {"instance-state-name": ["pending", "running", "stopping", "stopped"]},
        "MaxResults": 1000,
    },
    "DescribeVolumes": {"Filters": {"attachment.status": ["attached"]}, "MaxResults": 500},
}
"""Calls of an inventory whose answers take long to write: they are written before anybody asks."""
OTHER_SECONDS = 0.5
"""What AWS is assumed to take for an answer: a full page, from another continent. Nothing is published."""


@dataclass
class Counted:
    """What a server did. Times are of the clock of its process.

    Attributes:
        answered: requests that were served, by account, region and action.
        throttled: requests that were refused because there were too many, by action.
        begun: when the first request came.
        ended: when the last answer was sent.
    """

    answered: Counter[str] = field(default_factory=Counter)
    throttled: Counter[str] = field(default_factory=Counter)
    begun: float = 0.0
    ended: float = 0.0


class Aws:
    """What the server knows: regions of accounts, their buckets, and how long an answer takes.

    Args:
        machines: how many each region of each account has.
        takes: whether a call is served, or refused because there were too many.
        seconds: how long an answer takes, by action; None for no time at all.
        page: the most entries of EC2 in a page, where a client asks for more.
        seed: of the machines.
    """

    def __init__(
        self,
        machines: int,
        takes: Callable[[Call], bool],
        seconds: Mapping[str, float] | None = None,
        page: int = answers.PAGE,
        seed: int = 1,
    ) -> None:
        self.counted = Counted()
        self._machines, self._takes, self._seconds = machines, takes, seconds
        self._page, self._seed = page, seed
        self._regions: dict[tuple[str, str], Region] = {}
        self._answers: dict[str, Answer] = {}
        self._lock = threading.Lock()

    def region(self, account: str, name: str) -> Region:
        """A region of an account, which exists once somebody asks for it."""
        with self._lock:
            if (account, name) not in self._regions:
                self._regions[account, name] = made(account, name, self._machines, self._seed)
            return self._regions[account, name]

    def prepare(self, account: str, name: str) -> None:
        """Make a region, and write its long answers, so that it does not take the time of a client."""
        for action, asked in _LONG_PAGES.items():
            token: Mapping[str, str] = {}
            while True:
                call = Call(account, name, "ec2", action, {**asked, **token})
                self._answered(call)
                result = answers.result(call, self.region(account, name), self._page)
                if "NextToken" not in result:
                    break
                token = {"NextToken": result["NextToken"]}

    def answer(self, call: Call) -> Answer:
        """The answer to a call, after the time that it takes."""
        with self._lock:
            self.counted.begun = self.counted.begun or time.monotonic()
        if not self._takes(call):
            with self._lock:
                self.counted.throttled[call.action] += 1
            return wire.throttled(call)
        due = time.monotonic() + (
            0.0 if self._seconds is None else self._seconds.get(call.action, OTHER_SECONDS)
        )
        given = self._answered(call)
        if due > time.monotonic():
            time.sleep(due - time.monotonic())
        with self._lock:
            self.counted.answered[f"{call.account} {call.region} {call.action}"] += 1
            self.counted.ended = time.monotonic()
        return given

    def _answered(self, call: Call) -> Answer:
        """An answer, which is written once however often it is asked for."""
        key = json.dumps([call.account, call.region, call.action, call.asked], sort_keys=True)
        if key not in self._answers:
            result = answers.result(call, self.region(call.account, call.region), self._page)
            self._answers[key] = wire.answer(call, result)
        return self._answers[key]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body are two writes, which would wait for each other.
    disable_nagle_algorithm = True
    aws: Aws

    def do_GET(self) -> None:
        """What was counted."""
        body = json.dumps(vars(self.aws.counted)).encode()
        self._send(Answer(200, "application/json", body))

    def do_POST(self) -> None:
        """One call of a service."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        service = "ec2"
        try:
            call = wire.call(self.path, dict(self.headers.items()), body)
            service = call.service
            given = self.aws.answer(call)
        except Refusal as error:
            given = wire.refused(service, error.code, str(error))
        self._send(given)

    def log_message(self, *_: Any) -> None:
        """Nothing: the requests are counted."""

    def _send(self, given: Answer) -> None:
        self.send_response(given.status)
        self.send_header("Content-Type", given.kind)
        if given.kind == "application/cbor":
            self.send_header("Smithy-Protocol", "rpc-v2-cbor")
        self.send_header("Content-Length", str(len(given.body)))
        self.end_headers()
        self.wfile.write(given.body)


@contextmanager
def serving(aws: Aws, port: int = 0) -> Iterator[str]:
    """Serve in threads of this process, until the end. Gives the URL."""
    handler = type("Handler", (_Handler,), {"aws": aws})
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def main() -> None:
    """Serve until the input ends; the URL is the only line of the output."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.inventory.server")
    parser.add_argument(
        "--machines", type=int, required=True, help="in each region of each account"
    )
    parser.add_argument("--share", type=float, default=1.0, help="what others leave of the buckets")
    parser.add_argument(
        "--place", nargs=2, action="append", default=[], metavar=("ACCOUNT", "REGION")
    )
    options = parser.parse_args()
    aws = Aws(options.machines, Buckets(options.share, time.monotonic).takes, SECONDS)
    for account, region in options.place:
        aws.prepare(account, region)
    with serving(aws) as url:
        print(url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
