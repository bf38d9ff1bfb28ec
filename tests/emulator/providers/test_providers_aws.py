from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from tests.emulator.providers.providers_client import UNKNOWN, Engine, Refused, running

GROUP = "aws:ec2/securityGroup:SecurityGroup"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
ATTACHMENT = (
    "aws:ec2/networkInterfaceSecurityGroupAttachment:NetworkInterfaceSecurityGroupAttachment"
)
INSTANCE = "aws:ec2/instance:Instance"
TAG = "aws:ec2/tag:Tag"
ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
ROLE_ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
PROFILE = "aws:iam/instanceProfile:InstanceProfile"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "ec2.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


@dataclass
class Aws:
    engine: Engine
    ec2: Any
    iam: Any
    vpc: str
    subnet: str
    ami: str

    def machine(self) -> dict[str, Any]:
        """An instance that was created outside the stack."""
        made = self.ec2.run_instances(
            ImageId=self.ami, MinCount=1, MaxCount=1, SubnetId=self.subnet
        )
        instance: dict[str, Any] = made["Instances"][0]
        return instance

    def groups_of(self, interface: str) -> set[str]:
        found = self.ec2.describe_network_interfaces(NetworkInterfaceIds=[interface])
        return {group["GroupId"] for group in found["NetworkInterfaces"][0]["Groups"]}


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    environment = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": "eu-west-1",
    }

    def client(service: str) -> Any:
        connect: Any = boto3.client
        return connect(
            service,
            endpoint_url=endpoint,
            region_name="eu-west-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )

    try:
        ec2 = client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.10.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.10.1.0/24")["Subnet"]["SubnetId"]
        ami = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
        with running("emulator.providers.aws", environment) as engine:
            engine.configure(region="eu-west-1")
            yield Aws(engine, ec2, client("iam"), vpc, subnet, ami)
    finally:
        server.stop()


# -- what it does not know --------------------------------------------------------------------


def test_unknown_type_is_refused_by_name(aws: Aws) -> None:
    with pytest.raises(Refused, match="does not know resource type aws:s3/bucket:Bucket"):
        aws.engine.check("aws:s3/bucket:Bucket", "b", {})


def test_unknown_property_is_refused_by_name_with_the_nearest_known_one(aws: Aws) -> None:
    _, failures = aws.engine.check(GROUP, "g", {"vpcID": aws.vpc})
    assert failures == [
        f"the local aws provider does not know property vpcID of {GROUP}; did you mean vpcId?"
    ]


def test_unknown_nested_property_is_refused_with_its_path(aws: Aws) -> None:
    inputs = {"ami": aws.ami, "instanceType": "t3.large", "rootBlockDevice": {"size": 3}}
    _, failures = aws.engine.check(INSTANCE, "i", inputs)
    assert len(failures) == 1
    assert f"does not know property rootBlockDevice.size of {INSTANCE}" in failures[0]


def test_all_problems_of_a_resource_are_reported_at_once(aws: Aws) -> None:
    _, failures = aws.engine.check(INGRESS, "r", {"fromPort": "http", "color": "red"})
    assert any("color" in failure for failure in failures)
    assert any("fromPort" in failure and "integer" in failure for failure in failures)
    assert any("needs the property ipProtocol" in failure for failure in failures)
    assert any("needs the property securityGroupId" in failure for failure in failures)


def test_unknown_configuration_is_refused(aws: Aws) -> None:
    (failure,) = aws.engine.check_config(region="eu-west-1", profile="x")
    assert "does not know configuration aws:profile" in failure


def test_unknown_function_is_refused_by_name(aws: Aws) -> None:
    with pytest.raises(Refused, match="does not know function aws:s3/getBucket:getBucket"):
        aws.engine.invoke("aws:s3/getBucket:getBucket")


def test_refusal_of_the_service_is_one_line(aws: Aws) -> None:
    aws.engine.create(GROUP, "g", {"vpcId": aws.vpc, "name": "taken"})
    with pytest.raises(Refused) as refused:
        aws.engine.create(GROUP, "h", {"vpcId": aws.vpc, "name": "taken"})
    assert "AWS refused CreateSecurityGroup: InvalidGroup.Duplicate" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("token", "inputs", "code"),
    [
        (GROUP, {"vpcId": "vpc-0123456789abcdef0"}, "InvalidVpcID.NotFound"),
        (INSTANCE, {"ami": "ami-0123", "instanceType": "t2.large"}, "InvalidAMIID.NotFound"),
    ],
)
def test_what_ec2_would_refuse_is_refused_though_moto_would_take_it(
    aws: Aws, token: str, inputs: dict[str, Any], code: str
) -> None:
    with pytest.raises(Refused, match=code):
        aws.engine.create(token, "astray", inputs)


