"""`make permissions` fills a stack's names into the files, and reports missing ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from permissions import __main__ as command
from permissions import rendering
from site_recovery.aws import regions

PROJECT = {"name": "ec2-to-azure"}
CONFIG: dict[str, Any] = {
    "aws:region": "eu-west-1",
    "azure-native:subscriptionId": "11111111-1111-1111-1111-111111111111",
    "ec2-to-azure:source": {"vpcId": "vpc-0123456789abcdef0"},
}
OTHER = "22222222-2222-2222-2222-222222222222"
REGISTERED = {
    "vpcId": "vpc-0123456789abcdef0",
    "replicationAppliance": {"registered": {"securityGroupId": "sg-0123456789abcdef0"}},
}


def rendered(account: str = "*", config: Mapping[str, Any] = CONFIG) -> dict[str, str]:
    own = rendering.names(PROJECT, "prod", {**CONFIG, **config}, account)
    files = (*rendering.POLICIES, *rendering.ROLES)
    return {name: json.dumps(rendering.rendered(name, own)) for name in files}


def test_no_placeholder_is_left() -> None:
    for name, text in rendered().items():
        assert "<" not in text, name
        assert "None" not in text, name


def test_the_stacks_names_are_in_it() -> None:
    files = rendered("123456789012")
    assert '"arn:aws:iam::123456789012:role/ec2-to-azure-prod-*"' in files["aws-server"]
    assert "arn:aws:ec2:eu-west-1:123456789012:vpc/vpc-0123456789abcdef0" in files["aws-server"]
    assert "parameter/ec2-to-azure-prod/*" in files["aws-agents"]
    role = json.loads(files["azure-change"])
    assert role["Name"] == "ec2-to-azure-prod change"
    assert role["AssignableScopes"] == ["/subscriptions/11111111-1111-1111-1111-111111111111"]


def test_without_an_account_the_policy_applies_to_any_account() -> None:
    assert "arn:aws:iam::*:role/ec2-to-azure-prod-*" in rendered()["aws-server"]


def test_a_group_of_another_server_is_there_only_with_such_a_server() -> None:
    sid = "ChangeTheRegisteredServersGroup"
    assert sid not in rendered()["aws-server"]
    own = rendered(config={"ec2-to-azure:source": REGISTERED})["aws-server"]
    assert sid in own
    assert "security-group/sg-0123456789abcdef0" in own
    classic = {"ec2-to-azure:source": REGISTERED, "ec2-to-azure:experience": "classic"}
    assert sid not in rendered(config=classic)["aws-server"]


def two_subscriptions(machines: str = OTHER) -> rendering.Names:
    target = {"ec2-to-azure:target": {"machinesSubscriptionId": machines}}
    return rendering.names(PROJECT, "prod", {**CONFIG, **target}, "*")


def test_each_of_two_subscriptions_has_roles_of_its_own() -> None:
    own = two_subscriptions()
    roles = {name: rendering.rendered(name, own) for name in own.roles}
    assert {name: role["AssignableScopes"] for name, role in roles.items()} == {
        "azure-read": ["/subscriptions/11111111-1111-1111-1111-111111111111"],
        "azure-change": ["/subscriptions/11111111-1111-1111-1111-111111111111"],
        "azure-machines-read": [f"/subscriptions/{OTHER}"],
        "azure-machines-change": [f"/subscriptions/{OTHER}"],
    }
    assert len({role["Name"] for role in roles.values()}) == 4
    assert own.reads == ("aws-read", "azure-read", "azure-machines-read")
    for name in rendering.ROLES:
        parts = [roles[each]["Actions"] for each in (name, name.replace("-", "-machines-"))]
        assert set().union(*parts) == set(rendering.document(name)["Actions"])
        assert not any(action.startswith("Microsoft.Compute/") for action in parts[0])
        assert not any(action.startswith("Microsoft.RecoveryServices/") for action in parts[1])
    change = roles["azure-machines-change"]["Actions"]
    assert "Microsoft.Compute/virtualMachines/write" in change
    assert "Microsoft.Resources/subscriptions/resourceGroups/delete" not in change


def test_a_machines_subscription_that_is_the_vaults_changes_nothing() -> None:
    own = two_subscriptions("11111111-1111-1111-1111-111111111111")
    assert own == rendering.names(PROJECT, "prod", CONFIG, "*")


def test_a_machines_subscription_has_to_be_an_id() -> None:
    with pytest.raises(rendering.RenderingError, match=r"target\.machinesSubscriptionId: 'apps'"):
        two_subscriptions("apps")


def test_everything_missing_is_reported_at_once_with_its_path() -> None:
    config = {"azure-native:subscriptionId": "<subscription id>", "ec2-to-azure:source": {}}
    with pytest.raises(rendering.RenderingError) as refused:
        rendered("12", config)
    assert str(refused.value).splitlines() == [
        "ACCOUNT: '12' is not a valid AWS account id. It has 12 digits.",
        "source.vpcId: is missing. Put the VPC id there.",
        "azure-native:subscriptionId: '<subscription id>' is not a valid subscription id. "
        "Put the subscription id there.",
    ]


def test_the_files_are_written_with_the_commands_that_make_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["--stack", "dev", "--directory", str(tmp_path / "out")]) == 0
    told = capsys.readouterr().out
    for name in rendering.POLICIES:
        path = tmp_path / "out" / f"{name}.json"
        assert json.loads(path.read_text("utf-8"))["Version"] == "2012-10-17"
        assert f"--policy-document file://{path}" in told
    for name in rendering.ROLES:
        assert f"az role definition create --role-definition {tmp_path / 'out' / name}.json" in told


def test_a_role_that_the_stack_does_not_need_any_more_leaves_no_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its machines were in another subscription than its vault once."""
    order = ["--stack", "dev", "--directory", str(tmp_path)]
    with monkeypatch.context() as before:
        before.setattr(rendering, "of_stack", lambda *_: two_subscriptions())
        assert command.main(order) == 0
    (tmp_path / "azure-machines-notes.json").write_text("{}")
    assert command.main(order) == 0
    left = {file.name for file in tmp_path.glob("azure-*")}
    assert left == {"azure-read.json", "azure-change.json", "azure-machines-notes.json"}
    told = capsys.readouterr().out
    assert f"Removed {tmp_path / 'azure-machines-change.json'}: " in told


