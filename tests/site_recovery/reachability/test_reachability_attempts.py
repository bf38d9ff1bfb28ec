"""Connect attempts by the machines themselves: scripts, shared commands and results."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
import tree_sitter
import tree_sitter_powershell
from botocore.exceptions import ClientError

from site_recovery.reachability import check
from site_recovery.reachability.attempts import Target, results, script
from site_recovery.reachability.connections import SERVER_OUT, Check, Machine
from site_recovery.reachability.rows import Row, attempted, blocked, table, with_attempts_of
from site_recovery.reachability.run_command import Attempts, RunCommand, Source
from tests.site_recovery.reachability.reachability_cases import CHECK, EVIDENCE

CONTROL, DATA = Target("10.10.2.10", 443), Target("10.10.2.10", 9443)


class TestScripts:
    @pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
    def test_the_shell_script_tells_open_from_closed(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            targets = {Target("127.0.0.1", end.getsockname()[1]) for end in (listening, bound)}
            printed = subprocess.run(
                ["bash", "-c", "\n".join(script("linux", targets))],
                capture_output=True,
                text=True,
                check=True,
            )
            reached = Target("127.0.0.1", listening.getsockname()[1])
        assert results(printed.stdout) == {target: target == reached for target in targets}

    def test_the_powershell_script_is_powershell(self) -> None:
        parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
        tree = parser.parse("\n".join(script("windows", [CONTROL, DATA])).encode())
        assert not tree.root_node.has_error

    def test_lines_that_are_no_results_are_passed_over(self) -> None:
        printed = "WARNING: slow\r\n10.10.2.10:443 True\r\n10.10.2.10:9443 \r\n"
        assert results(printed) == {CONTROL: True}


@dataclass
class FakeSystemsManager:
    """A stub of Systems Manager, with guests that reach some targets.

    Attributes:
        managed: the instances that are managed.
        reach: the targets that each instance reaches.
        stuck: instances whose command never ends.
        errors: output of an instance in place of results.
    """

    managed: set[str]
    reach: dict[str, set[Target]] = field(default_factory=lambda: defaultdict(set))
    stuck: set[str] = field(default_factory=set)
    errors: dict[str, str] = field(default_factory=dict)
    refused: str = ""
    lost: set[str] = field(default_factory=set)
    sent: list[dict[str, Any]] = field(default_factory=list)
    polled: int = 0

    def get_paginator(self, operation: str) -> FakePages:
        return FakePages(self, operation)

    def page(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        if operation == "describe_instance_information":
            asked = request["Filters"][0]["Values"]
            return {
                "InstanceInformationList": [
                    {
                        "InstanceId": each,
                        "PingStatus": "ConnectionLost" if each in self.lost else "Online",
                    }
                    for each in asked
                    if each in self.managed
                ]
            }
        self.polled += 1
        command = self.sent[int(request["CommandId"])]
        return {
            "CommandInvocations": [
                {
                    "InstanceId": each,
                    "Status": "InProgress" if each in self.stuck else "Success",
                    "StatusDetails": "Failed" if each in self.errors else "Success",
                }
                for each in command["InstanceIds"]
            ]
        }

    def send_command(self, **request: Any) -> dict[str, Any]:
        if self.refused:
            raise ClientError({"Error": {"Code": self.refused, "Message": ""}}, "SendCommand")
        assert len(request["InstanceIds"]) <= 50
        self.sent.append(request)
        return {"Command": {"CommandId": str(len(self.sent) - 1)}}

    def get_command_invocation(self, *, CommandId: str, InstanceId: str) -> dict[str, str]:  # noqa: N803
        if InstanceId in self.errors:
            return {"StandardOutputContent": "", "StandardErrorContent": self.errors[InstanceId]}
        command = self.sent[int(CommandId)]
        lines = "\n".join(command["Parameters"]["commands"])
        form = _TRIES[command["DocumentName"]]
        tried = [Target(host, int(port)) for host, port in form.findall(lines)]
        printed = [f"{t.host}:{t.port} {t in self.reach[InstanceId]}" for t in tried]
        return {"StandardOutputContent": "\n".join(printed), "StandardErrorContent": ""}


_TRIES = {
    "AWS-RunPowerShellScript": re.compile(
        r"Test-NetConnection -ComputerName ([\d.]+) -Port (\d+)\)\.TcpTestSucceeded"
    ),
    "AWS-RunShellScript": re.compile(r"/dev/tcp/([\d.]+)/(\d+)"),
}


@dataclass
class FakePages:
    """A paginator with one page."""

    service: FakeSystemsManager
    operation: str

    def paginate(self, **request: Any) -> list[dict[str, Any]]:
        return [self.service.page(self.operation, request)]


class Clock:
    """A clock that advances only by sleeping."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def attempt(service: FakeSystemsManager, sources: Iterable[Source]) -> Attempts:
    clock = Clock()
    connector = RunCommand("eu-west-1", cast(Any, service), now=clock, sleep=clock.sleep)
    return connector.attempt(sources)


