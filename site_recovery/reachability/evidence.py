"""Whether a TCP connection is possible: by groups, ACLs of both subnets and routes both ways."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network

from site_recovery.reachability import network_acls, security_groups
from site_recovery.reachability.network import (
    EVERYWHERE,
    NAT_ANSWERS_AT,
    Endpoint,
    NatGateway,
    Network,
    Verdict,
    is_private,
    shown,
)
from site_recovery.reachability.routes import Way, way


def between(network: Network, source: Endpoint, target: Endpoint, port: int) -> Verdict:
    """Whether the source can connect to a TCP port of the target.

    Returns:
        Open with everything that permits it, or closed with everything that prevents it.
    """
    return _all(_between(network, source, target, port))


def to_the_internet(network: Network, source: Endpoint, port: int) -> Verdict:
    """Whether the source can connect to a TCP port of the internet.

    What is behind a transit gateway, a peering, a firewall or a router instance is not read: the
    connection counts as open there, and the verdict says so.
    """
    return _all(_out(network, source, port, EVERYWHERE))


def to_an_address(network: Network, source: Endpoint, end: IPv4Network, port: int) -> Verdict:
    """Whether the source can connect to a TCP port of an address, whoever has it.

    What is behind a transit gateway, a peering or the like is not read, as in `to_the_internet`.
    """
    return _all(_out(network, source, port, end))


def to_a_name(network: Network, source: Endpoint, name: str, port: int) -> Verdict:
    """Whether the source can connect to a TCP port of a host whose address is not known.

    Only its security groups tell something: they are closed if they let that port out to nobody.
    """
    return _all(_to_a_name(network, source, name, port))


def _to_a_name(network: Network, source: Endpoint, name: str, port: int) -> Iterator[Verdict]:
    if source.groups is not None:
        yield security_groups.leaves_at_all(network.groups, source.groups, port, name)
    yield Verdict(True, f"where {name} is shows only an attempt: the VPC resolves it")


def _all(verdicts: Iterator[Verdict]) -> Verdict:
    found = list(verdicts)
    closed = [verdict.why for verdict in found if not verdict.open]
    return Verdict(not closed, "; ".join(dict.fromkeys(closed or [each.why for each in found])))


def _between(network: Network, source: Endpoint, target: Endpoint, port: int) -> Iterator[Verdict]:
    known = (source.groups or frozenset(), target.groups or frozenset())
    if source.groups is not None and target.groups is not None:
        yield security_groups.leaves(network.groups, known[0], port, target.addresses, known[1])
        yield security_groups.enters(network.groups, known[1], port, source.addresses, known[0])
    if source.subnet_id == target.subnet_id:
        yield Verdict(True, f"both are in {source.subnet_id}")
        return
    yield from _acls(network, source, target, port)
    yield _within(network, source.subnet_id, target.addresses)
    yield _within(network, target.subnet_id, source.addresses)


def _acls(network: Network, source: Endpoint, target: Endpoint, port: int) -> Iterator[Verdict]:
    """By the ACLs of both subnets: the request, and the answer to it."""
    here, there, answers = source.subnet_id, target.subnet_id, source.answer_ports
    yield from _acl(network, here, (port, port), target.addresses, egress=True)
    yield from _acl(network, there, (port, port), source.addresses, egress=False)
    yield from _acl(network, there, answers, source.addresses, egress=True)
    yield from _acl(network, here, answers, target.addresses, egress=False)


def _acl(
    network: Network, subnet_id: str, ports: tuple[int, int], end: IPv4Network, *, egress: bool
) -> Iterator[Verdict]:
    acl = network.acl(subnet_id)
    if acl is not None:
        yield network_acls.passes(acl, ports, end, egress=egress)


def _way(network: Network, subnet_id: str, end: IPv4Network) -> Way:
    table = network.route_table(subnet_id)
    if table is None:
        return Way(Verdict(False, f"{subnet_id} has no route table"))
    return way(table, end)


def _within(network: Network, subnet_id: str, end: IPv4Network) -> Verdict:
    """By the route to an end that is in the VPC."""
    found = _way(network, subnet_id, end)
    seen = found.route is None or found.route.target == "local" or not found.verdict.open
    return found.verdict if seen else _unseen(found)


def _unseen(found: Way) -> Verdict:
    target = found.route.target if found.route else ""
    return Verdict(True, f"{found.verdict.why}, and what lies behind {target} is not looked into")


def _out(network: Network, source: Endpoint, port: int, end: IPv4Network) -> Iterator[Verdict]:
    if source.groups is not None:
        yield security_groups.leaves(network.groups, source.groups, port, end, None)
    subnet = network.subnets.get(source.subnet_id)
    if subnet is not None and end.subnet_of(subnet.addresses):
        yield Verdict(True, f"both are in {source.subnet_id}")
        return
    yield from _acl(network, source.subnet_id, (port, port), end, egress=True)
    yield from _acl(network, source.subnet_id, source.answer_ports, end, egress=False)
    found = _way(network, source.subnet_id, end)
    gateway = found.route.target if found.route is not None else ""
    if not found.verdict.open or gateway == "local":
        yield found.verdict
    elif gateway.startswith("igw-"):
        yield _on_the_internet(found, source, end)
    elif gateway.startswith("nat-") and gateway in network.nat_gateways:
        yield found.verdict
        yield from _through(network, source, network.nat_gateways[gateway], port, end)
    else:
        yield _unseen(found)


def _on_the_internet(found: Way, source: Endpoint, end: IPv4Network) -> Verdict:
    """By an internet gateway, which has a way for public addresses only."""
    if is_private(end):
        return _no_way(found, end)
    public = "has a public address" if source.public else "has no public address"
    return Verdict(source.public, f"{found.verdict.why}, and {source.shown} {public}")


def _no_way(found: Way, end: IPv4Network) -> Verdict:
    why = f"{found.verdict.why}, and {shown(end)} is a private address"
    return Verdict(False, f"{why}, which the internet has no way to")


def _through(
    network: Network, source: Endpoint, nat: NatGateway, port: int, end: IPv4Network
) -> Iterator[Verdict]:
    """By a NAT gateway, and the ACL and the route of its own subnet."""
    if nat.state != "available":
        yield Verdict(False, f"{nat.gateway_id} is {nat.state}")
        return
    if nat.subnet_id != source.subnet_id:
        yield from _acl(network, nat.subnet_id, (port, port), source.addresses, egress=False)
        yield from _acl(network, nat.subnet_id, source.answer_ports, source.addresses, egress=True)
    yield from _acl(network, nat.subnet_id, (port, port), end, egress=True)
    yield from _acl(network, nat.subnet_id, NAT_ANSWERS_AT, end, egress=False)
    found = _way(network, nat.subnet_id, end)
    gateway = found.route.target if found.route is not None else ""
    if found.verdict.open and gateway.startswith("igw-") and is_private(end):
        yield _no_way(found, end)
    elif not found.verdict.open or (nat.public and gateway.startswith("igw-")):
        yield found.verdict
    else:
        yield _unseen(found)
