"""Guests over AWS's wire protocol: user data, roles, secrets, signals and associations."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest

from emulator.aws.estate import IMAGES, REGION
from emulator.aws.fleet import PROFILE
from emulator.estate.machines import AccessRefused, Assignment
from emulator.guests import agent_document
from emulator.guests.ec2_estate import Ec2Estate
from tests.emulator.recovery_services.site_recovery_scripts import (
    STATUS,
    association,
    document,
    user_data,
)
from tests.emulator.recovery_services.site_recovery_support import Site
from tests.emulator.recovery_services.test_registrations import Pair, credential, fabrics, upload
from tests.local_aws import LocalAws, local_aws

_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "ec2.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


class Seconds:
    """A clock that advances a second for each reading, so that every `look` reads EC2 again."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


class Cloud:
    """A local AWS with a server and a machine, each with a role of its own."""

    def __init__(self, local: LocalAws) -> None:
        self.local = local
        self.ec2, self.iam = self._client("ec2"), self._client("iam")
        self.ssm, self.secrets = self._client("ssm"), self._client("secretsmanager")
        self.machine: str = local.estate["machines"]["web-01"]
        self.unmanaged: str = local.estate["machines"]["arm-01"]
        self.secret = self._secret("agents")
        self.credential = self._secret("credential", "the file")
        self.ssm.put_parameter(Name=STATUS, Value="{}", Type="String")
        parameter = self.ssm.get_parameter(Name=STATUS)["Parameter"]["ARN"]
        self.server = self._server(
            {
                "ssm:PutParameter": parameter,
                "secretsmanager:GetSecretValue": self.credential,
                "secretsmanager:PutSecretValue": self.secret,
            }
        )
        self.estate = Ec2Estate(local.endpoint, REGION, real=Seconds())

    def launch(self, user_data: str) -> str:
        """A configuration server of the role `server`, which machines reach."""
        group = self.ec2.create_security_group(
            GroupName="asr", Description="asr", VpcId=self.local.estate["vpc"]
        )["GroupId"]
        ports = [
            {
                "IpProtocol": "tcp",
                "FromPort": port,
                "ToPort": port,
                "IpRanges": [{"CidrIp": "10.10.0.0/16"}],
            }
            for port in (443, 9443)
        ]
        self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=ports)
        made = self.ec2.run_instances(
            ImageId=IMAGES["windows-server-2016"],
            InstanceType="c5.2xlarge",
            MinCount=1,
            MaxCount=1,
            SubnetId=self.local.estate["subnets"]["migration"],
            SecurityGroupIds=[group],
            IamInstanceProfile={"Name": "server"},
            UserData=user_data,
            BlockDeviceMappings=[
                {"DeviceName": device, "Ebs": {"VolumeSize": 600}}
                for device in ("/dev/sda1", "xvdf", "xvdg")
            ],
        )
        return str(made["Instances"][0]["PrivateIpAddress"])

    def look(self) -> Ec2Estate:
        self.estate.look()
        return self.estate

    def let_machines_read(self) -> None:
        role = self.iam.get_role(RoleName=PROFILE)["Role"]["Arn"]
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": [role]},
            "Action": "secretsmanager:GetSecretValue",
            "Resource": self.secret,
        }
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        self.secrets.put_resource_policy(
            SecretId=self.secret, ResourcePolicy=json.dumps(policy), BlockPublicPolicy=True
        )

    def associate(self, name: str, targets: list[dict[str, Any]], **changes: Any) -> str:
        self.ssm.create_document(Content=document(), Name=name, DocumentType="Command")
        parameters = {"PackageUrl": ["https://packages.example/agent"], "SecretId": ["arn"]}
        parameters |= {
            key: ["x"] for key in ("PackageSha256", "ServerAddress", "Region", "Experience")
        }
        made = self.ssm.create_association(
            **{"Name": name, "Targets": targets, "Parameters": parameters, **changes}
        )
        return str(made["AssociationDescription"]["AssociationId"])

    def assignment(self, association: str, instance: str | None = None) -> Assignment:
        found = self.look().assignments(instance or self.machine)
        return next(one for one in found if one.association_id == association)

    def _client(self, service: str) -> Any:
        connect: Any = boto3.client
        return connect(
            service,
            endpoint_url=self.local.endpoint,
            region_name=REGION,
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )

    def _secret(self, name: str, value: str | None = None) -> str:
        given = {} if value is None else {"SecretString": value}
        return str(self.secrets.create_secret(Name=name, **given)["ARN"])

    def _server(self, grants: dict[str, str]) -> str:
        self.iam.create_role(RoleName="server", AssumeRolePolicyDocument=json.dumps(_TRUST))
        statements = [
            {"Effect": "Allow", "Action": action, "Resource": resource}
            for action, resource in grants.items()
        ]
        self.iam.put_role_policy(
            RoleName="server",
            PolicyName="own",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}),
        )
        self.iam.create_instance_profile(InstanceProfileName="server")
        self.iam.add_role_to_instance_profile(InstanceProfileName="server", RoleName="server")
        made = self.ec2.run_instances(
            ImageId=IMAGES["windows-server-2016"],
            InstanceType="c5.2xlarge",
            MinCount=1,
            MaxCount=1,
            SubnetId=self.local.estate["subnets"]["migration"],
            IamInstanceProfile={"Name": "server"},
            UserData="<powershell>héllo</powershell>",
        )
        return str(made["Instances"][0]["InstanceId"])


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with local_aws() as local:
        yield Cloud(local)


