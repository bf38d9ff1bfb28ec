"""Finds declared resources in AWS, by the names and attributes that they are declared with."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import boto3
import botocore.session
from botocore.exceptions import ClientError

from recover.declared import Declared
from recover.verdicts import Found
from site_recovery import authorities
from site_recovery.aws import roles
from site_recovery.aws.client import AWS_FAILURES, CLIENT_CONFIG, aws_problem, error_code
from site_recovery.aws.server_facts import ROLE_TAG, VAULT_TAG, tagged_servers
from site_recovery.errors import MigrationError

Client: TypeAlias = Callable[[str], Any]
Finder: TypeAlias = Callable[[Declared, Client], Iterator[Found]]

PERMISSIONS = (
    "ec2:DescribeInstances",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroupRules",
    "ec2:DescribeSecurityGroups",
    "iam:GetInstanceProfile",
    "iam:GetRole",
    "secretsmanager:DescribeSecret",
    "ssm:DescribeParameters",
    "ssm:GetDocument",
    "ssm:ListAssociations",
)
"""The IAM actions that the credentials need."""

_GONE = frozenset({"NoSuchEntity", "ResourceNotFoundException", "InvalidDocument"})
_ABSENT = "InvalidNetworkInterfaceID.NotFound"


def _security_group(declared: Declared, client: Client) -> Iterator[Found]:
    vpc, name, prefix = map(declared.known, ("vpcId", "name", "namePrefix"))
    if vpc is None or not (name or prefix):
        return
    filters = [{"Name": "vpc-id", "Values": list(vpc)}]
    if name:
        filters.append({"Name": "group-name", "Values": list(name)})
    else:
        # One that an earlier stack of the name left has another tag: `kept_fence.KEPT`.
        tag = str((declared.inputs.get("tags") or {}).get("Name"))
        filters.append({"Name": "tag:Name", "Values": [tag]})
    for group in client("ec2").describe_security_groups(Filters=filters)["SecurityGroups"]:
        yield Found(group["GroupId"], _described(declared, group.get("Description")))


def _rule(declared: Declared, client: Client) -> Iterator[Found]:
    group = declared.known("securityGroupId")
    if group is None:
        return
    pages = (
        client("ec2")
        .get_paginator("describe_security_group_rules")
        .paginate(Filters=[{"Name": "group-id", "Values": list(group)}])
    )
    egress = "Egress" in declared.type
    asked = (
        egress,
        *(declared.inputs.get(name) for name in ("ipProtocol", "fromPort", "toPort", "cidrIpv4")),
        declared.inputs.get("referencedSecurityGroupId"),
    )
    for page in pages:
        for rule in page["SecurityGroupRules"]:
            there = (
                rule["IsEgress"],
                *(rule.get(name) for name in ("IpProtocol", "FromPort", "ToPort", "CidrIpv4")),
                (rule.get("ReferencedGroupInfo") or {}).get("GroupId"),
            )
            if there == asked:
                # One of its two groups is this stack's own, and EC2 takes a rule once.
                yield Found(rule["SecurityGroupRuleId"])


def _attachment(declared: Declared, client: Client) -> Iterator[Found]:
    names = declared.known("securityGroupId", "networkInterfaceId")
    if names is None:
        return
    group, interface = names
    try:
        found = client("ec2").describe_network_interfaces(NetworkInterfaceIds=[interface])
    except ClientError as error:
        if error.response["Error"]["Code"] == _ABSENT:
            return
        raise
    groups = {one["GroupId"] for one in found["NetworkInterfaces"][0]["Groups"]}
    if group in groups:
        # The group is this stack's own: nobody else attaches it.
        yield Found(f"{group}_{interface}")


def _instance(declared: Declared, client: Client) -> Iterator[Found]:
    tags = declared.inputs.get("tags") or {}
    subnet = str(declared.inputs.get("subnetId"))
    servers = tagged_servers(client("ec2"), str(tags.get(ROLE_TAG)), str(tags.get(VAULT_TAG)))
    for instance in servers:
        own = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", ())}
        there = {
            "tag Name": (str(tags.get("Name")), own.get("Name", "")),
            "subnet": (subnet, instance.get("SubnetId", "")),
        }
        # Another stack over the same vault may use the same name and subnet; its profile is its own.
        for (profile,) in _known(declared, "iamInstanceProfile"):
            arn = str(instance.get("IamInstanceProfile", {}).get("Arn", ""))
            there["instance profile"] = (profile, arn.rpartition("/")[2])
        yield Found(instance["InstanceId"], there)


def _role(declared: Declared, client: Client) -> Iterator[Found]:
    for (name,) in _known(declared, "name"):
        role = client("iam").get_role(RoleName=name)["Role"]
        yield Found(name, _described(declared, role.get("Description")))


def _profile(declared: Declared, client: Client) -> Iterator[Found]:
    for name, role in _known(declared, "name", "role"):
        found = client("iam").get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
        roles = ", ".join(one["RoleName"] for one in found["Roles"])
        yield Found(name, {"role": (role, roles)})


def _secret(declared: Declared, client: Client) -> Iterator[Found]:
    for (name,) in _known(declared, "name"):
        found = client("secretsmanager").describe_secret(SecretId=name)
        if "DeletedDate" not in found:
            yield Found(found["ARN"], _described(declared, found.get("Description")))


def _parameter(declared: Declared, client: Client) -> Iterator[Found]:
    for (name,) in _known(declared, "name"):
        filters = [{"Key": "Name", "Option": "Equals", "Values": [name]}]
        for found in client("ssm").describe_parameters(ParameterFilters=filters)["Parameters"]:
            yield Found(name, _described(declared, found.get("Description")))


def _document(declared: Declared, client: Client) -> Iterator[Found]:
    for name, content in _known(declared, "name", "content"):
        found = client("ssm").get_document(Name=name, DocumentVersion="$LATEST")
        same = json.loads(found["Content"]) == json.loads(content)
        yield Found(name, {"content": ("as declared", "as declared" if same else "another")})


def _association(declared: Declared, client: Client) -> Iterator[Found]:
    for title, document in _known(declared, "associationName", "name"):
        pages = (
            client("ssm")
            .get_paginator("list_associations")
            .paginate(AssociationFilterList=[{"key": "AssociationName", "value": title}])
        )
        for page in pages:
            for found in page["Associations"]:
                yield Found(found["AssociationId"], {"document": (document, found["Name"])})


FINDERS: Mapping[str, Finder] = {
    "aws:ec2/securityGroup:SecurityGroup": _security_group,
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _rule,
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _rule,
    (
        "aws:ec2/networkInterfaceSecurityGroupAttachment:NetworkInterfaceSecurityGroupAttachment"
    ): _attachment,
    "aws:ec2/instance:Instance": _instance,
    "aws:iam/role:Role": _role,
    "aws:iam/instanceProfile:InstanceProfile": _profile,
    "aws:secretsmanager/secret:Secret": _secret,
    "aws:ssm/parameter:Parameter": _parameter,
    "aws:ssm/document:Document": _document,
    "aws:ssm/association:Association": _association,
}
"""The types that components/ declares and that AWS would refuse to make again, or make twice."""


def find(wanted: Iterable[Declared]) -> dict[str, Sequence[Found]]:
    """Look for resources; by URN what is there.

    Raises:
        MigrationError: AWS did not answer, or refused.
    """
    clients: dict[tuple[str, str, roles.Role | None], Any] = {}
    found: dict[str, Sequence[Found]] = {}
    for declared in wanted:
        region = declared.configured("region")
        roles.use(declared.configured("assumeRoles"))

        def client(service: str, region: str = region) -> Any:
            key = service, region, roles.used()
            if key not in clients:
                clients[key] = _connect(service, region)
            return clients[key]

        try:
            found[declared.urn] = tuple(FINDERS[declared.type](declared, client))
        except AWS_FAILURES as error:
            if error_code(error) not in _GONE:
                problem = aws_problem(error, "AWS", region, PERMISSIONS)
                raise MigrationError(str(problem)) from error
            found[declared.urn] = ()
    return found


def _connect(service: str, region: str) -> Any:
    """A client, in the role of the stack's provider if it has one."""
    trusted, role = authorities.file(), roles.used()
    session = botocore.session.Session()
    if role is not None:
        roles.assume(session, role, region, trusted)
    # Its types know the services' names only as literals.
    connect: Any = boto3.Session(botocore_session=session).client
    return connect(service, region_name=region, config=CLIENT_CONFIG, verify=trusted)


def _known(declared: Declared, *names: str) -> Iterator[tuple[str, ...]]:
    """The values of these inputs, or nothing while one is not known."""
    values = declared.known(*names)
    if values is not None:
        yield values


def _described(declared: Declared, there: str | None) -> Mapping[str, tuple[str, str]]:
    return {"description": (str(declared.inputs.get("description") or ""), there or "")}
