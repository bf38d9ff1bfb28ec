"""Groups, ACLs and route tables, parsed from what EC2 answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from site_recovery.reachability.network import (
    PORTS,
    AclEntry,
    NetworkAcl,
    Range,
    Route,
    RouteTable,
    Rule,
    SecurityGroup,
)


def group(described: Any, ranges: Mapping[str, Range]) -> SecurityGroup:
    """A group of DescribeSecurityGroups; `ranges` has its prefix lists by id."""
    return SecurityGroup(
        described["GroupId"],
        described.get("GroupName", ""),
        tuple(_rules(described["IpPermissions"], ranges)),
        tuple(_rules(described.get("IpPermissionsEgress", []), ranges)),
    )


def _rules(permissions: Iterable[Any], ranges: Mapping[str, Range]) -> Iterator[Rule]:
    for permission in permissions:
        protocol = permission["IpProtocol"]
        first, last = permission.get("FromPort", -1), permission.get("ToPort", -1)
        ports = PORTS if first == -1 else (first, last)
        for one in permission.get("IpRanges", []):
            yield Rule(protocol, ports, Range.cidr(one["CidrIp"]))
        for one in permission.get("PrefixListIds", []):
            yield Rule(protocol, ports, ranges[one["PrefixListId"]])
        for one in permission.get("UserIdGroupPairs", []):
            if one.get("GroupId"):
                peered = bool(one.get("VpcPeeringConnectionId"))
                yield Rule(protocol, ports, group=one["GroupId"], peered=peered)


def acl(described: Any) -> NetworkAcl:
    """An ACL of DescribeNetworkAcls, its IPv4 entries."""
    return NetworkAcl(
        described["NetworkAclId"],
        frozenset(one["SubnetId"] for one in described.get("Associations", [])),
        tuple(
            AclEntry(
                int(entry["RuleNumber"]),
                bool(entry["Egress"]),
                entry["RuleAction"] == "allow",
                str(entry["Protocol"]),
                (entry["PortRange"]["From"], entry["PortRange"]["To"])
                if entry.get("PortRange")
                else PORTS,
                Range.cidr(entry["CidrBlock"]),
            )
            for entry in described.get("Entries", [])
            if entry.get("CidrBlock")
        ),
    )


_TARGETS = (
    "GatewayId",
    "NatGatewayId",
    "TransitGatewayId",
    "VpcPeeringConnectionId",
    "NetworkInterfaceId",
    "InstanceId",
    "LocalGatewayId",
    "CarrierGatewayId",
    "CoreNetworkArn",
)


def table(described: Any, ranges: Mapping[str, Range]) -> RouteTable:
    """A table of DescribeRouteTables, its IPv4 routes; `ranges` as in `group`."""
    associations = described.get("Associations", [])
    return RouteTable(
        described["RouteTableId"],
        described["VpcId"],
        any(one.get("Main") for one in associations),
        frozenset(one["SubnetId"] for one in associations if one.get("SubnetId")),
        tuple(_routes(described["Routes"], ranges)),
    )


def _routes(routes: Iterable[Any], ranges: Mapping[str, Range]) -> Iterator[Route]:
    for route in routes:
        if route.get("DestinationCidrBlock"):
            destination = Range.cidr(route["DestinationCidrBlock"])
        elif route.get("DestinationPrefixListId"):
            destination = ranges[route["DestinationPrefixListId"]]
        else:
            continue
        yield Route(
            destination,
            next((route[key] for key in _TARGETS if route.get(key)), "nothing"),
            route.get("State") == "blackhole",
            route.get("Origin") == "EnableVgwRoutePropagation",
        )
