"""Calls whose answers are held back: AWS has done what was asked, and the caller does not know."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any


class Holds:
    """Holds set through the control API, one for each operation."""

    def __init__(self) -> None:
        self._changing = threading.Condition()
        self._waiting: dict[str, int] = {}

    def put(self, body: bytes) -> Mapping[str, Any]:
        """Hold the answers of an operation: `{"operation": "RunInstances"}`.

        Raises:
            ValueError: the body is not like that.
        """
        content = json.loads(body)
        operation = content.get("operation") if isinstance(content, dict) else None
        if not operation or not isinstance(operation, str):
            raise ValueError("'operation' is the name of an operation, such as RunInstances.")
        with self._changing:
            self._waiting.setdefault(operation, 0)
        return self.all()

    def all(self) -> Mapping[str, Any]:
        """Each operation that is held, with how many answers wait."""
        with self._changing:
            return {
                "value": [
                    {"operation": operation, "waiting": waiting}
                    for operation, waiting in self._waiting.items()
                ]
            }

    def clear(self) -> None:
        """Let all answers go, and hold nothing more."""
        with self._changing:
            self._waiting.clear()
            self._changing.notify_all()

    def wait(self, operation: str) -> None:
        """Wait while the answers of this operation are held."""
        with self._changing:
            if operation in self._waiting:
                self._waiting[operation] += 1
                self._changing.wait_for(lambda: operation not in self._waiting)
