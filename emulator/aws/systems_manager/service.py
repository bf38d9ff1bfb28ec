"""The operations of Systems Manager that are answered here, over its JSON protocol."""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from emulator.aws.guests import Guests
from emulator.aws.permissions import ClientFactory
from emulator.aws.refusals import Refusal
from emulator.aws.systems_manager import requests
from emulator.aws.systems_manager.associations import Associations
from emulator.aws.systems_manager.commands import Commands
from emulator.aws.systems_manager.executions import Executions
from emulator.aws.systems_manager.held import Held
from emulator.aws.systems_manager.inventory import Inventory
from emulator.aws.systems_manager.machines import Machines

_log = logging.getLogger(__name__)

Handler = Callable[[Mapping[str, Any]], dict[str, Any]]

_SERVICE = "AmazonSSM"
_TAGGING = frozenset({"AddTagsToResource", "RemoveTagsFromResource", "ListTagsForResource"})
_OF_GUESTS = frozenset(
    {"GetCommandInvocation", "ListCommandInvocations", "ListCommands", "SendCommand"}
)
_OF_DOCUMENTS = frozenset({f"{_SERVICE}.GetDocument", f"{_SERVICE}.DescribeDocument"})
_SIGNED_FOR = re.compile(r"Credential=[^/]+/[^/]+/(?P<region>[^/]+)/")


@dataclass(frozen=True)
class Answer:
    """A status, a body, and the error's code when it is a refusal."""

    status: int
    body: Mapping[str, Any]
    refused: str | None = None


class _Region:
    """The state of one region, and the operations on it by their names."""

    def __init__(
        self,
        client: ClientFactory,
        changes: Callable[[], int],
        guests: Callable[[], Guests],
        lock: threading.Lock,
        offline: Callable[[], frozenset[str]],
    ) -> None:
        machines = Machines(client, changes, offline)
        commands = Commands(machines, guests, lock)
        held = Held()
        associations = Associations(client, held, machines)
        self.executions = Executions(held, machines, commands)
        self.inventory = Inventory(held, machines, self.executions)
        self.operations: dict[str, Handler] = {
            "AddTagsToResource": associations.add_tags,
            "CreateAssociation": associations.create,
            "DeleteAssociation": associations.delete,
            "DescribeAssociation": associations.describe,
            "DescribeAssociationExecutionTargets": self.executions.execution_targets,
            "DescribeAssociationExecutions": self.executions.executions,
            "DescribeInstanceInformation": partial(
                machines.describe, overviews=self.executions.overview
            ),
            "GetCommandInvocation": commands.invocation,
            "GetInventory": self.inventory.get,
            "ListAssociations": associations.listed,
            "ListCommandInvocations": commands.invocations,
            "ListCommands": commands.listed,
            "ListTagsForResource": associations.tags,
            "RemoveTagsFromResource": associations.remove_tags,
            "SendCommand": commands.send,
            "StartAssociationsOnce": associations.start,
            "UpdateAssociation": associations.update,
        }


class SystemsManager:
    """Answers the calls that moto does not implement. Each region has its own state.

    Args:
        client: gives the client of a service in a region, by both names: where moto answers.
        changes: how many requests may have changed EC2 or IAM so far.
        guests: gives the guests that run commands, as they are reached now.
    """

    def __init__(
        self,
        client: Callable[[str, str], Any],
        changes: Callable[[], int],
        guests: Callable[[], Guests],
    ) -> None:
        self._client = client
        self._changes = changes
        self._guests = guests
        self._offline: frozenset[str] = frozenset()
        self._regions: dict[str, _Region] = {}
        self._lock = threading.Lock()

    def takes(self, target: str, body: bytes) -> bool:
        """Whether a request is answered here; `target` is its X-Amz-Target."""
        service, _, operation = target.partition(".")
        if service != _SERVICE:
            return False
        if operation in _TAGGING:
            return b'"Association"' in body
        # All regions have the same operations.
        return operation in self._region("us-east-1").operations

    @staticmethod
    def for_moto(target: str, body: bytes) -> bytes:
        """The body of a request that moto answers, as moto understands it: for moto, a document's
        default version is the one that is not named.
        """
        if target not in _OF_DOCUMENTS or b"$DEFAULT" not in body:
            return body
        request = json.loads(body)
        if request.get("DocumentVersion") == "$DEFAULT":
            del request["DocumentVersion"]
        return json.dumps(request).encode()

    def answer(self, target: str, authorization: str, body: bytes) -> Answer:
        """Answer a request for which `answers` is true.

        Args:
            target: its X-Amz-Target.
            authorization: its signature, which names the region.
            body: its JSON.
        """
        operation = target.partition(".")[2]
        signed = _SIGNED_FOR.search(authorization)
        try:
            request = _parsed(body)
            requests.check(operation, request)
            with self._lock:
                region = self._region(signed["region"] if signed else "us-east-1")
                region.inventory.gather()
                if operation not in _OF_GUESTS:
                    return Answer(200, region.operations[operation](request))
            # The guests may need the service for their answer.
            return Answer(200, region.operations[operation](request))
        except Refusal as refusal:
            return Answer(400, refusal.body, refusal.code)
        except OSError as error:
            _log.warning("%s: the guests do not answer: %s", operation, error)
            return Answer(500, {"__type": "InternalServerError"}, "InternalServerError")

    def report(self, region: str, body: bytes) -> Answer:
        """Record an agent's report on a run: `associationId`, `instanceId`, `status`, `detail`."""
        expected = ("associationId", "instanceId", "status", "detail")
        try:
            given = _parsed(body)
            if set(given) != set(expected) or not all(isinstance(v, str) for v in given.values()):
                raise Refusal("ValidationException", f"A report has the texts {expected}.")
            with self._lock:
                self._region(region).executions.report(*(given[name] for name in expected))
        except Refusal as refusal:
            missing = refusal.code == "AssociationDoesNotExist"
            return Answer(404 if missing else 400, {"error": str(refusal)})
        return Answer(200, {})

    def silence(self, body: bytes) -> Answer:
        """Let agents not answer: `{"offline": [instance ids]}`, in place of those before."""
        try:
            offline = _parsed(body).get("offline")
        except Refusal as refusal:
            return Answer(400, {"error": str(refusal)})
        if not isinstance(offline, list) or not all(isinstance(one, str) for one in offline):
            return Answer(400, {"error": "'offline' is a list of the ids of instances."})
        self._offline = frozenset(offline)
        return Answer(200, {"offline": sorted(offline)})

    def _region(self, name: str) -> _Region:
        if name not in self._regions:
            made = _Region(
                partial(self._in_region, name),
                self._changes,
                self._guests,
                self._lock,
                lambda: self._offline,
            )
            self._regions.setdefault(name, made)  # Another thread may have made it.
        return self._regions[name]

    def _in_region(self, region: str, service: str) -> Any:
        return self._client(service, region)


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body or b"{}")
    except ValueError as error:
        raise Refusal("SerializationException", "The request is not JSON.") from error
    if not isinstance(parsed, dict):
        raise Refusal("SerializationException", "The request is not a JSON object.")
    return parsed
