"""Whether a connection is possible, and which rule, entry or route decides that."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network

import pytest

from site_recovery.reachability.evidence import between, to_the_internet
from site_recovery.reachability.network import (
    PORTS,
    Endpoint,
    NatGateway,
    Network,
    Range,
    Route,
    Rule,
    SecurityGroup,
)
from tests.site_recovery.reachability.reachability_cases import (
    ANYWHERE,
    LOCAL,
    MACHINE,
    NETWORK,
    SERVER,
    default_route,
    entry,
    tcp,
    with_acl,
    with_group,
    with_routes,
)

BY_PREFIX_LIST = Range("pl-1", (IPv4Network("10.9.0.0/16"), IPv4Network("10.10.1.0/24")))


class TestBetweenMachineAndServer:
    def test_an_open_connection_says_what_lets_it_through(self) -> None:
        verdict = between(NETWORK, MACHINE, SERVER, 9443)
        assert verdict.open
        assert "sg-machines (machines): tcp 9443 to sg-server" in verdict.why
        assert "sg-server (server): tcp 9443 from sg-machines" in verdict.why
        assert "acl-server ingress rule 100" in verdict.why
        assert "route table rtb-main sends 10.10.0.0/16 to local" in verdict.why

    def test_groups_that_permit_nothing_are_all_named(self) -> None:
        network = with_group(SecurityGroup("sg-machines", "machines"))
        assert between(network, MACHINE, SERVER, 9443).why == (
            "sg-estate (estate) and sg-machines (machines): "
            "no egress rule for tcp 9443 to 10.10.2.10"
        )

    def test_everything_in_the_way_is_told_at_once(self) -> None:
        network = replace(with_acl("subnet-server", []), groups={})
        why = between(network, MACHINE, SERVER, 443).why
        assert "sg-server: no ingress rule for tcp 443 from 10.10.1.11" in why
        assert "acl-server ingress rule * denies tcp 443 from 10.10.1.11" in why
        assert "acl-server egress rule * denies tcp 49152-65535 to 10.10.1.11" in why

    def test_groups_that_are_not_known_yet_are_not_judged(self) -> None:
        nobody = replace(NETWORK, groups={})
        assert between(nobody, MACHINE, replace(SERVER, groups=None), 443).open

    @pytest.mark.parametrize(
        ("rule", "permits"),
        [
            (tcp(443, "10.10.1.0/24"), True),
            (tcp(443, "10.10.1.11/32"), True),
            (tcp(443, "10.10.1.12/32"), False),
            (tcp(444, ANYWHERE), False),
            (Rule("tcp", (400, 500), Range.cidr(ANYWHERE)), True),
            (Rule("6", (443, 443), Range.cidr(ANYWHERE)), True),
            (Rule("udp", (443, 443), Range.cidr(ANYWHERE)), False),
            (Rule("-1", PORTS, group="sg-estate"), True),
            (tcp(443, "sg-server"), False),
            (Rule("tcp", (443, 443), BY_PREFIX_LIST), True),
        ],
    )
    def test_one_fitting_ingress_rule_is_enough(self, rule: Rule, permits: bool) -> None:
        network = with_group(SecurityGroup("sg-server", "server", (rule,)))
        assert between(network, MACHINE, SERVER, 443).open is permits


class TestNetworkAcls:
    REQUEST_OUT = entry(100, allow=True, egress=True, ports=(443, 443))
    ANSWER_IN = entry(110, allow=True, egress=False, ports=(49152, 65535))

    def test_the_lowest_number_decides(self) -> None:
        deny = entry(90, allow=False, egress=True, ports=(443, 443), cidr="10.10.2.0/24")
        network = with_acl("subnet-machines", [self.REQUEST_OUT, self.ANSWER_IN, deny])
        assert between(network, MACHINE, SERVER, 443).why == (
            "acl-machines egress rule 90 denies tcp 443 to 10.10.2.10"
        )

    def test_a_higher_number_decides_nothing(self) -> None:
        deny = entry(120, allow=False, egress=True)
        network = with_acl("subnet-machines", [self.REQUEST_OUT, self.ANSWER_IN, deny])
        assert between(network, MACHINE, SERVER, 443).open

    def test_the_answer_needs_an_entry_too(self) -> None:
        network = with_acl("subnet-machines", [self.REQUEST_OUT])
        assert between(network, MACHINE, SERVER, 443).why == (
            "acl-machines ingress rule * denies tcp 49152-65535 from 10.10.2.10"
        )

    @pytest.mark.parametrize(("platform", "comes"), [("windows", True), ("linux", False)])
    def test_answers_come_in_where_the_system_connects_from(
        self, platform: str, comes: bool
    ) -> None:
        network = with_acl("subnet-machines", [self.REQUEST_OUT, self.ANSWER_IN])
        assert between(network, replace(MACHINE, platform=platform), SERVER, 443).open is comes

    def test_a_hole_in_the_ports_of_answers_is_found(self) -> None:
        hole = entry(105, allow=False, egress=False, ports=(50000, 50010))
        network = with_acl("subnet-machines", [self.REQUEST_OUT, hole, self.ANSWER_IN])
        assert "rule 105 denies tcp 49152-65535 from 10.10.2.10 on 50000-50010" in (
            between(network, MACHINE, SERVER, 443).why
        )

    def test_entries_may_share_the_ports_of_answers(self) -> None:
        halves = [
            entry(number, allow=True, egress=False, ports=ports)
            for number, ports in ((10, (1024, 55000)), (20, (54000, 65535)))
        ]
        network = with_acl("subnet-machines", [self.REQUEST_OUT, *halves])
        assert between(network, MACHINE, SERVER, 443).open

    def test_what_stays_in_a_subnet_is_not_judged(self) -> None:
        neighbour = replace(SERVER, subnet_id="subnet-machines")
        assert between(with_acl("subnet-machines", []), MACHINE, neighbour, 443).open


class TestRoutes:
    PEERING = Route(Range.cidr("10.10.2.0/24"), "pcx-1")

    def test_without_a_route_nothing_goes(self) -> None:
        away = replace(SERVER, addresses=IPv4Network("192.168.7.10"))
        network = replace(with_routes("rtb-main"), groups={})
        why = between(network, MACHINE, replace(away, groups=None), 443).why
        assert why == "route table rtb-main has no route to 192.168.7.10"

    def test_the_most_specific_route_is_taken_and_told(self) -> None:
        verdict = between(with_routes("rtb-main", self.PEERING), MACHINE, SERVER, 443)
        assert verdict.open
        assert "sends 10.10.2.0/24 to pcx-1, and what lies behind pcx-1 is not" in verdict.why

    def test_a_blackhole_is_taken_too(self) -> None:
        gone = replace(self.PEERING, blackhole=True)
        assert between(with_routes("rtb-main", gone), MACHINE, SERVER, 443).why == (
            "route table rtb-main sends 10.10.2.0/24 to pcx-1, a blackhole: no way to 10.10.2.10"
        )

    def test_one_made_by_hand_goes_before_a_propagated_one(self) -> None:
        propagated = Route(Range.cidr("10.10.2.0/24"), "vgw-1", propagated=True)
        network = with_routes("rtb-main", propagated, self.PEERING)
        assert "vgw-1" not in between(network, MACHINE, SERVER, 443).why

    def test_the_way_back_is_judged_by_the_other_subnet(self) -> None:
        gone = Route(Range.cidr("10.10.1.0/24"), "eni-1", blackhole=True)
        tables = (
            *NETWORK.route_tables,
            replace(
                NETWORK.route_tables[0],
                table_id="rtb-server",
                main=False,
                subnets=frozenset({"subnet-server"}),
                routes=(LOCAL, gone),
            ),
        )
        why = between(replace(NETWORK, route_tables=tables), MACHINE, SERVER, 443).why
        assert why.startswith("route table rtb-server sends 10.10.1.0/24 to eni-1, a blackhole")


PUBLIC = replace(SERVER, subnet_id="subnet-public", public=True)
ONLY_S3 = SecurityGroup(
    "sg-server",
    "server",
    (),
    (Rule("tcp", (443, 443), Range("pl-s3", (IPv4Network("52.218.0.0/17"),), of_aws=True)),),
)


class TestFromTheServerToTheInternet:
    def test_through_a_nat_gateway(self) -> None:
        verdict = to_the_internet(NETWORK, SERVER, 443)
        assert verdict.open
        assert "route table rtb-main sends 0.0.0.0/0 to nat-1" in verdict.why
        assert "route table rtb-public sends 0.0.0.0/0 to igw-1" in verdict.why

    def test_through_an_internet_gateway_with_a_public_address(self) -> None:
        assert to_the_internet(NETWORK, PUBLIC, 443).open

    @pytest.mark.parametrize("target", ["tgw-1", "vpce-1", "eni-1", "nat-unknown"])
    def test_what_is_not_looked_into_counts_as_open_and_says_so(self, target: str) -> None:
        verdict = to_the_internet(with_routes("rtb-main", default_route(target)), SERVER, 443)
        assert verdict.open
        assert f"what lies behind {target} is not looked into" in verdict.why

    @pytest.mark.parametrize(
        ("network", "server", "why"),
        [
            (
                with_group(SecurityGroup("sg-server", "server")),
                SERVER,
                "sg-server (server): no egress rule for tcp 443 to the internet",
            ),
            (
                with_group(SecurityGroup("sg-server", "", (), (tcp(443, "10.0.0.0/8"),))),
                SERVER,
                "sg-server: no egress rule for tcp 443 to the internet",
            ),
            (
                with_group(ONLY_S3),
                SERVER,
                "sg-server (server): no egress rule for tcp 443 to the internet",
            ),
            (
                with_routes("rtb-main"),
                SERVER,
                "route table rtb-main has no route to the internet",
            ),
            (
                with_routes("rtb-main", default_route("nat-1", blackhole=True)),
                SERVER,
                "route table rtb-main sends 0.0.0.0/0 to nat-1, a blackhole: "
                "no way to the internet",
            ),
            (
                NETWORK,
                replace(PUBLIC, public=False),
                "route table rtb-public sends 0.0.0.0/0 to igw-1, and 10.10.2.10 has no public "
                "address",
            ),
            (
                replace(NETWORK, nat_gateways={"nat-1": NatGateway("nat-1", "s", "failed")}),
                SERVER,
                "nat-1 is failed",
            ),
            (
                with_routes("rtb-public"),
                SERVER,
                "route table rtb-public has no route to the internet",
            ),
            (
                with_acl("subnet-public", [entry(1, allow=True, egress=False)]),
                SERVER,
                "acl-public egress rule * denies tcp 49152-65535 to 10.10.2.10; "
                "acl-public egress rule * denies tcp 443 to the internet",
            ),
            (
                with_acl("subnet-server", [entry(1, allow=True, egress=True)]),
                SERVER,
                "acl-server ingress rule * denies tcp 49152-65535 from the internet",
            ),
        ],
    )
    def test_what_stands_in_the_way_is_named(
        self, network: Network, server: Endpoint, why: str
    ) -> None:
        verdict = to_the_internet(network, server, 443)
        assert not verdict.open
        assert verdict.why == why

    def test_a_way_to_a_part_of_it_counts_as_open_and_says_so(self) -> None:
        azure = SecurityGroup("sg-server", "", (), (tcp(443, "20.0.0.0/8"),))
        verdict = to_the_internet(with_group(azure), SERVER, 443)
        assert verdict.open
        assert "sg-server: tcp 443 to 20.0.0.0/8, which is only a part of the internet" in (
            verdict.why
        )

    def test_an_acl_that_denies_a_part_of_it_denies_not_all(self) -> None:
        entries = [
            entry(1, allow=False, egress=True, cidr="203.0.113.0/24"),
            entry(2, allow=True, egress=True),
            entry(2, allow=True, egress=False),
        ]
        assert to_the_internet(with_acl("subnet-server", entries), SERVER, 443).open

    def test_an_acl_that_allows_a_part_of_it_counts_as_open_and_says_so(self) -> None:
        entries = [
            entry(1, allow=True, egress=True, cidr="20.0.0.0/8"),
            entry(2, allow=True, egress=False, cidr="20.0.0.0/8"),
        ]
        verdict = to_the_internet(with_acl("subnet-server", entries), SERVER, 443)
        assert verdict.open
        assert "acl-server egress rule 1, which is only for 20.0.0.0/8" in verdict.why
