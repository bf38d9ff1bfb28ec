"""The connectivity check as a resource: what it records, when it differs, what preview says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from pulumi.runtime import rpc

from dynamic_providers import engine
from dynamic_providers.connectivity_check import ConnectivityCheckInputs, ConnectivityCheckProvider
from site_recovery.errors import MigrationError
from site_recovery.reachability import check as reachability
from site_recovery.reachability import ec2_network
from site_recovery.reachability.attempts import Target
from site_recovery.reachability.ec2_network import Evidence
from site_recovery.reachability.network import Network, SecurityGroup
from site_recovery.reachability.rows import Row
from site_recovery.reachability.run_command import Attempts, Source
from tests.site_recovery.reachability.reachability_cases import (
    EVIDENCE,
    NETWORK,
    SERVER,
    entry,
    with_acl,
    with_group,
)

INPUTS: dict[str, Any] = {
    "region": "eu-west-1",
    "vpc_id": "vpc-1",
    "experience": "classic",
    "push": False,
    "server": {
        "private_ip": "10.10.2.10",
        "subnet_id": "subnet-server",
        "security_group_ids": ["sg-server"],
        "instance_id": "i-server",
    },
    "machines": {
        "web-01": {"instance_id": "i-1", "private_ip": "10.10.1.11", "platform": "windows"},
        "db-01": {"instance_id": "i-2", "private_ip": "10.10.1.41", "platform": "linux"},
    },
    "offline_preview": False,
    "urn": "urn:pulumi:dev::ec2-to-azure::c$pulumi-python:site-recovery:ConnectivityCheck::pilot",
}
CLOSED = with_group(SecurityGroup("sg-server", "server", (), NETWORK.groups["sg-server"].egress))
DENIED = with_acl(
    "subnet-server",
    [
        entry(90, allow=False, egress=False, ports=(9443, 9443)),
        entry(100, allow=True, egress=False, protocol="-1"),
        entry(100, allow=True, egress=True, protocol="-1"),
    ],
)


class ResourceRow:
    """Keeps the lines that are reported on a resource's row."""

    events: list[str]

    def __init__(self, *_: object) -> None:
        pass

    def status(self, text: str) -> None:
        pass

    def event(self, text: str) -> None:
        self.events.append(text)


class Connector:
    """Reaches all ports except some."""

    def __init__(self, closed: set[int]) -> None:
        self.closed = closed

    def attempt(self, sources: Iterable[Source]) -> Attempts:
        def reached(target: Target) -> bool:
            return target.port not in self.closed

        return {s.instance_id: {t: reached(t) for t in s.targets} for s in sources}


class Provider(ConnectivityCheckProvider):
    """A provider with the network of the test, and stubbed attempts."""

    def __init__(self, network: Network = NETWORK, *, closed: set[int] | None = None) -> None:
        self.network = network
        self.closed = closed or set()
        self.looked = 0

    def judge(self, inputs: ConnectivityCheckInputs) -> list[Row]:
        self.looked += 1
        order = inputs.order()
        server = replace(SERVER, groups=order.server.group_ids)
        return reachability.judge(order, Evidence(self.network, EVIDENCE.machines, server))

    def connector(self, region: str) -> Connector:
        return Connector(self.closed)


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    ResourceRow.events = []
    monkeypatch.setattr(engine, "current", lambda: None)
    monkeypatch.setattr(engine, "RowReporter", ResourceRow)
    return ResourceRow.events


def created(provider: Provider, **changed: Any) -> dict[str, Any]:
    return dict(provider.create({**INPUTS, **changed}).outs or {})


