"""The network of a VPC as EC2 describes it, in a few paged calls for any number of machines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Any

from site_recovery.aws.client import AWS_FAILURES, aws_problem, connect
from site_recovery.batches import batches
from site_recovery.errors import MigrationError
from site_recovery.reachability import ec2_shapes
from site_recovery.reachability.connections import Check
from site_recovery.reachability.network import (
    Endpoint,
    NatGateway,
    Network,
    Range,
    Subnet,
)

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

PERMISSIONS = (
    "ec2:DescribeManagedPrefixLists",
    "ec2:DescribeNatGateways",
    "ec2:DescribeNetworkAcls",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:GetManagedPrefixListEntries",
)
"""The IAM actions that reading the evidence needs."""

_VALUES = 200
"""The most values that EC2 takes in one filter."""


@dataclass(frozen=True)
class ProxyEnd:
    """Where the proxy of a check is, as far as EC2 shows it.

    Attributes:
        endpoint: its interface in the VPC; None if it is elsewhere, if only its name is known, or
            if it is a load balancer without security groups.
        missing: whether its address is one of the VPC's subnets, and no interface has it.
        ways_out: all interfaces of its instance; empty if it is none that is known.
    """

    endpoint: Endpoint | None = None
    missing: bool = False
    ways_out: tuple[Endpoint, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """The evidence, read from EC2 at one time.

    Attributes:
        network: groups, ACLs, routes, subnets and gateways.
        machines: the endpoint of each machine; without the machines that have no interface with
            their address.
        server: the server's endpoint, or where it will be.
        proxy: where the proxy is, if the check has one.
    """

    network: Network
    machines: dict[str, Endpoint]
    server: Endpoint
    proxy: ProxyEnd = ProxyEnd()


def read(check: Check, region: str, client: EC2Client | None = None) -> Evidence:
    """Read everything that decides about the connections of a check.

    Args:
        check: the machines and the server.
        region: their AWS region.
        client: an EC2 client; by default one from the environment (credentials, endpoint).

    Raises:
        MigrationError: EC2 did not answer or refused; the message names the permissions.
    """
    try:
        return _read(check, client or connect("ec2", region))
    except AWS_FAILURES as error:
        raise MigrationError(str(aws_problem(error, "EC2", region, PERMISSIONS))) from error


def _read(check: Check, ec2: EC2Client) -> Evidence:
    interfaces = list(_interfaces(ec2, check))
    subnets = {
        subnet["SubnetId"]: Subnet(
            subnet["SubnetId"], subnet["VpcId"], IPv4Network(subnet["CidrBlock"])
        )
        for subnet in _pages(ec2, "describe_subnets", "Subnets", "vpc-id", _vpcs(check, interfaces))
    }
    machines = _machines(check, interfaces)
    server = _server(check, interfaces, subnets)
    vpcs = _vpcs(check, interfaces)
    proxy = _proxy(ec2, check, subnets)
    at_proxy = [proxy.endpoint] if proxy.endpoint is not None else []
    ends = [*machines.values(), server, *at_proxy, *proxy.ways_out]
    groups = list(
        _pages(
            ec2,
            "describe_security_groups",
            "SecurityGroups",
            "group-id",
            {group for end in ends for group in end.groups or ()},
        )
    )
    tables = list(_pages(ec2, "describe_route_tables", "RouteTables", "vpc-id", vpcs))
    ranges = _prefix_lists(ec2, groups, tables)
    return Evidence(
        Network(
            groups={group["GroupId"]: ec2_shapes.group(group, ranges) for group in groups},
            acls=tuple(
                ec2_shapes.acl(acl)
                for acl in _pages(ec2, "describe_network_acls", "NetworkAcls", "vpc-id", vpcs)
            ),
            route_tables=tuple(ec2_shapes.table(table, ranges) for table in tables),
            subnets=subnets,
            nat_gateways=_nat_gateways(ec2, vpcs, tables),
        ),
        machines,
        server,
        proxy,
    )


def _interfaces(ec2: EC2Client, check: Check) -> Iterator[Any]:
    yield from _pages(
        ec2,
        "describe_network_interfaces",
        "NetworkInterfaces",
        "attachment.instance-id",
        {machine.instance_id for machine in check.machines.values()},
    )
    if check.server.private_ip is not None:
        subnet_id = check.server.subnet_id
        where = ("subnet-id", subnet_id) if subnet_id else ("vpc-id", check.vpc_id)
        yield from _having(ec2, check.server.private_ip, *where)


def _having(ec2: EC2Client, address: str, within: str, its_id: str) -> Iterator[Any]:
    """The interfaces with an address, of a subnet or a VPC: another one may have it too."""
    paginator = ec2.get_paginator("describe_network_interfaces")
    for page in paginator.paginate(
        Filters=[
            {"Name": within, "Values": [its_id]},
            {"Name": "addresses.private-ip-address", "Values": [address]},
        ]
    ):
        yield from page["NetworkInterfaces"]


def _pages(
    ec2: EC2Client, operation: str, key: str, name: str, values: Iterable[str]
) -> Iterator[Any]:
    # With a list of ids the call would fail for one that does not exist; with a filter it does not.
    paginator: Any = ec2.get_paginator(operation)  # type: ignore[call-overload]
    for batch in batches(sorted(values), _VALUES):
        for page in paginator.paginate(Filters=[{"Name": name, "Values": batch}]):
            yield from page[key]


def _vpcs(check: Check, interfaces: Iterable[Any]) -> set[str]:
    return {check.vpc_id} | {interface["VpcId"] for interface in interfaces}


def _machines(check: Check, interfaces: Iterable[Any]) -> dict[str, Endpoint]:
    found = {
        (interface.get("Attachment", {}).get("InstanceId"), address): interface
        for interface in interfaces
        for address in _addresses(interface)
    }
    return {
        name: _endpoint(found[key], machine.private_ip, machine.platform)
        for name, machine in check.machines.items()
        if (key := (machine.instance_id, machine.private_ip)) in found
    }


def _server(check: Check, interfaces: Iterable[Any], subnets: dict[str, Subnet]) -> Endpoint:
    server = check.server
    if server.private_ip is None:
        subnet = subnets.get(server.subnet_id)
        if subnet is None:
            raise MigrationError(
                f"the {server.role}'s subnet {server.subnet_id} is not in {check.vpc_id}. Correct "
                "its subnetId, or source.vpcId."
            )
        return Endpoint(subnet.addresses, server.subnet_id, server.group_ids)
    for interface in interfaces:
        here = (
            interface["SubnetId"] == server.subnet_id
            if server.subnet_id
            else interface["VpcId"] == check.vpc_id
        )
        if here and server.private_ip in _addresses(interface):
            found = _endpoint(interface, server.private_ip, "windows")
            return found if server.group_ids is not None else replace(found, groups=None)
    if not server.subnet_id:
        raise MigrationError(
            f"no network interface of {check.vpc_id} has {server.private_ip}, the address of the "
            f"registered {server.role}. Correct its privateIp, or source.vpcId."
        )
    return Endpoint(IPv4Network(server.private_ip), server.subnet_id, server.group_ids)


def _proxy(ec2: EC2Client, check: Check, subnets: dict[str, Subnet]) -> ProxyEnd:
    address = check.proxy.address if check.proxy is not None else None
    here = address is not None and any(
        address.subnet_of(each.addresses)
        for each in subnets.values()
        if each.vpc_id == check.vpc_id
    )
    if address is None or not here:
        return ProxyEnd()
    shown = str(address.network_address)
    interface = next(_having(ec2, shown, "vpc-id", check.vpc_id), None)
    if interface is None:
        return ProxyEnd(missing=True)
    # A load balancer may have no groups, and then none of them is in the way.
    endpoint = _endpoint(interface, shown, "") if interface.get("Groups") else None
    instance = interface.get("Attachment", {}).get("InstanceId")
    if not instance:
        return ProxyEnd(endpoint)
    found = _pages(
        ec2,
        "describe_network_interfaces",
        "NetworkInterfaces",
        "attachment.instance-id",
        [instance],
    )
    ways = [_endpoint(one, each, "") for one in found for each in _addresses(one)]
    return ProxyEnd(endpoint, ways_out=tuple(ways))


def _addresses(interface: Any) -> dict[str, bool]:
    """The interface's private addresses, and whether each has a public one."""
    addresses = interface.get("PrivateIpAddresses") or [interface]
    return {
        address["PrivateIpAddress"]: bool(address.get("Association", {}).get("PublicIp"))
        for address in addresses
        if address.get("PrivateIpAddress")
    }


