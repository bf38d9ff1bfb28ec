"""Calls of AWS that go wrong, as a test sets them through the control API."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

_NEEDED = ("error", "drop")


@dataclass
class CallFault:
    """One fault. It acts from the `nth` matching call on, `times` times.

    Attributes:
        id: its number.
        operation: such as `SendCommand`.
        match: a text in the request's body; empty for every call.
        error: the code of the error that is answered, such as `ThrottlingException`.
        message: its text.
        status: its HTTP status.
        accepted: whether the call was carried out nevertheless.
        drop: `before` or `after`: the connection breaks, and the call was not or was carried out.
        met: how often calls matched.
        taken: how often it acted.
    """

    id: str
    operation: str
    match: str = ""
    nth: int = 1
    times: int = 1
    error: str = ""
    message: str = "The emulator was told to refuse this call."
    status: int = 400
    accepted: bool = False
    drop: str = ""
    met: int = 0
    taken: int = 0

    @property
    def carried_out(self) -> bool:
        """Whether the call is carried out before it goes wrong."""
        return self.accepted or self.drop == "after"


class CallFaults:
    """The faults that were set, in their order."""

    def __init__(self) -> None:
        self._faults: list[CallFault] = []
        self._number = 0
        self._lock = threading.Lock()

    def add(self, body: bytes) -> Mapping[str, Any]:
        """Set a fault: `operation`, and `error` or `drop`; see `CallFault` for the others.

        Raises:
            ValueError: the body is not like that.
        """
        content = json.loads(body)
        known = {name for name in CallFault.__annotations__ if name not in ("id", "met", "taken")}
        if not isinstance(content, dict) or not content.keys() <= known:
            raise ValueError(f"A fault has the members {', '.join(sorted(known))}.")
        for name, value in content.items():
            wanted = CallFault.__annotations__[name]
            if type(value).__name__ != wanted:
                raise ValueError(f"'{name}' is of type {wanted}.")
        if not content.get("operation") or sum(name in content for name in _NEEDED) != 1:
            raise ValueError("A fault has an 'operation', and either 'error' or 'drop'.")
        if content.get("drop", "after") not in ("before", "after"):
            raise ValueError("'drop' is 'before' or 'after'.")
        with self._lock:
            self._number += 1
            fault = CallFault(str(self._number), **content)
            self._faults.append(fault)
        return asdict(fault)

    def all(self) -> Mapping[str, Any]:
        """Every fault, the oldest first."""
        with self._lock:
            return {"value": [asdict(one) for one in self._faults]}

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._faults.clear()

    def take(self, operation: str, body: bytes) -> CallFault | None:
        """The fault that acts on a call now, or None."""
        with self._lock:
            for one in self._faults:
                if one.operation != operation or one.taken >= one.times:
                    continue
                if one.match.encode() not in body:
                    continue
                one.met += 1
                if one.met >= one.nth:
                    one.taken += 1
                    return one
        return None
