"""A machine that cannot replicate yet is held by name. The others go on, and it follows later."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.aws.fleet import PROFILE
from tests.engine.clouds import SCALE
from tests.engine.harness import MACHINES_GROUP, Result, Stack

pytestmark = pytest.mark.engine

PROTECTED = ["DiscoverProtectableItem", "Create"]
SERVER_SUBNET_RULE = 90
"""Number of an ACL entry that comes before the one that allows everything."""
GARBAGE = '{"passphrase": "of another server", "applianceId": "another"}'
PACKAGES = "https://packages.example.com"


@pytest.fixture(scope="module", autouse=True)
def by_systems_manager(stack: Stack) -> None:
    """Install agents by Systems Manager in both experiences; the default of classic is push."""
    stack.config["ec2-to-azure:replication"]["agent"] = {
        "installation": "ssm",
        "windows": {"url": f"{PACKAGES}/UnifiedAgent.exe"},
        "linux": {"url": f"{PACKAGES}/UnifiedAgent.tar.gz"},
    }


def instance(stack: Stack, machine: str) -> str:
    found: str = stack.fleet[machine]["instanceId"]
    return found


def server_acl(stack: Stack) -> str:
    """The network ACL of the server's subnet."""
    source = stack.config["ec2-to-azure:source"]
    (server,) = (value for value in source.values() if isinstance(value, dict))
    acls = stack.clouds.ec2().describe_network_acls(
        Filters=[{"Name": "association.subnet-id", "Values": [server["subnetId"]]}]
    )
    return acls["NetworkAcls"][0]["NetworkAclId"]


def close_port(stack: Stack, machine: str, port: int) -> None:
    ec2 = stack.clouds.ec2()
    (found,) = ec2.describe_instances(InstanceIds=[instance(stack, machine)])["Reservations"]
    ec2.create_network_acl_entry(
        NetworkAclId=server_acl(stack),
        RuleNumber=SERVER_SUBNET_RULE,
        Protocol="6",
        RuleAction="deny",
        Egress=False,
        CidrBlock=f"{found['Instances'][0]['PrivateIpAddress']}/32",
        PortRange={"From": port, "To": port},
    )


def open_port(stack: Stack) -> None:
    stack.clouds.ec2().delete_network_acl_entry(
        NetworkAclId=server_acl(stack), RuleNumber=SERVER_SUBNET_RULE, Egress=False
    )


def take_role(stack: Stack, machine: str) -> dict[str, Any]:
    """Remove a machine's instance profile. Systems Manager then no longer manages the machine."""
    ec2 = stack.clouds.ec2()
    (found,) = ec2.describe_iam_instance_profile_associations(
        Filters=[{"Name": "instance-id", "Values": [instance(stack, machine)]}]
    )["IamInstanceProfileAssociations"]
    ec2.disassociate_iam_instance_profile(AssociationId=found["AssociationId"])
    return {"Arn": found["IamInstanceProfile"]["Arn"]}


def held(result: Result, machine: str) -> str:
    """The error in the machine's own row."""
    assert result.code != 0, result.text
    assert "Traceback" not in result.text
    assert machine in result.errors, result.text
    return "\n".join(result.errors[machine])


def assert_left_alone(stack: Stack, *machines: str) -> None:
    for machine in machines:
        assert stack.clouds.operations(machine) == stack.first(*PROTECTED)


def test_a_stopped_machine_is_refused_at_preview_and_nothing_is_made(stack: Stack) -> None:
    stack.declare(pilot=("protected", ["web-01", "web-02", "web-03"]))
    stopped = instance(stack, "web-01")
    stack.clouds.ec2().stop_instances(InstanceIds=[stopped])
    before = stack.clouds.audit()

    preview = stack.preview()

    stack.clouds.ec2().start_instances(InstanceIds=[stopped])
    assert preview.code != 0
    assert "Traceback" not in preview.text
    expected = f"machines.web-01.instanceId: instance {stopped} is stopped. Start it"
    assert expected in preview.error
    assert "web-02" not in preview.error
    assert stack.clouds.audit() == before


def test_preview_names_a_closed_port_and_an_unmanaged_machine(stack: Stack) -> None:
    close_port(stack, "web-02", 9443)
    take_role(stack, "web-03")

    preview = stack.preview()

    assert preview.code == 0, preview.text
    (row,) = [line for line in preview.text.splitlines() if "web-02" in line and "9443" in line]
    assert f"{server_acl(stack)} ingress rule {SERVER_SUBNET_RULE} denies tcp 9443" in row
    (unmanaged,) = preview.warnings["pilot"]
    expected = f"web-03: AWS Systems Manager does not manage {instance(stack, 'web-03')}"
    assert unmanaged.startswith(expected)
    assert "AmazonSSMManagedInstanceCore" in unmanaged


