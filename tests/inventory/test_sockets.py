from __future__ import annotations

from typing import Any

import pytest

from inventory import sockets
from inventory.connections import Connection, Flow, established

# ss(8) with -H -t -n, and the statement of PowerShell.
LINUX = """\
0      0            10.0.0.1:50000       10.0.0.2:5432
0      0      [::ffff:10.0.0.1]:443   [::ffff:10.0.0.3]:40112
0      0        [fe80::1%eth0]:22        [fe80::2]:51000
"""
WINDOWS = """\
10.0.0.1 50000 10.0.0.2 5432 w3wp
::ffff:10.0.0.1 443 ::ffff:10.0.0.3 40112 System
"""
MACHINES = {"10.0.0.1": "web", "10.0.0.2": "db", "10.0.0.3": "client"}


@pytest.mark.parametrize("output", [LINUX, WINDOWS], ids=["linux", "windows"])
def test_a_machine_tells_whom_it_connects_to_and_who_connects_to_it(output: str) -> None:
    assert established(sockets.flows(output), MACHINES) == {
        Connection("web", "db", 5432),
        Connection("client", "web", 443),
    }


@pytest.mark.parametrize(
    "line", ["", "Netid State", "0 0 somewhere else", "a b c d", "0 0 *:* *:*"]
)
def test_other_lines_are_left_out(line: str) -> None:
    assert list(sockets.flows(line)) == []


def test_the_last_line_of_an_output_that_was_cut_off_is_left_out() -> None:
    line = "0 0 10.0.0.1:50000 10.0.0.2:5432\n"
    whole = line * (24_000 // len(line))
    cut = (whole + line)[:24_000]
    assert len(list(sockets.flows(cut))) == 2 * (24_000 // len(line))
    assert Flow(("10.0.0.1", 50000), ("10.0.0.2", 5432), 3) in sockets.flows(cut)


class Ssm:
    """Systems Manager with commands that never end, or that end with a failure."""

    def __init__(self, status: str) -> None:
        self._status = status
        self.sent: list[int] = []

    def send_command(self, **request: Any) -> Any:
        self.sent.append(len(request["InstanceIds"]))
        self._ids = request["InstanceIds"]
        return {"Command": {"CommandId": f"c{len(self.sent)}"}}

    def get_paginator(self, _: str) -> Ssm:
        return self

    def paginate(self, **_: Any) -> Any:
        ended = [{"InstanceId": one, "Status": self._status} for one in self._ids]
        return [{"CommandInvocations": ended}]

    def get_command_invocation(self, **_: Any) -> Any:
        return {"StandardOutputContent": "", "StandardErrorContent": "sh: ss: not found\nmore"}


def test_a_machine_that_does_not_answer_in_time_is_named() -> None:
    clock = [0.0]
    told = sockets.read(
        Ssm("InProgress"),
        "eu-west-1",
        {"i-1": "linux"},
        now=lambda: clock[0],
        sleep=lambda seconds: clock.__setitem__(0, clock[0] + seconds),
    )
    assert told.flows == {}
    assert "i-1" in str(told.problems[0])
    assert "its command did not end in 120 seconds" in str(told.problems[0])


def test_a_machine_without_the_command_is_named_with_what_it_said() -> None:
    told = sockets.read(Ssm("Failed"), "eu-west-1", {"i-1": "linux"})
    assert "its command ended with Failed (sh: ss: not found)" in str(told.problems[0])


def test_fifty_machines_are_asked_with_one_command() -> None:
    ssm = Ssm("Success")
    sockets.read(
        ssm,
        "eu-west-1",
        {f"i-{n}": "linux" for n in range(120)},
        sleep=lambda _: None,
        now=iter(range(0, 10_000, 500)).__next__,
    )
    assert ssm.sent == [50, 50, 20]