class TestACheck:
    def test_that_finds_everything_open_blocks_nothing_and_tells_nothing(
        self, told: list[str]
    ) -> None:
        outputs = created(Provider())
        assert outputs["blocked"] == {}
        assert [(row["machine"], row["port"], row["attempt"]) for row in outputs["rows"]] == [
            ("configuration server", 443, "not tried: no one address stands for Azure"),
            ("web-01", 443, "connected"),
            ("web-01", 9443, "connected"),
            ("db-01", 443, "connected"),
            ("db-01", 9443, "connected"),
        ]
        assert told == []

    def test_is_named_after_its_resource(self) -> None:
        assert Provider().create(INPUTS).id == "pilot"

    def test_that_finds_machines_blocked_does_not_fail_and_tells_each_port(
        self, told: list[str]
    ) -> None:
        outputs = created(Provider(CLOSED))
        assert set(outputs["blocked"]) == {"web-01", "db-01"}
        assert "sg-server (server): no ingress rule" in outputs["blocked"]["web-01"]
        lines = told[0].splitlines()
        assert lines[0] == "2 of 2 machines are blocked, protection does not begin for them:"
        assert [line.split()[:3] for line in lines[1:]] == [
            ["web-01", "tcp", "443"],
            ["web-01", "tcp", "9443"],
            ["db-01", "tcp", "443"],
            ["db-01", "tcp", "9443"],
        ]

    def test_blocks_a_machine_whose_own_attempt_fails(self) -> None:
        reason = created(Provider(closed={9443}))["blocked"]["web-01"]
        assert "its own firewall, or nothing listens" in reason

    def test_of_no_machines_reads_nothing(self) -> None:
        provider = Provider()
        outputs = created(provider, machines={})
        assert (outputs["blocked"], outputs["rows"], provider.looked) == ({}, [], 0)
        assert not provider.diff("pilot", outputs, {**INPUTS, "machines": {}}).changes

    def test_of_the_other_experience_names_the_other_server(self) -> None:
        reasons = created(Provider(CLOSED), experience="modernized")["blocked"]
        assert reasons["web-01"].startswith("tcp 443 to the replication appliance: sg-server")

    def test_again_records_what_is_true_now(self) -> None:
        before = created(Provider(CLOSED))
        after = Provider().update("pilot", before, INPUTS).outs or {}
        assert after["blocked"] == {}

    def test_that_ec2_refuses_fails_with_one_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object) -> Evidence:
            raise MigrationError("AWS: EC2 refused. Allow it.")

        monkeypatch.setattr(ec2_network, "read", refuse)
        with pytest.raises(Exception, match=r"^AWS: EC2 refused. Allow it.$"):
            ConnectivityCheckProvider().create(INPUTS)


class TestItDiffers:
    @pytest.mark.parametrize(
        ("changed", "differs"),
        [
            ({}, False),
            ({"urn": "urn:other::pilot"}, False),
            ({"offline_preview": True}, False),
            ({"push": True}, True),
            ({"server": {**INPUTS["server"], "private_ip": "10.10.2.11"}}, True),
            ({"server": rpc.UNKNOWN}, True),
            ({"machines": {"web-01": INPUTS["machines"]["web-01"]}}, False),
            ({"machines": {**INPUTS["machines"], "new": INPUTS["machines"]["web-01"]}}, True),
        ],
    )
    def test_with_its_inputs(self, changed: dict[str, Any], differs: bool) -> None:
        provider = Provider()
        result = provider.diff("pilot", created(provider), {**INPUTS, **changed})
        assert result.changes is differs

    def test_while_a_machine_is_blocked(self) -> None:
        provider = Provider(closed={443})
        assert provider.diff("pilot", created(provider), INPUTS).changes

    def test_when_the_network_closed_since(self) -> None:
        assert Provider(DENIED).diff("pilot", created(Provider()), INPUTS).changes

    def test_without_looking_while_the_preview_is_offline(self) -> None:
        provider = Provider(DENIED)
        news = {**INPUTS, "offline_preview": True}
        assert not provider.diff("pilot", created(Provider()), news).changes
        assert provider.looked == 0


class TestARefresh:
    def test_records_the_evidence_of_now_and_keeps_the_attempts(self) -> None:
        outs = Provider(DENIED).read("pilot", created(Provider(closed={443}))).outs or {}
        attempts = {(row["machine"], row["port"]): row["attempt"] for row in outs["rows"]}
        assert attempts["web-01", 443] == "failed"
        assert attempts["web-01", 9443] == "not tried: it would fail"
        assert "acl-server ingress rule 90 denies tcp 9443" in outs["blocked"]["web-01"]