@pytest.mark.parametrize("place", ["taken", "taken/below", "full"])
def test_a_directory_that_cannot_be_written_is_named_with_the_way_out(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").write_text("")
    (tmp_path / "full" / "aws-read.json").mkdir(parents=True)
    assert command.main(["--stack", "dev", "--directory", str(tmp_path / place)]) == 1
    told = capsys.readouterr()
    assert told.out == "", "no command that would find no file"
    [line] = told.err.splitlines()
    assert line.startswith(f"{tmp_path / place / 'aws-read.json'}: it cannot be written: ")
    assert "See that it is no folder, that you may write there" in line


@pytest.mark.parametrize(
    ("stack", "expected"),
    [
        ("staging", "Pulumi.staging.yaml lacks values that the files need:\n  - source.vpcId: "),
        (
            "nowhere",
            "Pulumi.nowhere.yaml does not exist. Name a stack that has such a file: STACK=prod",
        ),
    ],
)
def test_a_stack_that_lacks_something_writes_nothing(
    stack: str, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["--stack", stack, "--directory", str(tmp_path / "out")]) == 1
    assert expected in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_every_stack_on_local_clouds_can_be_rendered() -> None:
    for stack in ("dev", "dev-modernized"):
        assert rendering.of_stack(rendering.FOLDER.parent, stack).prefix == f"ec2-to-azure-{stack}"


FLEET = """
source:
  vpcId: vpc-0123456789abcdef0
  replicationAppliance: {registered: {securityGroupId: sg-0123456789abcdef0}}
target:
  machinesSubscriptionId: 22222222-2222-2222-2222-222222222222
"""
NAMES_A_FLEET = {
    "aws:region": "eu-west-1",
    "azure-native:subscriptionId": "11111111-1111-1111-1111-111111111111",
    "ec2-to-azure:fleetFile": "fleet.yaml",
    "ec2-to-azure:source": {"replicationAppliance": {"subnetId": "subnet-0123"}},
    "ec2-to-azure:target": {"vault": "rsv"},
}


def checkout(folder: Path, config: object, fleet: str | None = None) -> Path:
    """A folder with stack `prod`: its config, or the text of its whole file."""
    text = config if isinstance(config, str) else json.dumps({"config": config})
    (folder / "Pulumi.yaml").write_text(json.dumps(PROJECT), "utf-8")
    (folder / "Pulumi.prod.yaml").write_text(text, "latin-1")
    if fleet is not None:
        (folder / "fleet.yaml").write_text(fleet, "utf-8")
    return folder


def refused(folder: Path) -> str:
    with pytest.raises(rendering.RenderingError) as error:
        rendering.of_stack(folder, "prod")
    return str(error.value)


def test_what_a_fleet_file_declares_counts_as_the_stacks_own(tmp_path: Path) -> None:
    own = rendering.of_stack(checkout(tmp_path, NAMES_A_FLEET, FLEET), "prod")
    assert own.vpc == "vpc-0123456789abcdef0"
    assert own.server_group == "sg-0123456789abcdef0"
    assert own.machines_subscription == OTHER
    assert own.roles == (*rendering.ROLES, *rendering.MACHINES_ROLES)


def test_a_stack_differs_from_its_fleet_file_as_it_says(tmp_path: Path) -> None:
    differs = {"ec2-to-azure:source": {"vpcId": "vpc-00000000000000002"}}
    own = rendering.of_stack(checkout(tmp_path, NAMES_A_FLEET | differs, FLEET), "prod")
    assert own.vpc == "vpc-00000000000000002"


def test_a_fleet_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    said = refused(checkout(tmp_path, NAMES_A_FLEET))
    assert "fleetFile: 'fleet.yaml' cannot be read: No such file or directory" in said
    said = refused(checkout(tmp_path, NAMES_A_FLEET, "source: ["))
    assert "fleet.yaml: it is not YAML" in said
    said = refused(checkout(tmp_path, NAMES_A_FLEET, "sauce: {}"))
    assert "fleet.yaml: sauce: this key does not belong into a fleet file" in said


def test_a_wrong_value_is_told_where_it_stands(tmp_path: Path) -> None:
    fleet = FLEET.replace(OTHER, "apps")
    said = refused(checkout(tmp_path, NAMES_A_FLEET, fleet))
    assert "  - fleet.yaml: target.machinesSubscriptionId: 'apps' is not a valid" in said


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("config: {a: [}", "Pulumi.prod.yaml is not YAML: "),
        ("# f\u00fcr\n", "Pulumi.prod.yaml is not YAML: 'utf-8' codec"),
        ("- 1", "Pulumi.prod.yaml is not a mapping of keys to values. Correct it"),
        ("config: [1]", "Pulumi.prod.yaml has no mapping `config`. Correct it"),
        (
            "config: {'ec2-to-azure:source': text}",
            "source: 'text' is text, not a mapping of keys to values",
        ),
        (
            "config: {'ec2-to-azure:source': {replicationAppliance: [1]}}",
            "source.replicationAppliance: [1] is a list, not a mapping of keys to values",
        ),
    ],
)
def test_a_stack_file_that_is_wrong_is_named(text: str, expected: str, tmp_path: Path) -> None:
    assert expected in refused(checkout(tmp_path, text))


@pytest.mark.parametrize("region", sorted(regions.partitions()))
def test_every_region_of_aws_is_taken(region: str) -> None:
    own = rendering.names(PROJECT, "prod", {**CONFIG, "aws:region": region}, "*")
    assert own.partition == regions.partition_of(region)