# -- security groups --------------------------------------------------------------------------


def test_group_gets_a_name_of_its_own_that_stays(aws: Aws) -> None:
    first, _ = aws.engine.check(GROUP, "servers", {"vpcId": aws.vpc})
    again, _ = aws.engine.check(GROUP, "servers", {"vpcId": aws.vpc}, first)
    assert first["name"].startswith("servers-")
    assert again["name"] == first["name"]


def test_a_group_of_which_the_name_begins_as_given_gets_another_one_each_time(aws: Aws) -> None:
    inputs = {"vpcId": aws.vpc, "namePrefix": "p-dev-fence-"}
    names = [aws.engine.create(GROUP, "fence", inputs).state["name"] for _ in range(2)]
    assert all(name.startswith("p-dev-fence-") for name in names)
    assert len(set(names)) == 2


def test_group_begins_without_rules_as_the_real_provider_makes_it(aws: Aws) -> None:
    group = aws.engine.create(GROUP, "bare", {"vpcId": aws.vpc, "tags": {"a": "1"}})
    assert group.state["egress"] == []
    assert group.state["ingress"] == []
    assert group.state["arn"].endswith(f":security-group/{group.id}")
    assert aws.engine.changes(group, {"vpcId": aws.vpc, "tags": {"a": "1"}}) == {}
    aws.engine.delete(group)
    assert aws.engine.refresh(group) is None


def test_inline_rules_compare_without_order(aws: Aws) -> None:
    one = {"protocol": "tcp", "fromPort": 443, "toPort": 443, "cidrBlocks": ["10.0.0.0/8"]}
    two = {"protocol": "-1", "fromPort": 0, "toPort": 0, "self": True}
    group = aws.engine.create(GROUP, "inline", {"vpcId": aws.vpc, "ingress": [one, two]})
    assert aws.engine.changes(group, {"vpcId": aws.vpc, "ingress": [two, one]}) == {}
    fewer = {"vpcId": aws.vpc, "ingress": [one]}
    assert "DELETE" in aws.engine.changes(group, fewer).values()
    group = aws.engine.update(group, fewer)
    assert [rule["protocol"] for rule in group.state["ingress"]] == ["tcp"]


def test_change_of_description_replaces_and_of_tags_does_not(aws: Aws) -> None:
    group = aws.engine.create(GROUP, "web", {"vpcId": aws.vpc, "tags": {"a": "1"}})
    new = {"vpcId": aws.vpc, "description": "other", "tags": {"a": "2", "b.c": "3"}}
    assert aws.engine.changes(group, new) == {
        "description": "UPDATE_REPLACE",
        "tags.a": "UPDATE",
        'tags["b.c"]': "ADD",
    }
    diff = aws.engine.diff(group, new)
    assert list(diff.replaces) == ["description"]
    assert not diff.deleteBeforeReplace  # the successor gets another name
    named = aws.engine.create(GROUP, "n", {"vpcId": aws.vpc, "name": "fixed"})
    diff = aws.engine.diff(named, {"vpcId": aws.vpc, "name": "fixed", "description": "other"})
    assert diff.deleteBeforeReplace  # the successor would have the same name


@pytest.mark.parametrize("token", [INGRESS, EGRESS])
def test_rule_is_made_changed_and_removed(aws: Aws, token: str) -> None:
    group = aws.engine.create(GROUP, token.split(":")[-1], {"vpcId": aws.vpc})
    inputs = {
        "securityGroupId": group.id,
        "ipProtocol": "tcp",
        "fromPort": 9443,
        "toPort": 9443,
        "cidrIpv4": "10.10.0.0/16",
        "description": "replication data",
        "tags": {"row": "2"},
    }
    rule = aws.engine.create(token, "data", inputs)
    assert rule.id.startswith("sgr-")
    assert rule.state["securityGroupRuleId"] == rule.id
    assert aws.engine.changes(rule, inputs) == {}
    wider = {**inputs, "toPort": 9500, "tags": {"row": "3"}}
    assert aws.engine.changes(rule, wider) == {"toPort": "UPDATE", "tags.row": "UPDATE"}
    rule = aws.engine.update(rule, wider)
    assert (rule.state["toPort"], rule.state["tags"]) == (9500, {"row": "3"})
    aws.engine.delete(rule)
    assert aws.engine.refresh(rule) is None


