from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import settings
from inventory import names, waves
from inventory.config_file import STACK_LETTERS, StackFileError, stack_of
from inventory.dependencies import Candidate
from inventory.names import one_line
from inventory.stack_file import NewMachine, StackFile
from inventory.waves import Conditions, Wave
from tests.inventory.fleets import ACCOUNT, REGION, VPC, instance_id

ROOT = Path(__file__).parents[2]


def new() -> StackFile:
    return StackFile.new("shop", vpc_id=VPC, vpc="shop", account=ACCOUNT, region=REGION)


@pytest.mark.parametrize("stack", ["dev", "dev-modernized", "staging", "prod"])
def test_a_file_that_is_not_changed_stays_as_it_is_to_the_letter(stack: str) -> None:
    text = (ROOT / f"Pulumi.{stack}.yaml").read_text("utf-8")
    assert StackFile(stack, text).text() == text


def test_what_a_person_wrote_stays_where_machines_and_waves_are_added() -> None:
    text = (ROOT / "Pulumi.dev.yaml").read_text("utf-8")
    file = StackFile("dev", text)

    file.add_machines([NewMachine("new-01", instance_id(1), ("found today",))])
    file.add_waves([Wave("later", ("new-01",), "their tag Wave is later")])

    before, after = text.splitlines(), file.text().splitlines()
    assert [line for line in after if line not in before] == [
        "    # found today",
        f"    new-01: {{instanceId: {instance_id(1)}}}",
        "    # their tag Wave is later",
        "    later:",
        "      machines: [new-01]",
    ]
    assert [line for line in before if line not in after] == []


def test_a_new_file_lacks_nothing_but_the_values_of_its_owner() -> None:
    file = new()
    tags = (
        "x" * 250,
        "x" * 250,
        "yes",
        "007",
        "Windows-Login-Microsoft",
        "Größe 😀 {a: b}",
        " ",
        "db",
        "db-test",
    )
    given = names.named([(instance_id(n), tag) for n, tag in enumerate(tags, 1)], ())
    file.add_machines(NewMachine(name.text, own) for own, name in given.items())
    first, *rest = (name.text for name in given.values())
    file.add_waves([Wave("pilot", (first, *rest), "", ((first,), tuple(rest)))])

    config = yaml.safe_load(file.text())["config"]
    read = settings.read({key.removeprefix("ec2-to-azure:"): part for key, part in config.items()})

    wrong = {problem.path for problem in read.problems}
    assert wrong - {"azure-native:location"} == {
        "azure-native:subscriptionId",
        "source.replicationAppliance.subnetId",
        "target.cacheStorageAccount",
        "target.network.addressSpace",
        "target.network.subnet.addressPrefix",
        "target.testNetwork.addressSpace",
        "target.testNetwork.subnet.addressPrefix",
    }


NASTY = 'shop # "x"\nconfig:\n  aws:region: us-east-1\u2028\t{a: b} ' + "y" * 300


def test_no_tag_of_aws_changes_more_than_a_comment() -> None:
    file = StackFile.new("shop", vpc_id=VPC, vpc=NASTY, account=ACCOUNT, region=REGION)
    machine = Candidate("web-01", {"Application": NASTY, "Environment": NASTY})
    file.add_machines(
        [NewMachine("web-01", instance_id(1), (f"named so, because: {one_line(NASTY)}",))]
    )
    for conditions in (Conditions(), Conditions(wave_tag="Application")):
        file.add_waves(waves.propose([machine], conditions))
    plain = new()
    plain.add_machines([NewMachine("web-01", instance_id(1))])

    config = yaml.safe_load(file.text())["config"]
    added = config.pop("ec2-to-azure:waves")
    expected = yaml.safe_load(plain.text())["config"]
    del expected["ec2-to-azure:waves"]
    assert config == expected
    assert [wave["machines"] for wave in added.values()] == [["web-01"]] * len(added)
    assert max(map(len, file.text().splitlines())) < 130


def test_the_names_of_a_new_stack_fit_into_azure() -> None:
    longest = "s" * STACK_LETTERS
    file = StackFile.new(longest, vpc_id=VPC, vpc="shop", account=ACCOUNT, region=REGION)
    target = yaml.safe_load(file.text())["config"]["ec2-to-azure:target"]
    assert len(target["vault"]) == 50
    assert len(target["testNetwork"]["name"]) <= 64


def test_a_wave_is_the_same_in_any_case() -> None:
    file = new()
    file.add_waves([Wave("Pilot", ("a",), "")])
    assert file.add_waves([Wave("pilot", ("b",), "")]) == []
    assert file.wave_of("b") == "Pilot"


