"""Security groups: the rules of EC2, evaluated for one TCP connection."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

ANYWHERE = "0.0.0.0/0"
_ALL_PORTS = (0, 65535)
# An address of the internet at large (TEST-NET-3): only a rule for all addresses contains it.
INTERNET = "203.0.113.1"


@dataclass(frozen=True)
class Rule:
    """One permission of a security group.

    Attributes:
        protocol: "tcp", "udp", "icmp", a number as text, or "-1" for all of them.
        from_port: the first port; None stands for all ports.
        to_port: the last port; None stands for all ports.
        cidrs: the IPv4 ranges of the other side.
        groups: ids of security groups whose members are the other side.
    """

    protocol: str = "tcp"
    from_port: int | None = None
    to_port: int | None = None
    cidrs: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    def covers(self, port: int) -> bool:
        """Whether the rule applies to this TCP port."""
        if self.protocol == "-1":
            return True
        if self.protocol not in ("tcp", "6"):
            return False
        if self.from_port is None or self.to_port is None or self.from_port == -1:
            return True
        return self.from_port <= port <= self.to_port

    @property
    def open_to_all(self) -> bool:
        """Whether the other side may be any IPv4 address."""
        return ANYWHERE in self.cidrs

    @property
    def every_port(self) -> bool:
        """Whether the rule applies to all TCP ports."""
        return all(self.covers(port) for port in _ALL_PORTS)

    def concerns(self, address: str, groups: Iterable[str]) -> bool:
        """Whether the rule names the other side, by its address or by one of its groups."""
        other = ipaddress.ip_address(address)
        if any(other in ipaddress.ip_network(cidr, strict=False) for cidr in self.cidrs):
            return True
        return not set(self.groups).isdisjoint(groups)


@dataclass(frozen=True)
class SecurityGroup:
    """A security group's rules; what no rule permits is refused."""

    group_id: str
    ingress: tuple[Rule, ...] = ()
    egress: tuple[Rule, ...] = field(default=(Rule(protocol="-1", cidrs=(ANYWHERE,)),))


@dataclass(frozen=True)
class Endpoint:
    """One side of a connection: its address and the ids of its security groups."""

    address: str
    groups: tuple[str, ...]


def allows(
    groups: Mapping[str, SecurityGroup], source: Endpoint, target: Endpoint, port: int
) -> bool:
    """Whether the source may open a TCP connection to the target's port.

    The source's egress rules and the target's ingress rules must both permit it. Answers need
    no rule, because security groups are stateful. A group id that is not in `groups` permits
    nothing.
    """
    return _permits_out(groups, source, target, port) and allows_in(groups, source, target, port)


def allows_out(
    groups: Mapping[str, SecurityGroup], source: Endpoint, port: int, address: str = INTERNET
) -> bool:
    """Whether the source's egress rules let a TCP connection out to an address elsewhere."""
    return _permits_out(groups, source, Endpoint(address, ()), port)


def allows_in(
    groups: Mapping[str, SecurityGroup], source: Endpoint, target: Endpoint, port: int
) -> bool:
    """Whether the target's ingress rules let a TCP connection in."""
    into = (rule for group in _of(groups, target) for rule in group.ingress)
    return any(rule.covers(port) and rule.concerns(source.address, source.groups) for rule in into)


def tracks(
    groups: Mapping[str, SecurityGroup], here: Endpoint, port: int, *, inbound: bool
) -> bool:
    """Whether the security groups of one side track a TCP connection.

    "If a security group rule permits TCP or UDP flows for all traffic (0.0.0.0/0 or ::/0) and there
    is a corresponding rule in the other direction that permits all response traffic (0.0.0.0/0 or
    ::/0) for any port (0-65535), then that flow of traffic is not tracked" (Amazon EC2 user guide,
    "Security group connection tracking").
    """
    into = [rule for group in _of(groups, here) for rule in group.ingress if rule.open_to_all]
    out = [rule for group in _of(groups, here) for rule in group.egress if rule.open_to_all]
    asked, answered = (into, out) if inbound else (out, into)
    opened = any(rule.covers(port) for rule in asked)
    return not (opened and any(rule.every_port for rule in answered))


def _permits_out(
    groups: Mapping[str, SecurityGroup], source: Endpoint, target: Endpoint, port: int
) -> bool:
    return any(
        rule.covers(port) and rule.concerns(target.address, target.groups)
        for group in _of(groups, source)
        for rule in group.egress
    )


def _of(groups: Mapping[str, SecurityGroup], endpoint: Endpoint) -> list[SecurityGroup]:
    return [groups[group_id] for group_id in endpoint.groups if group_id in groups]
