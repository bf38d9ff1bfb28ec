"""Whether machines and server reach the proxy, and the proxy the internet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network

import pytest

from site_recovery.reachability import check as reachability
from site_recovery.reachability.attempts import Target
from site_recovery.reachability.connections import (
    PROXY_OUT,
    SERVER_TO_PROXY,
    TO_PROXY,
    Proxy,
)
from site_recovery.reachability.ec2_network import Evidence, ProxyEnd
from site_recovery.reachability.network import Endpoint, Network, Range, Route, Rule, SecurityGroup
from site_recovery.reachability.rows import Row, blocked, table
from site_recovery.reachability.run_command import Attempts, Source
from tests.site_recovery.reachability.reachability_cases import (
    ANYWHERE,
    CHECK,
    EVIDENCE,
    NETWORK,
    default_route,
    entry,
    tcp,
    with_acl,
    with_routes,
)

PORT = 3128
PROXY = Endpoint(IPv4Network("10.10.0.10"), "subnet-public", frozenset({"sg-proxy"}), "", True)
HERE = ProxyEnd(PROXY, ways_out=(PROXY,))
ELSEWHERE = ProxyEnd()
MACHINES = {name: replace(one, proxied=True) for name, one in CHECK.machines.items()}
PROXIED = replace(CHECK, proxy=Proxy("10.10.0.10", PORT), machines=MACHINES, push=False)


def groups(**changed: SecurityGroup) -> dict[str, SecurityGroup]:
    """The groups of machines and server let the proxy's port out, and that of the proxy lets it in."""
    server = NETWORK.groups["sg-server"]
    return {
        **NETWORK.groups,
        "sg-estate": SecurityGroup("sg-estate", "estate", (), (tcp(PORT, "10.10.0.0/16"),)),
        "sg-server": replace(server, egress=(*server.egress, tcp(PORT, "10.10.0.10/32"))),
        "sg-proxy": SecurityGroup(
            "sg-proxy", "proxy", (tcp(PORT, "10.10.0.0/16"),), (tcp(443, ANYWHERE),)
        ),
        **{name.replace("_", "-"): group for name, group in changed.items()},
    }


OPEN = replace(NETWORK, groups=groups())


def rows(
    network: Network = OPEN,
    *,
    end: ProxyEnd = HERE,
    host: str = "10.10.0.10",
) -> dict[tuple[str, str], Row]:
    proxied = replace(PROXIED, proxy=Proxy(host, PORT))
    found = Evidence(network, EVIDENCE.machines, EVIDENCE.server, end)
    return {(row.machine, row.direction): row for row in reachability.judge(proxied, found)}


def closed(found: dict[tuple[str, str], Row]) -> dict[tuple[str, str], str]:
    return {key: row.evidence for key, row in found.items() if not row.open}


def test_all_ways_are_judged_in_place_of_the_servers_own_way_out() -> None:
    found = rows()
    assert closed(found) == {}
    assert {key for key in found if "server" not in key[1] or key[1] == SERVER_TO_PROXY} == {
        ("configuration server", SERVER_TO_PROXY),
        ("proxy", PROXY_OUT),
        ("web-01", TO_PROXY),
        ("db-01", TO_PROXY),
    }


def test_without_a_proxy_none_of_them_is_needed() -> None:
    found = reachability.judge(CHECK, EVIDENCE)
    assert not {row.direction for row in found} & {SERVER_TO_PROXY, TO_PROXY, PROXY_OUT}


def test_a_machine_whose_groups_do_not_let_the_port_out_is_blocked_alone() -> None:
    web = replace(EVIDENCE.machines["web-01"], groups=frozenset({"sg-machines"}))
    found = Evidence(OPEN, {**EVIDENCE.machines, "web-01": web}, EVIDENCE.server, HERE)
    judged = reachability.judge(PROXIED, found)
    assert blocked(judged, MACHINES, CHECK.server.role) == {
        "web-01": "tcp 3128 to the proxy: sg-machines (machines): no egress rule for tcp 3128 to "
        "10.10.0.10"
    }
    line, way_out = table(judged, CHECK.server.role)
    assert line.startswith("web-01  tcp 3128 to the proxy  sg-machines")
    assert "correct source.proxy.url" in way_out


