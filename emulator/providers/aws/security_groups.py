"""Security groups, their rules, and their attachment to network interfaces."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from emulator.providers.aws import tags
from emulator.providers.aws.cloud import Cloud, code_of
from emulator.providers.errors import ProviderError
from emulator.providers.resource import Naming, ResourceType
from emulator.providers.schema import Problem, Property

_TEXT = Property()
_TEXTS = Property("list", items=Property())
REGION = Property(computed=True, replace=True)
TAGS = Property("map", items=Property())

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
    """`aws:ec2/securityGroup:SecurityGroup`; like the real one it begins without any rule."""

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
    naming = Naming()

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def create(self, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """CreateSecurityGroup; EC2's own rule that allows all egress is taken away."""
        ec2 = self._ec2(inputs)
        asked: dict[str, Any] = {
            "GroupName": inputs["name"],
            "Description": inputs.get("description", "Managed by Pulumi"),
            "TagSpecifications": tags.specification(
                "security-group", tags.wanted(self._cloud, inputs)
            ),
        }
        if "vpcId" in inputs:
            ec2.describe_vpcs(VpcIds=[inputs["vpcId"]])  # EC2 refuses one that moto would take
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
        """Tags, and the inline rules where the program declares any."""
        ec2 = self._ec2(inputs)
        tags.change(ec2, resource_id, state.get("tagsAll", {}), tags.wanted(self._cloud, inputs))
        for direction in ("ingress", "egress"):
            if direction in inputs:
                self._revoke(ec2, resource_id, egress=direction == "egress")
                self._authorize(ec2, resource_id, direction, inputs[direction])
        return self._state(resource_id, inputs)

    def delete(self, resource_id: str, state: Mapping[str, Any]) -> None:
        """DeleteSecurityGroup."""
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
            "arn": f"arn:aws:ec2:{region}:{owner}:security-group/{group_id}",
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
    """An inline rule as EC2 takes it."""
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


_SOURCES = {
    "cidrIpv4": ("CidrIpv4", "IpRanges", "CidrIp"),
    "cidrIpv6": ("CidrIpv6", "Ipv6Ranges", "CidrIpv6"),
    "prefixListId": ("PrefixListId", "PrefixListIds", "PrefixListId"),
    "referencedSecurityGroupId": ("ReferencedGroupId", "UserIdGroupPairs", "GroupId"),
}


