"""Security groups and the rules inside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError

from emulator import partitions
from emulator.providers.aws import tags
from emulator.providers.aws.cloud import Cloud, code_of
from emulator.providers.aws.common import REGION, TAGS
from emulator.providers.resource import Naming, ResourceType
from emulator.providers.schema import Property

_TEXT = Property()
_UNIQUE = 26
"""How many characters follow a prefix."""
_TEXTS = Property("list", items=Property())

_INLINE_RULES = Property(
    "set",
    computed=True,
    items=Property(
        "object",
        fields={
            "fromPort": Property("integer", required=True),
            "toPort": Property("integer", required=True),
            "protocol": Property(required=True),
            "cidrBlocks": Property("set", items=_TEXT),
            "ipv6CidrBlocks": Property("set", items=_TEXT),
            "prefixListIds": Property("set", items=_TEXT),
            "securityGroups": Property("set", items=_TEXT),
            "self": Property("boolean", default=False),
            "description": Property(default=""),
        },
    ),
)


class SecurityGroup(ResourceType):
    """`aws:ec2/securityGroup:SecurityGroup`. Like the real one, it starts without rules."""

    token = "aws:ec2/securityGroup:SecurityGroup"  # noqa: S105 (a type token)
    inputs: Mapping[str, Property] = {
        "name": Property(replace=True, computed=True),
        "namePrefix": Property(replace=True, write_only=True),
        "description": Property(replace=True, default="Managed by Pulumi"),
        "vpcId": Property(replace=True, computed=True),
        "ingress": _INLINE_RULES,
        "egress": _INLINE_RULES,
        "revokeRulesOnDelete": Property("boolean", default=False, write_only=True),
        "region": REGION,
        "tags": TAGS,
    }
    outputs = ("arn", "ownerId", "tagsAll")
    naming = Naming(prefix="namePrefix")

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def create(self, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """CreateSecurityGroup, without EC2's default rule that allows all egress."""
        ec2 = self._ec2(inputs)
        asked: dict[str, Any] = {
            "GroupName": inputs.get("name") or f"{inputs['namePrefix']}{uuid4().hex[:_UNIQUE]}",
            "Description": inputs.get("description", "Managed by Pulumi"),
            "TagSpecifications": tags.specification(
                "security-group", tags.wanted(self._cloud, inputs)
            ),
        }
        if "vpcId" in inputs:
            ec2.describe_vpcs(VpcIds=[inputs["vpcId"]])  # EC2 refuses one that moto would accept
            asked["VpcId"] = inputs["vpcId"]
        group_id = ec2.create_security_group(**asked)["GroupId"]
        self._revoke(ec2, group_id, egress=True)
        for direction in ("ingress", "egress"):
            self._authorize(ec2, group_id, direction, inputs.get(direction, []))
        return group_id, self._state(group_id, inputs)

    def read(self, resource_id: str, state: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
        """DescribeSecurityGroups."""
        try:
            return resource_id, self._state(resource_id, state)
        except ClientError as error:
            if code_of(error) in ("InvalidGroup.NotFound", "InvalidGroupId.Malformed"):
                return None
            raise

    def update(
        self, resource_id: str, state: Mapping[str, Any], inputs: dict[str, Any]
    ) -> dict[str, Any]:
        """Change tags, and the inline rules if the program declares any."""
        ec2 = self._ec2(inputs)
        tags.change(ec2, resource_id, state.get("tagsAll", {}), tags.wanted(self._cloud, inputs))
        for direction in ("ingress", "egress"):
            if direction in inputs:
                self._revoke(ec2, resource_id, egress=direction == "egress")
                self._authorize(ec2, resource_id, direction, inputs[direction])
        return self._state(resource_id, inputs)

    def delete(self, resource_id: str, state: Mapping[str, Any]) -> None:
        """DeleteSecurityGroup.

        The real provider repeats what is refused with `DependencyViolation` for 15 minutes, because
        interfaces that are gone may count for a while. Here they do not.
        """
        ec2 = self._ec2(state)
        try:
            if state.get("revokeRulesOnDelete"):
                self._revoke(ec2, resource_id, egress=True)
                self._revoke(ec2, resource_id, egress=False)
            ec2.delete_security_group(GroupId=resource_id)
        except ClientError as error:
            if code_of(error) != "InvalidGroup.NotFound":
                raise

    def _ec2(self, inputs: Mapping[str, Any]) -> Any:
        return self._cloud.client("ec2", inputs.get("region"))

    def _state(self, group_id: str, known: Mapping[str, Any]) -> dict[str, Any]:
        group = self._ec2(known).describe_security_groups(GroupIds=[group_id])["SecurityGroups"][0]
        region = known.get("region") or self._cloud.region
        owner = group["OwnerId"]
        return {
            "arn": partitions.arn("ec2", region, owner, f"security-group/{group_id}"),
            "name": group["GroupName"],
            "namePrefix": known.get("namePrefix"),
            "description": group["Description"],
            "vpcId": group.get("VpcId"),
            "ownerId": owner,
            "ingress": _inline(group_id, group["IpPermissions"]),
            "egress": _inline(group_id, group["IpPermissionsEgress"]),
            "revokeRulesOnDelete": known.get("revokeRulesOnDelete", False),
            "region": region,
            **tags.outputs(self._cloud, tags.to_map(group.get("Tags")), known.get("tags", {})),
        }

    @staticmethod
    def _revoke(ec2: Any, group_id: str, *, egress: bool) -> None:
        rules = ec2.describe_security_group_rules(
            Filters=[{"Name": "group-id", "Values": [group_id]}]
        )["SecurityGroupRules"]
        ids = [rule["SecurityGroupRuleId"] for rule in rules if rule["IsEgress"] == egress]
        if ids and egress:
            ec2.revoke_security_group_egress(GroupId=group_id, SecurityGroupRuleIds=ids)
        elif ids:
            ec2.revoke_security_group_ingress(GroupId=group_id, SecurityGroupRuleIds=ids)

    @staticmethod
    def _authorize(ec2: Any, group_id: str, direction: str, rules: list[dict[str, Any]]) -> None:
        permissions = [_permission(group_id, rule) for rule in rules]
        if permissions and direction == "egress":
            ec2.authorize_security_group_egress(GroupId=group_id, IpPermissions=permissions)
        elif permissions:
            ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=permissions)


