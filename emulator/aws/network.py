"""Whether a TCP connection would be established: security groups, network ACLs and routes.

Judged for one connection from what EC2 describes. A connection needs a route from the source's
subnet, security groups that let it out and in, and, where it leaves a subnet, network ACLs that let
it and its answers through (ACLs are stateless). Peering, transit and virtual private gateways,
endpoints and host firewalls lead nowhere here.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from emulator.guests.security_groups import Rule

# An address of the internet at large (TEST-NET-3), for hosts known by a name only.
INTERNET = "203.0.113.1"
_ANSWERED_AT = {"windows": (49152, 65535), "linux": (32768, 60999)}
_TCP = ("6", "tcp")


@dataclass(frozen=True)
class Interface:
    """One end of a connection.

    Attributes:
        instance: the id of its instance.
        running: whether that runs.
        platform: "windows" or "linux".
        address: its private IPv4 address.
        public: whether it has a public address.
        subnet: its subnet's id.
        vpc: its VPC's id.
        groups: the ids of its security groups.
    """

    instance: str
    running: bool
    platform: str
    address: str
    public: bool
    subnet: str
    vpc: str
    groups: tuple[str, ...]


class Network:
    """The network of a region at one moment.

    Args:
        ec2: a client of EC2, which is asked at once.
    """

    def __init__(self, ec2: Any) -> None:
        self.instances: dict[str, Mapping[str, Any]] = {
            instance["InstanceId"]: instance
            for page in ec2.get_paginator("describe_instances").paginate()
            for reservation in page["Reservations"]
            for instance in reservation["Instances"]
        }
        self._groups = {
            group["GroupId"]: group
            for page in ec2.get_paginator("describe_security_groups").paginate()
            for group in page["SecurityGroups"]
        }
        self._acls = list(ec2.describe_network_acls()["NetworkAcls"])
        self._tables = list(ec2.describe_route_tables()["RouteTables"])
        self._nats = {
            one["NatGatewayId"]: one for one in ec2.describe_nat_gateways()["NatGateways"]
        }

    def connects(self, instance_id: str, host: str, port: int) -> bool:
        """Whether a connection from an instance to a host's TCP port would be established.

        Args:
            instance_id: the instance that opens it.
            host: an IPv4 address, the private DNS name of an instance, or any other name, which
                is taken to be of a host in the internet.
            port: the port.
        """
        source = self._primary.get(instance_id)
        if source is None or not source.running:
            return False
        target = self._target(source, host)
        if isinstance(target, Interface):
            return target.running and self._within(source, target, port)
        return self._leaves(source, target, port)

    # -- ways -------------------------------------------------------------------------------

    def _within(self, source: Interface, target: Interface, port: int) -> bool:
        if self._route(source.subnet, source.vpc, target.address) != "local":
            return False
        if not self._permits(source, "IpPermissionsEgress", port, target.address, target.groups):
            return False
        if not self._permits(target, "IpPermissions", port, source.address, source.groups):
            return False
        if source.subnet == target.subnet:
            return True
        answered = _ANSWERED_AT[source.platform]
        return (
            self._passes(source.subnet, True, target.address, (port,))
            and self._passes(target.subnet, False, source.address, (port,))
            and self._passes(target.subnet, True, source.address, answered)
            and self._passes(source.subnet, False, target.address, answered)
        )

    def _leaves(self, source: Interface, address: str, port: int) -> bool:
        if not self._permits(source, "IpPermissionsEgress", port, address, ()):
            return False
        if not self._passes(source.subnet, True, address, (port,)):
            return False
        if not self._passes(source.subnet, False, address, _ANSWERED_AT[source.platform]):
            return False
        way = self._route(source.subnet, source.vpc, address)
        if way.startswith("nat-"):
            gateway = self._nats.get(way, {})
            behind = self._route(gateway.get("SubnetId", ""), source.vpc, address)
            return gateway.get("State") == "available" and behind.startswith("igw-")
        return way.startswith("igw-") and source.public

    def _target(self, source: Interface, host: str) -> Interface | str:
        """The interface in the source's VPC that a host means, or an address outside of it."""
        for other in self._interfaces:
            if other.vpc == source.vpc and host in (
                other.address,
                self.instances[other.instance].get("PrivateDnsName"),
            ):
                return other
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError:
            return INTERNET

    # -- evidence ---------------------------------------------------------------------------

    def _route(self, subnet: str, vpc: str, address: str) -> str:
        """Where the most specific route of a subnet leads: `local`, a gateway's id, or ""."""
        of_vpc = [table for table in self._tables if table["VpcId"] == vpc]
        own = [
            table
            for table in of_vpc
            if any(one.get("SubnetId") == subnet for one in table["Associations"])
        ]
        main = [table for table in of_vpc if any(one.get("Main") for one in table["Associations"])]
        found = ""
        longest = -1
        for route in (own or main or [{"Routes": []}])[0]["Routes"]:
            block = route.get("DestinationCidrBlock")
            if block is None or route.get("State") != "active":
                continue
            reaches = ipaddress.ip_network(block)
            if ipaddress.ip_address(address) in reaches and reaches.prefixlen > longest:
                longest = reaches.prefixlen
                found = str(route.get("GatewayId") or route.get("NatGatewayId") or "")
        return found

    def _permits(
        self,
        side: Interface,
        direction: str,
        port: int,
        other: str,
        other_groups: Iterable[str],
    ) -> bool:
        return any(
            rule.covers(port) and rule.concerns(ipaddress.ip_address(other), other_groups)
            for name in side.groups
            for permission in self._groups.get(name, {}).get(direction, [])
            for rule in [_rule(permission)]
        )

    def _passes(self, subnet: str, egress: bool, other: str, ports: Iterable[int]) -> bool:
        """Whether the ACL of a subnet lets packets to (or from) another address through."""
        acl = next(
            (
                one
                for one in self._acls
                if any(held["SubnetId"] == subnet for held in one["Associations"])
            ),
            None,
        )
        if acl is None:
            return False
        entries = sorted(
            (entry for entry in acl["Entries"] if entry["Egress"] == egress),
            key=lambda entry: int(entry["RuleNumber"]),
        )
        return all(_first_verdict(entries, other, port) == "allow" for port in ports)

    # -- interfaces -------------------------------------------------------------------------

    @cached_property
    def _interfaces(self) -> list[Interface]:
        return [
            Interface(
                instance=instance["InstanceId"],
                running=instance["State"]["Name"] == "running",
                platform="windows" if instance.get("Platform") else "linux",
                address=interface["PrivateIpAddress"],
                # Of the instance: moto gives interfaces an association in any case.
                public="PublicIpAddress" in instance,
                subnet=interface["SubnetId"],
                vpc=interface["VpcId"],
                groups=tuple(group["GroupId"] for group in interface["Groups"]),
            )
            for instance in self.instances.values()
            if instance["State"]["Name"] != "terminated"
            for interface in sorted(
                instance.get("NetworkInterfaces", []),
                key=lambda one: int(one["Attachment"]["DeviceIndex"]),
            )
        ]

    @cached_property
    def _primary(self) -> dict[str, Interface]:
        return {one.instance: one for one in reversed(self._interfaces)}


def _rule(permission: Mapping[str, Any]) -> Rule:
    return Rule(
        protocol=permission["IpProtocol"],
        from_port=permission.get("FromPort"),
        to_port=permission.get("ToPort"),
        cidrs=tuple(one["CidrIp"] for one in permission.get("IpRanges", [])),
        groups=tuple(
            one["GroupId"] for one in permission.get("UserIdGroupPairs", []) if "GroupId" in one
        ),
    )


def _first_verdict(entries: Iterable[Mapping[str, Any]], other: str, port: int) -> str:
    for entry in entries:
        block = entry.get("CidrBlock")
        if block is None or ipaddress.ip_address(other) not in ipaddress.ip_network(block):
            continue
        ports = entry.get("PortRange") or {}
        of_port = entry["Protocol"] in _TCP and (not ports or ports["From"] <= port <= ports["To"])
        if entry["Protocol"] == "-1" or of_port:
            return str(entry["RuleAction"])
    return "deny"