class _Rule(ResourceType):
    """A rule as a resource of its own, in one direction."""

    egress: ClassVar[bool]
    inputs: Mapping[str, Property] = {
        "securityGroupId": Property(required=True, replace=True),
        "ipProtocol": Property(required=True, normal=lambda value: str(value).lower()),
        "fromPort": Property("integer"),
        "toPort": Property("integer"),
        "cidrIpv4": Property(),
        # EC2 changes these three in place; moto would take the change and do nothing.
        "cidrIpv6": Property(replace=True),
        "prefixListId": Property(replace=True),
        "referencedSecurityGroupId": Property(replace=True),
        "description": Property(),
        "region": REGION,
        "tags": TAGS,
    }
    outputs = ("arn", "securityGroupRuleId", "tagsAll")

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def problems(self, inputs: Mapping[str, Any]) -> list[Problem]:
        """A rule has exactly one other side, and ports unless it is for all protocols."""
        found = []
        given = [name for name in _SOURCES if name in inputs]
        if len(given) != 1:
            found.append(
                Problem(
                    given[1] if given else "cidrIpv4",
                    f"{self.token} needs exactly one of {', '.join(_SOURCES)}, "
                    f"not {', '.join(given) or 'none of them'}",
                )
            )
        if str(inputs["ipProtocol"]).lower() in ("tcp", "udp", "6", "17"):
            found += [
                Problem(port, f"{self.token} with ipProtocol {inputs['ipProtocol']} needs {port}")
                for port in ("fromPort", "toPort")
                if port not in inputs
            ]
        return found

    def create(self, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """AuthorizeSecurityGroupIngress or -Egress."""
        ec2 = self._ec2(inputs)
        source = next(name for name in _SOURCES if name in inputs)
        _, kind, member = _SOURCES[source]
        entry = {member: inputs[source]}
        if "description" in inputs:
            entry["Description"] = inputs["description"]
        permission = {"IpProtocol": inputs["ipProtocol"], kind: [entry], **_ports(inputs)}
        call = (
            ec2.authorize_security_group_egress
            if self.egress
            else ec2.authorize_security_group_ingress
        )
        made = call(
            GroupId=inputs["securityGroupId"],
            IpPermissions=[permission],
            TagSpecifications=tags.specification(
                "security-group-rule", tags.wanted(self._cloud, inputs)
            ),
        )["SecurityGroupRules"]
        if not made:
            raise ProviderError(
                f"AWS made no rule in {inputs['securityGroupId']}: one like it is there already"
            )
        rule_id = made[-1]["SecurityGroupRuleId"]
        return rule_id, self._required(rule_id, inputs)

    def read(self, resource_id: str, state: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
        """DescribeSecurityGroupRules."""
        live = self._state(resource_id, state)
        return None if live is None else (resource_id, live)

    def update(
        self, resource_id: str, state: Mapping[str, Any], inputs: dict[str, Any]
    ) -> dict[str, Any]:
        """ModifySecurityGroupRules, and tags."""
        ec2 = self._ec2(inputs)
        source = next(name for name in _SOURCES if name in inputs)
        rule = {
            "IpProtocol": inputs["ipProtocol"],
            "FromPort": inputs.get("fromPort", -1),
            "ToPort": inputs.get("toPort", -1),
            _SOURCES[source][0]: inputs[source],
            "Description": inputs.get("description", ""),
        }
        names = ("ipProtocol", "fromPort", "toPort", "cidrIpv4", "description")
        if any(state.get(name) != inputs.get(name) for name in names):
            ec2.modify_security_group_rules(
                GroupId=inputs["securityGroupId"],
                SecurityGroupRules=[
                    {"SecurityGroupRuleId": resource_id, "SecurityGroupRule": rule}
                ],
            )
        tags.change(ec2, resource_id, state.get("tagsAll", {}), tags.wanted(self._cloud, inputs))
        return self._required(resource_id, inputs)

    def delete(self, resource_id: str, state: Mapping[str, Any]) -> None:
        """RevokeSecurityGroupIngress or -Egress."""
        ec2 = self._ec2(state)
        if self._state(resource_id, state) is None:
            return
        call = (
            ec2.revoke_security_group_egress if self.egress else ec2.revoke_security_group_ingress
        )
        call(GroupId=state["securityGroupId"], SecurityGroupRuleIds=[resource_id])

    def _ec2(self, inputs: Mapping[str, Any]) -> Any:
        return self._cloud.client("ec2", inputs.get("region"))

    def _required(self, rule_id: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        live = self._state(rule_id, inputs)
        if live is None:
            raise ProviderError(f"AWS made the rule {rule_id} and does not know it any more")
        return live

    def _state(self, rule_id: str, known: Mapping[str, Any]) -> dict[str, Any] | None:
        try:
            rules = self._ec2(known).describe_security_group_rules(SecurityGroupRuleIds=[rule_id])[
                "SecurityGroupRules"
            ]
        except ClientError as error:
            if code_of(error) in (
                "InvalidSecurityGroupRuleId.NotFound",
                "InvalidGroup.NotFound",
            ):
                return None
            raise
        rule = next((entry for entry in rules if entry["IsEgress"] == self.egress), None)
        if rule is None:
            return None
        region = known.get("region") or self._cloud.region
        referenced = rule.get("ReferencedGroupInfo", {}).get("GroupId")
        description = rule.get("Description")
        if referenced and not description:
            # moto keeps no description of a rule that refers to a group.
            description = known.get("description")
        every = rule["IpProtocol"] == "-1"
        owner = rule.get("GroupOwnerId") or self._cloud.account
        return {
            "arn": f"arn:aws:ec2:{region}:{owner}:security-group-rule/{rule_id}",
            "securityGroupRuleId": rule_id,
            "securityGroupId": rule["GroupId"],
            "ipProtocol": rule["IpProtocol"],
            "fromPort": known.get("fromPort") if every else rule.get("FromPort"),
            "toPort": known.get("toPort") if every else rule.get("ToPort"),
            "cidrIpv4": rule.get("CidrIpv4"),
            "cidrIpv6": rule.get("CidrIpv6"),
            "prefixListId": rule.get("PrefixListId"),
            "referencedSecurityGroupId": referenced,
            "description": description,
            "region": region,
            **tags.outputs(self._cloud, tags.to_map(rule.get("Tags")), known.get("tags", {})),
        }


def _ports(inputs: Mapping[str, Any]) -> dict[str, Any]:
    names = (("FromPort", "fromPort"), ("ToPort", "toPort"))
    return {wire: inputs[name] for wire, name in names if name in inputs}


class IngressRule(_Rule):
    """`aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule`."""

    token = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"  # noqa: S105
    egress = False


class EgressRule(_Rule):
    """`aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule`."""

    token = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"  # noqa: S105
    egress = True


class InterfaceAttachment(ResourceType):
    """A security group on a network interface, beside those that are there already.

    EC2 only sets all groups of an interface at once, so these calls take turns.
    """

    token = (
        "aws:ec2/networkInterfaceSecurityGroupAttachment:NetworkInterfaceSecurityGroupAttachment"  # noqa: S105
    )
    inputs: Mapping[str, Property] = {
        "networkInterfaceId": Property(required=True, replace=True),
        "securityGroupId": Property(required=True, replace=True),
        "region": REGION,
    }

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def create(self, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Add the group to the interface's groups."""
        interface, group = inputs["networkInterfaceId"], inputs["securityGroupId"]
        with self._turns[interface]:
            groups = self._groups(interface, inputs)
            if groups is None:
                raise ProviderError(
                    f"the network interface {interface} is not there, so the security group "
                    f"{group} cannot be attached to it"
                )
            if group in groups:
                raise ProviderError(
                    f"the security group {group} is already attached to the network interface "
                    f"{interface}; detach it or import it as {group}_{interface}"
                )
            self._set(interface, [*groups, group], inputs)
        return f"{group}_{interface}", self._state(inputs)

    def read(self, resource_id: str, state: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
        """Whether the group is still among the interface's groups."""
        group, _, interface = resource_id.partition("_")
        known = {
            "networkInterfaceId": state.get("networkInterfaceId", interface),
            "securityGroupId": state.get("securityGroupId", group),
            **({"region": state["region"]} if "region" in state else {}),
        }
        groups = self._groups(known["networkInterfaceId"], known)
        if groups is None or known["securityGroupId"] not in groups:
            return None
        return resource_id, self._state(known)

    def update(
        self, resource_id: str, state: Mapping[str, Any], inputs: dict[str, Any]
    ) -> dict[str, Any]:
        """Nothing: every change replaces."""
        return self._state(inputs)

    def delete(self, resource_id: str, state: Mapping[str, Any]) -> None:
        """Take this one group away, and no other."""
        interface, group = state["networkInterfaceId"], state["securityGroupId"]
        with self._turns[interface]:
            groups = self._groups(interface, state)
            if groups is not None and group in groups:
                self._set(interface, [other for other in groups if other != group], state)

    def _state(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "networkInterfaceId": inputs["networkInterfaceId"],
            "securityGroupId": inputs["securityGroupId"],
            "region": inputs.get("region") or self._cloud.region,
        }

    def _groups(self, interface: str, known: Mapping[str, Any]) -> list[str] | None:
        ec2 = self._cloud.client("ec2", known.get("region"))
        try:
            found = ec2.describe_network_interfaces(NetworkInterfaceIds=[interface])
        except ClientError as error:
            if code_of(error) == "InvalidNetworkInterfaceID.NotFound":
                return None
            raise
        return [group["GroupId"] for group in found["NetworkInterfaces"][0]["Groups"]]

    def _set(self, interface: str, groups: list[str], known: Mapping[str, Any]) -> None:
        ec2 = self._cloud.client("ec2", known.get("region"))
        ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, Groups=groups)
