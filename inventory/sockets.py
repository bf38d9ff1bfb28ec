"""Established connections as the machines tell them, with `ss` by Run Command of Systems Manager.

It looks at one moment. Sources: ss(8), "Get-NetTCPConnection" (Microsoft Learn), SendCommand (at most
50 instances) and GetCommandInvocation (at most 24,000 characters of output).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Any

from inventory.connections import End, Flow
from site_recovery.aws.client import AWS_FAILURES, aws_problem
from site_recovery.batches import batches
from site_recovery.fence_proof import LIST_WINDOWS
from site_recovery.problems import Problem
from site_recovery.reachability.attempts import DOCUMENTS

PERMISSIONS = (
    "ssm:SendCommand",
    "ssm:ListCommandInvocations",
    "ssm:GetCommandInvocation",
)
"""The IAM actions, beside those with which managed instances are listed."""

# Without -H, which came with iproute2 4.7: RHEL 6 has 2.6.32. The header is no connection.
_SCRIPTS = {"linux": "ss -t -n state established", "windows": LIST_WINDOWS}
_INSTANCES = 50
_OUTPUT = 24_000
_AT_ONCE = 8
_WAIT_SECONDS = 120
_POLL_SECONDS = (0.2, 0.5, 1.0, 2.0)
_ENDED = {"Success", "Cancelled", "TimedOut", "Failed"}
_SEEN = 3
"""As many packets as make a flow count as established."""


@dataclass
class Told:
    """What machines told.

    Attributes:
        flows: the connections of each machine that answered, in both directions.
        problems: what machines did not answer, and why.
    """

    flows: dict[str, list[Flow]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def read(
    ssm: Any,
    region: str,
    platforms: Mapping[str, str],
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Told:
    """Ask machines for their connections, all at the same time.

    Args:
        ssm: a client of Systems Manager.
        region: the AWS region.
        platforms: the platform of each instance; Systems Manager manages all of them.
        now: a monotonic clock, in seconds.
        sleep: waits for that number of seconds.
    """
    told = Told()
    try:
        open_ = dict(_send(ssm, platforms))
        deadline = now() + _WAIT_SECONDS
        for pause in chain(_POLL_SECONDS, repeat(_POLL_SECONDS[-1])):
            for command in list(open_):
                ended = {i: s for i, s in _ended(ssm, command) if i in open_[command]}
                _collect(ssm, command, ended, told)
                open_[command] -= set(ended)
                if not open_[command]:
                    del open_[command]
            if not open_ or now() >= deadline:
                break
            sleep(pause)
        late = sorted(instance for waiting in open_.values() for instance in waiting)
    except AWS_FAILURES as error:
        told.problems.append(aws_problem(error, "Systems Manager", region, PERMISSIONS))
        return told
    told.problems += [
        _silent(instance, f"its command did not end in {_WAIT_SECONDS} seconds")
        for instance in late
    ]
    return told


def _send(ssm: Any, platforms: Mapping[str, str]) -> Iterator[tuple[str, set[str]]]:
    for platform, script in _SCRIPTS.items():
        alike = sorted(one for one, its in platforms.items() if its == platform)
        for some in batches(alike, _INSTANCES):
            sent = ssm.send_command(
                DocumentName=DOCUMENTS[platform],
                InstanceIds=list(some),
                Parameters={"commands": [script], "executionTimeout": [str(_WAIT_SECONDS)]},
                TimeoutSeconds=_WAIT_SECONDS,
                Comment="Established connections, for an inventory",
            )
            yield sent["Command"]["CommandId"], set(some)


def _ended(ssm: Any, command: str) -> Iterator[tuple[str, str]]:
    for page in ssm.get_paginator("list_command_invocations").paginate(CommandId=command):
        for one in page["CommandInvocations"]:
            if one["Status"] in _ENDED:
                yield one["InstanceId"], one["Status"]


def _collect(ssm: Any, command: str, ended: Mapping[str, str], told: Told) -> None:
    def ask(instance: str) -> Any:
        return ssm.get_command_invocation(CommandId=command, InstanceId=instance)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for instance, answer in zip(ended, pool.map(ask, ended), strict=True):
            if ended[instance] == "Success":
                told.flows[instance] = list(flows(answer["StandardOutputContent"]))
                continue
            said = answer.get("StandardErrorContent", "").strip().splitlines()
            why = f" ({said[0]})" if said else ""
            told.problems.append(
                _silent(instance, f"its command ended with {ended[instance]}{why}")
            )


def _silent(instance: str, why: str) -> Problem:
    return Problem(
        instance,
        f"it did not tell its connections: {why}",
        "Run the inventory again, or read flow logs with --connections flow-logs",
    )


def flows(output: str) -> Iterator[Flow]:
    """The connections in the output of a machine, each as a flow in both directions.

    Lines of `ss` have two queues and two ends, those of Windows four columns and a process. What is
    neither is left out, and so is the last line of an output that was cut off.
    """
    lines = output.splitlines()
    if len(output) >= _OUTPUT:
        lines = lines[:-1]
    for line in lines:
        ends = _ends(line.split())
        if ends is not None:
            yield Flow(*ends, _SEEN)
            yield Flow(ends[1], ends[0], _SEEN)


def _ends(words: list[str]) -> tuple[End, End] | None:
    if len(words) < 4:
        return None
    if words[1].isdecimal() and words[3].isdecimal():
        return (_address(words[0]), int(words[1])), (_address(words[2]), int(words[3]))
    local, remote = (_end(word) for word in words[2:4])
    return (local, remote) if local and remote else None


def _end(text: str) -> End | None:
    address, _, port = text.rpartition(":")
    return (_address(address), int(port)) if port.isdecimal() else None


def _address(text: str) -> str:
    """An address without brackets, zone, and the prefix of IPv4 in IPv6."""
    return text.strip("[]").partition("%")[0].removeprefix("::ffff:")
