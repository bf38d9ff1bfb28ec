"""Every name that the program makes fits its service, whatever stack, waves and machines are called.

The names are those that the program registers, so a new resource needs a rule here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from site_recovery.declared import names
from tests.components.harness import Deployment
from tests.components.test_the_whole_stack import ROOT, run
from tests.local_aws import LocalAws

_ROLE = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
_GROUP = re.compile(r"(?!sg-)[A-Za-z0-9 ._:/()#,@\[\]+=&;{}!$*-]{1,255}")
_DOCUMENT = re.compile(r"(?!(?i:aws|amazon|amzn))[A-Za-z0-9_.-]{3,128}")
_TAG = re.compile(r"[\w .:/=+@-]{1,256}", re.ASCII)
_NETWORK = re.compile(r"[A-Za-z0-9]([\w.-]{0,78}\w)?", re.ASCII)
_POLICY = re.compile(r"[A-Za-z][A-Za-z0-9-]{1,62}[A-Za-z0-9]")
_COMPUTER = re.compile(r"(?!\d+$)[A-Za-z0-9][A-Za-z0-9-]{0,14}")
_PLAN = re.compile(r"[A-Za-z0-9-]{1,64}")

RULES: Mapping[str, Mapping[str, re.Pattern[str]]] = {
    # "IAM and AWS STS quotas"; CreateRole, CreateInstanceProfile, PutRolePolicy.
    "aws:iam/role:Role": {"name": _ROLE},
    "aws:iam/instanceProfile:InstanceProfile": {"name": re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)},
    "aws:iam/rolePolicy:RolePolicy": {"name": re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)},
    "aws:ec2/securityGroup:SecurityGroup": {
        "name": _GROUP,
        "namePrefix": re.compile(rf"(?=.{{1,229}}$){_GROUP.pattern}"),
        "tags.Name": _TAG,
    },
    "aws:ec2/instance:Instance": {"tags.Name": _TAG},
    # CreateSecret. A hyphen and six characters at the end look like what Secrets Manager adds.
    "aws:secretsmanager/secret:Secret": {
        "name": re.compile(r"(?!.*-[A-Za-z0-9]{6}$)[A-Za-z0-9/_+=.@-]{1,512}")
    },
    # "About requirements and constraints for parameter names"; with its ARN, 1011 characters.
    "aws:ssm/parameter:Parameter": {
        "name": re.compile(r"/(?!(?i:aws|ssm))(?=.{1,900}$)[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+){0,14}")
    },
    "aws:ssm/document:Document": {"name": _DOCUMENT},
    "aws:ssm/association:Association": {"associationName": _DOCUMENT},
    # "Naming rules and restrictions for Azure resources".
    "azure-native:resources:ResourceGroup": {"resourceGroupName": names.RESOURCE_GROUP},
    "azure-native:network:VirtualNetwork": {
        "virtualNetworkName": re.compile(r"[A-Za-z0-9][\w.-]{0,62}\w", re.ASCII)
    },
    "azure-native:network:NetworkSecurityGroup": {"networkSecurityGroupName": _NETWORK},
    "azure-native:storage:StorageAccount": {"accountName": re.compile(r"[a-z0-9]{3,24}")},
    "azure-native:recoveryservices:Vault": {
        "vaultName": re.compile(r"[A-Za-z][A-Za-z0-9-]{1,49}"),
        "tags.site-recovery:stack": re.compile(r".{1,256}"),
    },
    "azure-native:recoveryservices:ReplicationPolicy": {"policyName": _POLICY},
    "pulumi-python:dynamic/asr:Mapping": {"mapping_name": _POLICY},
    "pulumi-python:dynamic/asr:Registration": {"server_name": _COMPUTER},
    "pulumi-python:dynamic/asr:Wave": {"recovery_plan.name": _PLAN},
    "pulumi-python:dynamic/asr:Machine": {"name": names.MACHINE},
}
"""By type, what the service takes as each name."""

NAMELESS = {
    "aws:ec2/networkInterfaceSecurityGroupAttachment:NetworkInterfaceSecurityGroupAttachment",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    "aws:secretsmanager/secretPolicy:SecretPolicy",
    "aws:secretsmanager/secretVersion:SecretVersion",
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
    "pulumi-python:dynamic/asr:Agents",
    "pulumi-python:dynamic/asr:Clearance",
    "pulumi-python:dynamic/asr:Connectivity",
    "pulumi-python:dynamic/asr:Credentials",
    "pulumi-python:dynamic/asr:Fence",
}
"""Types whose resources have no name of ours in a cloud, or are in none."""

OF_THE_CONFIG = {
    "azure-native:resources:ResourceGroup",
    "azure-native:network:VirtualNetwork",
    "azure-native:network:NetworkSecurityGroup",
    "azure-native:storage:StorageAccount",
    "azure-native:recoveryservices:Vault",
    "aws:ec2/instance:Instance",
    "pulumi-python:dynamic/asr:Registration",
    "pulumi-python:dynamic/asr:Machine",
}
"""Types whose names a config gives: two stacks have two configs."""

INSIDE_ANOTHER = {"aws:iam/rolePolicy:RolePolicy"}


def made(deployment: Deployment) -> Iterator[tuple[str, str, str]]:
    """Type, place and value of each name in a deployment."""
    for resource in deployment:
        if resource.type.startswith(("pulumi:", "ec2-to-azure:")):
            continue
        assert resource.type in RULES.keys() | NAMELESS, f"{resource.type} has no rule"
        for key in RULES.get(resource.type, ()):
            head, _, rest = key.partition(".")
            value: Any = resource.inputs.get(head)
            if rest:
                value = (value or {}).get(rest)
            if value is not None:
                yield resource.type, key, str(value)


def declared(text: str, waves: list[str], machines: list[str]) -> dict[str, Any]:
    """The config of an example with other names of waves and machines, and with plans."""
    config = dict(yaml.safe_load(text)["config"])
    space = "ec2-to-azure:"
    found = [one for one in config[f"{space}machines"].items() if one[0].startswith(("web", "app"))]
    fleet = dict(zip(machines, (its for _, its in found), strict=False))
    for number, (name, its) in enumerate(fleet.items()):
        target = {**its.get("target", {}), "vmName": f"vm-{number}"}
        fleet[name] = {**its, "target": target}
    groups = {
        w: [m for n, m in enumerate(fleet) if n % len(waves) == i] for i, w in enumerate(waves)
    }
    config[f"{space}machines"] = fleet
    config[f"{space}waves"] = {
        wave: {"phase": "protected", "machines": its, "recoveryPlan": {"groups": [its]}}
        for wave, its in groups.items()
        if its
    }
    return config


# Names whose parts joined by hyphens are alike, that differ in case alone, and the longest with signs.
@pytest.mark.parametrize(
    ("stacks", "waves", "machines"),
    [
        (["a", "a-b"], ["b-c", "c"], ["m1", "m2", "m3"]),
        (["Prod", "prod"], ["b.c", "b-c"], ["m1", "m2", "m3"]),
        (
            ["_" + "s" * 98 + ".", "-" + "s" * 98],
            ["w" * 61 + "_w", "w" * 60 + ".w"],
            ["m" * 61 + "_m", "m" * 60 + ".m", "1"],
        ),
    ],
    ids=["joined", "case", "longest"],
)
@pytest.mark.parametrize("base", ["dev", "dev-modernized"])
def test_every_name_fits_its_service_and_is_the_only_one(
    cloud: LocalAws, base: str, stacks: list[str], waves: list[str], machines: list[str]
) -> None:
    assert all(names.MACHINE.fullmatch(name) for name in (*waves, *machines))
    config = declared((ROOT / f"Pulumi.{base}.yaml").read_text("utf-8"), waves, machines)
    common: set[tuple[str, str]] = set()
    for stack in stacks:
        deployment = run(config, cloud.environment, stack=stack)
        urns = [resource.urn for resource in deployment]
        assert len(set(urns)) == len(urns)
        found = list(made(deployment))
        for kind, key, value in found:
            assert RULES[kind][key].fullmatch(value), (kind, key, value)
        whole = [(k, v.lower()) for k, key, v in found if not key.startswith("tags.")]
        assert len(set(whole)) == len(whole)
        ours = {each for each in whole if each[0] not in OF_THE_CONFIG | INSIDE_ANOTHER}
        assert not ours & common
        common |= ours
