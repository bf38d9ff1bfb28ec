"""The control API of the local AWS, under `/_emulator/`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from emulator.aws import estate, instances
from emulator.aws.access.control import Access
from emulator.aws.call_faults import CallFaults
from emulator.aws.holds import Holds
from emulator.aws.joining import Joining
from emulator.aws.systems_manager.service import SystemsManager

Answer = tuple[int, Mapping[str, Any]]
_Handler = Callable[[bytes], Answer]

PREFIX = "/_emulator/"


class ControlApi:
    """What tests and the guests ask a local AWS for, beside AWS itself.

    Args:
        seed: the seed of all ids.
        joining: the machines from the inside.
        systems_manager: Systems Manager.
        access: the permissions of callers.

    Attributes:
        holds: answers that are held back.
        faults: calls that go wrong.
    """

    def __init__(
        self, seed: int, joining: Joining, systems_manager: SystemsManager, access: Access
    ) -> None:
        self.holds = Holds()
        self.faults = CallFaults()
        self._seed = seed
        self._joining = joining
        self._systems_manager = systems_manager
        self._access = access

    def answer(self, method: str, path: str, body: bytes, seeded: estate.Seeded) -> Answer:
        """Answer a request: a status and a body."""
        access = self._access
        handlers: Mapping[str, Mapping[str, _Handler]] = {
            "health": {"GET": lambda _: self._facts()},
            "estate": {"GET": lambda _: (200, seeded.document())},
            "access": {
                "GET": lambda _: (200, {"value": access.all()}),
                "PUT": lambda given: (200, access.put(given)),
                "DELETE": lambda _: _cleared(access.clear, dict),
            },
            "holds": {
                "GET": lambda _: (200, self.holds.all()),
                "PUT": lambda given: (200, self.holds.put(given)),
                "DELETE": lambda _: _cleared(self.holds.clear, self.holds.all),
            },
            "faults": {
                "GET": lambda _: (200, self.faults.all()),
                "POST": lambda given: (201, self.faults.add(given)),
                "DELETE": lambda _: _cleared(self.faults.clear, self.faults.all),
            },
            "guests": {"PUT": self._join},
            "instances": {"POST": self._end_stop},
            "systems-manager/executions": {"POST": self._report},
            "systems-manager/agents": {"PUT": self._silence},
        }
        name = path.removeprefix(PREFIX)
        methods = handlers.get(name)
        if methods is None:
            return 404, {"error": f"There is nothing at {method} {path}."}
        handler = methods.get(method)
        if handler is None:
            return 405, {"error": f"There is no {method} {path}."}
        try:
            return handler(body)
        except ValueError as error:
            return 400, {"error": str(error)}

    def _facts(self) -> Answer:
        facts = self._joining.facts()
        return 200, {"status": "ok", "service": "aws", "seed": self._seed, **facts}

    def _join(self, body: bytes) -> Answer:
        self._joining.put(body)
        return 200, self._joining.facts()

    def _end_stop(self, body: bytes) -> Answer:
        asked = json.loads(body)
        if not instances.end_stop(str(asked.get("instanceId")), str(asked.get("state"))):
            raise ValueError(
                "'instanceId' is stopping, and its 'state' becomes running or stopped."
            )
        self._joining.count()
        return 200, self._joining.facts()

    def _report(self, body: bytes) -> Answer:
        answer = self._systems_manager.report(estate.REGION, body)
        return answer.status, answer.body

    def _silence(self, body: bytes) -> Answer:
        answer = self._systems_manager.silence(body)
        return answer.status, answer.body


def _cleared(clear: Callable[[], None], shown: Callable[[], Mapping[str, Any]]) -> Answer:
    clear()
    return 200, shown()
