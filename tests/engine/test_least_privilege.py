"""A whole migration by an identity that may do only what the files of permissions/ allow.

In the modernized experience the machines go to another subscription than the vault's. Each of the two has
roles of its own then.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pytest

from emulator.arm.subscriptions import ANOTHER_SUBSCRIPTION, SUBSCRIPTION
from permissions import rendering
from tests.engine.clouds import Clouds
from tests.engine.harness import ACCESS_KEY, GROUP, MACHINES_GROUP, Result, Stack
from tests.engine.second_stack import SecondStack

pytestmark = pytest.mark.engine

CLIENT = "3d1c0de0-0000-4000-8000-000000000001"
"""Client id of the stack's identity in Azure. The tests themselves use another identity."""

_SUBSCRIPTION = f"/subscriptions/{SUBSCRIPTION}"
_GROUPS = "Microsoft.Resources/subscriptions/resourceGroups"
_CONTAINERS = "Microsoft.RecoveryServices/vaults/replicationFabrics/replicationProtectionContainers"

BY_PROVIDERS_ALONE = {
    "Microsoft.Network/locations/operationResults/read",
    "Microsoft.Network/networkSecurityGroups/join/action",
    "Microsoft.RecoveryServices/vaults/operationResults/read",
    "Microsoft.RecoveryServices/vaults/replicationPolicies/operationresults/read",
    "ec2:DescribeInstanceCreditSpecifications",
    "ec2:DescribeTags",
    "ec2:ModifyInstanceAttribute",
    "iam:ListInstanceProfilesForRole",
    "iam:ListRolePolicies",
    "ssm:DescribeDocumentPermission",
}
"""Actions that the real providers need and the stand-ins do not."""

CUTOVER = {"quiesce": {"ssm": {"windows": ["Stop-Service W3SVC"]}}}
SERVES = "if ((Get-Service W3SVC).Status -ne 'Running') { throw 'W3SVC is down' }"
CHECKS = [{"azureRunCommand": {"windows": [SERVES]}}]
ADDRESS = "10.20.1.50"
FAILED_OVER_TO = "10.20.1.78"

NOT_IN_THIS_STORY = {
    # Needed only by `make recover`.
    "ssm:ListAssociations",
    # Needed only if a route or rule names a prefix list.
    "ec2:DescribeManagedPrefixLists",
    "ec2:GetManagedPrefixListEntries",
    # Needed only if a machine has as many security groups as AWS usually allows.
    "servicequotas:GetServiceQuota",
    # Needed only if a declared resource changes in place.
    "ec2:ModifyInstanceMetadataOptions",
    "ec2:ModifySecurityGroupRules",
    "ec2:MonitorInstances",
    "ssm:UpdateAssociation",
    "ssm:UpdateDocument",
    "ssm:UpdateDocumentDefaultVersion",
    # Needed only to repeat an agent's failed installation.
    "ssm:StartAssociationsOnce",
    # Needed only if a server or an appliance's site is gone, so that it cannot help to remove it.
    "Microsoft.OffAzure/serverSites/read",
    "Microsoft.RecoveryServices/vaults/replicationFabrics/delete",
    # The real service may require these of whoever enables replication. The emulator does not.
    "Microsoft.RecoveryServices/locations/allocateStamp/action",
    "Microsoft.RecoveryServices/locations/allocatedStamp/read",
    *(
        f"Microsoft.Resources/deployments/{what}"
        for what in (
            *("cancel/action", "delete", "exportTemplate/action", "operations/read"),
            *("operationstatuses/read", "validate/action", "whatIf/action"),
        )
    ),
}

OF_THE_OTHER = {
    "classic": {
        "Microsoft.Compute/capacityReservationGroups/read",
        "Microsoft.Compute/capacityReservationGroups/capacityReservations/read",
        "Microsoft.OffAzure/serverSites/machines/read",
        "secretsmanager:DeleteResourcePolicy",
        "secretsmanager:PutResourcePolicy",
        "ssm:CreateAssociation",
        "ssm:CreateDocument",
        "ssm:DeleteAssociation",
        "ssm:DeleteDocument",
        "ssm:DescribeAssociation",
        "ssm:DescribeAssociationExecutionTargets",
        "ssm:DescribeAssociationExecutions",
        "ssm:DescribeDocument",
        "ssm:GetDocument",
    },
    "modernized": {
        "Microsoft.RecoveryServices/vaults/certificates/write",
        "Microsoft.RecoveryServices/vaults/extendedInformation/read",
        "Microsoft.RecoveryServices/vaults/extendedInformation/write",
        f"{_CONTAINERS}/discoverProtectableItem/action",
        f"{_CONTAINERS}/replicationProtectableItems/read",
        "secretsmanager:GetSecretValue",
        "secretsmanager:PutSecretValue",
        "ssm:GetInventory",
    },
}
"""By experience, actions that only the other experience needs."""