def test_both_are_held_and_their_sibling_is_protected(stack: Stack) -> None:
    up = stack.up()

    closed, unmanaged = held(up, "web-02"), held(up, "web-03")
    assert "tcp 9443 to the " in closed
    assert f"{server_acl(stack)} ingress rule {SERVER_SUBNET_RULE} denies tcp 9443" in closed
    assert f"Systems Manager does not manage {instance(stack, 'web-03')}" in unmanaged
    assert "AmazonSSMManagedInstanceCore" in unmanaged
    assert "web-01" not in up.errors
    assert_left_alone(stack, "web-01")
    assert stack.clouds.operations("web-02") == stack.clouds.operations("web-03") == []
    recorded = stack.recorded("web-01")
    assert recorded is not None
    assert recorded["observed_phase"] == "protected"


def test_the_port_opened_that_machine_goes_on(stack: Stack) -> None:
    open_port(stack)

    up = stack.up()

    held(up, "web-03")
    assert "web-02" not in up.errors
    assert_left_alone(stack, "web-01", "web-02")
    assert stack.clouds.operations("web-03") == []


def test_managed_the_other_goes_on_too(stack: Stack) -> None:
    stack.clouds.ec2().associate_iam_instance_profile(
        IamInstanceProfile={"Name": "estate-machine"}, InstanceId=instance(stack, "web-03")
    )

    up = stack.up()

    assert up.code == 0, up.text
    assert_left_alone(stack, "web-01", "web-02", "web-03")


def test_a_machine_that_stops_while_a_run_is_under_way_is_held_alone(stack: Stack) -> None:
    stack.declare(
        pilot=("protected", ["web-01", "web-02", "web-03"]),
        apps=("protected", ["app-01", "app-02"]),
    )
    # Connect attempts take some seconds of service time, the installation of an agent minutes.
    stack.clouds.set_scale(1)
    running = stack.start("up", "--yes", "--skip-preview")
    running.until("0/2 agents installed")
    stack.clouds.ec2().stop_instances(InstanceIds=[instance(stack, "app-02")])
    stack.clouds.set_scale(SCALE)

    up = running.result()

    why = held(up, "app-02")
    assert instance(stack, "app-02") in why
    assert "Start it" in why
    assert "app-01" not in up.errors
    assert_left_alone(stack, "web-01", "web-02", "web-03", "app-01")
    assert stack.clouds.operations("app-02") == []


def test_started_again_it_goes_on(stack: Stack) -> None:
    stack.clouds.ec2().start_instances(InstanceIds=[instance(stack, "app-02")])

    up = stack.up()

    assert up.code == 0, up.text
    assert_left_alone(stack, "app-01", "app-02")


def test_a_secret_that_was_changed_by_hand_holds_the_agents_that_read_it(stack: Stack) -> None:
    """Agents that are registered already no longer need the secret."""
    secrets = stack.clouds.client("secretsmanager")
    secret = stack.outputs()["server"]["agentSecret"]
    right = secrets.get_secret_value(SecretId=secret)["SecretString"]
    secrets.put_secret_value(SecretId=secret, SecretString=GARBAGE)
    stack.declare(
        pilot=("protected", ["web-01", "web-02", "web-03"]),
        apps=("protected", ["app-01", "app-02", "db-01"]),
    )

    up = stack.up()

    secrets.put_secret_value(SecretId=secret, SecretString=right)
    why = held(up, "db-01")
    wrong = {"classic": "the passphrase is not that of", "modernized": "config.json is not of"}
    assert wrong[stack.experience] in why
    assert set(up.errors) - {"", "ec2-to-azure-engine"} == {"db-01"}
    assert right not in up.text
    assert stack.clouds.operations("db-01") == []


def test_with_the_right_one_it_goes_on(stack: Stack) -> None:
    up = stack.up()

    assert up.code == 0, up.text
    assert_left_alone(stack, "db-01", "app-01", "app-02")
    assert stack.clouds.virtual_machines(MACHINES_GROUP) == {}


def test_a_role_that_was_made_again_with_its_name_reads_the_secret_all_the_same(
    stack: Stack,
) -> None:
    """AWS takes it for another role, which the policy of the secret does not name."""
    iam = stack.clouds.client("iam")
    role = iam.get_role(RoleName=PROFILE)["Role"]
    attached = iam.list_attached_role_policies(RoleName=PROFILE)["AttachedPolicies"]
    policies = [each["PolicyArn"] for each in attached]
    iam.remove_role_from_instance_profile(InstanceProfileName=PROFILE, RoleName=PROFILE)
    for policy in policies:
        iam.detach_role_policy(RoleName=PROFILE, PolicyArn=policy)
    iam.delete_role(RoleName=PROFILE)
    iam.create_role(
        RoleName=PROFILE, AssumeRolePolicyDocument=json.dumps(role["AssumeRolePolicyDocument"])
    )
    for policy in policies:
        iam.attach_role_policy(RoleName=PROFILE, PolicyArn=policy)
    iam.add_role_to_instance_profile(InstanceProfileName=PROFILE, RoleName=PROFILE)
    stack.declare(
        pilot=("protected", ["web-01", "web-02", "web-03"]),
        apps=("protected", ["app-01", "app-02", "db-01", "db-02"]),
    )

    up = stack.up()

    assert up.code == 0, up.text
    secret = stack.outputs()["server"]["agentSecret"]
    named = stack.clouds.client("secretsmanager").get_resource_policy(SecretId=secret)
    assert role["Arn"] in named["ResourcePolicy"]
    assert_left_alone(stack, "db-01", "db-02")