def test_user_data_is_read_as_it_was_written_and_again_after_a_stop(cloud: Cloud) -> None:
    assert cloud.look().user_data(cloud.server) == "<powershell>héllo</powershell>"
    assert cloud.look().user_data(cloud.machine) is None
    cloud.ec2.stop_instances(InstanceIds=[cloud.server])
    cloud.look().instances()
    cloud.ec2.modify_instance_attribute(
        InstanceId=cloud.server, UserData={"Value": base64.b64encode(b"other")}
    )
    cloud.ec2.start_instances(InstanceIds=[cloud.server])
    assert cloud.look().user_data(cloud.server) == "other"


def test_user_data_is_asked_for_once_while_an_instance_runs(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = cloud.look().user_data(cloud.server)
    monkeypatch.delattr(type(cloud.estate._ec2), "describe_instance_attribute")
    assert cloud.look().user_data(cloud.server) == before


def test_a_server_does_what_its_role_allows_and_nothing_else(cloud: Cloud) -> None:
    estate = cloud.look()
    assert estate.secret(cloud.server, cloud.credential) == "the file"
    estate.put_secret(cloud.server, cloud.secret, "passphrase")
    estate.signal(cloud.server, STATUS, '{"state": "installing"}')
    assert cloud.secrets.get_secret_value(SecretId=cloud.secret)["SecretString"] == "passphrase"
    assert cloud.ssm.get_parameter(Name=STATUS)["Parameter"]["Value"] == '{"state": "installing"}'
    with pytest.raises(AccessRefused, match=r"AccessDeniedException.*GetSecretValue") as refused:
        estate.secret(cloud.server, cloud.secret)
    caller = f"assumed-role/server/{cloud.server} is not authorized to perform"
    assert caller in str(refused.value)
    with pytest.raises(AccessRefused, match="PutSecretValue"):
        estate.put_secret(cloud.server, cloud.credential, "other")
    with pytest.raises(AccessRefused, match="PutParameter"):
        estate.signal(cloud.server, "/other", "{}")


def test_an_instance_without_a_role_has_no_credentials(cloud: Cloud) -> None:
    with pytest.raises(AccessRefused, match="Unable to locate credentials"):
        cloud.look().secret(cloud.unmanaged, cloud.credential)


def test_a_secret_that_is_not_there_is_told_in_the_words_of_aws(cloud: Cloud) -> None:
    with pytest.raises(AccessRefused, match="ResourceNotFoundException"):
        cloud.look().secret(cloud.server, f"{cloud.secret}-none")
    with pytest.raises(AccessRefused, match="ResourceNotFoundException"):
        cloud.look().put_secret(None, f"{cloud.secret}-none", "value")


def test_a_person_needs_no_role_and_a_secrets_own_policy_lets_machines_read_it(
    cloud: Cloud,
) -> None:
    cloud.look().put_secret(None, cloud.secret, "config")
    with pytest.raises(AccessRefused, match="AccessDeniedException"):
        cloud.look().secret(cloud.machine, cloud.secret)
    cloud.let_machines_read()
    assert cloud.look().secret(cloud.machine, cloud.secret) == "config"


def test_an_association_is_an_assignment_of_its_targets(cloud: Cloud) -> None:
    by_id = cloud.associate(
        "by-id",
        [{"Key": "InstanceIds", "Values": [cloud.machine]}],
        ScheduleExpression="rate(30 minutes)",
    )
    by_tag = cloud.associate("by-tag", [{"Key": "tag:Name", "Values": ["web-01", "web-02"]}])
    found = cloud.assignment(by_id)
    assert (found.document, found.every) == ("by-id", timedelta(minutes=30))
    assert agent_document.read(found.content) is not None
    assert found.parameters["PackageUrl"] == "https://packages.example/agent"
    assert cloud.assignment(by_tag).every is None
    web_02 = cloud.local.estate["machines"]["web-02"]
    assert [one.association_id for one in cloud.estate.assignments(web_02)] == [by_tag]
    assert cloud.estate.assignments(cloud.unmanaged) == []


def test_an_association_has_another_revision_when_it_is_changed_or_started(cloud: Cloud) -> None:
    association = cloud.associate("revised", [{"Key": "InstanceIds", "Values": [cloud.machine]}])
    first = cloud.assignment(association)
    assert cloud.assignment(association).revision == first.revision
    cloud.estate.report(cloud.machine, association, "InProgress", "")
    assert cloud.assignment(association).revision == first.revision
    cloud.ssm.start_associations_once(AssociationIds=[association])
    second = cloud.assignment(association)
    cloud.ssm.update_association(
        AssociationId=association,
        Targets=[{"Key": "InstanceIds", "Values": [cloud.machine]}],
        Parameters={**{name: [value] for name, value in first.parameters.items()}, "Region": ["y"]},
    )
    third = cloud.assignment(association)
    assert len({first.revision, second.revision, third.revision}) == 3
    assert (first.parameters["Region"], third.parameters["Region"]) == ("x", "y")
    cloud.ssm.delete_association(AssociationId=association)
    assert association not in {
        one.association_id for one in cloud.look().assignments(cloud.machine)
    }


def test_what_an_agent_reports_is_what_systems_manager_tells(cloud: Cloud) -> None:
    association = cloud.associate("reported", [{"Key": "InstanceIds", "Values": [cloud.machine]}])
    cloud.look().report(cloud.machine, association, "Failed", "exit status 13")
    (run,) = cloud.ssm.describe_association_executions(AssociationId=association)[
        "AssociationExecutions"
    ]
    (target,) = cloud.ssm.describe_association_execution_targets(
        AssociationId=association, ExecutionId=run["ExecutionId"]
    )["AssociationExecutionTargets"]
    assert (target["ResourceId"], target["Status"]) == (cloud.machine, "Failed")


def test_a_report_that_nobody_takes_ends_nothing(
    cloud: Cloud, caplog: pytest.LogCaptureFixture
) -> None:
    cloud.look().report(cloud.machine, "none", "Success", "")
    assert "could not report on none" in caplog.text


def test_what_systems_manager_manages_is_managed(cloud: Cloud) -> None:
    assert cloud.look().managed(cloud.machine)
    assert not cloud.estate.managed(cloud.unmanaged)
    cloud.ec2.stop_instances(InstanceIds=[cloud.machine])
    assert not cloud.look().managed(cloud.machine)
    cloud.ec2.start_instances(InstanceIds=[cloud.machine])
    assert cloud.look().managed(cloud.machine)


def test_a_server_and_a_machine_of_the_local_aws_find_each_other(cloud: Cloud) -> None:
    site, pair = Site(server=None), Pair.new()
    site.world.estate = cloud.estate
    cloud.secrets.put_secret_value(
        SecretId=cloud.credential, SecretString=credential(upload(site, pair), pair.store())
    )
    cloud.let_machines_read()
    settings = {"agentSecretId": cloud.secret, "credentialSecretId": cloud.credential}
    address = cloud.launch(user_data("configuration-server", **settings))
    site.pass_time(minutes=15)
    site.pass_time(minutes=1)
    assert len(fabrics(site)) == 1
    status = json.loads(cloud.ssm.get_parameter(Name=STATUS)["Parameter"]["Value"])
    assert status["state"] == "succeeded"
    parameters = association("classic", address, SecretId=cloud.secret).parameters
    made = cloud.associate(
        "agents",
        [{"Key": "InstanceIds", "Values": [cloud.machine]}],
        Parameters={name: [value] for name, value in parameters.items()},
    )
    site.pass_time(minutes=1)
    site.pass_time(minutes=5)
    overview = cloud.ssm.describe_association(AssociationId=made)["AssociationDescription"]
    assert overview["Overview"]["Status"] == "Success"
