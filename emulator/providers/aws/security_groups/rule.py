"""Rules of security groups as resources of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from emulator import partitions
from emulator.providers.aws import tags
from emulator.providers.aws.cloud import Cloud, code_of
from emulator.providers.aws.common import REGION, TAGS
from emulator.providers.errors import ProviderError
from emulator.providers.resource import ResourceType
from emulator.providers.schema import Problem, Property

_SOURCES = {
    "cidrIpv4": ("CidrIpv4", "IpRanges", "CidrIp"),
    "cidrIpv6": ("CidrIpv6", "Ipv6Ranges", "CidrIpv6"),
    "prefixListId": ("PrefixListId", "PrefixListIds", "PrefixListId"),
    "referencedSecurityGroupId": ("ReferencedGroupId", "UserIdGroupPairs", "GroupId"),
}


class _Rule(ResourceType):
    """A rule in one direction, as a resource of its own."""

    egress: ClassVar[bool]
    inputs: Mapping[str, Property] = {
        "securityGroupId": Property(required=True, replace=True),
        "ipProtocol": Property(required=True, normal=lambda value: str(value).lower()),
        "fromPort": Property("integer"),
        "toPort": Property("integer"),
        "cidrIpv4": Property(),
        # EC2 changes these three in place; moto would accept the change and do nothing.
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
        """A rule needs exactly one source or destination, and ports unless it is for all
        protocols."""
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
                f"AWS made no rule in {inputs['securityGroupId']}: it has the same rule already"
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
            raise ProviderError(f"AWS made the rule {rule_id} but no longer has it")
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
            "arn": partitions.arn("ec2", region, owner, f"security-group-rule/{rule_id}"),
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