def test_a_server_that_does_not_reach_the_proxy_blocks_every_machine() -> None:
    network = replace(NETWORK, groups=groups(sg_server=NETWORK.groups["sg-server"]))
    found = rows(network)
    reason = "sg-server (server): no egress rule for tcp 3128 to 10.10.0.10"
    assert closed(found) == {("configuration server", SERVER_TO_PROXY): reason}
    told = blocked(found.values(), MACHINES, CHECK.server.role)
    words = f"tcp 3128 from the configuration server to the proxy: {reason}"
    assert told == {"web-01": words, "db-01": words}


def test_the_groups_of_the_proxy_and_the_acl_of_its_subnet_are_asked_too() -> None:
    network = replace(NETWORK, groups=groups(sg_proxy=SecurityGroup("sg-proxy", "proxy")))
    assert (
        "sg-proxy (proxy): no ingress rule for tcp 3128 from 10.10.1.11"
        in (closed(rows(network))["web-01", TO_PROXY])
    )
    denied = with_acl(
        "subnet-public",
        [
            entry(90, allow=False, egress=False, ports=(PORT, PORT), cidr="10.10.1.0/24"),
            entry(100, allow=True, egress=False, protocol="-1"),
            entry(100, allow=True, egress=True, protocol="-1"),
        ],
    )
    found = closed(rows(replace(denied, groups=OPEN.groups)))
    assert set(found) == {("web-01", TO_PROXY), ("db-01", TO_PROXY)}
    assert "acl-public ingress rule 90 denies tcp 3128" in found["db-01", TO_PROXY]


class TestTheWayOfTheProxyItself:
    def told(self, network: Network = OPEN, **changed: object) -> str:
        # The tests change what an endpoint is by its fields.
        proxy = replace(PROXY, **changed)  # type: ignore[arg-type]
        return closed(rows(network, end=ProxyEnd(PROXY, ways_out=(proxy,)))).get(
            ("proxy", PROXY_OUT), ""
        )

    def test_is_open_by_an_internet_gateway_and_a_public_address(self) -> None:
        assert self.told() == ""
        assert "10.10.0.10 has no public address" in self.told(public=False)

    def test_needs_a_route(self) -> None:
        network = replace(with_routes("rtb-public"), groups=OPEN.groups)
        assert self.told(network) == "route table rtb-public has no route to the internet"

    def test_needs_a_rule_that_lets_443_out(self) -> None:
        only_in = replace(OPEN.groups["sg-proxy"], egress=())
        network = replace(NETWORK, groups=groups(sg_proxy=only_in))
        assert "sg-proxy (proxy): no egress rule for tcp 443 to the internet" in self.told(network)

    @pytest.mark.parametrize("ports", [(49152, 65535), (32768, 61000)], ids=["windows", "linux"])
    def test_takes_the_answers_of_either_system_for_its_system_is_not_known(
        self, ports: tuple[int, int]
    ) -> None:
        answers = entry(100, allow=True, egress=False, ports=ports)
        asked = entry(90, allow=True, egress=False, ports=(PORT, PORT))
        out = entry(100, allow=True, egress=True, protocol="-1")
        network = with_acl("subnet-public", [asked, answers, out])
        assert self.told(replace(network, groups=OPEN.groups)) == ""

    def test_may_be_that_of_another_interface_of_its_instance(self) -> None:
        inside = replace(PROXY, addresses=IPv4Network("10.10.1.9"), public=False)
        found = closed(rows(end=ProxyEnd(PROXY, ways_out=(replace(inside), PROXY))))
        assert found == {}

    def test_blocks_no_machine_because_it_may_go_on_to_another_proxy(self) -> None:
        found = rows(end=ProxyEnd(PROXY, ways_out=(replace(PROXY, public=False),)))
        assert ("proxy", PROXY_OUT) in closed(found)
        assert blocked(found.values(), MACHINES, CHECK.server.role) == {}
        assert blocked(found.values(), ["proxy"], CHECK.server.role) == {}

    def test_is_not_judged_where_nothing_is_known_of_it(self) -> None:
        assert ("proxy", PROXY_OUT) not in rows(end=ProxyEnd(PROXY))
        assert ("proxy", PROXY_OUT) not in rows(end=ELSEWHERE, host="203.0.113.10")


def test_an_address_of_the_vpc_that_nobody_has_is_told() -> None:
    found = closed(rows(end=ProxyEnd(missing=True)))
    assert found["web-01", TO_PROXY] == "no network interface of vpc-1 has 10.10.0.10"
    assert found["configuration server", SERVER_TO_PROXY] == found["web-01", TO_PROXY]


