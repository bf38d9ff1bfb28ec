"""The network of a region, read from EC2."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from emulator.estate.network import AclEntry, Interface, Network, Route, ServiceEndpoint
from emulator.estate.security_groups import Rule, SecurityGroup

_TCP = ("6", "tcp")
_EVERY_PROTOCOL = "-1"


@dataclass(frozen=True)
class Region:
    """A snapshot of a region's EC2 resources at one moment.

    Attributes:
        instances: the descriptions of all instances that EC2 still lists, in its order.
        network: the network that decides whether connections between them are allowed.
    """

    instances: list[Mapping[str, Any]]
    network: Network


def describe(ec2: Any) -> Region:
    """Ask EC2 for its instances and their network.

    Args:
        ec2: a boto3 client of EC2. Its types are not used: the clients of tests are plain, too.

    Raises:
        ClientError: EC2 refused.
        BotoCoreError: EC2 did not answer.
    """
    instances = describe_instances(ec2)
    return Region(instances, describe_network(ec2, instances))


def describe_instances(ec2: Any, ids: Iterable[str] = ()) -> list[Mapping[str, Any]]:
    """All instances that EC2 still lists, or some of them, in EC2's order.

    Raises:
        ClientError: EC2 refused.
        BotoCoreError: EC2 did not answer.
    """
    # A request by ids fails if one of them is gone; a filter does not.
    chosen = [{"Name": "instance-id", "Values": sorted(ids)}] if ids else []
    return [
        instance
        for page in ec2.get_paginator("describe_instances").paginate(Filters=chosen)
        for reservation in page["Reservations"]
        for instance in reservation["Instances"]
    ]


def describe_network(ec2: Any, instances: Iterable[Mapping[str, Any]]) -> Network:
    """The network around instances that were described.

    Raises:
        ClientError: EC2 refused.
        BotoCoreError: EC2 did not answer.
    """
    tables = ec2.describe_route_tables()["RouteTables"]
    return Network(
        interfaces=interfaces_of(instances),
        groups=describe_groups(ec2),
        acls={
            association["SubnetId"]: _entries(acl)
            for acl in ec2.describe_network_acls()["NetworkAcls"]
            for association in acl["Associations"]
        },
        routes={
            association["SubnetId"]: _routes(table)
            for table in tables
            for association in table["Associations"]
            if "SubnetId" in association
        },
        main_routes={
            table["VpcId"]: _routes(table)
            for table in tables
            if any(association.get("Main") for association in table["Associations"])
        },
        nat_gateways={
            gateway["NatGatewayId"]: gateway["SubnetId"]
            for gateway in ec2.describe_nat_gateways()["NatGateways"]
            if gateway.get("State") == "available"
        },
        endpoints=_endpoints(ec2),
    )


def describe_groups(ec2: Any) -> dict[str, SecurityGroup]:
    """All security groups by their ids.

    Raises:
        ClientError: EC2 refused.
        BotoCoreError: EC2 did not answer.
    """
    groups = [
        group
        for page in ec2.get_paginator("describe_security_groups").paginate()
        for group in page["SecurityGroups"]
    ]
    ranges = _prefix_lists(ec2, groups)
    return {group["GroupId"]: _group(group, ranges) for group in groups}


def interfaces_of(instances: Iterable[Mapping[str, Any]]) -> list[Interface]:
    """The interfaces of instances that were described and are not terminated."""
    return [
        interface
        for instance in instances
        if instance["State"]["Name"] != "terminated"
        for interface in _interfaces(instance)
    ]


def _interfaces(instance: Mapping[str, Any]) -> list[Interface]:
    return [
        Interface(
            instance=instance["InstanceId"],
            # What is stopping still runs.
            running=instance["State"]["Name"] in ("running", "stopping"),
            platform="windows" if instance.get("Platform") else "linux",
            address=interface["PrivateIpAddress"],
            # The instance's: moto gives every interface an association.
            public="PublicIpAddress" in instance,
            subnet=interface["SubnetId"],
            vpc=interface["VpcId"],
            groups=tuple(group["GroupId"] for group in interface["Groups"]),
            name=instance.get("PrivateDnsName", ""),
            mac=interface.get("MacAddress", ""),
        )
        for interface in sorted(
            instance.get("NetworkInterfaces", []),
            key=lambda one: int(one["Attachment"]["DeviceIndex"]),
        )
    ]


def _endpoints(ec2: Any) -> list[ServiceEndpoint]:
    """The interface endpoints that are available, with private DNS."""
    found = [
        endpoint
        for page in ec2.get_paginator("describe_vpc_endpoints").paginate()
        for endpoint in page["VpcEndpoints"]
        if endpoint.get("VpcEndpointType") == "Interface"
        and endpoint.get("PrivateDnsEnabled")
        and endpoint["State"].lower() == "available"
    ]
    ids = sorted({one for endpoint in found for one in endpoint.get("NetworkInterfaceIds", [])})
    if not ids:
        return []
    described = {
        one["NetworkInterfaceId"]: one
        for one in ec2.describe_network_interfaces(NetworkInterfaceIds=ids)["NetworkInterfaces"]
    }
    return [
        ServiceEndpoint(
            endpoint["ServiceName"].rpartition(".")[2],
            endpoint["VpcId"],
            tuple(
                Interface(
                    instance=endpoint["VpcEndpointId"],
                    running=True,
                    platform="linux",
                    address=described[name]["PrivateIpAddress"],
                    public=False,
                    subnet=described[name]["SubnetId"],
                    vpc=endpoint["VpcId"],
                    groups=tuple(group["GroupId"] for group in endpoint.get("Groups", [])),
                )
                for name in endpoint["NetworkInterfaceIds"]
                if name in described
            ),
        )
        for endpoint in found
    ]


def _prefix_lists(ec2: Any, groups: Iterable[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    """The IPv4 ranges of the prefix lists that rules name, by their ids."""
    named = {
        one["PrefixListId"]
        for group in groups
        for rules in ("IpPermissions", "IpPermissionsEgress")
        for permission in group.get(rules, [])
        for one in permission.get("PrefixListIds", [])
    }
    return {
        name: tuple(
            entry["Cidr"]
            for page in ec2.get_paginator("get_managed_prefix_list_entries").paginate(
                PrefixListId=name
            )
            for entry in page["Entries"]
            if ":" not in entry["Cidr"]
        )
        for name in sorted(named)
    }


def _group(described: Mapping[str, Any], ranges: Mapping[str, tuple[str, ...]]) -> SecurityGroup:
    return SecurityGroup(
        described["GroupId"],
        ingress=_rules(described.get("IpPermissions", []), ranges),
        egress=_rules(described.get("IpPermissionsEgress", []), ranges),
    )


def _rules(
    permissions: Iterable[Mapping[str, Any]], ranges: Mapping[str, tuple[str, ...]]
) -> tuple[Rule, ...]:
    return tuple(
        Rule(
            protocol=permission["IpProtocol"],
            from_port=permission.get("FromPort"),
            to_port=permission.get("ToPort"),
            cidrs=(
                *(one["CidrIp"] for one in permission.get("IpRanges", [])),
                *(
                    cidr
                    for one in permission.get("PrefixListIds", [])
                    for cidr in ranges.get(one["PrefixListId"], ())
                ),
            ),
            groups=tuple(
                one["GroupId"] for one in permission.get("UserIdGroupPairs", []) if "GroupId" in one
            ),
        )
        for permission in permissions
    )


def _entries(acl: Mapping[str, Any]) -> list[AclEntry]:
    found = []
    for entry in sorted(acl["Entries"], key=lambda one: int(one["RuleNumber"])):
        every = entry["Protocol"] == _EVERY_PROTOCOL
        if "CidrBlock" not in entry or not (every or entry["Protocol"] in _TCP):
            continue
        ports = None if every else entry.get("PortRange") or None
        found.append(
            AclEntry(
                egress=entry["Egress"],
                allow=entry["RuleAction"] == "allow",
                cidr=entry["CidrBlock"],
                ports=None if ports is None else (ports["From"], ports["To"]),
            )
        )
    return found


def _routes(table: Mapping[str, Any]) -> list[Route]:
    return [
        Route(
            route["DestinationCidrBlock"],
            str(route.get("GatewayId") or route.get("NatGatewayId") or ""),
        )
        for route in table["Routes"]
        if "DestinationCidrBlock" in route and route.get("State") == "active"
    ]
