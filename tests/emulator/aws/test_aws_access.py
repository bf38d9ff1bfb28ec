"""Policies of access keys on the local AWS: their permissions, and each service's denials."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from emulator.aws.estate import IMAGES, REGION
from emulator.aws.fleet import PROFILE
from tests.local_aws import LocalAws, local_aws

KEY = "AKIALIMITED"
ACCOUNT = "123456789012"
EC2 = f"arn:aws:ec2:{REGION}:{ACCOUNT}"
POLICY = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


class Limited:
    """A local AWS with a caller whose permissions a test sets, and one with all permissions."""

    def __init__(self, local: LocalAws) -> None:
        self.local = local
        self.estate = local.estate

    def control(self, method: str, body: object = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        url = f"{self.local.endpoint}/_emulator/access"
        with urllib.request.urlopen(urllib.request.Request(url, content, method=method)) as answer:
            return json.load(answer)

    def allow(self, *statements: dict[str, Any]) -> None:
        made = [{"Effect": "Allow", "Resource": "*", **statement} for statement in statements]
        policy = {"Version": "2012-10-17", "Statement": made}
        self.control("PUT", {"accessKeyId": KEY, "user": "deployer", "policies": [policy]})

    def client(self, service: str, key: str = KEY) -> Any:
        connect: Any = boto3.client
        return connect(
            service,
            endpoint_url=self.local.endpoint,
            region_name=REGION,
            aws_access_key_id=key,
            aws_secret_access_key="x",
        )

    @property
    def told(self) -> dict[str, Any]:
        (caller,) = self.control("GET")["value"]
        return dict(caller)

    def denied(self, call: Callable[..., Any], **arguments: Any) -> tuple[str, str]:
        """Code and message of a denial."""
        with pytest.raises(ClientError) as refusal:
            call(**arguments)
        error = refusal.value.response["Error"]
        return error["Code"], error["Message"]


@pytest.fixture(scope="module")
def running() -> Iterator[Limited]:
    with local_aws() as cloud:
        yield Limited(cloud)


@pytest.fixture
def aws(running: Limited) -> Iterator[Limited]:
    yield running
    running.control("DELETE")


@pytest.fixture
def group(aws: Limited) -> Iterator[str]:
    """A security group with the tag Name=ours."""
    ec2 = aws.client("ec2", "other")
    tags = [{"ResourceType": "security-group", "Tags": [{"Key": "Name", "Value": "ours-web"}]}]
    made = ec2.create_security_group(
        GroupName="ours-web", Description="-", VpcId=aws.estate["vpc"], TagSpecifications=tags
    )
    yield made["GroupId"]
    ec2.delete_security_group(GroupId=made["GroupId"])


def test_keys_without_policies_may_do_everything(aws: Limited) -> None:
    aws.allow({"Action": "ec2:DescribeVpcs"})
    assert aws.client("ec2", "other").describe_instances()["Reservations"]
    assert aws.client("ec2", "local").describe_instances()["Reservations"]


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "code", "action"),
    [
        ("ec2", "describe_instances", {}, "UnauthorizedOperation", "ec2:DescribeInstances"),
        ("iam", "list_roles", {}, "AccessDenied", "iam:ListRoles"),
        (
            "secretsmanager",
            "list_secrets",
            {},
            "AccessDeniedException",
            "secretsmanager:ListSecrets",
        ),
        # Answered by moto, and answered in front of it.
        ("ssm", "describe_parameters", {}, "AccessDeniedException", "ssm:DescribeParameters"),
        (
            "ssm",
            "describe_instance_information",
            {},
            "AccessDeniedException",
            "ssm:DescribeInstanceInformation",
        ),
    ],
)
def test_each_service_denies_in_its_own_words(
    aws: Limited, service: str, operation: str, arguments: Any, code: str, action: str
) -> None:
    aws.allow({"Action": "ec2:DescribeVpcs"})
    told = aws.denied(getattr(aws.client(service), operation), **arguments)
    assert told[0] == code
    assert f"arn:aws:iam::{ACCOUNT}:user/deployer is not authorized to perform: {action}" in told[1]
    assert f"no identity-based policy allows the {action} action" in told[1]
    assert aws.told["denied"] == [{"action": action, "resource": "*"}]


def test_what_cannot_be_told_apart_needs_all_of_its_service(aws: Limited) -> None:
    aws.allow({"Action": "s3:List*"})
    with pytest.raises(ClientError):
        aws.client("s3").list_buckets()
    aws.allow({"Action": "s3:*"})
    aws.client("s3").list_buckets()


def test_an_explicit_denial_wins_and_says_so(aws: Limited) -> None:
    aws.allow(
        {"Action": "ec2:*"},
        {"Effect": "Deny", "Action": "ec2:Describe*"},
    )
    told = aws.denied(aws.client("ec2").describe_instances)
    assert told[0] == "UnauthorizedOperation"
    assert told[1].endswith("with an explicit deny in an identity-based policy")


def test_who_one_is_needs_no_permission(aws: Limited) -> None:
    aws.allow({"Effect": "Deny", "Action": "*"})
    assert aws.client("sts").get_caller_identity()["Account"] == ACCOUNT


def test_what_was_used_is_told(aws: Limited) -> None:
    aws.allow({"Action": "ec2:Describe*"})
    aws.client("ec2").describe_instances()
    aws.client("ec2").describe_vpcs()
    assert aws.told["used"] == ["ec2:DescribeInstances", "ec2:DescribeVpcs"]


def test_a_condition_on_a_resources_tag_holds_for_that_resource(aws: Limited, group: str) -> None:
    aws.allow(
        {
            "Action": "ec2:AuthorizeSecurityGroupIngress",
            "Resource": f"{EC2}:security-group/*",
            "Condition": {"StringLike": {"aws:ResourceTag/Name": "ours-*"}},
        }
    )
    rule = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
    authorize = aws.client("ec2").authorize_security_group_ingress
    authorize(GroupId=group, IpPermissions=[rule])
    other = aws.client("ec2", "other").describe_security_groups()["SecurityGroups"]
    another = next(one["GroupId"] for one in other if one["GroupId"] != group)
    code, message = aws.denied(authorize, GroupId=another, IpPermissions=[rule])
    assert code == "UnauthorizedOperation"
    assert f"on resource: {EC2}:security-group/{another}" in message


def test_tags_at_creation_are_a_permission_of_their_own(aws: Limited) -> None:
    create = aws.client("ec2").create_security_group
    tags = [{"ResourceType": "security-group", "Tags": [{"Key": "Name", "Value": "ours-db"}]}]
    asked = {"GroupName": "ours-db", "Description": "-", "VpcId": aws.estate["vpc"]}
    creating = {
        "Action": "ec2:CreateSecurityGroup",
        "Resource": [f"{EC2}:vpc/{aws.estate['vpc']}", f"{EC2}:security-group/*"],
    }
    tagging = {
        "Action": "ec2:CreateTags",
        "Condition": {"StringEquals": {"ec2:CreateAction": "CreateSecurityGroup"}},
    }
    aws.allow(creating)
    assert "ec2:CreateTags" in aws.denied(create, **asked, TagSpecifications=tags)[1]
    aws.allow(creating, tagging)
    made = create(**asked, TagSpecifications=tags)["GroupId"]
    again = [{"Key": "Name", "Value": "other"}]
    told = aws.denied(aws.client("ec2").create_tags, Resources=[made], Tags=again)
    assert "ec2:CreateTags" in told[1]
    aws.client("ec2", "other").delete_security_group(GroupId=made)


def test_an_interface_is_of_a_vpc_and_so_are_its_groups(aws: Limited, group: str) -> None:
    all_ = aws.client("ec2", "other")
    interface = all_.describe_network_interfaces()["NetworkInterfaces"][0]["NetworkInterfaceId"]
    before = [one["GroupId"] for one in _groups(all_, interface)]
    modify = aws.client("ec2").modify_network_interface_attribute

    def within(vpc: str) -> None:
        aws.allow(
            {
                "Action": "ec2:ModifyNetworkInterfaceAttribute",
                "Resource": [f"{EC2}:network-interface/*", f"{EC2}:security-group/*"],
                "Condition": {"ArnLike": {"ec2:Vpc": f"arn:aws:ec2:{REGION}:*:vpc/{vpc}"}},
            }
        )

    within("vpc-0123")
    assert aws.denied(modify, NetworkInterfaceId=interface, Groups=[*before, group])
    within(aws.estate["vpc"])
    modify(NetworkInterfaceId=interface, Groups=[*before, group])
    modify(NetworkInterfaceId=interface, Groups=before)


def _groups(ec2: Any, interface: str) -> Any:
    found = ec2.describe_network_interfaces(NetworkInterfaceIds=[interface])
    return found["NetworkInterfaces"][0]["Groups"]


def running_needs(aws: Limited) -> dict[str, dict[str, Any]]:
    """Statements that together allow RunInstances as the tests call it."""
    vpc = {"ArnLike": {"ec2:Vpc": f"{EC2}:vpc/{aws.estate['vpc']}"}}
    run = {"Action": "ec2:RunInstances"}
    profile = f"arn:aws:iam::{ACCOUNT}:instance-profile/{PROFILE}"
    return {
        "image": {**run, "Resource": f"arn:aws:ec2:{REGION}::image/*"},
        "instance": {
            **run,
            "Resource": f"{EC2}:instance/*",
            "Condition": {
                "ArnLike": {"ec2:InstanceProfile": profile},
                "StringEquals": {"ec2:MetadataHttpTokens": "required"},
            },
        },
        "network-interface": {
            **run,
            "Resource": f"{EC2}:network-interface/*",
            "Condition": vpc,
        },
        "subnet": {**run, "Resource": f"{EC2}:subnet/*", "Condition": vpc},
        "security-group": {**run, "Resource": f"{EC2}:security-group/*", "Condition": vpc},
        "volume": {
            **run,
            "Resource": f"{EC2}:volume/*",
            "Condition": {"Bool": {"ec2:Encrypted": "true"}},
        },
        "tags": {"Action": "ec2:CreateTags", "Resource": f"{EC2}:instance/*"},
        "role": {
            "Action": "iam:PassRole",
            "Resource": f"arn:aws:iam::{ACCOUNT}:role/*",
            "Condition": {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}},
        },
    }


def run(aws: Limited, group: str, *, tokens: str = "required", encrypted: bool = True) -> str:
    made = aws.client("ec2").run_instances(
        ImageId=IMAGES["windows-server-2016"],
        InstanceType="c5.2xlarge",
        MinCount=1,
        MaxCount=1,
        SubnetId=aws.estate["subnets"]["machines"],
        SecurityGroupIds=[group],
        IamInstanceProfile={"Name": PROFILE},
        MetadataOptions={"HttpTokens": tokens},
        BlockDeviceMappings=[
            {"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 80, "Encrypted": encrypted}}
        ],
        TagSpecifications=[
            {"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "server"}]}
        ],
    )
    return str(made["Instances"][0]["InstanceId"])


def test_an_instance_needs_all_that_it_is_made_of(aws: Limited, group: str) -> None:
    statements = running_needs(aws)
    for left_out in statements:
        aws.allow(*(one for name, one in statements.items() if name != left_out))
        code, _ = aws.denied(run, aws=aws, group=group)
        assert code == "UnauthorizedOperation", left_out
    aws.allow(*statements.values())
    for wrong in ({"tokens": "optional"}, {"encrypted": False}):
        assert aws.denied(run, aws=aws, group=group, **wrong)[0] == "UnauthorizedOperation"
    made = run(aws, group)
    aws.allow(
        {
            "Action": "ec2:TerminateInstances",
            "Condition": {"ArnLike": {"ec2:InstanceProfile": "*:instance-profile/other"}},
        }
    )
    assert aws.denied(aws.client("ec2").terminate_instances, InstanceIds=[made])
    aws.client("ec2", "other").terminate_instances(InstanceIds=[made])


def test_a_role_is_known_by_its_name_and_the_policy_that_it_gets(aws: Limited) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/ours-*"
    aws.allow(
        {"Action": ["iam:CreateRole", "iam:DeleteRole"], "Resource": role},
        {
            "Action": ["iam:AttachRolePolicy", "iam:DetachRolePolicy"],
            "Resource": role,
            "Condition": {"ArnEquals": {"iam:PolicyARN": POLICY}},
        },
    )
    iam = aws.client("iam")
    named = {"AssumeRolePolicyDocument": TRUST}
    assert aws.denied(iam.create_role, RoleName="theirs", **named)[0] == "AccessDenied"
    iam.create_role(RoleName="ours-server", **named)
    iam.attach_role_policy(RoleName="ours-server", PolicyArn=POLICY)
    other = "arn:aws:iam::aws:policy/AdministratorAccess"
    assert aws.denied(iam.attach_role_policy, RoleName="ours-server", PolicyArn=other)
    iam.detach_role_policy(RoleName="ours-server", PolicyArn=POLICY)
    iam.delete_role(RoleName="ours-server")


def test_putting_a_role_into_a_profile_passes_it(aws: Limited) -> None:
    profile = f"arn:aws:iam::{ACCOUNT}:instance-profile/ours"
    add = {"Action": "iam:*InstanceProfile", "Resource": profile}
    everything = aws.client("iam", "other")
    everything.create_role(RoleName="ours", AssumeRolePolicyDocument=TRUST)
    aws.allow(add)
    iam = aws.client("iam")
    iam.create_instance_profile(InstanceProfileName="ours")
    put = {"InstanceProfileName": "ours", "RoleName": "ours"}
    assert "iam:PassRole" in aws.denied(iam.add_role_to_instance_profile, **put)[1]
    aws.allow(add, {"Action": "iam:PassRole", "Resource": f"arn:aws:iam::{ACCOUNT}:role/ours"})
    iam.add_role_to_instance_profile(**put)


def test_secrets_are_known_by_name_whatever_they_are_called_by(aws: Limited) -> None:
    ours = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:ours-*"
    aws.allow(
        {"Action": ["secretsmanager:CreateSecret", "secretsmanager:Get*"], "Resource": ours},
        {
            "Action": "secretsmanager:PutResourcePolicy",
            "Resource": ours,
            "Condition": {"Bool": {"secretsmanager:BlockPublicPolicy": "true"}},
        },
    )
    secrets = aws.client("secretsmanager")
    arn = secrets.create_secret(Name="ours-1", SecretString="x")["ARN"]
    for name in ("ours-1", arn):
        assert secrets.get_secret_value(SecretId=name)["SecretString"] == "x"
    assert aws.denied(secrets.create_secret, Name="theirs-1", SecretString="x")
    allow = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    statement = {**allow, "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    put = {"SecretId": arn, "ResourcePolicy": policy}
    assert aws.denied(secrets.put_resource_policy, **put)[0] == "AccessDeniedException"
    secrets.put_resource_policy(**put, BlockPublicPolicy=True)


def test_a_command_needs_its_document_and_its_instances(aws: Limited) -> None:
    machine = aws.estate["machines"]["web-01"]
    document = f"arn:aws:ssm:{REGION}::document/AWS-RunPowerShellScript"
    send = aws.client("ssm").send_command
    asked = {
        "InstanceIds": [machine],
        "DocumentName": "AWS-RunPowerShellScript",
        "Parameters": {"commands": ["Test-NetConnection -ComputerName 10.10.1.1 -Port 443"]},
    }
    for resource in (document, f"{EC2}:instance/*"):
        aws.allow({"Action": "ssm:SendCommand", "Resource": resource})
        assert aws.denied(send, **asked)[0] == "AccessDeniedException"
    aws.allow({"Action": "ssm:SendCommand", "Resource": [document, f"{EC2}:instance/*"]})
    assert send(**asked)["Command"]["CommandId"]


def test_parameters_of_amazon_are_nobodys(aws: Limited) -> None:
    image = "/aws/service/ami-windows-latest/Windows_Server-2016-English-Full-Base"
    get = aws.client("ssm").get_parameter
    own = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/*"
    aws.allow({"Action": "ssm:GetParameter", "Resource": own})
    assert aws.denied(get, Name=image)[0] == "AccessDeniedException"
    public = f"arn:aws:ssm:{REGION}::parameter/aws/service/*"
    aws.allow({"Action": "ssm:GetParameter", "Resource": public})
    assert get(Name=image)["Parameter"]["Value"].startswith("ami-")


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"accessKeyId": KEY},
        {"accessKeyId": KEY, "policies": {}},
        {"accessKeyId": KEY, "policies": [{}]},
        {"accessKeyId": KEY, "policies": [], "roles": []},
        # With it the emulator itself looks at what is there.
        {"accessKeyId": "emulator", "policies": []},
    ],
)
def test_what_is_no_policy_is_refused(aws: Limited, body: object) -> None:
    with pytest.raises(urllib.error.HTTPError) as refusal:
        aws.control("PUT", body)
    assert refusal.value.code == 400
    assert aws.control("GET") == {"value": []}