def test_rule_for_another_group_keeps_its_description(aws: Aws) -> None:
    group = aws.engine.create(GROUP, "target", {"vpcId": aws.vpc})
    other = aws.engine.create(GROUP, "source", {"vpcId": aws.vpc})
    inputs = {
        "securityGroupId": group.id,
        "ipProtocol": "tcp",
        "fromPort": 135,
        "toPort": 135,
        "referencedSecurityGroupId": other.id,
        "description": "push installation",
    }
    rule = aws.engine.create(INGRESS, "push", inputs)
    fresh = aws.engine.refresh(rule)
    assert fresh is not None
    assert fresh.inputs == rule.inputs
    assert aws.engine.changes(fresh, inputs) == {}


def test_rule_needs_exactly_one_other_side(aws: Aws) -> None:
    inputs = {"securityGroupId": "sg-1", "ipProtocol": "-1"}
    _, failures = aws.engine.check(INGRESS, "r", inputs)
    assert "exactly one of cidrIpv4" in failures[0]


def test_tags_changed_by_hand_show_after_refresh(aws: Aws) -> None:
    inputs = {"vpcId": aws.vpc, "tags": {"owner": "us"}}
    group = aws.engine.create(GROUP, "drift", inputs)
    aws.ec2.create_tags(Resources=[group.id], Tags=[{"Key": "owner", "Value": "them"}])
    fresh = aws.engine.refresh(group)
    assert fresh is not None
    assert fresh.inputs["tags"] == {"owner": "them"}
    assert aws.engine.changes(fresh, inputs) == {"tags.owner": "UPDATE"}


# -- attachments to interfaces ----------------------------------------------------------------


def test_attachment_adds_its_group_and_takes_only_it_away(aws: Aws) -> None:
    machine = aws.machine()
    interface = machine["NetworkInterfaces"][0]["NetworkInterfaceId"]
    before = aws.groups_of(interface)
    assert before
    groups = [aws.engine.create(GROUP, name, {"vpcId": aws.vpc}) for name in ("one", "two")]
    made = [
        aws.engine.create(
            ATTACHMENT, group.name, {"networkInterfaceId": interface, "securityGroupId": group.id}
        )
        for group in groups
    ]
    assert aws.groups_of(interface) == before | {group.id for group in groups}
    aws.engine.delete(made[0])
    assert aws.groups_of(interface) == before | {groups[1].id}
    assert aws.engine.refresh(made[0]) is None
    adopted = aws.engine.adopt(ATTACHMENT, "two", made[1].id)
    assert adopted is not None
    assert adopted.inputs["securityGroupId"] == groups[1].id


# -- single tags ------------------------------------------------------------------------------


def test_a_tag_is_put_on_a_machine_of_somebody_else_and_only_it_is_taken_away(aws: Aws) -> None:
    machine = aws.machine()["InstanceId"]
    aws.ec2.create_tags(Resources=[machine], Tags=[{"Key": "Name", "Value": "theirs"}])

    def tags() -> dict[str, str]:
        found = aws.ec2.describe_instances(InstanceIds=[machine])
        (instance,) = found["Reservations"][0]["Instances"]
        return {tag["Key"]: tag["Value"] for tag in instance["Tags"]}

    inputs = {"resourceId": machine, "key": "site-recovery:vault", "value": "one"}
    made = aws.engine.create(TAG, "tag", inputs)
    assert made.id == f"{machine},site-recovery:vault"
    assert tags() == {"Name": "theirs", "site-recovery:vault": "one"}
    assert aws.engine.changes(made, {**inputs, "value": "two"}) == {"value": "UPDATE"}
    changed = aws.engine.update(made, {**inputs, "value": "two"})
    assert tags()["site-recovery:vault"] == "two"
    adopted = aws.engine.adopt(TAG, "tag", made.id)
    assert adopted is not None
    assert adopted.inputs["value"] == "two"
    aws.engine.delete(changed)
    assert tags() == {"Name": "theirs"}
    assert aws.engine.refresh(changed) is None


# -- IAM --------------------------------------------------------------------------------------


