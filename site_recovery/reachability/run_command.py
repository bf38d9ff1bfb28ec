"""Connect attempts from the machines themselves, by Run Command of Systems Manager."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, repeat
from typing import TYPE_CHECKING, Literal, Protocol

from site_recovery.aws.client import AWS_FAILURES, aws_problem, connect
from site_recovery.aws.managed_instances import ONLINE, managed_instances
from site_recovery.batches import batches
from site_recovery.polling import until_blocking
from site_recovery.reachability.attempts import DOCUMENTS, Target, results, script

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

PERMISSIONS = (
    "ssm:DescribeInstanceInformation",
    "ssm:GetCommandInvocation",
    "ssm:ListCommandInvocations",
    "ssm:SendCommand",
)
"""The IAM actions that attempts need; without them only the evidence decides."""

_INSTANCES = 50
"""The most instances that SendCommand takes."""

_TARGETS = 20
"""The most attempts of one command, which a machine makes one after the other."""

_ENDED = {"Success", "Cancelled", "TimedOut", "Failed"}

_POLL_SECONDS = (0.2, 0.5, 1.0, 2.0)


@dataclass(frozen=True)
class Source:
    """A machine that should try to connect, and to what."""

    instance_id: str
    platform: str
    targets: frozenset[Target]


Attempts = Mapping[str, "Mapping[Target, bool] | str"]
"""By instance id: whether each target was reached, or why the machine did not try."""


class Connector(Protocol):
    """Something that makes machines try to connect."""

    def attempt(self, sources: Iterable[Source]) -> Attempts:
        """Make all of them try at the same time."""


@dataclass(frozen=True)
class _Command:
    command_id: str
    instance_ids: frozenset[str]


class RunCommand:
    """Attempts by Run Command. They raise no error; the result says what could not be tried.

    Args:
        region: the machines' AWS region.
        client: an SSM client; by default one from the environment.
        wait_seconds: how long to wait for the commands.
        now: a monotonic clock, in seconds.
        sleep: waits for that number of seconds.
    """

    def __init__(
        self,
        region: str,
        client: SSMClient | None = None,
        *,
        wait_seconds: float = 600.0,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._region = region
        self._wait = wait_seconds
        self._now = now
        self._sleep = sleep

    def attempt(self, sources: Iterable[Source]) -> Attempts:
        """Make the machines try that Systems Manager manages.

        Machines of one platform with the same targets share a command, up to 50 machines each.
        """
        wanted = {source.instance_id: source for source in sources if source.targets}
        if not wanted:
            return {}
        try:
            ssm = self._client or connect("ssm", self._region)
            return self._attempt(ssm, wanted)
        except AWS_FAILURES as error:
            problem = aws_problem(error, "Systems Manager", self._region, PERMISSIONS)
            return dict.fromkeys(wanted, str(problem))

    def _attempt(self, ssm: SSMClient, wanted: Mapping[str, Source]) -> Attempts:
        known, problems = managed_instances(wanted, self._region, ssm)
        for problem in problems:
            return dict.fromkeys(wanted, str(problem))
        managed = {each for each, its in known.items() if its.ping == ONLINE}
        found: dict[str, dict[Target, bool] | str] = dict.fromkeys(
            wanted.keys() - managed, "Systems Manager does not manage the machine"
        )
        commands = list(self._send(ssm, [wanted[each] for each in sorted(managed)]))
        for instance_id, output in self._outputs(ssm, commands):
            before = found.get(instance_id)
            if isinstance(before, dict) and isinstance(output, dict):
                found[instance_id] = {**before, **output}
            elif not isinstance(before, dict):
                found[instance_id] = output
        return found

    def _send(self, ssm: SSMClient, sources: Iterable[Source]) -> Iterator[_Command]:
        alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
        for source in sources:
            for targets in batches(sorted(source.targets), _TARGETS):
                lines = script(source.platform, targets)
                alike.setdefault((DOCUMENTS[source.platform], lines), []).append(source.instance_id)
        for (document, lines), instance_ids in alike.items():
            for batch in batches(instance_ids, _INSTANCES):
                answer = ssm.send_command(
                    DocumentName=document,
                    InstanceIds=batch,
                    Parameters={
                        "commands": list(lines),
                        "executionTimeout": [str(int(self._wait))],
                    },
                    TimeoutSeconds=max(30, int(self._wait)),
                    Comment="Connect attempts before a migration to Azure",
                )
                yield _Command(answer["Command"]["CommandId"], frozenset(batch))

    def _outputs(
        self, ssm: SSMClient, commands: Iterable[_Command]
    ) -> list[tuple[str, dict[Target, bool] | str]]:
        """The output of each machine, or how its command ended if there was no output."""
        open_: dict[str, set[str]] = {c.command_id: set(c.instance_ids) for c in commands}
        found: list[tuple[str, dict[Target, bool] | str]] = []
        deadline = self._now() + self._wait
        pauses = chain(_POLL_SECONDS, repeat(_POLL_SECONDS[-1]))

        def look() -> Literal[True] | None:
            for command_id, waiting in list(open_.items()):
                for instance_id, status in self._ended(ssm, command_id):
                    if instance_id in waiting:
                        waiting.remove(instance_id)
                        output = self._output(ssm, command_id, instance_id, status)
                        found.append((instance_id, output))
                if not waiting:
                    del open_[command_id]
            return True if not open_ or self._now() >= deadline else None

        until_blocking(look, lambda: next(pauses), self._sleep)
        for waiting in open_.values():
            late = f"its command did not end in {self._wait:.0f} seconds"
            found += [(instance_id, late) for instance_id in sorted(waiting)]
        return found

    def _ended(self, ssm: SSMClient, command_id: str) -> Iterator[tuple[str, str]]:
        for page in ssm.get_paginator("list_command_invocations").paginate(CommandId=command_id):
            for one in page["CommandInvocations"]:
                if one["Status"] in _ENDED:
                    yield one["InstanceId"], one.get("StatusDetails") or one["Status"]

    def _output(
        self, ssm: SSMClient, command_id: str, instance_id: str, status: str
    ) -> dict[Target, bool] | str:
        answer = ssm.get_command_invocation(CommandId=command_id, InstanceId=instance_id)
        found = results(answer["StandardOutputContent"])
        said = answer.get("StandardErrorContent", "").strip().splitlines()
        return found or f"its command ended with {status}" + (f" ({said[0]})" if said else "")
