"""Properties of rules, entries and routes."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

from hypothesis import given
from hypothesis import strategies as st

from site_recovery.reachability.evidence import between
from site_recovery.reachability.network import (
    PORTS,
    AclEntry,
    Network,
    NetworkAcl,
    Range,
    Route,
    RouteTable,
    Rule,
    SecurityGroup,
)
from site_recovery.reachability.network_acls import passes
from site_recovery.reachability.routes import way
from tests.site_recovery.reachability.reachability_cases import (
    MACHINE,
    NETWORK,
    SERVER,
    VPC,
    with_group,
)

HOST = IPv4Network("10.10.2.10")
PORT_RANGES = st.tuples(st.integers(0, 60), st.integers(0, 60)).map(
    lambda ends: (min(ends), max(ends))
)
# Some of these blocks contain the host, others contain only its neighbours.
BLOCKS = st.tuples(
    st.sampled_from(["10.10.2.10", "10.10.2.11", "10.99.0.1"]), st.integers(0, 32)
).map(lambda block: IPv4Network(f"{block[0]}/{block[1]}", strict=False))


def _entry(
    number: int,
    allow: bool,
    egress: bool,
    protocol: str,
    ports: tuple[int, int],
    block: IPv4Network,
) -> AclEntry:
    return AclEntry(number, egress, allow, protocol, ports, Range(str(block), (block,)))


ENTRIES = st.lists(
    st.builds(
        _entry,
        st.integers(1, 99),
        st.booleans(),
        st.booleans(),
        st.sampled_from(["6", "tcp", "17", "-1"]),
        PORT_RANGES,
        BLOCKS,
    ),
    unique_by=lambda entry: (entry.number, entry.egress),
    max_size=8,
)


def lets_through(entries: list[AclEntry], port: int, egress: bool) -> bool:
    """Whether an ACL allows one port, in the simplest way: the first matching entry decides."""
    for each in sorted(entries, key=lambda entry: entry.number):
        about_port = each.protocol == "-1" or (
            each.protocol in ("6", "tcp") and each.ports[0] <= port <= each.ports[1]
        )
        if each.egress is egress and about_port and HOST.subnet_of(each.peer.networks[0]):
            return each.allow
    return False


@given(ENTRIES, PORT_RANGES, st.booleans())
def test_an_acl_passes_a_range_when_it_passes_each_port_of_it(
    entries: list[AclEntry], ports: tuple[int, int], egress: bool
) -> None:
    verdict = passes(NetworkAcl("acl-1", entries=tuple(entries)), ports, HOST, egress=egress)
    assert verdict.open == all(
        lets_through(entries, port, egress) for port in range(ports[0], ports[1] + 1)
    )


@given(ENTRIES.flatmap(lambda entries: st.tuples(st.just(entries), st.permutations(entries))))
def test_the_order_in_which_entries_are_listed_decides_nothing(
    orders: tuple[list[AclEntry], list[AclEntry]],
) -> None:
    one, other = (
        passes(NetworkAcl("acl-1", entries=tuple(order)), (20, 40), HOST, egress=True)
        for order in orders
    )
    assert one == other


RULES = st.lists(
    st.one_of(
        st.builds(
            lambda protocol, ports, block: Rule(protocol, ports, Range(str(block), (block,))),
            st.sampled_from(["tcp", "udp", "-1"]),
            st.sampled_from([(443, 443), (0, 442), (400, 500), PORTS]),
            BLOCKS,
        ),
        st.builds(
            lambda group: Rule("tcp", (443, 443), group=group),
            st.sampled_from(["sg-machines", "sg-server", "sg-other"]),
        ),
    ),
    max_size=5,
)


@given(RULES, RULES)
def test_one_more_rule_never_closes_what_was_open(some: list[Rule], more: list[Rule]) -> None:
    before, after = (
        between(with_group(SecurityGroup("sg-server", "", tuple(rules))), MACHINE, SERVER, 443)
        for rules in (some, some + more)
    )
    assert after.open or not before.open


@given(RULES)
def test_in_one_subnet_the_groups_alone_decide(rules: list[Rule]) -> None:
    groups = with_group(SecurityGroup("sg-server", "", tuple(rules))).groups
    near = replace(SERVER, subnet_id=MACHINE.subnet_id)
    bare = Network(groups=groups)
    whole = replace(NETWORK, groups=groups)
    assert between(bare, MACHINE, near, 443) == between(whole, MACHINE, near, 443)


ROUTES = st.lists(
    st.builds(
        lambda block, target, blackhole: Route(Range(str(block), (block,)), target, blackhole),
        BLOCKS,
        st.sampled_from(["local", "pcx-1", "tgw-1"]),
        st.booleans(),
    ),
    unique_by=lambda route: route.destination.name,
    max_size=8,
)


@given(ROUTES)
def test_the_route_is_the_most_specific_that_holds_the_address(routes: list[Route]) -> None:
    address = IPv4Address("10.10.2.10")
    fitting = [route for route in routes if address in route.destination.networks[0]]
    found = way(RouteTable("rtb-1", VPC, routes=tuple(routes)), HOST)
    best = max(fitting, key=lambda route: route.destination.networks[0].prefixlen, default=None)
    assert found.route == best
    assert found.verdict.open == (best is not None and not best.blackhole)
