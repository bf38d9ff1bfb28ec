"""A small network from which tests derive variants."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv4Network

from site_recovery.reachability.connections import Check, Machine, Server
from site_recovery.reachability.ec2_network import Evidence
from site_recovery.reachability.network import (
    PORTS,
    AclEntry,
    Endpoint,
    NatGateway,
    Network,
    NetworkAcl,
    Range,
    Route,
    RouteTable,
    Rule,
    SecurityGroup,
    Subnet,
)

VPC = "vpc-1"
ANYWHERE = "0.0.0.0/0"


def tcp(port: int, peer: str) -> Rule:
    """A rule for one port. `peer` is the id of a group, or a CIDR block."""
    if peer.startswith("sg-"):
        return Rule("tcp", (port, port), group=peer)
    return Rule("tcp", (port, port), Range.cidr(peer))


def entry(
    number: int,
    *,
    allow: bool,
    egress: bool,
    ports: tuple[int, int] = PORTS,
    cidr: str = ANYWHERE,
    protocol: str = "6",
) -> AclEntry:
    return AclEntry(number, egress, allow, protocol, ports, Range.cidr(cidr))


def both_ways(number: int, *, allow: bool) -> tuple[AclEntry, AclEntry]:
    return (
        entry(number, allow=allow, egress=False, protocol="-1"),
        entry(number, allow=allow, egress=True, protocol="-1"),
    )


LAST = both_ways(32767, allow=False)
OPEN = (*both_ways(100, allow=True), *LAST)

LOCAL = Route(Range.cidr("10.10.0.0/16"), "local")


def default_route(target: str, *, blackhole: bool = False) -> Route:
    return Route(Range.cidr(ANYWHERE), target, blackhole)


MACHINE = Endpoint(
    IPv4Network("10.10.1.11"), "subnet-machines", frozenset({"sg-machines", "sg-estate"})
)
SERVER = Endpoint(IPv4Network("10.10.2.10"), "subnet-server", frozenset({"sg-server"}))
NETWORK = Network(
    groups={
        "sg-estate": SecurityGroup("sg-estate", "estate", (tcp(80, "10.10.0.0/16"),), ()),
        "sg-machines": SecurityGroup(
            "sg-machines",
            "machines",
            (tcp(135, "sg-server"), tcp(445, "sg-server")),
            (tcp(443, "sg-server"), tcp(9443, "sg-server")),
        ),
        "sg-server": SecurityGroup(
            "sg-server",
            "server",
            (tcp(443, "sg-machines"), tcp(9443, "sg-machines")),
            (tcp(443, ANYWHERE), tcp(135, "sg-machines"), tcp(445, "sg-machines")),
        ),
    },
    acls=(
        NetworkAcl("acl-machines", frozenset({"subnet-machines"}), OPEN),
        NetworkAcl("acl-server", frozenset({"subnet-server"}), OPEN),
        NetworkAcl("acl-public", frozenset({"subnet-public"}), OPEN),
    ),
    route_tables=(
        RouteTable("rtb-main", VPC, main=True, routes=(LOCAL, default_route("nat-1"))),
        RouteTable(
            "rtb-public",
            VPC,
            subnets=frozenset({"subnet-public"}),
            routes=(LOCAL, default_route("igw-1")),
        ),
    ),
    subnets={
        name: Subnet(name, VPC, IPv4Network(cidr))
        for name, cidr in (
            ("subnet-machines", "10.10.1.0/24"),
            ("subnet-server", "10.10.2.0/24"),
            ("subnet-public", "10.10.0.0/24"),
        )
    },
    nat_gateways={"nat-1": NatGateway("nat-1", "subnet-public")},
)


def with_acl(subnet_id: str, entries: Iterable[AclEntry]) -> Network:
    """The network with additional entries in the ACL of one subnet, before the default ones."""
    return replace(
        NETWORK,
        acls=tuple(
            replace(acl, entries=(*entries, *LAST)) if subnet_id in acl.subnets else acl
            for acl in NETWORK.acls
        ),
    )


def with_routes(table_id: str, *routes: Route) -> Network:
    """The network with other routes in one table, in addition to the local one."""
    return replace(
        NETWORK,
        route_tables=tuple(
            replace(table, routes=(LOCAL, *routes)) if table.table_id == table_id else table
            for table in NETWORK.route_tables
        ),
    )


def with_group(group: SecurityGroup) -> Network:
    """The network with one group replaced."""
    return replace(NETWORK, groups={**NETWORK.groups, group.group_id: group})


CHECK = Check(
    VPC,
    Server(
        "configuration server", "subnet-server", "10.10.2.10", frozenset({"sg-server"}), "i-server"
    ),
    {
        "web-01": Machine("i-1", "10.10.1.11", "windows"),
        "db-01": Machine("i-2", "10.10.1.41", "linux"),
    },
    push=True,
)
EVIDENCE = Evidence(
    NETWORK,
    {
        "web-01": MACHINE,
        "db-01": replace(MACHINE, addresses=IPv4Network("10.10.1.41"), platform="linux"),
    },
    SERVER,
)
