"""How the machines of a VPC reach Systems Manager: over interface endpoints, or over the internet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from site_recovery.aws.client import AWS_FAILURES, aws_problem, connect
from site_recovery.batches import batches
from site_recovery.problems import Problem

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

PERMISSIONS = ("ec2:DescribeVpcEndpoints", "ec2:DescribeNetworkInterfaces")

SERVICES = ("ssm", "ssmmessages", "ec2messages")
"""The services that the SSM agent talks to ("Improve the security of EC2 instances by using VPC
endpoints for Systems Manager"). Agents before 3.3.40.0 use `ec2messages` for commands."""

_PAGE = 200
"""The most values that EC2 takes in one filter."""


@dataclass(frozen=True)
class ManagementEndpoints:
    """The interface endpoints of Systems Manager in a VPC.

    Attributes:
        addresses: the private addresses of the endpoints' interfaces, sorted, by service. Only of
            endpoints that are available, and that the services' own names lead to (private DNS).
    """

    addresses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def missing(self) -> tuple[str, ...]:
        """The services that are reached over the internet; empty if there are none."""
        return tuple(service for service in SERVICES if not self.addresses.get(service))


def management_endpoints(
    vpc_id: str, region: str, client: EC2Client | None = None
) -> tuple[ManagementEndpoints, list[Problem]]:
    """Read the endpoints (DescribeVpcEndpoints, DescribeNetworkInterfaces).

    Args:
        vpc_id: the machines' VPC.
        region: its AWS region.
        client: an EC2 client; by default one from the environment (credentials, endpoint).

    Returns:
        The endpoints; if AWS did not answer, none and one problem that says so.
    """
    try:
        return ManagementEndpoints(_read(client or connect("ec2", region), vpc_id, region)), []
    except AWS_FAILURES as error:
        return ManagementEndpoints(), [aws_problem(error, "EC2", region, PERMISSIONS)]


def _read(ec2: EC2Client, vpc_id: str, region: str) -> dict[str, tuple[str, ...]]:
    found = list(_endpoints(ec2, vpc_id, region))
    wanted = sorted({one for _, interfaces in found for one in interfaces})
    addresses: dict[str, str] = {}
    paginator = ec2.get_paginator("describe_network_interfaces")
    for batch in batches(wanted, _PAGE):
        for page in paginator.paginate(Filters=[{"Name": "network-interface-id", "Values": batch}]):
            for interface in page["NetworkInterfaces"]:
                addresses[interface["NetworkInterfaceId"]] = interface["PrivateIpAddress"]
    by_service: dict[str, set[str]] = {}
    for service, interfaces in found:
        known = (addresses[one] for one in interfaces if one in addresses)
        by_service.setdefault(service, set()).update(known)
    return {service: tuple(sorted(its)) for service, its in by_service.items()}


def _endpoints(ec2: EC2Client, vpc_id: str, region: str) -> Iterator[tuple[str, list[str]]]:
    """The service and the interfaces of each endpoint that counts."""
    # The names of services in China begin with cn.com.amazonaws.
    services = {f".{region}.{service}": service for service in SERVICES}
    pages: Any = ec2.get_paginator("describe_vpc_endpoints")
    for page in pages.paginate(Filters=[{"Name": "vpc-id", "Values": [vpc_id]}]):
        for endpoint in page["VpcEndpoints"]:
            service = next(
                (s for end, s in services.items() if endpoint["ServiceName"].endswith(end)), None
            )
            usable = (
                endpoint.get("VpcEndpointType") == "Interface"
                and endpoint.get("State", "").lower() == "available"
                and endpoint.get("PrivateDnsEnabled")
            )
            if service is not None and usable:
                yield service, endpoint.get("NetworkInterfaceIds", [])