def test_profile_with_a_role_and_its_policies(aws: Aws) -> None:
    inputs = {"assumeRolePolicy": TRUST, "tags": {"for": "server"}}
    role = aws.engine.create(ROLE, "server", inputs)
    assert role.id == role.state["name"]
    same = {**inputs, "assumeRolePolicy": json.dumps(TRUST, indent=2)}
    assert aws.engine.changes(role, same) == {}
    allowed = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [allowed]}
    inner = aws.engine.create(ROLE_POLICY, "inner", {"role": role.id, "policy": policy})
    made = aws.iam.create_policy(PolicyName="p", PolicyDocument=json.dumps(policy))["Policy"]
    attached = aws.engine.create(
        ROLE_ATTACHMENT, "attached", {"role": role.id, "policyArn": made["Arn"]}
    )
    profile = aws.engine.create(PROFILE, "server", {"role": role.id})
    assert profile.state["role"] == role.id
    assert aws.engine.changes(role, inputs) == {}
    described = aws.engine.update(role, {**inputs, "description": "of the server"})
    assert described.state["description"] == "of the server"
    for resource in (profile, attached, inner, described):
        fresh = aws.engine.refresh(resource)
        assert fresh is not None
        assert fresh.inputs == resource.inputs
        aws.engine.delete(resource)
        assert aws.engine.refresh(resource) is None


def test_policy_that_is_no_json_is_refused(aws: Aws) -> None:
    _, failures = aws.engine.check(ROLE, "r", {"assumeRolePolicy": "{"})
    assert "is not a JSON policy" in failures[0]


# -- instances --------------------------------------------------------------------------------


def server(aws: Aws, **more: Any) -> dict[str, Any]:
    return {
        "ami": aws.ami,
        "instanceType": "c5.2xlarge",
        "subnetId": aws.subnet,
        "associatePublicIpAddress": False,
        "monitoring": True,
        "metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 1},
        "rootBlockDevice": {"volumeSize": 80, "volumeType": "gp3", "encrypted": True},
        "ebsBlockDevices": [
            {"deviceName": "xvdb", "volumeSize": 600, "encrypted": True, "volumeType": "gp3"},
            {"deviceName": "xvdc", "volumeSize": 500, "encrypted": True, "volumeType": "gp3"},
        ],
        "userData": "<powershell>hello</powershell>",
        "tags": {"Name": "server"},
        **more,
    }


def test_instance_runs_as_asked_and_is_no_change_the_next_time(aws: Aws) -> None:
    group = aws.engine.create(GROUP, "server", {"vpcId": aws.vpc})
    role = aws.engine.create(ROLE, "made", {"assumeRolePolicy": TRUST})
    profile = aws.engine.create(PROFILE, "made", {"role": role.id})
    inputs = server(
        aws,
        privateIp="10.10.1.77",
        vpcSecurityGroupIds=[group.id],
        iamInstanceProfile=profile.state["name"],
    )
    made = aws.engine.create(INSTANCE, "server", inputs)
    state = made.state
    assert state["instanceState"] == "running"
    assert state["privateIp"] == "10.10.1.77"
    assert state["arn"].endswith(f":instance/{made.id}")
    assert state["primaryNetworkInterfaceId"].startswith("eni-")
    assert aws.groups_of(state["primaryNetworkInterfaceId"]) == {group.id}
    assert state["publicIp"] == ""
    assert state["associatePublicIpAddress"] is False
    assert state["metadataOptions"]["httpTokens"] == "required"
    assert state["rootBlockDevice"]["encrypted"] is True
    assert state["rootBlockDevice"]["volumeSize"] == 80
    assert [device["deviceName"] for device in state["ebsBlockDevices"]] == ["xvdb", "xvdc"]
    assert state["iamInstanceProfile"] == profile.state["name"]
    assert aws.engine.changes(made, inputs) == {}
    fresh = aws.engine.refresh(made)
    assert fresh is not None
    assert fresh.inputs == made.inputs
    assert fresh.state == made.state
    assert aws.engine.changes(fresh, inputs) == {}
    aws.engine.delete(made)
    assert aws.engine.refresh(made) is None
    aws.engine.delete(made)  # gone is gone