def windows(instance_id: str, *targets: Target) -> Source:
    return Source(instance_id, "windows", frozenset(targets or (CONTROL, DATA)))


class TestRunCommand:
    def test_tells_what_each_machine_reached(self) -> None:
        service = FakeSystemsManager({"i-1", "i-2"})
        service.reach.update({"i-1": {CONTROL, DATA}, "i-2": {CONTROL}})
        linux = Source("i-2", "linux", frozenset({CONTROL, DATA}))
        assert attempt(service, [windows("i-1"), linux]) == {
            "i-1": {CONTROL: True, DATA: True},
            "i-2": {CONTROL: True, DATA: False},
        }

    def test_machines_share_their_commands(self) -> None:
        ids = [f"i-{number}" for number in range(120)]
        service = FakeSystemsManager(set(ids))
        found = attempt(service, [windows(each) for each in ids])
        assert len(found) == 120
        assert [len(command["InstanceIds"]) for command in service.sent] == [50, 50, 20]

    def test_many_targets_of_one_machine_are_tried_side_by_side(self) -> None:
        targets = [Target(f"10.10.1.{number}", 445) for number in range(50)]
        service = FakeSystemsManager({"i-server"})
        service.reach["i-server"] = set(targets[:10])
        found = attempt(service, [windows("i-server", *targets)])
        assert found["i-server"] == {target: target in targets[:10] for target in targets}
        assert len(service.sent) == 3

    @pytest.mark.parametrize("lost", [set(), {"i-2"}])
    def test_a_machine_that_is_not_managed_or_not_online_says_so(self, lost: set[str]) -> None:
        found = attempt(
            FakeSystemsManager({"i-1"} | lost, lost=lost), [windows("i-1"), windows("i-2")]
        )
        assert found["i-1"] == {CONTROL: False, DATA: False}
        assert found["i-2"] == "Systems Manager does not manage the machine"

    def test_a_command_that_does_not_end_is_waited_for_so_long(self) -> None:
        service = FakeSystemsManager({"i-1", "i-2"}, stuck={"i-2"})
        found = attempt(service, [windows("i-1"), windows("i-2")])
        assert found["i-1"] == {CONTROL: False, DATA: False}
        assert found["i-2"] == "its command did not end in 600 seconds"
        assert service.polled < 310

    def test_a_command_that_fails_gives_its_first_line(self) -> None:
        service = FakeSystemsManager({"i-1"}, errors={"i-1": "not allowed\nhere"})
        assert attempt(service, [windows("i-1")]) == {
            "i-1": "its command ended with Failed (not allowed)"
        }

    def test_where_it_may_not_be_used_the_reason_names_the_permissions(self) -> None:
        service = FakeSystemsManager({"i-1"}, refused="AccessDeniedException")
        found = attempt(service, [windows("i-1")])
        assert "ssm:SendCommand" in str(found["i-1"])

    def test_nothing_to_try_asks_nothing(self) -> None:
        assert attempt(cast(Any, None), []) == {}


@dataclass
class Reached:
    """A connector that reaches all targets except some, on some instances."""

    closed: set[Target] = field(default_factory=set)
    unmanaged: set[str] = field(default_factory=set)
    asked: list[Source] = field(default_factory=list)
    opening: bool = False

    def attempt(self, sources: Iterable[Source]) -> Attempts:
        asked = list(sources)
        self.asked += asked
        closed, self.closed = self.closed, set() if self.opening else self.closed
        return {
            source.instance_id: "Systems Manager does not manage the machine"
            if source.instance_id in self.unmanaged
            else {target: target not in closed for target in source.targets}
            for source in asked
        }


