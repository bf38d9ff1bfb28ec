"""The machines from the inside, as the local AWS reaches them: to run scripts on them, and to tell
them what EC2 has just changed. They live in the emulator of Azure, which has the time.
"""

from __future__ import annotations

import json
import random
import ssl
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from emulator.aws.changes import Change
from emulator.aws.network import Region
from emulator.estate.guest_os import running
from emulator.estate.guest_os.guest import Guest, new
from emulator.estate.machines import Instance

_TIMEOUT_SECONDS = 60


@dataclass(frozen=True)
class Order:
    """A script for some machines.

    Attributes:
        command: the id of the command.
        platform: "windows" or "linux".
        script: its text.
        machines: the machines' ids.
        delivery_seconds: how long an agent may take to fetch it.
        execution_seconds: how long it may run.
    """

    command: str
    platform: str
    script: str
    machines: Sequence[Instance]
    delivery_seconds: int
    execution_seconds: int


@dataclass(frozen=True)
class Progress:
    """How far a script is on one machine.

    Attributes:
        status: Pending, InProgress, Success, Failed or TimedOut.
        details: the same in more detail, such as DeliveryTimedOut.
        began: when its agent took it, in seconds of the epoch; None before.
        ended: when it ended; None before.
        code: its exit code; -1 before it has one.
    """

    status: str
    details: str
    began: float | None = None
    ended: float | None = None
    out: str = ""
    err: str = ""
    code: int = -1


class Guests(Protocol):
    """The machines from the inside."""

    def run(self, order: Order) -> float:
        """Give a script to the agents of some machines; returns the time, in seconds of the
        epoch."""

    def progress(self, command: str) -> Mapping[str, Progress]:
        """How far a command is, by instance id."""

    def slow_stops(self) -> frozenset[str]:
        """The ids of the instances that do not stop at once."""

    def tell(self, change: Change, number: int, run: str) -> None:
        """Tell them of a change that EC2 has just accepted.

        Args:
            change: the change.
            number: how many requests have changed EC2 or IAM until now, this one too.
            run: which run of the local AWS it is.
        """


class Alone:
    """Machines of a local AWS that no emulator of Azure has joined: scripts end at once.

    Args:
        region: the region's instances and network as they are now.
        clock: gives the seconds of the epoch.
    """

    def __init__(self, region: Callable[[], Region], clock: Callable[[], float]) -> None:
        self._region = region
        self._clock = clock
        self._inside: dict[str, dict[str, Any]] = {}
        self._results: dict[str, dict[str, Progress]] = {}

    def run(self, order: Order) -> float:
        """Run the script on each machine, in real time."""
        network = self._region().network
        now = datetime.fromtimestamp(self._clock(), UTC)
        done = self._results.setdefault(order.command, {})
        for machine in order.machines:
            inside = self._inside.get(machine.id) or new(machine, network, _chance)
            self._inside[machine.id] = inside
            guest = Guest(inside, machine, network, now, _chance)
            guest.look()
            ran = running.run(order.platform, order.script, guest)
            status = "Failed" if ran.code else "Success"
            done[machine.id] = Progress(
                status, status, now.timestamp(), now.timestamp(), ran.out, ran.err, ran.code
            )
        return now.timestamp()

    def progress(self, command: str) -> Mapping[str, Progress]:
        """The results."""
        return self._results.get(command, {})

    def slow_stops(self) -> frozenset[str]:
        """None."""
        return frozenset()

    def tell(self, change: Change, number: int, run: str) -> None:
        """Do nothing: they look around before each script."""


class Joined:
    """The machines of an emulator of Azure that has joined this AWS.

    Args:
        ask: sends a request to its control API: method, path and body; returns the answer's body.

    Every method raises OSError if it does not answer.
    """

    def __init__(self, ask: Callable[[str, str, Any], Any]) -> None:
        self._ask = ask

    def run(self, order: Order) -> float:
        """Give the script to the agents, which take it some seconds of service time later."""
        body = {
            "command": order.command,
            "platform": order.platform,
            "script": order.script,
            "instances": [one.id for one in order.machines],
            "deliverySeconds": order.delivery_seconds,
            "executionSeconds": order.execution_seconds,
        }
        answer = self._ask("POST", "/_emulator/run-commands", body)
        return datetime.fromisoformat(answer["now"]).timestamp()

    def progress(self, command: str) -> Mapping[str, Progress]:
        """As far as it is in virtual time."""
        answer = self._ask("GET", f"/_emulator/run-commands/{command}", None)
        return {name: Progress(**one) for name, one in answer["value"].items()}

    def slow_stops(self) -> frozenset[str]:
        """Those with a fault."""
        return frozenset(self._ask("GET", "/_emulator/slow-stops", None)["value"])

    def tell(self, change: Change, number: int, run: str) -> None:
        """They have felt it when this returns."""
        body = {
            "instances": list(change.instances),
            "interfaces": list(change.interfaces),
            "groups": change.groups,
            "changes": number,
            "run": run,
        }
        self._ask("POST", "/_emulator/aws-changes", body)


def over_http(endpoint: str, authority: str | None) -> Callable[[str, str, Any], Any]:
    """`ask` for an emulator at a URL; `authority` is the PEM file of a certificate's authority."""
    trusted = ssl.create_default_context(cafile=authority) if authority else None

    def ask(method: str, path: str, body: Any) -> Any:
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{endpoint}{path}", content, method=method)  # noqa: S310
        with urllib.request.urlopen(  # noqa: S310 - loopback
            request, timeout=_TIMEOUT_SECONDS, context=trusted
        ) as answer:
            return json.load(answer)

    return ask


def _chance(*about: object) -> random.Random:
    return random.Random(":".join(str(part) for part in about))
