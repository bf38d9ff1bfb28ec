"""The files in permissions/ allow exactly what the program needs, as narrowly as IAM can express."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import recover
import site_recovery
from emulator.arm.actions import needed
from emulator.kernel.wire import Request
from permissions import rendering
from site_recovery.azure import permissions as azure_permissions

OWN = rendering.Names(
    prefix="ec2-to-azure-a-stack-with-a-long-name",
    region="ap-southeast-2",
    account="123456789012",
    vpc="vpc-0123456789abcdef0",
    subscription="11111111-1111-1111-1111-111111111111",
    server_group="sg-0123456789abcdef0",
)
DOMAIN = Path(site_recovery.__path__[0])
OPERATIONS = (DOMAIN.parent / "emulator" / "operations.txt").read_text("utf-8")

MOST = 6144
"""The most characters of a managed policy, without white space (IAM and STS quotas)."""

NOT_NARROWED = {
    # The Service Authorization Reference lists no resource type for these.
    *(
        f"ec2:Describe{what}"
        for what in (
            *(
                "Images",
                "InstanceCreditSpecifications",
                "InstanceStatus",
                "InstanceTypes",
                "Instances",
            ),
            *("ManagedPrefixLists", "NatGateways", "NetworkAcls", "NetworkInterfaces"),
            *("RouteTables", "SecurityGroupRules", "SecurityGroups", "Subnets", "Tags"),
            *("Volumes", "VpcEndpoints", "Vpcs"),
        )
    ),
    "servicequotas:GetServiceQuota",
    "ssm:DescribeInstanceInformation",
    "ssm:DescribeParameters",
    "ssm:GetCommandInvocation",
    "ssm:GetInventory",
    "ssm:ListAssociations",
    "ssm:ListCommandInvocations",
    "ssm:ListCommands",
}


def statements(*names: str) -> Iterator[dict[str, Any]]:
    for name in names or rendering.POLICIES:
        yield from rendering.rendered(name, OWN)["Statement"]


def in_files() -> set[str]:
    actions = {action for statement in statements() for action in statement["Action"]}
    return actions.union(*(rendering.document(name)["Actions"] for name in rendering.ROLES))


def declared() -> dict[str, list[str]]:
    """The actions that providers call, by resource type."""
    found: dict[str, list[str]] = yaml.safe_load(
        (rendering.FOLDER / "resource_types.yaml").read_text("utf-8")
    )
    return found


def modules() -> Iterator[pkgutil.ModuleInfo]:
    yield from pkgutil.walk_packages(site_recovery.__path__, "site_recovery.")
    for module in pkgutil.walk_packages(recover.__path__, "recover."):
        if not module.name.endswith("__main__"):
            yield module


def of_modules() -> dict[str, tuple[str, ...]]:
    """The actions that the modules of the domain, and of the recovery of a record, declare."""
    found = {}
    for module in modules():
        permissions = getattr(importlib.import_module(module.name), "PERMISSIONS", None)
        if permissions:
            found[module.name] = permissions
    return found


def test_every_action_in_the_files_is_needed() -> None:
    needed = {
        action for actions in (*declared().values(), *of_modules().values()) for action in actions
    }
    assert in_files() - needed == set()


def test_every_action_that_is_needed_is_in_the_files() -> None:
    files = in_files()
    for needing, actions in {**declared(), **of_modules()}.items():
        assert set(actions) - files == set(), needing


def test_every_module_that_calls_aws_says_what() -> None:
    for module in modules():
        imported = importlib.import_module(module.name)
        source = inspect.getsource(imported)
        calls = re.search(r'\bboto3\.client\(|\bconnect\(\s*"', source)
        assert not calls or hasattr(imported, "PERMISSIONS"), module.name


def test_every_operation_of_azure_that_is_named_in_the_domain_is_allowed() -> None:
    """Docstrings name the ids of the operations that are called. A new one needs its action."""
    source = "".join(path.read_text("utf-8") for path in DOMAIN.rglob("*.py"))
    named = set(re.findall(r"\b[A-Z]\w+_[A-Z]\w+\b", source))
    published = {
        match[1]: needed(Request.of(match[2], match[3]))
        for match in re.finditer(r"^(\w+_\w+) ([A-Z]+) (/\S+)$", OPERATIONS, re.MULTILINE)
    }
    wanted = {of.action for name, of in published.items() if of and name in named}
    assert len(wanted) > 20
    allowed = {action.lower() for action in azure_permissions.PERMISSIONS}
    assert {action for action in wanted if action.lower() not in allowed} == set()


def test_the_guide_explains_every_file_and_every_statement() -> None:
    guide = (rendering.FOLDER.parent / "docs" / "permissions.md").read_text("utf-8")
    explained = set(
        re.findall(r"`([A-Z]\w+)`", guide.partition("## What each part of the Azure")[0])
    )
    assert {statement["Sid"] for statement in statements()} <= explained
    for name in (*rendering.POLICIES, *rendering.ROLES):
        assert f"`{name}.json`" in guide


@pytest.mark.parametrize("name", [*rendering.POLICIES, *rendering.ROLES])
def test_each_action_occurs_once_and_none_is_a_wildcard(name: str) -> None:
    document = rendering.document(name)
    lists = [document["Actions"]] if "Actions" in document else []
    lists += [statement["Action"] for statement in document.get("Statement", ())]
    for actions in lists:
        assert len(actions) == len(set(actions))
        assert not [action for action in actions if "*" in action]


def test_roles_have_no_action_in_common() -> None:
    read, change = (set(rendering.document(name)["Actions"]) for name in rendering.ROLES)
    assert read & change == set()
    assert all(action.endswith("/read") for action in read)


def test_the_preview_role_changes_nothing_and_reads_no_secret() -> None:
    for statement in statements("aws-read"):
        for action in statement["Action"]:
            assert re.fullmatch(r"\w+:(Describe|Get|List)\w+", action), action
            assert action != "secretsmanager:GetSecretValue"


@pytest.mark.parametrize("name", rendering.POLICIES)
def test_a_policy_fits_into_iam(name: str) -> None:
    rendered = rendering.rendered(name, OWN)
    assert len("".join(json.dumps(rendered).split())) <= MOST
    sids = [statement["Sid"] for statement in rendered["Statement"]]
    assert len(sids) == len(set(sids))
    for sid in sids:
        assert re.fullmatch(r"[A-Za-z]+", sid), "IAM takes letters and digits"


def test_only_actions_that_iam_cannot_limit_apply_to_all_resources() -> None:
    everywhere = {
        action
        for statement in statements()
        if statement["Resource"] == "*"
        for action in statement["Action"]
    }
    assert everywhere <= NOT_NARROWED


def test_every_other_resource_is_of_the_stack_or_bound_by_a_condition() -> None:
    """Except reading public things or the machines, and resources without a name."""
    free = {
        *("prefix-list/*", "image/*", "association/*", "instance-profile/*"),
        *("security-group-rule/*", "instance/*"),
    }
    for statement in statements():
        resources = statement["Resource"]
        for resource in [resources] if isinstance(resources, str) else resources:
            if resource == "*" or "Condition" in statement:
                continue
            named = any(own in resource for own in (OWN.prefix, OWN.vpc, str(OWN.server_group)))
            public = ":parameter/aws/service/" in resource or ":document/AWS-Run" in resource
            bound = resource.split(":", 5)[5] in free
            assert named or public or bound, (statement["Sid"], resource)
            if bound and resource.endswith(":instance/*"):
                assert {"ssm:CreateAssociation", "ssm:SendCommand"} & set(statement["Action"])


def one(sid: str) -> dict[str, Any]:
    (found,) = (statement for statement in statements() if statement["Sid"] == sid)
    return found


def test_the_role_goes_to_ec2_and_gets_one_managed_policy() -> None:
    passing = [statement for statement in statements() if "iam:PassRole" in statement["Action"]]
    assert [statement["Condition"] for statement in passing] == [
        # In China IAM compares with EC2's name there, or with the usual one.
        {"StringEquals": {"iam:PassedToService": ["ec2.amazonaws.com", "ec2.amazonaws.com.cn"]}}
    ]
    assert passing[0]["Resource"] == f"arn:aws:iam::123456789012:role/{OWN.prefix}-*"
    attached = one("LetSystemsManagerManageTheServer")["Condition"]["ArnEquals"]
    assert attached["iam:PolicyARN"].endswith(":policy/AmazonSSMManagedInstanceCore")


def test_a_server_that_is_not_hardened_cannot_be_started() -> None:
    started = one("StartTheServerHardened")["Condition"]
    assert started["StringEquals"] == {"ec2:MetadataHttpTokens": "required"}
    assert one("StartItOnEncryptedVolumes")["Condition"] == {"Bool": {"ec2:Encrypted": "true"}}


def test_no_secret_but_the_servers_own_can_be_read() -> None:
    reading = [s for s in statements() if "secretsmanager:GetSecretValue" in s["Action"]]
    assert [statement["Resource"].rpartition(":")[2] for statement in reading] == [
        f"{OWN.prefix}-configuration-server-credential-*"
    ]
