"""The network of a VPC as plain data, which decides whether a TCP connection is possible."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Network

EVERYWHERE = IPv4Network("0.0.0.0/0")
"""The internet as the remote end of a connection."""

PORTS = (0, 65535)

MACHINES_ANSWER_AT = {"windows": (49152, 65535), "linux": (32768, 61000)}
"""The ports on which a machine receives answers, by platform.

Sources: Microsoft, "The default dynamic port range for TCP/IP"; Linux, `ip-sysctl` (up to 60999
since 4.2, 61000 before).
"""

NAT_ANSWERS_AT = (1024, 65535)
"""The ports on which a NAT gateway receives answers. Source: Amazon VPC, "Ephemeral ports"."""

_PRIVATE = tuple(
    IPv4Network(cidr)
    for cidr in (
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
    )
)


_EITHER_ANSWERS_AT = (49152, 61000)
"""The ports on which Windows and Linux both receive answers."""


class Match(Enum):
    """How much of a remote end a range of addresses contains."""

    ALL = "all"
    PART = "part"
    NONE = "none"


@dataclass(frozen=True)
class Range:
    """The addresses of a rule, an ACL entry or a route.

    Attributes:
        name: as in the console: a CIDR block, or the id of a prefix list.
        networks: the networks that it contains.
        of_aws: whether it is a prefix list of AWS services, which never contains Azure.
    """

    name: str
    networks: tuple[IPv4Network, ...]
    of_aws: bool = False

    @classmethod
    def cidr(cls, text: str) -> Range:
        """The range of one CIDR block."""
        return cls(text, (IPv4Network(text, strict=False),))

    def match(self, end: IPv4Network) -> Match:
        """How much of `end` the range contains."""
        if any(end.subnet_of(network) for network in self.networks):
            return Match.ALL
        if self.of_aws and end == EVERYWHERE:
            return Match.NONE
        return (
            Match.PART if any(_overlap(network, end) for network in self.networks) else Match.NONE
        )

    def prefix(self, end: IPv4Network) -> int:
        """The prefix length of the most specific network that contains all of `end`; -1 if none."""
        return max((n.prefixlen for n in self.networks if end.subnet_of(n)), default=-1)


def _overlap(network: IPv4Network, end: IPv4Network) -> bool:
    if end == EVERYWHERE:
        return not is_private(network)
    return network.overlaps(end)


def is_private(network: IPv4Network) -> bool:
    """Whether a range is no part of the internet."""
    return any(network.subnet_of(private) for private in _PRIVATE)


@dataclass(frozen=True)
class Rule:
    """A permission of a security group: a protocol, a range of ports and a remote end.

    Attributes:
        protocol: `tcp`, `udp`, `icmp`, a number as text, or `-1` for all.
        ports: the first and the last port.
        peer: the addresses of the remote end; None if it is a group.
        group: the id of the group whose members are the remote end; None if it is a range.
        peered: whether that group is one of a peered VPC, whose members are not read.
    """

    protocol: str
    ports: tuple[int, int]
    peer: Range | None = None
    group: str | None = None
    peered: bool = False

    def covers(self, port: int) -> bool:
        """Whether the rule covers a TCP port."""
        if self.protocol == "-1":
            return True
        return self.protocol in ("tcp", "6") and self.ports[0] <= port <= self.ports[1]

    @property
    def other_side(self) -> str:
        """The name of the remote end: the id of a group or a prefix list, or a CIDR block."""
        return self.group or (self.peer.name if self.peer else "")


@dataclass(frozen=True)
class SecurityGroup:
    """The permissions of a security group; everything else is refused."""

    group_id: str
    name: str = ""
    ingress: tuple[Rule, ...] = ()
    egress: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class AclEntry:
    """An entry of a network ACL; the matching entry with the lowest number decides.

    Attributes:
        number: 1 to 32766, and 32767 for the last one, which the console shows as `*`.
        egress: whether it is for packets that leave the subnet.
        allow: whether it allows them.
        protocol: `6` for TCP, `-1` for all.
        ports: the first and the last port of the destination.
        peer: the addresses outside the subnet.
    """

    number: int
    egress: bool
    allow: bool
    protocol: str
    ports: tuple[int, int]
    peer: Range

    @property
    def shown(self) -> str:
        """Its number as the console shows it."""
        return "*" if self.number == _LAST else str(self.number)


_LAST = 32767


@dataclass(frozen=True)
class NetworkAcl:
    """A network ACL and its subnets."""

    acl_id: str
    subnets: frozenset[str] = frozenset()
    entries: tuple[AclEntry, ...] = ()


@dataclass(frozen=True)
class Route:
    """A route.

    Attributes:
        destination: the addresses that it is for.
        target: the id of the next hop (`igw-...`, `nat-...`, `pcx-...`), or `local`.
        blackhole: whether its target no longer exists.
        propagated: whether a gateway made it; a static route has priority.
    """

    destination: Range
    target: str
    blackhole: bool = False
    propagated: bool = False


@dataclass(frozen=True)
class RouteTable:
    """A route table: of its subnets and, if it is the main one, of all subnets without another."""

    table_id: str
    vpc_id: str
    main: bool = False
    subnets: frozenset[str] = frozenset()
    routes: tuple[Route, ...] = ()


@dataclass(frozen=True)
class Subnet:
    """A subnet: its addresses and its VPC."""

    subnet_id: str
    vpc_id: str
    addresses: IPv4Network


@dataclass(frozen=True)
class NatGateway:
    """A NAT gateway; `state` is that of EC2, `available` if it works."""

    gateway_id: str
    subnet_id: str
    state: str = "available"
    public: bool = True


@dataclass(frozen=True)
class Network:
    """All that was read, by id; a missing group permits nothing."""

    groups: Mapping[str, SecurityGroup] = field(default_factory=dict)
    acls: tuple[NetworkAcl, ...] = ()
    route_tables: tuple[RouteTable, ...] = ()
    subnets: Mapping[str, Subnet] = field(default_factory=dict)
    nat_gateways: Mapping[str, NatGateway] = field(default_factory=dict)

    def acl(self, subnet_id: str) -> NetworkAcl | None:
        """The network ACL of a subnet."""
        return next((acl for acl in self.acls if subnet_id in acl.subnets), None)

    def route_table(self, subnet_id: str) -> RouteTable | None:
        """The route table of a subnet: its own, else the main one of its VPC."""
        named = next((table for table in self.route_tables if subnet_id in table.subnets), None)
        subnet = self.subnets.get(subnet_id)
        if named is not None or subnet is None:
            return named
        return next(
            (t for t in self.route_tables if t.main and t.vpc_id == subnet.vpc_id),
            None,
        )


@dataclass(frozen=True)
class Endpoint:
    """One side of a connection inside a VPC.

    Attributes:
        addresses: its private address as a /32, or its subnet as long as it has no address.
        subnet_id: the subnet of that address.
        groups: ids of the security groups of its interface; None if they are not known yet.
        platform: `windows` or `linux`; it decides on which ports answers arrive. Empty if it is
            not known: then the ports count that both use.
        public: whether a public address belongs to it.
    """

    addresses: IPv4Network
    subnet_id: str
    groups: frozenset[str] | None
    platform: str = "windows"
    public: bool = False

    @property
    def shown(self) -> str:
        """Its address; the block of its subnet as long as it has none."""
        return shown(self.addresses)

    @property
    def answer_ports(self) -> tuple[int, int]:
        """The ports from which its system connects, and on which answers arrive."""
        return MACHINES_ANSWER_AT.get(self.platform, _EITHER_ANSWERS_AT)


def shown(end: IPv4Network) -> str:
    """A remote end for people: an address, a block, or the internet."""
    if end == EVERYWHERE:
        return "the internet"
    return str(end.network_address) if end.prefixlen == end.max_prefixlen else str(end)


@dataclass(frozen=True)
class Verdict:
    """Whether something permits a connection, and for people why."""

    open: bool
    why: str