class TestAProxyOutsideTheVpc:
    def told(
        self, network: Network, host: str = "203.0.113.10", *egress: Rule
    ) -> dict[tuple[str, str], str]:
        rules = egress or (tcp(PORT, f"{host}/32"),)
        server = NETWORK.groups["sg-server"]
        changed = groups(
            sg_estate=SecurityGroup("sg-estate", "estate", (), rules),
            sg_server=replace(server, egress=(*server.egress, *rules)),
        )
        return closed(rows(replace(network, groups=changed), end=ELSEWHERE, host=host))

    def test_is_reached_by_the_way_to_the_internet(self) -> None:
        assert self.told(NETWORK) == {}
        gone = with_routes("rtb-main")
        assert (
            "route table rtb-main has no route to 203.0.113.10"
            in (self.told(gone)["web-01", TO_PROXY])
        )

    def test_is_not_reached_by_that_way_at_a_private_address(self) -> None:
        why = self.told(NETWORK, "10.99.0.10")["web-01", TO_PROXY]
        assert "10.99.0.10 is a private address, which the internet has no way to" in why
        direct = replace(with_routes("rtb-main", default_route("igw-1")))
        assert "is a private address" in self.told(direct, "10.99.0.10")["web-01", TO_PROXY]

    def test_behind_a_gateway_that_is_not_looked_into_counts_as_open(self) -> None:
        transit = with_routes("rtb-main", Route(Range.cidr("10.99.0.0/16"), "tgw-1"))
        assert self.told(transit, "10.99.0.10") == {}

    def test_may_be_in_a_group_of_a_peered_vpc(self) -> None:
        peered = with_routes("rtb-main", Route(Range.cidr("10.99.0.0/16"), "pcx-1"))
        theirs = Rule("tcp", (PORT, PORT), group="sg-theirs", peered=True)
        assert self.told(peered, "10.99.0.10", theirs) == {}
        own = replace(theirs, peered=False)
        assert (
            "no egress rule for tcp 3128"
            in (self.told(peered, "10.99.0.10", own)["web-01", TO_PROXY])
        )


class TestAProxyWithAName:
    def told(self, *egress: Rule) -> dict[tuple[str, str], Row]:
        estate = SecurityGroup("sg-estate", "estate", (), egress)
        network = replace(NETWORK, groups=groups(sg_estate=estate))
        return rows(network, end=ELSEWHERE, host="proxy.example.com")

    def test_is_left_to_the_attempt_where_a_group_lets_its_port_out(self) -> None:
        found = self.told(tcp(PORT, "10.10.0.10/32"))
        assert closed(found) == {}
        assert "where proxy.example.com is shows only an attempt" in (
            found["web-01", TO_PROXY].evidence
        )

    def test_is_closed_where_no_group_lets_its_port_out(self) -> None:
        assert closed(self.told(tcp(443, ANYWHERE)))["web-01", TO_PROXY] == (
            "sg-estate (estate) and sg-machines (machines): no egress rule for tcp 3128 to "
            "proxy.example.com"
        )


@dataclass
class Tries:
    """Notes who tries what; everything fails."""

    tried: dict[str, set[Target]] = field(default_factory=dict)

    def attempt(self, sources: Iterable[Source]) -> Attempts:
        found = {source.instance_id: source.targets for source in sources}
        for instance, targets in found.items():
            self.tried.setdefault(instance, set()).update(targets)
        return {instance: dict.fromkeys(targets, False) for instance, targets in found.items()}


def test_machines_and_server_try_to_connect_to_it_by_the_name_of_the_config() -> None:
    proxied = replace(PROXIED, proxy=Proxy("proxy.example.com", PORT))
    found = Evidence(OPEN, EVIDENCE.machines, EVIDENCE.server, ELSEWHERE)
    tries = Tries()
    after = reachability.attempt(proxied, reachability.judge(proxied, found), tries)
    target = Target("proxy.example.com", PORT)
    assert all(target in tries.tried[instance] for instance in ("i-1", "i-2", "i-server"))
    [row] = [row for row in after if row.direction == SERVER_TO_PROXY]
    assert row.reason == (
        "the rules permit it, a connect attempt from the server failed: its or the proxy's own "
        "firewall, or nothing listens"
    )