def test_a_machine_that_moves_leaves_its_wave_and_its_group() -> None:
    file = new()
    file.add_machines(NewMachine(name, instance_id(n)) for n, name in enumerate("abc"))
    file.add_waves([Wave("one", ("a", "b", "c"), "", (("a",), ("b", "c")))])

    file.move("a", "two")
    file.tidy("one", {})

    assert file.wave_of("a") == "two"
    assert yaml.safe_load(file.text())["config"]["ec2-to-azure:waves"] == {
        "one": {"phase": "protected", "machines": ["b", "c"]},
        "two": {"phase": "protected", "machines": ["a"]},
    }


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("config: [", "is not YAML"),
        ("encryptionsalt: v1\nconfig: none", "has no config"),
        ("", "has no config"),
        ("config: {a: 2020-13-45}", "is not YAML: month must be .*\\nCorrect it"),
        ("config: {'ec2-to-azure:waves': [a]}", "ec2-to-azure:waves is not a mapping. Correct it"),
        ("config: {'ec2-to-azure:source': a}", "ec2-to-azure:source is not a mapping"),
        ("config: {'ec2-to-azure:waves': {a: b}}", "ec2-to-azure:waves.a is not a mapping"),
        ("config: {'ec2-to-azure:waves': {a: {machines: b}}}", "waves.a.machines is not a list"),
        ("config: {'ec2-to-azure:waves': {a: {recoveryPlan: b}}}", "a.recoveryPlan is not a map"),
        ("config: {'ec2-to-azure:machines': {a: {target: b}}}", "machines.a.target is not a map"),
        (
            "config: {'ec2-to-azure:machines': {1: {target: {tags: b}}}}",
            "machines.1.target.tags is",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_named(text: str, what: str) -> None:
    with pytest.raises(StackFileError, match=rf"(?s)Pulumi\.prod\.yaml.*{what}"):
        StackFile("prod", text)


def test_what_is_empty_can_be_extended() -> None:
    text = f"""\
config:
  ec2-to-azure:machines:
    web: {{instanceId: {instance_id(1)}, target: }}
    api: {{instanceId: {instance_id(2)}, target: {{tags: }}}}
  ec2-to-azure:waves:
    one:
    two: {{phase: protected, recoveryPlan: }}
    three: {{phase: protected, machines: , recoveryPlan: {{groups: }}}}
"""
    file = StackFile("shop", text)
    for wave in ("one", "two", "three"):
        for machine in ("web", "api"):
            file.move(machine, wave)
            file.set_target(machine, {"vmSize": wave}, {"owner": "ann"})
            assert file.target_of(machine) == ({"vmSize": wave}, {"owner": "ann"})
        file.tidy(wave, {"api": 1, "web": 2})
        assert (file.order_of("api"), file.order_of("web")) == (1, 2)


def test_only_files_of_stacks_are_stack_files() -> None:
    assert stack_of("Pulumi.prod.eu.yaml") == "prod.eu"
    assert stack_of("Pulumi.yaml") is None


@pytest.mark.parametrize("config", ["", "config:\n", "config: {}\n"])
def test_a_file_with_secrets_and_no_config_is_begun_and_keeps_them(config: str) -> None:
    text = f"# mine\nencryptionsalt: v1:abc=:v1:d+e/f= # do not lose it\n{config}"
    file = StackFile("shop", text)
    assert file.blank
    assert file.text() == text
    file.begin(vpc_id=VPC, vpc="shop", account=ACCOUNT, region=REGION)
    file.add_machines([NewMachine("web", instance_id(1))])

    assert text.removesuffix(config) in file.text()
    read, made = yaml.safe_load(file.text()), new()
    made.add_machines([NewMachine("web", instance_id(1))])
    assert read == {"encryptionsalt": "v1:abc=:v1:d+e/f=", **yaml.safe_load(made.text())}
    assert not StackFile("shop", file.text()).blank


def test_a_file_with_line_ends_of_windows_keeps_them_and_gets_them() -> None:
    text = (ROOT / "Pulumi.dev.yaml").read_text("utf-8")
    unix, windows = StackFile("dev", text), StackFile("dev", text.replace("\n", "\r\n"))
    for file in (unix, windows):
        file.add_machines([NewMachine("new-01", instance_id(1), ("found today",))])
        file.add_waves([Wave("later", ("new-01",), "their tag Wave is later")])
    assert windows.text() == unix.text().replace("\n", "\r\n")


def test_a_file_with_line_ends_of_both_kinds_keeps_each() -> None:
    text = new().text().replace("\n", "\r\n", 9)
    file = StackFile("shop", text)
    file.add_machines([NewMachine("new-01", instance_id(1))])
    assert file.text().startswith(text[: text.index("  ec2-to-azure:machines")])
