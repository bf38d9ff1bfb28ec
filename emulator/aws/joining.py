"""The emulator of Azure that has joined a local AWS, and what it was told of changes."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from emulator.aws import changes, instances
from emulator.aws.changes import Change
from emulator.aws.guests import Guests, Joined, over_http

_log = logging.getLogger(__name__)


class Joining:
    """The guests of a local AWS: of the emulator that has joined it, or its own until one does.

    Once an emulator has joined, nothing stands in for it: while it does not answer, no command runs.

    Args:
        run: which run of the local AWS this is.
        alone: the guests until an emulator joins.
    """

    def __init__(self, run: str, alone: Guests) -> None:
        self._run = run
        self._guests = alone
        self._endpoint: str | None = None
        self._changing = threading.Lock()
        self._telling = threading.Lock()
        self._changes = 0
        self._busy = 0
        self._missed = False

    @property
    def guests(self) -> Guests:
        """The guests as they are reached now."""
        return self._guests

    @property
    def changes(self) -> int:
        """How many requests may have changed EC2 or IAM so far."""
        return self._changes

    def join(self, guests: Guests, endpoint: str | None = None) -> None:
        """Take the guests of an emulator, which looks at EC2 next."""
        self._guests, self._endpoint, self._missed = guests, endpoint, False

    def put(self, body: bytes) -> None:
        """Let an emulator join: `{"endpoint": URL, "authority": PEM file or null}`.

        Raises:
            ValueError: the body is not like that.
        """
        content = json.loads(body)
        endpoint = content.get("endpoint") if isinstance(content, dict) else None
        if not isinstance(endpoint, str) or not endpoint.startswith("http"):
            raise ValueError("'endpoint' is the URL of an emulator of Azure.")
        self.join(Joined(over_http(endpoint, content.get("authority"))), endpoint)

    def facts(self) -> Mapping[str, Any]:
        """What a guest has to know to notice changes.

        `guests`: the URL of the emulator that has joined; `changes`: how many requests may have
        changed EC2 or IAM; `busy`: how many are being carried out; `missed`: whether one of them
        could not be told.
        """
        return {
            "run": self._run,
            "changes": self._changes,
            "busy": self._busy,
            "guests": self._endpoint,
            "missed": self._missed,
        }

    @contextmanager
    def change(self, body: bytes) -> Iterator[None]:
        """Carry out a request that changes EC2 or IAM inside, then tell the guests."""
        if not changes.changes_anything(body):
            yield
            return
        change = changes.of(body)
        slow = self._slow(change)
        with self._changing:
            self._busy += 1
        try:
            yield
        finally:
            instances.keep_stopping(slow)
            self._count_and_tell(change)
            with self._changing:
                self._busy -= 1

    def _count_and_tell(self, change: Change | None) -> None:
        if change is None:
            self.count()
            return
        # One after the other, in the order of their numbers: guests that hear of a change before the
        # one that it follows read the whole region again. What a guest does when it is told, such as
        # taking a role, must not wait for this.
        with self._telling:
            self._tell(change, self.count())

    def count(self) -> int:
        """Count a change of EC2; returns how many there were."""
        with self._changing:
            self._changes += 1
            return self._changes

    def _slow(self, change: Change | None) -> list[str]:
        """The running instances that a request stops, and that do not stop at once."""
        if change is None or change.action != "StopInstances":
            return []
        try:
            slow = self._guests.slow_stops()
        except (OSError, ValueError) as error:
            _log.warning("the guests do not tell which of them stop slowly: %s", error)
            return []
        return [one for one in change.instances if one in slow and instances.runs(one)]

    def _tell(self, change: Change, number: int) -> None:
        try:
            self._guests.tell(change, number, self._run)
        except (OSError, ValueError) as error:
            _log.warning("%s could not be told to the guests: %s", change.action, error)
            self._missed = True
