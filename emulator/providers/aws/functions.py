"""Functions of the `aws` package that look things up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from emulator import partitions
from emulator.providers.aws import tags
from emulator.providers.aws.cloud import Cloud
from emulator.providers.errors import ProviderError

Function = Callable[[dict[str, Any]], dict[str, Any]]


def table(cloud: Cloud) -> dict[str, Function]:
    """The functions by token."""

    def bound(function: Callable[[Cloud, dict[str, Any]], dict[str, Any]]) -> Function:
        return lambda arguments: function(cloud, arguments)

    return {
        "aws:ec2/getAmi:getAmi": bound(_ami),
        "aws:ec2/getInstance:getInstance": bound(_instance),
        "aws:ec2/getSubnet:getSubnet": bound(_subnet),
        "aws:ec2/getVpc:getVpc": bound(_vpc),
        "aws:ssm/getParameter:getParameter": bound(_parameter),
        "aws:index/getCallerIdentity:getCallerIdentity": bound(_caller),
        "aws:index/getPartition:getPartition": bound(_partition),
        "aws:index/getRegion:getRegion": bound(_region),
    }


def _only(kind: str, found: list[dict[str, Any]], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The one thing that was found.

    Raises:
        ProviderError: there is none, or more than one.
    """
    asked = ", ".join(f"{name}={value}" for name, value in arguments.items())
    if not found:
        raise ProviderError(f"no {kind} matches {asked}")
    if len(found) > 1:
        raise ProviderError(f"{len(found)} {kind}s match {asked}; narrow the filters to one")
    return found[0]


def _filters(
    kind: str, arguments: Mapping[str, Any], simple: Mapping[str, str]
) -> list[dict[str, Any]]:
    """EC2 filters from a function's arguments. Unknown arguments are refused."""
    known = {*simple, "filters", "tags", "id", "region"}
    for name in arguments:
        if name not in known:
            raise ProviderError(
                f"the local aws provider does not know argument {name} of {kind}; "
                f"it knows: {', '.join(sorted(known))}"
            )
    filters = [
        {"Name": given["name"], "Values": given["values"]} for given in arguments.get("filters", [])
    ]
    filters += [
        {"Name": f"tag:{key}", "Values": [value]}
        for key, value in arguments.get("tags", {}).items()
    ]
    for name, wire in simple.items():
        if name in arguments:
            value = arguments[name]
            text = str(value).lower() if isinstance(value, bool) else str(value)
            filters.append({"Name": wire, "Values": [text]})
    return filters


def _subnet(cloud: Cloud, arguments: dict[str, Any]) -> dict[str, Any]:
    simple = {
        "vpcId": "vpc-id",
        "cidrBlock": "cidr-block",
        "availabilityZone": "availability-zone",
        "state": "state",
    }
    filters = _filters("getSubnet", arguments, simple)
    if "id" in arguments:
        filters.append({"Name": "subnet-id", "Values": [arguments["id"]]})
    ec2 = cloud.client("ec2", arguments.get("region"))
    subnet = _only("subnet", ec2.describe_subnets(Filters=filters)["Subnets"], arguments)
    return {
        "id": subnet["SubnetId"],
        "arn": subnet.get("SubnetArn"),
        "assignIpv6AddressOnCreation": subnet.get("AssignIpv6AddressOnCreation", False),
        "availabilityZone": subnet["AvailabilityZone"],
        "availabilityZoneId": subnet.get("AvailabilityZoneId"),
        "availableIpAddressCount": subnet["AvailableIpAddressCount"],
        "cidrBlock": subnet["CidrBlock"],
        "defaultForAz": subnet.get("DefaultForAz", False),
        "mapPublicIpOnLaunch": subnet.get("MapPublicIpOnLaunch", False),
        "ownerId": subnet.get("OwnerId"),
        "region": arguments.get("region") or cloud.region,
        "state": subnet["State"],
        "tags": tags.to_map(subnet.get("Tags")),
        "vpcId": subnet["VpcId"],
    }


def _vpc(cloud: Cloud, arguments: dict[str, Any]) -> dict[str, Any]:
    simple = {"cidrBlock": "cidr-block", "default": "is-default", "state": "state"}
    filters = _filters("getVpc", arguments, simple)
    if "id" in arguments:
        filters.append({"Name": "vpc-id", "Values": [arguments["id"]]})
    ec2 = cloud.client("ec2", arguments.get("region"))
    vpc = _only("VPC", ec2.describe_vpcs(Filters=filters)["Vpcs"], arguments)
    region = arguments.get("region") or cloud.region
    return {
        "id": vpc["VpcId"],
        "arn": partitions.arn("ec2", region, vpc.get("OwnerId", ""), f"vpc/{vpc['VpcId']}"),
        "cidrBlock": vpc["CidrBlock"],
        "cidrBlockAssociations": [
            {
                "associationId": entry["AssociationId"],
                "cidrBlock": entry["CidrBlock"],
                "state": entry["CidrBlockState"]["State"],
            }
            for entry in vpc.get("CidrBlockAssociationSet", [])
        ],
        "default": vpc.get("IsDefault", False),
        "dhcpOptionsId": vpc.get("DhcpOptionsId"),
        "instanceTenancy": vpc.get("InstanceTenancy"),
        "ownerId": vpc.get("OwnerId"),
        "region": region,
        "state": vpc["State"],
        "tags": tags.to_map(vpc.get("Tags")),
    }


