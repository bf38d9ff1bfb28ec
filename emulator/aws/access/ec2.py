"""The permissions that EC2's calls need."""

from __future__ import annotations

from collections.abc import Iterator

from emulator.aws.access.calls import Call
from emulator.aws.access.facts import ANY, Context, Facts, Need, tags_of

_OF_GROUPS = frozenset(
    {
        "AuthorizeSecurityGroupEgress",
        "AuthorizeSecurityGroupIngress",
        "DeleteSecurityGroup",
        "ModifySecurityGroupRules",
        "RevokeSecurityGroupEgress",
        "RevokeSecurityGroupIngress",
    }
)
_OF_INSTANCES = frozenset(
    {
        "DescribeInstanceAttribute",
        "ModifyInstanceAttribute",
        "ModifyInstanceMetadataOptions",
        "MonitorInstances",
        "RebootInstances",
        "StartInstances",
        "StopInstances",
        "TerminateInstances",
        "UnmonitorInstances",
    }
)
_KINDS = {
    "i": "instance",
    "sg": "security-group",
    "sgr": "security-group-rule",
    "vol": "volume",
    "eni": "network-interface",
    "subnet": "subnet",
}


def needs(call: Call, facts: Facts) -> Iterator[Need]:
    """The permissions of a call. For calls that are not known here: its action on everything."""
    operation = call.operation
    if operation == "CreateSecurityGroup":
        yield from _create_group(call, facts)
    elif operation in _OF_GROUPS:
        yield from _change_group(call, facts)
    elif operation == "ModifyNetworkInterfaceAttribute":
        yield _on(call.action, call.text("NetworkInterfaceId"), facts)
        yield from (_on(call.action, group, facts) for group in call.texts("SecurityGroupId"))
    elif operation == "RunInstances":
        yield from _run(call, facts)
    elif operation in _OF_INSTANCES:
        for instance in [*filter(None, [call.text("InstanceId")]), *call.texts("InstanceId")]:
            yield _on(call.action, instance, facts)
        yield from (_on(call.action, group, facts) for group in call.texts("GroupId"))
    elif operation in ("CreateTags", "DeleteTags"):
        asked = tags_of(call.members("Tag"), "request")
        yield from (_on(call.action, one, facts, asked) for one in call.texts("ResourceId"))
    elif operation == "GetManagedPrefixListEntries":
        identifier = call.text("PrefixListId")
        owner = facts.prefix_list_owner(identifier)
        yield Need(call.action, facts.arn("ec2", f"prefix-list/{identifier}", owner))
    else:
        yield Need(call.action, ANY)


def _create_group(call: Call, facts: Facts) -> Iterator[Need]:
    made = facts.arn("ec2", "security-group/*")
    yield Need(call.action, made, _asked_tags(call, "security-group"))
    if call.text("VpcId"):
        yield Need(call.action, facts.vpc(call.text("VpcId")), {"ec2:vpcid": call.text("VpcId")})
    yield from _tagging(call, facts)


def _change_group(call: Call, facts: Facts) -> Iterator[Need]:
    yield _on(call.action, call.text("GroupId"), facts)
    for rule in call.members("SecurityGroupRule"):
        yield _on(call.action, rule.get("SecurityGroupRuleId", ""), facts)
    yield from _tagging(call, facts)


def _run(call: Call, facts: Facts) -> Iterator[Need]:
    action = call.action
    yield Need(action, facts.arn("ec2", f"image/{call.text('ImageId')}", owner=""))
    profile = call.text("IamInstanceProfile.Arn") or call.text("IamInstanceProfile.Name")
    instance = {
        **_asked_tags(call, "instance"),
        "ec2:instancetype": call.text("InstanceType"),
        "ec2:metadatahttptokens": call.text("MetadataOptions.HttpTokens") or "optional",
        **({"ec2:instanceprofile": facts.profile(profile)} if profile else {}),
    }
    yield Need(action, facts.arn("ec2", "instance/*"), instance)
    subnets, groups = [call.text("SubnetId")], call.texts("SecurityGroupId")
    for interface in call.members("NetworkInterface"):
        subnets.append(interface.get("SubnetId", ""))
        groups += [text for name, text in interface.items() if name.startswith("SecurityGroupId.")]
    for subnet in filter(None, subnets):
        yield _on(action, subnet, facts)
        # A network interface is created in it.
        within = {k: v for k, v in facts.subnet(subnet).items() if k == "ec2:vpc"}
        yield Need(action, facts.arn("ec2", "network-interface/*"), within)
    yield from (_on(action, group, facts) for group in groups)
    for device in call.members("BlockDeviceMapping"):
        volume = {"ec2:encrypted": device.get("Ebs.Encrypted", "false").lower()}
        yield Need(action, facts.arn("ec2", "volume/*"), volume)
    yield from _tagging(call, facts)
    for role in facts.roles_in(profile) if profile else ():
        yield Need("iam:PassRole", role, {"iam:passedtoservice": facts.ec2})


def _tagging(call: Call, facts: Facts) -> Iterator[Need]:
    """Tags at creation need a permission of their own, for each kind of resource."""
    for kind in dict.fromkeys(
        specification.get("ResourceType", "") for specification in call.members("TagSpecification")
    ):
        context = {"ec2:createaction": call.operation, **_asked_tags(call, kind)}
        yield Need("ec2:CreateTags", facts.arn("ec2", f"{kind}/*"), context)


def _asked_tags(call: Call, kind: str) -> Context:
    pairs = []
    for specification in call.members("TagSpecification"):
        if specification.get("ResourceType") == kind:
            pairs += [
                {"Key": text, "Value": specification.get(f"{name.removesuffix('Key')}Value", "")}
                for name, text in specification.items()
                if name.startswith("Tag.") and name.endswith(".Key")
            ]
    return tags_of(pairs, "request")


def _on(action: str, identifier: str, facts: Facts, asked: Context | None = None) -> Need:
    """A permission on an existing resource, by its id."""
    kind = _KINDS.get(identifier.rpartition("-")[0])
    if kind is None:
        return Need(action, ANY, asked or {})
    look = {
        "instance": facts.instance,
        "security-group": facts.security_group,
        "network-interface": facts.interface,
        "subnet": facts.subnet,
    }.get(kind)
    known = look(identifier) if look else {}
    return Need(action, facts.arn("ec2", f"{kind}/{identifier}"), {**known, **(asked or {})})