def _permission(group_id: str, rule: Mapping[str, Any]) -> dict[str, Any]:
    """An inline rule as a permission of EC2."""
    about = {"Description": rule["description"]} if rule.get("description") else {}
    groups = [*rule.get("securityGroups", []), *([group_id] if rule.get("self") else [])]
    permission: dict[str, Any] = {"IpProtocol": rule["protocol"]}
    if rule["protocol"] not in ("-1", "all"):
        permission |= {"FromPort": rule["fromPort"], "ToPort": rule["toPort"]}
    lists = {
        "IpRanges": [{"CidrIp": cidr, **about} for cidr in rule.get("cidrBlocks", [])],
        "Ipv6Ranges": [{"CidrIpv6": cidr, **about} for cidr in rule.get("ipv6CidrBlocks", [])],
        "PrefixListIds": [{"PrefixListId": i, **about} for i in rule.get("prefixListIds", [])],
        "UserIdGroupPairs": [{"GroupId": group, **about} for group in groups],
    }
    return permission | {name: entries for name, entries in lists.items() if entries}


def _inline(group_id: str, permissions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """EC2's permissions as inline rules: one for each protocol, ports and description."""
    rules: dict[tuple[Any, ...], dict[str, Any]] = {}
    kinds = (
        ("IpRanges", "CidrIp", "cidrBlocks"),
        ("Ipv6Ranges", "CidrIpv6", "ipv6CidrBlocks"),
        ("PrefixListIds", "PrefixListId", "prefixListIds"),
        ("UserIdGroupPairs", "GroupId", "securityGroups"),
    )
    for permission in permissions:
        ports = (permission.get("FromPort", 0), permission.get("ToPort", 0))
        for kind, member, name in kinds:
            for entry in permission.get(kind, []):
                about = entry.get("Description", "")
                rule = rules.setdefault(
                    (permission["IpProtocol"], *ports, about),
                    {
                        "protocol": permission["IpProtocol"],
                        "fromPort": ports[0],
                        "toPort": ports[1],
                        "description": about,
                        "self": False,
                    },
                )
                if entry[member] == group_id:
                    rule["self"] = True
                else:
                    rule.setdefault(name, []).append(entry[member])
    return list(rules.values())