class Identity:
    """The stack's identity in both clouds, and its permissions there."""

    def __init__(self, clouds: Clouds, own: rendering.Names) -> None:
        self._aws = clouds.environment["AWS_ENDPOINT_URL"]
        self._azure = clouds.endpoint
        self._own = own
        self.all = (*rendering.POLICIES, *own.roles)
        self.reads = own.reads
        self.machines_subscription = own.machines_subscription or own.subscription
        self._before: set[str] = set()
        self._counted = True

    def has(
        self,
        *files: str,
        without: Collection[str] = (),
        groups: Sequence[str] = (),
    ) -> None:
        """Replace its permissions by those of some files, except for some actions.

        Azure's roles are assigned on their subscription, or on the given resource groups of it.
        """
        self._before, self._counted = self.used, True
        documents = {name: rendering.rendered(name, self._own) for name in files}
        policies = [documents[name] for name in rendering.POLICIES if name in documents]
        for policy in policies:
            for statement in policy["Statement"]:
                statement["Action"] = [one for one in statement["Action"] if one not in without]
        roles = [documents[name] for name in self._own.roles if name in documents]
        for role in roles:
            role["Actions"] = [one for one in role["Actions"] if one not in without]
        _send("PUT", self._aws, {"accessKeyId": ACCESS_KEY, "policies": policies})
        below = [f"/resourceGroups/{group}" for group in groups] or [""]
        assignments = [
            {"scope": f"{scope}{part}", "role": role}
            for role in roles
            for scope in role["AssignableScopes"]
            for part in below
        ]
        _send("PUT", self._azure, {"clientId": CLIENT, "assignments": assignments})

    def may(self, *actions: str, group: str) -> None:
        """Replace its permissions in Azure by actions in a group of the machines' subscription.

        What it does with them does not count as used: it is no part of a migration.
        """
        self._before, self._counted = self.used, False
        scope = f"/subscriptions/{self.machines_subscription}/resourceGroups/{group}"
        role = {"Name": "one", "Actions": actions, "AssignableScopes": [scope]}
        assigned = [{"scope": scope, "role": role}]
        _send("PUT", self._azure, {"clientId": CLIENT, "assignments": assigned})

    @property
    def used(self) -> set[str]:
        """Every action that it has used so far."""
        now = self._access() if self._counted else ()
        return self._before | {action for one in now for action in one["used"]}

    @property
    def denied(self) -> list[dict[str, str]]:
        """The requests that were denied since its permissions were last set."""
        return [entry for one in self._access() for entry in one["denied"]]

    def _access(self) -> list[dict[str, Any]]:
        return [
            one for endpoint in (self._aws, self._azure) for one in _send("GET", endpoint)["value"]
        ]


@pytest.fixture(scope="module")
def identity(stack: Stack) -> Identity:
    """The stack's identity, without any permission yet."""
    stack.environment["AZURE_CLIENT_ID"] = CLIENT
    if stack.experience == "modernized":
        stack.config["ec2-to-azure:target"]["machinesSubscriptionId"] = ANOTHER_SUBSCRIPTION
    project = {"name": "ec2-to-azure"}
    made = Identity(stack.clouds, rendering.names(project, "engine", stack.config, "123456789012"))
    made.has()
    return made


def fleet(stack: Stack, by_item: str, by_plan: str, other: str = "protected") -> None:
    """Declare a wave without a recovery plan, one with a plan, and a third one."""
    stack.declare(
        pilot=(by_item, ["web-01"]), shop=(by_plan, ["db-01", "web-02"]), rest=(other, ["app-01"])
    )
    # An address is set by an update after replication is enabled.
    for name, address in (("app-01", ADDRESS), ("web-01", FAILED_OVER_TO)):
        stack.machines[name] = {**stack.machines[name], "target": {"privateIp": address}}
    if by_item in ("failed-over", "migrated"):
        # One that the first `up` made: a preview refuses a group that is not there.
        subscription = stack.config["ec2-to-azure:target"].get(
            "machinesSubscriptionId", SUBSCRIPTION
        )
        stack.machines["web-01"]["target"]["networkSecurityGroup"] = (
            f"/subscriptions/{subscription}/resourceGroups/{MACHINES_GROUP}/providers"
            "/Microsoft.Network/networkSecurityGroups/nsg-vnet-prod"
        )
    # A declared size is looked up among those of the region.
    stack.machines["app-01"]["target"]["vmSize"] = "Standard_D4s_v5"
    groups: list[Any] = [["db-01"], {"machines": ["web-02"]}]
    stack.waves["shop"]["recoveryPlan"] = {"groups": groups}