def test_instance_changes_in_place_what_ec2_changes_in_place(aws: Aws) -> None:
    made = aws.engine.create(INSTANCE, "changing", server(aws))
    other = aws.engine.create(GROUP, "other", {"vpcId": aws.vpc})
    new = server(
        aws,
        instanceType="c5.4xlarge",
        tags={"Name": "renamed"},
        vpcSecurityGroupIds=[other.id],
        metadataOptions={"httpTokens": "optional"},
        rootBlockDevice={"volumeSize": 100, "volumeType": "gp3", "encrypted": True},
        disableApiTermination=True,
    )
    changes = aws.engine.changes(made, new)
    assert changes["instanceType"] == "UPDATE"
    assert changes["rootBlockDevice.volumeSize"] == "UPDATE"
    assert not [path for path, kind in changes.items() if kind.endswith("REPLACE")]
    changed = aws.engine.update(made, new)
    assert changed.id == made.id
    assert aws.engine.changes(changed, new) == {}
    assert changed.state["instanceType"] == "c5.4xlarge"
    assert changed.state["rootBlockDevice"]["volumeSize"] == 100
    assert changed.state["instanceState"] == "running"
    with pytest.raises(Refused, match="TerminateInstances"):
        aws.engine.delete(changed)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"privateIp": "10.10.1.78"}, "privateIp"),
        ({"associatePublicIpAddress": True}, "associatePublicIpAddress"),
        ({"rootBlockDevice": {"encrypted": False}}, "rootBlockDevice.encrypted"),
        ({"userData": "x", "userDataReplaceOnChange": True}, "userData"),
    ],
)
def test_instance_is_replaced_where_the_real_one_is(
    aws: Aws, change: dict[str, Any], path: str
) -> None:
    made = aws.engine.create(INSTANCE, "replaced", server(aws))
    diff = aws.engine.diff(made, server(aws, **change))
    assert path.split(".")[0] in diff.replaces
    assert aws.engine.changes(made, server(aws, **change))[path] == "UPDATE_REPLACE"
    aws.engine.delete(made)


@pytest.mark.parametrize("name", ["userData", "userDataBase64"])
def test_user_data_is_given_as_text_or_encoded_and_limited(aws: Aws, name: str) -> None:
    def data(text: str) -> dict[str, Any]:
        given = base64.b64encode(text.encode()).decode() if name == "userDataBase64" else text
        inputs = server(aws, **{name: given})
        return (
            inputs if name == "userData" else {k: v for k, v in inputs.items() if k != "userData"}
        )

    made = aws.engine.create(INSTANCE, "told", data("x" * 16384))
    held = aws.ec2.describe_instance_attribute(InstanceId=made.id, Attribute="userData")
    assert base64.b64decode(held["UserData"]["Value"]) == b"x" * 16384
    changed = aws.engine.update(made, data("other"))
    held = aws.ec2.describe_instance_attribute(InstanceId=made.id, Attribute="userData")
    assert base64.b64decode(held["UserData"]["Value"]) == b"other"
    assert aws.engine.changes(changed, data("other")) == {}
    with pytest.raises(Refused, match="has 16385 bytes, and user data is limited to 16384"):
        aws.engine.create(INSTANCE, "wordy", data("x" * 16385))
    with pytest.raises(Refused, match="has 16385 bytes, and user data is limited to 16384"):
        aws.engine.update(changed, data("x" * 16385))
    aws.engine.delete(changed)


def test_preview_knows_what_was_given_and_nothing_else(aws: Aws) -> None:
    seen = aws.engine.preview(INSTANCE, "soon", server(aws, subnetId=UNKNOWN))
    assert seen["instanceType"] == "c5.2xlarge"
    assert seen["subnetId"] == UNKNOWN
    assert seen["privateIp"] == UNKNOWN
    assert seen["arn"] == UNKNOWN


def test_instance_without_an_image_is_refused_at_check(aws: Aws) -> None:
    _, failures = aws.engine.check(INSTANCE, "i", {"subnetId": aws.subnet})
    assert f"{INSTANCE} needs the property ami" in failures


# -- functions --------------------------------------------------------------------------------


def test_functions_look_things_up(aws: Aws) -> None:
    invoke = aws.engine.invoke
    assert invoke("aws:ec2/getSubnet:getSubnet", id=aws.subnet)["vpcId"] == aws.vpc
    assert invoke("aws:ec2/getVpc:getVpc", id=aws.vpc)["cidrBlock"] == "10.10.0.0/16"
    machine = aws.machine()
    found = invoke("aws:ec2/getInstance:getInstance", instanceId=machine["InstanceId"])
    assert found["privateIp"] == machine["PrivateIpAddress"]
    assert invoke("aws:index/getRegion:getRegion")["region"] == "eu-west-1"
    assert invoke("aws:index/getCallerIdentity:getCallerIdentity")["accountId"]


def test_function_that_finds_nothing_says_what_it_looked_for(aws: Aws) -> None:
    with pytest.raises(Refused, match="no subnet matches id=subnet-none"):
        aws.engine.invoke("aws:ec2/getSubnet:getSubnet", id="subnet-none")