def rows(connector: Reached, order: Check = CHECK) -> list[Row]:
    return check.attempt(order, check.judge(order, EVIDENCE), connector)


ROLE = CHECK.server.role


class TestAnAttempt:
    def test_is_made_where_the_evidence_permits(self) -> None:
        connector = Reached()
        found = {(row.machine, row.direction, row.port): row for row in rows(connector)}
        assert found["web-01", "to server", 9443].attempt == "connected"
        assert found["web-01", "from server", 445].attempt == "connected"
        # sg-machines has no rule for SSH.
        ssh = found["db-01", "from server", 22]
        assert (ssh.open, ssh.attempt) == (False, "not tried: it would fail")
        assert {source.instance_id for source in connector.asked} == {"i-1", "i-2", "i-server"}
        assert all(Target("10.10.1.41", 22) not in source.targets for source in connector.asked)

    def test_that_fails_blocks_the_machine_although_the_rules_permit_it(self) -> None:
        only_web = replace(CHECK, machines={"web-01": CHECK.machines["web-01"]})
        found = rows(Reached(closed={DATA, Target("10.10.1.11", 135)}), only_web)
        reason = blocked(found, only_web.machines, ROLE)["web-01"]
        assert reason == (
            "tcp 9443 to the configuration server: the rules permit it, a connect attempt from "
            "the machine failed: its own firewall, or nothing listens; "
            "tcp 135 from the configuration server: the rules permit it, a connect attempt from "
            "the server failed: the machine's own firewall, or nothing listens"
        )

    def test_that_fails_is_made_once_more_and_nothing_else_is(self) -> None:
        connector = Reached(closed={DATA}, opening=True)
        found = rows(connector)
        assert {row.attempt for row in found if row.direction == "to server"} == {"connected"}
        assert [set(source.targets) for source in connector.asked[-2:]] == [{DATA}, {DATA}]
        assert len(connector.asked) == 3 + 2

    def test_that_cannot_be_made_leaves_it_to_the_evidence(self) -> None:
        found = rows(Reached(unmanaged={"i-1"}))
        row = next(row for row in found if row.machine == "web-01" and row.port == 443)
        assert row.open
        assert row.attempt == "not tried: Systems Manager does not manage the machine"

    def test_from_a_server_that_is_not_known_is_not_made(self) -> None:
        order = replace(CHECK, server=replace(CHECK.server, instance_id=""))
        row = next(r for r in rows(Reached(), order) if r.direction == "from server" and r.open)
        assert row.attempt == "not tried: the server's instance is not known"

    def test_stays_when_the_evidence_alone_is_read_again(self) -> None:
        tried = rows(Reached(closed={DATA}))
        again = with_attempts_of(check.judge(CHECK, EVIDENCE), tried)
        assert again == tried


class TestTheTable:
    def test_has_a_line_for_each_machine_and_port_that_is_closed(self) -> None:
        lines = table(rows(Reached(closed={DATA})), ROLE)
        assert len(lines) == 3
        assert lines[0].startswith("web-01  tcp 9443 to the configuration server  the rules")
        assert lines[2].startswith("db-01   tcp 22 from the configuration server  sg-")

    def test_of_what_is_open_is_empty(self) -> None:
        order = replace(CHECK, push=False)
        assert table(rows(Reached(), order), ROLE) == []
        assert blocked(rows(Reached(), order), order.machines, ROLE) == {}


def test_a_row_survives_the_wire() -> None:
    row = rows(Reached())[0]
    assert row.direction == SERVER_OUT
    assert Row.of({**row.wire(), "port": 443.0}) == row
    assert attempted([row], {}) == [row]


def test_without_push_the_server_needs_nothing_into_a_machine() -> None:
    order = replace(CHECK, push=False, machines={"web-01": Machine("i-1", "10.10.1.11", "windows")})
    assert [(row.direction, row.port) for row in check.judge(order, EVIDENCE)] == [
        ("to internet", 443),
        ("to server", 443),
        ("to server", 9443),
    ]