def go(stack: Stack, identity: Identity, *command: str) -> Result:
    """Run a command, which must succeed without any denied request."""
    result = stack.run(*command, "--yes", "--skip-preview")
    assert identity.denied == [], result.text
    assert result.code == 0, result.text
    assert result.warnings.get("", []) == [], result.text
    return result


def test_with_nothing_each_cloud_denies_by_name(stack: Stack, identity: Identity) -> None:
    fleet(stack, "protected", "protected")
    result = stack.preview()
    assert result.code != 0
    assert "Traceback" not in result.text
    assert "ec2:DescribeInstances" in result.error
    assert "make permissions" in result.error


def test_preview_needs_to_read_only(stack: Stack, identity: Identity) -> None:
    identity.has(*identity.reads)
    result = stack.preview()
    assert identity.denied == [], result.text
    assert result.code == 0, result.text


def test_machines_are_protected_and_tested(stack: Stack, identity: Identity) -> None:
    identity.has(*identity.all)
    fleet(stack, "test-failover", "test-failover")
    go(stack, identity, "up")
    fleet(stack, "protected", "test-failover")
    go(stack, identity, "up")


def test_preview_of_what_runs_needs_to_read_only(stack: Stack, identity: Identity) -> None:
    fleet(stack, "failed-over", "failed-over")
    identity.has(*identity.reads)
    result = stack.preview()
    assert identity.denied == [], result.text
    assert result.code == 0, result.text


def test_preview_of_what_targets_name_needs_to_read_only(stack: Stack, identity: Identity) -> None:
    identity.has(*identity.reads)
    fleet(stack, "protected", "test-failover")
    compute = (
        f"/subscriptions/{identity.machines_subscription}/resourceGroups/{MACHINES_GROUP}/providers"
        "/Microsoft.Compute"
    )
    named = {
        "web-03": {
            "availabilitySet": f"{compute}/availabilitySets/none",
            "proximityPlacementGroup": f"{compute}/proximityPlacementGroups/none",
            "diskEncryptionSet": f"{compute}/diskEncryptionSets/none",
        }
    }
    if stack.experience == "modernized":
        booked = f"{compute}/capacityReservationGroups/booked"
        made = f"{stack.clouds.endpoint}{booked}?api-version=2024-07-01"
        token = f"Bearer {stack.clouds.token()}"
        _fetch("PUT", made, {"location": "westeurope"}, Authorization=token)
        named["app-02"] = {"capacityReservationGroup": booked}
    for name, target in named.items():
        stack.machines[name] = {**stack.fleet[name], "target": target}
    stack.waves["more"] = {"phase": "protected", "machines": list(named)}
    result = stack.preview()
    assert identity.denied == [], result.text
    assert result.text.count("web-03: target.") == 3
    assert ("app-02: target.capacityReservationGroup: " in result.text) is ("app-02" in named)


def test_machines_fail_over_and_are_migrated(stack: Stack, identity: Identity) -> None:
    identity.has(*identity.all)
    fleet(stack, "failed-over", "failed-over")
    # There is a recovery point of the declared kind only once in an hour of service time.
    stack.clouds.advance(2 * 3600)
    stack.waves["pilot"]["recoveryPoint"] = "latest-application-consistent"
    go(stack, identity, "up")
    fleet(stack, "migrated", "migrated", "test-failover")
    go(stack, identity, "up")
    machines = stack.outputs()["machines"]
    assert {row["observedPhase"] for row in machines.values()} == {"migrated", "test-failover"}
    made = stack.clouds.virtual_machines(MACHINES_GROUP, identity.machines_subscription)
    groups = {name: stack.clouds.security_group_of(made[name]) for name in ("web-01", "web-02")}
    assert groups == {"web-01": "nsg-vnet-prod", "web-02": ""}


def test_a_reader_of_their_group_hands_the_migrated_machines_over(
    stack: Stack, identity: Identity, tmp_path: Path
) -> None:
    identity.may("*/read", group=MACHINES_GROUP)
    project = tmp_path / "project"
    written = stack.run_tool("handover", "--output", str(project), "--networks", "--terraform")
    assert identity.denied == [], written.text
    assert written.code == 0, written.text
    own = f"/subscriptions/{identity.machines_subscription}/"
    listed = json.loads((project / "import.json").read_text("utf-8"))["resources"]
    assert {each["id"][: len(own)] for each in listed} == {own}
    providers = (project / "terraform" / "providers.tf").read_text("utf-8")
    assert f'subscription_id = "{identity.machines_subscription}"' in providers

    (tmp_path / "state").mkdir()
    second = SecondStack(stack, project, tmp_path / "state")
    assert "unchanged" in second.imports("engine")
    identity.may("*", group=MACHINES_GROUP)
    second.tag("web_02", "machine", owner="team-a")
    second.succeeds("up", "--yes", "--skip-preview")
    assert identity.denied == []
    machines = stack.clouds.virtual_machines(MACHINES_GROUP, identity.machines_subscription)
    assert machines["web-02"]["tags"]["owner"] == "team-a"


