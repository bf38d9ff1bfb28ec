"""Whether a TCP connection would be established, and whether one that is goes on: security groups,
network ACLs and routes.

A connection needs a route from the source's subnet and security groups that let it out and in.
If it leaves a subnet, network ACLs must let through both the connection and its answers, because
ACLs are stateless. A service with an interface endpoint is reached at the endpoint's interfaces.
Peering, transit and virtual private gateways, gateway endpoints and host firewalls are not
evaluated: a route to one of them leads nowhere.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from emulator.estate import security_groups
from emulator.estate.security_groups import INTERNET, Endpoint, SecurityGroup

LOCAL = "local"
# The ports from which a client connects, and so the ports to which it is answered.
_EPHEMERAL = {"windows": (49152, 65535), "linux": (32768, 60999)}


@dataclass(frozen=True)
class Interface:
    """One end of a connection.

    Attributes:
        instance: the id of its instance.
        running: whether that instance runs.
        platform: "windows" or "linux".
        address: its private IPv4 address.
        public: whether it has a public address.
        subnet: its subnet's id.
        vpc: its VPC's id.
        groups: the ids of its security groups.
        name: the instance's private DNS name, or "".
        mac: its hardware address; "" for one that no system sees.
    """

    instance: str
    running: bool
    platform: str
    address: str
    public: bool
    subnet: str
    vpc: str
    groups: tuple[str, ...]
    name: str = ""
    mac: str = ""

    @property
    def endpoint(self) -> Endpoint:
        """The interface as security groups see it."""
        return Endpoint(self.address, self.groups)


@dataclass(frozen=True)
class AclEntry:
    """One entry of a network ACL. The first one that matches a packet decides.

    Attributes:
        egress: whether it is for packets that leave the subnet.
        allow: whether it lets them through.
        cidr: the IPv4 range of the other side.
        ports: the first and the last TCP port; None stands for all ports and protocols.
    """

    egress: bool
    allow: bool
    cidr: str
    ports: tuple[int, int] | None = None


@dataclass(frozen=True)
class Route:
    """One active route: an IPv4 range, and `local` or the id of the gateway that it leads to."""

    cidr: str
    target: str


@dataclass(frozen=True)
class ServiceEndpoint:
    """An interface endpoint that the names of a service of AWS lead to (private DNS).

    Attributes:
        service: the first part of the service's host name, such as `ssm`.
        vpc: the id of its VPC.
        interfaces: one for each of its subnets, with its groups.
    """

    service: str
    vpc: str
    interfaces: tuple[Interface, ...]


@dataclass(frozen=True)
class Flow:
    """A TCP connection, as one of an instance's interfaces sees it.

    Attributes:
        instance: the id of the instance.
        local: the interface's private address.
        other: the IPv4 address of the other side.
        port: the port of the side that was connected to.
        inbound: whether the other side opened it.
    """

    instance: str
    local: str
    other: str
    port: int
    inbound: bool


@dataclass(frozen=True)
class Network:
    """The network of a region at one moment.

    Attributes:
        interfaces: the interfaces of all instances that are not terminated; the primary one of an
            instance comes before its others.
        groups: security groups by id.
        acls: the entries of the ACL of each subnet, by the subnet's id, in the order of their
            numbers. A subnet without an ACL lets nothing through.
        routes: the routes of each subnet that has a route table of its own, by the subnet's id.
        main_routes: the routes of all other subnets, by the id of their VPC.
        nat_gateways: the subnet of each NAT gateway that is available, by the gateway's id.
        endpoints: the interface endpoints.
    """

    interfaces: Sequence[Interface] = ()
    groups: Mapping[str, SecurityGroup] = field(default_factory=dict)
    acls: Mapping[str, Sequence[AclEntry]] = field(default_factory=dict)
    routes: Mapping[str, Sequence[Route]] = field(default_factory=dict)
    main_routes: Mapping[str, Sequence[Route]] = field(default_factory=dict)
    nat_gateways: Mapping[str, str] = field(default_factory=dict)
    endpoints: Sequence[ServiceEndpoint] = ()

    def connects(self, instance_id: str, host: str, port: int) -> bool:
        """Whether a connection from an instance to a host's TCP port would be established.

        Args:
            instance_id: the instance that opens it.
            host: an IPv4 address, the private DNS name of an instance, a service of AWS such as
                `ssm`, or any other name, which is taken to be a host in the internet.
            port: the port.
        """
        source = self._primary.get(instance_id)
        if source is None or not source.running:
            return False
        for other in self.interfaces:
            if other.vpc == source.vpc and host in (other.address, other.name or None):
                return self._within(source, other, port)
        private = self.private(source.vpc, host)
        if private:
            return any(self._within(source, one, port) for one in private)
        try:
            address = str(ipaddress.IPv4Address(host))
        except ValueError:
            address = INTERNET
        return self._leaves(source, address, port)

    def reaches(self, source_id: str, target_id: str, port: int) -> bool:
        """Whether a connection from one instance to another one's TCP port would be established."""
        source, target = self._primary.get(source_id), self._primary.get(target_id)
        if source is None or target is None or not source.running or source.vpc != target.vpc:
            return False
        return self._within(source, target, port)

    def private(self, vpc: str, host: str) -> list[Interface]:
        """The interfaces of endpoints in a VPC that a service's name or an address leads to."""
        return [
            interface
            for endpoint in self.endpoints
            if endpoint.vpc == vpc
            for interface in endpoint.interfaces
            if host in (endpoint.service, interface.address)
        ]

    def interfaces_of(self, instance_id: str) -> list[Interface]:
        """An instance's interfaces, the primary one first."""
        return self._own.get(instance_id, [])

    def permits(self, flow: Flow) -> bool:
        """Whether a connection would be established now."""
        here = self._here(flow)
        if here is None or not here.running or not self.carries(flow):
            return False
        there = self._there(here, flow.other)
        if there is not None and not there.running:
            return False
        other = Endpoint(flow.other, ()) if there is None else there.endpoint
        source, target = (other, here.endpoint) if flow.inbound else (here.endpoint, other)
        if there is not None:
            return security_groups.allows(self.groups, source, target, flow.port)
        if flow.inbound:
            return security_groups.allows_in(self.groups, source, target, flow.port)
        return security_groups.allows_out(self.groups, source, flow.port, flow.other)

    def carries(self, flow: Flow) -> bool:
        """Whether routes and network ACLs let the packets of an established connection through.

        Security groups are not asked: they do not interrupt a connection that they track.
        """
        here = self._here(flow)
        if here is None:
            return False
        there = self._there(here, flow.other)
        if there is not None:
            return self._crosses(*((there, here) if flow.inbound else (here, there)), flow.port)
        return self._comes_in(here, flow) if flow.inbound else self._way_out(here, flow)

    def tracks(self, flow: Flow) -> bool:
        """Whether security groups track a connection, which then survives a change of them.

        What goes through a NAT gateway is always tracked (Amazon EC2 user guide, "Automatically
        tracked connections").
        """
        here = self._here(flow)
        if here is None:
            return False
        if self._route(here, flow.other) in self.nat_gateways:
            return True
        return security_groups.tracks(self.groups, here.endpoint, flow.port, inbound=flow.inbound)

    def _here(self, flow: Flow) -> Interface | None:
        for one in self.interfaces_of(flow.instance):
            if one.address == flow.local:
                return one
        return None

    def _there(self, here: Interface, address: str) -> Interface | None:
        found = self._by_address.get((here.vpc, address))
        return found or next(iter(self.private(here.vpc, address)), None)

    def _comes_in(self, here: Interface, flow: Flow) -> bool:
        """Whether packets of a client without an interface here come in, and its answers back."""
        back = self._route(here, flow.other)
        if back != LOCAL and not (back.startswith("igw-") and here.public):
            return False
        return self._passes(here.subnet, False, flow.other, (flow.port,)) and self._passes(
            here.subnet, True, flow.other, _EPHEMERAL["linux"]
        )

    def _within(self, source: Interface, target: Interface, port: int) -> bool:
        if not target.running or not self._crosses(source, target, port):
            return False
        return security_groups.allows(self.groups, source.endpoint, target.endpoint, port)

    def _crosses(self, source: Interface, target: Interface, port: int) -> bool:
        if self._route(source, target.address) != LOCAL:
            return False
        if source.subnet == target.subnet:
            return True
        answered = _EPHEMERAL[source.platform]
        return (
            self._passes(source.subnet, True, target.address, (port,))
            and self._passes(target.subnet, False, source.address, (port,))
            and self._passes(target.subnet, True, source.address, answered)
            and self._passes(source.subnet, False, target.address, answered)
        )

    def _leaves(self, source: Interface, address: str, port: int) -> bool:
        if not security_groups.allows_out(self.groups, source.endpoint, port, address):
            return False
        return self._way_out(source, Flow(source.instance, source.address, address, port, False))

    def _way_out(self, source: Interface, flow: Flow) -> bool:
        address = flow.other
        if not self._passes(source.subnet, True, address, (flow.port,)):
            return False
        if not self._passes(source.subnet, False, address, _EPHEMERAL[source.platform]):
            return False
        gateway = self._route(source, address)
        if gateway in self.nat_gateways:
            behind = self._route_of(self.nat_gateways[gateway], source.vpc, address)
            return behind.startswith("igw-")
        return gateway.startswith("igw-") and source.public

    def _route(self, source: Interface, address: str) -> str:
        return self._route_of(source.subnet, source.vpc, address)

    def _route_of(self, subnet: str, vpc: str, address: str) -> str:
        """The target of the most specific route of a subnet; "" if no route matches."""
        found, longest = "", -1
        for route in self.routes.get(subnet, self.main_routes.get(vpc, ())):
            reaches = ipaddress.ip_network(route.cidr)
            if ipaddress.ip_address(address) in reaches and reaches.prefixlen > longest:
                found, longest = route.target, reaches.prefixlen
        return found

    def _passes(self, subnet: str, egress: bool, other: str, ports: Iterable[int]) -> bool:
        """Whether a subnet's ACL lets packets to (or from) another address through."""
        entries = [entry for entry in self.acls.get(subnet, ()) if entry.egress == egress]
        return all(_passes(entries, other, port) for port in ports)

    @cached_property
    def _primary(self) -> dict[str, Interface]:
        return {one.instance: one for one in reversed(self.interfaces)}

    @cached_property
    def _own(self) -> dict[str, list[Interface]]:
        found: dict[str, list[Interface]] = {}
        for one in self.interfaces:
            found.setdefault(one.instance, []).append(one)
        return found

    @cached_property
    def _by_address(self) -> dict[tuple[str, str], Interface]:
        return {(one.vpc, one.address): one for one in reversed(self.interfaces)}


def _passes(entries: Iterable[AclEntry], other: str, port: int) -> bool:
    address = ipaddress.ip_address(other)
    for entry in entries:
        if entry.ports is not None and not entry.ports[0] <= port <= entry.ports[1]:
            continue
        if address in ipaddress.ip_network(entry.cidr):
            return entry.allow
    return False
