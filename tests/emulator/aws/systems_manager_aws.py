"""A local AWS with clients and machines for tests."""

from __future__ import annotations

import itertools
import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any

import boto3

from emulator.aws.estate import IMAGES, REGION
from emulator.aws.fleet import PROFILE
from tests.local_aws import LocalAws

EVERYTHING = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]


@dataclass
class Cloud:
    """The clients of a local AWS. They create the resources of tests."""

    local: LocalAws
    _numbers: Any = field(default_factory=lambda: itertools.count(100))

    def client(self, service: str, region: str = REGION) -> Any:
        connect: Any = boto3.client
        return connect(
            service,
            endpoint_url=self.local.endpoint,
            region_name=region,
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )

    def __post_init__(self) -> None:
        self.ec2 = self.client("ec2")
        self.ssm = self.client("ssm")
        self.iam = self.client("iam")
        self.vpc = self.local.estate["vpc"]
        self.subnets = self.local.estate["subnets"]
        self.machines = self.local.estate["machines"]

    def group(self, name: str) -> str:
        """A security group that lets everything out and nothing in."""
        made = self.ec2.create_security_group(GroupName=name, Description=name, VpcId=self.vpc)
        return str(made["GroupId"])

    def machine(
        self,
        group: str,
        subnet: str | None = None,
        image: str = "windows-server-2012-r2",
        profile: str | None = PROFILE,
        **tags: str,
    ) -> str:
        """A running instance."""
        named = {"IamInstanceProfile": {"Name": profile}} if profile else {}
        made = self.ec2.run_instances(
            ImageId=IMAGES[image],
            InstanceType="t3.large",
            MinCount=1,
            MaxCount=1,
            SubnetId=subnet or self.subnets["machines"],
            SecurityGroupIds=[group],
            TagSpecifications=[
                {
                    "ResourceType": "instance",
                    "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
                }
            ]
            if tags
            else [],
            **named,
        )
        return str(made["Instances"][0]["InstanceId"])

    def address(self, instance: str) -> str:
        """An instance's private address."""
        found = self.ec2.describe_instances(InstanceIds=[instance])
        return str(found["Reservations"][0]["Instances"][0]["PrivateIpAddress"])

    def subnet(self) -> str:
        """A subnet of its own, with the VPC's main route table and default ACL."""
        number = next(self._numbers)
        made = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock=f"10.10.{number}.0/24")
        return str(made["Subnet"]["SubnetId"])

    def table(self, subnet: str) -> str:
        """A route table of a subnet, with no way out of the VPC."""
        made = self.ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        self.ec2.associate_route_table(RouteTableId=made, SubnetId=subnet)
        return str(made)

    def acl(self, subnet: str) -> str:
        """A network ACL of a subnet that lets everything through by its rule 100, both ways."""
        acl = self.ec2.create_network_acl(VpcId=self.vpc)["NetworkAcl"]["NetworkAclId"]
        for egress in (False, True):
            self.entry(acl, 100, egress, "allow")
        held = self.ec2.describe_network_acls(
            Filters=[{"Name": "association.subnet-id", "Values": [subnet]}]
        )["NetworkAcls"][0]["Associations"]
        association = next(one for one in held if one["SubnetId"] == subnet)
        self.ec2.replace_network_acl_association(
            AssociationId=association["NetworkAclAssociationId"], NetworkAclId=acl
        )
        return str(acl)

    def entry(
        self, acl: str, number: int, egress: bool, action: str, ports: tuple[int, int] | None = None
    ) -> None:
        """A rule of a network ACL for all addresses, and all protocols or some ports of TCP."""
        first, last = ports or (0, 65535)
        self.ec2.create_network_acl_entry(
            NetworkAclId=acl,
            RuleNumber=number,
            Protocol="6" if ports else "-1",
            RuleAction=action,
            Egress=egress,
            CidrBlock="0.0.0.0/0",
            PortRange={"From": first, "To": last},
        )

    def allow(self, group: str, port: int, egress: bool = False) -> None:
        """A rule of a security group for a TCP port and the whole VPC."""
        call = "authorize_security_group_egress" if egress else "authorize_security_group_ingress"
        cidrs = [{"CidrIp": "10.10.0.0/16"}]
        permission = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": cidrs}
        getattr(self.ec2, call)(GroupId=group, IpPermissions=[permission])

    def shut(self, group: str) -> None:
        """Revoke the rule that allows all outgoing traffic."""
        self.ec2.revoke_security_group_egress(GroupId=group, IpPermissions=EVERYTHING)

    def ping(self, instance: str) -> str | None:
        """An instance's ping status; None when it is not managed."""
        found = self.ssm.describe_instance_information(
            Filters=[{"Key": "InstanceIds", "Values": [instance]}]
        )["InstanceInformationList"]
        return str(found[0]["PingStatus"]) if found else None

    def report(self, **body: Any) -> tuple[int, dict[str, Any]]:
        """Send an agent's report and return the status and body of the response."""
        request = urllib.request.Request(
            f"{self.local.endpoint}/_emulator/systems-manager/executions",
            json.dumps(body).encode(),
            method="POST",
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            return refused.code, json.load(refused)