class TestAPreview:
    def look(
        self, provider: Provider, olds: dict[str, Any] | None = None, **changed: Any
    ) -> dict[str, Any]:
        news = {**INPUTS, **changed, "preview": True}
        result = provider.check(olds or {}, news)
        assert not result.failures
        return dict(result.inputs)

    def test_is_no_part_of_the_inputs(self) -> None:
        assert "preview" not in self.look(Provider())

    def test_names_what_an_acl_denies_before_the_server_is_made(self, told: list[str]) -> None:
        server = {
            **INPUTS["server"],
            "private_ip": rpc.UNKNOWN,
            "security_group_ids": rpc.UNKNOWN,
            "instance_id": rpc.UNKNOWN,
        }
        self.look(Provider(DENIED), server=server)
        assert len(told) == 1
        assert "web-01  tcp 9443 to the configuration server  acl-server ingress rule 90" in told[0]

    def test_does_not_judge_groups_that_are_not_there_yet(self, told: list[str]) -> None:
        server = {**INPUTS["server"], "security_group_ids": rpc.UNKNOWN}
        self.look(Provider(CLOSED), server=server)
        assert told == []

    def test_judges_groups_of_machines_that_have_them(self, told: list[str]) -> None:
        self.look(Provider(CLOSED), created(Provider()))
        assert "web-01  tcp 443 to the configuration server   sg-server (server)" in told[0]

    def test_judges_a_machine_that_comes_in_without_its_groups(self, told: list[str]) -> None:
        before = created(Provider(), machines={"web-01": INPUTS["machines"]["web-01"]})
        self.look(Provider(CLOSED), before)
        assert told[0].startswith("1 of 2 machines would be blocked as things stand:\nweb-01")
        assert "db-01" not in told[0]

    @pytest.mark.parametrize("experience", ["classic", "modernized"])
    def test_tells_that_machines_do_not_reach_the_proxy_before_they_are_in_the_wave(
        self, told: list[str], experience: str
    ) -> None:
        machines = {name: {**one, "proxied": True} for name, one in INPUTS["machines"].items()}
        proxy = {"host": "203.0.113.10", "port": 3128}
        server = {**INPUTS["server"], "security_group_ids": rpc.UNKNOWN}
        self.look(Provider(), machines=machines, proxy=proxy, server=server, experience=experience)
        first, *lines, way_out = told[0].splitlines()
        assert first == "2 of 2 machines would be blocked as things stand:"
        assert [line.split()[0] for line in lines] == ["web-01", "db-01"]
        assert all("  tcp 3128 to the proxy  " in line for line in lines)
        assert "no egress rule for tcp 3128 to 203.0.113.10" in lines[0]
        assert way_out.startswith("source.proxy: ")

    @pytest.mark.parametrize(
        "changed",
        [
            {"offline_preview": True},
            {"server": rpc.UNKNOWN},
            {"machines": rpc.UNKNOWN},
            {"machines": {}},
        ],
    )
    def test_reads_nothing_where_nothing_is_to_be_said(self, changed: dict[str, Any]) -> None:
        provider = Provider(DENIED)
        self.look(provider, **changed)
        assert provider.looked == 0

    def test_tells_in_a_line_that_ec2_does_not_answer(
        self, told: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> list[Row]:
            raise MigrationError("AWS: EC2 refused. Allow it.")

        monkeypatch.setattr(Provider, "judge", refuse)
        self.look(Provider())
        assert told == ["reachability is not known in this preview: AWS: EC2 refused. Allow it."]

    def test_and_its_diff_read_the_evidence_once(self) -> None:
        provider = Provider()
        recorded = created(provider)
        provider.looked = 0
        news = self.look(provider, recorded)
        provider.network = CLOSED
        assert not provider.diff("pilot", recorded, news).changes
        assert provider.looked == 1
        # What was read is for one diff: that of a later command reads anew.
        assert provider.diff("pilot", recorded, news).changes
        assert provider.looked == 2

    def test_of_fewer_machines_is_not_what_a_diff_compares(self) -> None:
        provider = Provider()
        recorded = created(provider)
        self.look(provider, recorded, machines={"web-01": INPUTS["machines"]["web-01"]})
        provider.looked = 0
        assert not provider.diff("pilot", recorded, dict(INPUTS)).changes
        assert provider.looked == 1

    def test_is_only_that(self, told: list[str]) -> None:
        provider = Provider(CLOSED)
        provider.check({}, dict(INPUTS))
        assert (told, provider.looked) == ([], 0)