def _instance(cloud: Cloud, arguments: dict[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in arguments.items() if name != "instanceTags"}
    given.setdefault("tags", arguments.get("instanceTags", {}))
    filters = _filters("getInstance", given, {"instanceId": "instance-id"})
    filters.append({"Name": "instance-state-name", "Values": ["pending", "running", "stopped"]})
    ec2 = cloud.client("ec2", arguments.get("region"))
    pages = ec2.get_paginator("describe_instances").paginate(Filters=filters)
    found = [
        {**instance, "OwnerId": reservation["OwnerId"]}
        for page in pages
        for reservation in page["Reservations"]
        for instance in reservation["Instances"]
    ]
    instance = _only("instance", found, arguments)
    region = arguments.get("region") or cloud.region
    interfaces = instance.get("NetworkInterfaces") or [{}]
    return {
        "id": instance["InstanceId"],
        "instanceId": instance["InstanceId"],
        "arn": partitions.arn(
            "ec2", region, instance["OwnerId"], f"instance/{instance['InstanceId']}"
        ),
        "ami": instance["ImageId"],
        "availabilityZone": instance["Placement"]["AvailabilityZone"],
        "ebsOptimized": instance.get("EbsOptimized", False),
        "instanceState": instance["State"]["Name"],
        "instanceType": instance["InstanceType"],
        "keyName": instance.get("KeyName", ""),
        "monitoring": instance["Monitoring"]["State"] == "enabled",
        "networkInterfaceId": interfaces[0].get("NetworkInterfaceId"),
        "privateDns": instance.get("PrivateDnsName"),
        "privateIp": instance.get("PrivateIpAddress"),
        "publicDns": instance.get("PublicDnsName", ""),
        "publicIp": instance.get("PublicIpAddress", ""),
        "region": region,
        "subnetId": instance.get("SubnetId"),
        "tags": tags.to_map(instance.get("Tags")),
        "vpcSecurityGroupIds": [group["GroupId"] for group in instance["SecurityGroups"]],
    }


def _ami(cloud: Cloud, arguments: dict[str, Any]) -> dict[str, Any]:
    own = {"owners", "mostRecent", "executableUsers"}
    others = {name: value for name, value in arguments.items() if name not in own}
    asked: dict[str, Any] = {"Filters": _filters("getAmi", others, {})}
    if arguments.get("owners"):
        asked["Owners"] = arguments["owners"]
    ec2 = cloud.client("ec2", arguments.get("region"))
    found = ec2.describe_images(**asked)["Images"]
    if arguments.get("mostRecent"):
        found = sorted(found, key=lambda image: str(image.get("CreationDate", "")))[-1:]
    image = _only("image", found, arguments)
    return {
        "id": image["ImageId"],
        "imageId": image["ImageId"],
        "architecture": image.get("Architecture"),
        "creationDate": image.get("CreationDate"),
        "description": image.get("Description", ""),
        "hypervisor": image.get("Hypervisor"),
        "name": image.get("Name"),
        "ownerId": image.get("OwnerId"),
        "platform": image.get("Platform", ""),
        "region": arguments.get("region") or cloud.region,
        "rootDeviceName": image.get("RootDeviceName"),
        "rootDeviceType": image.get("RootDeviceType"),
        "state": image.get("State"),
        "tags": tags.to_map(image.get("Tags")),
        "virtualizationType": image.get("VirtualizationType"),
    }


def _parameter(cloud: Cloud, arguments: dict[str, Any]) -> dict[str, Any]:
    region = arguments.get("region") or cloud.region
    found = cloud.client("ssm", region).get_parameter(
        Name=arguments["name"], WithDecryption=arguments.get("withDecryption", True)
    )["Parameter"]
    return {
        "id": found["Name"],
        "arn": found.get("ARN"),
        "insecureValue": None if found["Type"] == "SecureString" else found["Value"],
        "name": found["Name"],
        "region": region,
        "type": found["Type"],
        "value": found["Value"],
        "version": found["Version"],
        "withDecryption": arguments.get("withDecryption", True),
    }


def _caller(cloud: Cloud, arguments: dict[str, Any]) -> dict[str, Any]:
    caller = cloud.client("sts").get_caller_identity()
    return {
        "id": caller["Account"],
        "accountId": caller["Account"],
        "arn": caller["Arn"],
        "userId": caller["UserId"],
    }


def _partition(cloud: Cloud, arguments: dict[str, Any]) -> dict[str, Any]:
    its = partitions.of(arguments.get("region") or cloud.region)
    return {
        "id": its.name,
        "dnsSuffix": its.dns_suffix,
        "partition": its.name,
        "reverseDnsPrefix": ".".join(reversed(its.dns_suffix.split("."))),
    }


def _region(cloud: Cloud, arguments: dict[str, Any]) -> dict[str, Any]:
    region = arguments.get("region") or arguments.get("name") or cloud.region
    return {
        "id": region,
        "description": region,
        "endpoint": f"ec2.{region}.{partitions.of(region).dns_suffix}",
        "name": region,
        "region": region,
    }