def test_a_machine_is_cut_over_and_taken_back(stack: Stack, identity: Identity) -> None:
    def back(phase: str, **wave: Any) -> None:
        fleet(stack, "migrated", "migrated", "test-failover")
        stack.machines["web-03"] = stack.fleet["web-03"]
        declared = {"machines": ["web-03"], "cutover": CUTOVER, "checks": CHECKS}
        stack.waves["back"] = {"phase": phase, **declared, **wave}
        go(stack, identity, "up")

    identity.has(*identity.all)
    back("failed-over", requireTestFailover=False)
    back("protected", rollback={"reason": "a test", "keepAzureVm": False})
    fleet(stack, "migrated", "migrated", "test-failover")
    go(stack, identity, "up")


def test_everything_can_be_looked_at_again(stack: Stack, identity: Identity) -> None:
    go(stack, identity, "refresh")


def test_the_server_gets_the_type_that_the_config_names(stack: Stack, identity: Identity) -> None:
    keys = {"classic": "configurationServer", "modernized": "replicationAppliance"}
    stack.config["ec2-to-azure:source"][keys[stack.experience]]["instanceType"] = "c5.4xlarge"
    (before,) = stack.clouds.servers()
    go(stack, identity, "up")
    assert stack.clouds.servers() == {before: "c5.4xlarge"}


def test_an_action_that_is_missing_is_named_with_the_way_out(
    stack: Stack, identity: Identity
) -> None:
    missing = f"{_CONTAINERS}/replicationProtectedItems/testFailoverCleanup/action"
    identity.has(*identity.all, without=[missing])
    fleet(stack, "migrated", "migrated", "protected")
    result = stack.up()
    assert result.code != 0
    assert "Traceback" not in result.text
    assert missing in result.error
    assert "make permissions" in result.error
    assert "app-01" in result.error


def test_and_everything_can_be_removed(stack: Stack, identity: Identity) -> None:
    identity.has(*identity.all)
    go(stack, identity, "destroy")
    assert stack.resources() == []
    # That of web-03 was deleted when its failover was taken back.
    machines = stack.clouds.virtual_machines(MACHINES_GROUP, identity.machines_subscription)
    assert set(machines) == {"web-01", "web-02", "db-01"}


def test_nothing_was_allowed_in_vain(stack: Stack, identity: Identity) -> None:
    allowed = {
        action
        for name in rendering.POLICIES
        for statement in rendering.document(name)["Statement"]
        for action in statement["Action"]
    }
    allowed = allowed.union(*(rendering.document(name)["Actions"] for name in rendering.ROLES))
    used = {action.lower() for action in identity.used}
    unused = {action for action in allowed if action.lower() not in used}
    assert unused - BY_PROVIDERS_ALONE - NOT_IN_THIS_STORY - OF_THE_OTHER[stack.experience] == set()


def test_roles_on_the_groups_alone_are_enough_where_the_groups_are_there(
    stack: Stack, identity: Identity
) -> None:
    group = f"{stack.clouds.endpoint}{_SUBSCRIPTION}/resourceGroups/{GROUP}?api-version=2024-03-01"
    _fetch("PUT", group, {"location": "westeurope"}, Authorization=f"Bearer {stack.clouds.token()}")
    identity.has(
        *identity.all,
        without=[f"{_GROUPS}/write", f"{_GROUPS}/delete"],
        groups=[GROUP, MACHINES_GROUP],
    )
    stack.config["ec2-to-azure:target"]["adopt"] = [
        *("resourceGroup", "machinesResourceGroup", "network"),
    ]
    stack.declare(last=("protected", ["app-02"]))
    go(stack, identity, "up")
    assert stack.machine("app-02")["observedPhase"] == "protected"
    go(stack, identity, "destroy")
    assert GROUP in stack.clouds.resource_groups()
    assert MACHINES_GROUP in stack.clouds.resource_groups(identity.machines_subscription)


def _send(method: str, endpoint: str, body: object = None) -> Any:
    return _fetch(method, f"{endpoint}/_emulator/access", body)


def _fetch(method: str, url: str, body: object = None, **headers: str) -> Any:
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, content, headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)
