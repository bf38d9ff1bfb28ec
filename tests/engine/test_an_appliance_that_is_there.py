"""An appliance that was registered by hand, in a vault that existed before the stack.

Modernized experience only: only a replication appliance can exist before the stack.
"""

from __future__ import annotations

import json

import pytest

from emulator.arm.subscriptions import SUBSCRIPTION
from tests.engine.clouds import Clouds
from tests.engine.harness import GROUP, VAULT, Stack

pytestmark = pytest.mark.engine

NAME = "asr-there"
ADDRESS = "10.10.2.77"
IN_GROUP = f"resourceGroups/{GROUP}"
VAULT_PATH = f"{IN_GROUP}/providers/Microsoft.RecoveryServices/vaults/{VAULT}"
AGENTS_SECRET = "ec2-to-azure-engine-replication-appliance-agent"
WINDOWS = "/aws/service/ami-windows-latest/Windows_Server-2022-English-Full-Base"


@pytest.fixture(scope="module", params=["modernized"])
def experience(request: pytest.FixtureRequest) -> str:
    """The experience that has appliances."""
    chosen: str = request.param
    return chosen


def make_vault(clouds: Clouds) -> None:
    """Create resource group and vault, as a person does it in Azure."""
    place = {"location": "westeurope"}
    clouds.put(IN_GROUP, place, "2024-03-01")
    sku = {"sku": {"name": "Standard"}, "properties": {"publicNetworkAccess": "Enabled"}}
    clouds.put(VAULT_PATH, place | sku, "2024-04-01")


def make_appliance(clouds: Clouds, vpc: str, subnet: str) -> str:
    """Set up an appliance in AWS and sign it in, as a person does. Returns its security group."""
    ec2 = clouds.ec2()
    group = ec2.create_security_group(GroupName=NAME, Description=NAME, VpcId=vpc)["GroupId"]
    image = clouds.client("ssm").get_parameter(Name=WINDOWS)["Parameter"]["Value"]
    tags = {
        "Name": NAME,
        "site-recovery:role": "replication-appliance",
        "site-recovery:vault": f"/subscriptions/{SUBSCRIPTION}/{VAULT_PATH}",
    }
    ec2.run_instances(
        ImageId=image,
        InstanceType="c5.2xlarge",
        MinCount=1,
        MaxCount=1,
        SubnetId=subnet,
        PrivateIpAddress=ADDRESS,
        SecurityGroupIds=[group],
        BlockDeviceMappings=[
            {"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 80}},
            {"DeviceName": "xvdb", "Ebs": {"VolumeSize": 620}},
        ],
        TagSpecifications=[
            {
                "ResourceType": "instance",
                "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
            }
        ],
    )
    clouds.advance_until("registered", "replicationAppliances", NAME)
    return group


def declare(stack: Stack) -> None:
    """Declare the appliance, and the vault that it is registered with."""
    source = stack.config["ec2-to-azure:source"]
    subnet = source["replicationAppliance"]["subnetId"]
    make_vault(stack.clouds)
    group = make_appliance(stack.clouds, source["vpcId"], subnet)
    stack.config["ec2-to-azure:source"] = {
        "vpcId": source["vpcId"],
        "replicationAppliance": {
            "registered": {"name": NAME, "securityGroupId": group, "privateIp": ADDRESS}
        },
    }
    stack.config["ec2-to-azure:target"] |= {
        "resourceGroup": GROUP,
        "vault": VAULT,
        "adopt": ["resourceGroup", "vault"],
    }
    stack.declare(pilot=("protected", ["web-01"]))


def test_no_other_is_made_and_its_agents_wait_for_their_file(stack: Stack) -> None:
    declare(stack)
    servers = stack.clouds.servers()

    up = stack.up()

    assert up.code != 0
    assert "Traceback" not in up.text
    assert stack.clouds.servers() == servers
    assert AGENTS_SECRET in up.errors["web-01"][0]
    assert stack.clouds.operations("web-01") == []
    assert "0 of 1 machines are blocked" not in up.text


def test_with_the_file_the_machine_replicates_through_it(stack: Stack) -> None:
    (fabric,) = stack.clouds.fabrics(GROUP)
    stack.clouds.client("secretsmanager").put_secret_value(
        SecretId=AGENTS_SECRET,
        SecretString=json.dumps({"applianceId": stack.clouds.appliance_id(fabric, NAME)}),
    )

    up = stack.up()

    assert up.code == 0, up.text
    assert stack.machine("web-01")["observedPhase"] == "protected"


def test_destroy_leaves_appliance_and_vault(stack: Stack) -> None:
    servers = stack.clouds.servers()

    destroy = stack.destroy()

    assert destroy.code == 0, destroy.text
    assert stack.clouds.servers() == servers
    assert stack.clouds.vaults(GROUP) == {VAULT}
    assert len(stack.clouds.fabrics(GROUP)) == 1
    assert AGENTS_SECRET not in stack.clouds.aws()["secrets"]