def _endpoint(interface: Any, address: str, platform: str) -> Endpoint:
    return Endpoint(
        IPv4Network(address),
        interface["SubnetId"],
        frozenset(group["GroupId"] for group in interface.get("Groups", [])),
        platform,
        _addresses(interface)[address],
    )


def _prefix_lists(ec2: EC2Client, groups: list[Any], tables: list[Any]) -> dict[str, Range]:
    """The content of the prefix lists in rules and routes; one call for each list."""
    wanted = {
        one["PrefixListId"]
        for group in groups
        for permission in [*group["IpPermissions"], *group.get("IpPermissionsEgress", [])]
        for one in permission.get("PrefixListIds", [])
    } | {
        route["DestinationPrefixListId"]
        for table in tables
        for route in table["Routes"]
        if route.get("DestinationPrefixListId")
    }
    if not wanted:
        return {}
    of_aws = {
        one["PrefixListId"]
        for page in ec2.get_paginator("describe_managed_prefix_lists").paginate()
        for one in page["PrefixLists"]
        if one.get("OwnerId") == "AWS"
    }
    entries = ec2.get_paginator("get_managed_prefix_list_entries")
    return {
        list_id: Range(
            list_id,
            tuple(
                IPv4Network(entry["Cidr"], strict=False)
                for page in entries.paginate(PrefixListId=list_id)
                for entry in page["Entries"]
                if ":" not in entry["Cidr"]
            ),
            list_id in of_aws,
        )
        for list_id in sorted(wanted)
    }


def _nat_gateways(ec2: EC2Client, vpcs: set[str], tables: list[Any]) -> dict[str, NatGateway]:
    if not any(route.get("NatGatewayId") for table in tables for route in table["Routes"]):
        return {}
    return {
        gateway["NatGatewayId"]: NatGateway(
            gateway["NatGatewayId"],
            gateway["SubnetId"],
            gateway["State"],
            gateway.get("ConnectivityType", "public") == "public",
        )
        for gateway in _pages(ec2, "describe_nat_gateways", "NatGateways", "vpc-id", vpcs)
    }
