"""The files of a handover: what belongs to a machine, and how it is written as code."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from handover import parts, project, source
from handover.__main__ import main
from handover.importing import import_file
from handover.names import modules
from handover.parts import ADDRESS, DISK, INTERFACE, MACHINE, RULES, Found, Part
from report.record import StackRecord
from site_recovery.azure import clouds
from tests.report.fleets import item_resource, recorded, wave_resource

GROUP = "/subscriptions/1/resourceGroups/rg/providers"
NETWORK, COMPUTE = f"{GROUP}/Microsoft.Network", f"{GROUP}/Microsoft.Compute"
NSG = f"{NETWORK}/networkSecurityGroups/Web_Servers"


@pytest.fixture(autouse=True, scope="module")
def whole_sdk() -> Iterator[None]:
    """The SDK as a handover imports it: the program, in the same process, loads parts of it."""
    own = [name for name in sys.modules if name.partition(".")[0] == "pulumi_azure_native"]
    before = {name: sys.modules.pop(name) for name in own}
    yield
    for name in [one for one in sys.modules if one.partition(".")[0] == "pulumi_azure_native"]:
        del sys.modules[name]
    sys.modules.update(before)


def machine(name: str, *luns: int) -> dict[str, Any]:
    return {
        "id": f"{COMPUTE}/virtualMachines/{name}",
        "properties": {
            "networkProfile": {
                "networkInterfaces": [{"id": f"{NETWORK}/networkInterfaces/{name}"}]
            },
            "storageProfile": {
                "osDisk": {
                    "osType": "Windows",
                    "managedDisk": {"id": f"{COMPUTE}/disks/{name}-os"},
                },
                "dataDisks": [
                    {"lun": lun, "managedDisk": {"id": f"{COMPUTE}/disks/{name}-{lun}"}}
                    for lun in luns
                ],
            },
        },
    }


def interface(name: str) -> dict[str, Any]:
    address = {"id": f"{NETWORK}/publicIPAddresses/{name}"}
    return {
        "properties": {
            "networkSecurityGroup": {"id": NSG},
            "ipConfigurations": [{"properties": {"publicIPAddress": address}}],
        }
    }


def of(*names: str, networks: bool = True) -> tuple[Part, ...]:
    """The parts of machines with two data disks, a security group that all share, and an address."""
    found: dict[str, Part] = {}
    for name in names:
        for part in parts._parts(name, machine(name, 0, 3), [interface(name)], networks=networks):
            found.setdefault(part.id.lower(), part)
    return tuple(found.values())


def stack() -> StackRecord:
    names = ["web-01", "web-02", "web-03"]
    return recorded(
        wave_resource("web", "migrated", names),
        item_resource("web-01", "migrated", azure_vm_id=f"{COMPUTE}/virtualMachines/web-01"),
        item_resource("web-02", "failed-over", azure_vm_id=f"{COMPUTE}/virtualMachines/web-02"),
    )


def test_only_what_is_migrated_is_handed_over() -> None:
    assert parts.migrated(stack()) == {"web-01": f"{COMPUTE}/virtualMachines/web-01"}


def test_what_others_need_stands_before_them() -> None:
    assert [(part.name, part.type) for part in of("web-01")] == [
        ("web-servers", RULES),
        ("web-01-address-0-0", ADDRESS),
        ("web-01-interface-0", INTERFACE),
        ("web-01-os-disk", DISK),
        ("web-01-data-disk-0", DISK),
        ("web-01-data-disk-3", DISK),
        ("web-01", MACHINE),
    ]


def test_without_networks_security_groups_and_addresses_are_left_alone() -> None:
    assert {part.type for part in of("web-01", networks=False)} == {INTERFACE, DISK, MACHINE}


def test_a_security_group_of_many_machines_is_one_resource_of_none() -> None:
    rules = [part for part in of("web-01", "web-02") if part.type == RULES]
    assert [(part.name, part.machine) for part in rules] == [("web-servers", "")]


def test_an_import_file_names_each_resource_once_with_the_plugins_version() -> None:
    listed = import_file(of("web-01", "web-02"))["resources"]
    names = [entry["name"] for entry in listed]
    assert len(names) == len(set(names)) == 13
    assert all(set(entry) == {"type", "name", "id", "version"} for entry in listed)


def group(name: str, resource_group: str = "rg") -> Part:
    """A security group as it is named at first: by its own name alone."""
    place = f"/subscriptions/1/resourceGroups/{resource_group}/providers/Microsoft.Network"
    return Part(name, RULES, f"{place}/networkSecurityGroups/{name}")


def test_security_groups_of_one_name_are_told_apart_by_their_resource_groups() -> None:
    listed = parts.named_apart([group("default", "rg-a"), group("default", "RG_B"), group("web")])
    assert [part.name for part in listed] == ["default-rg-a", "default-rg-b", "web"]


def test_a_security_group_called_like_a_machine_leaves_it_its_name() -> None:
    listed = parts.named_apart([group("web-01"), *of("web-01", networks=False)])
    assert [part.name for part in listed if part.type == MACHINE] == ["web-01"]
    assert [part.name for part in listed if part.type == RULES] == ["web-01-rg"]


def test_no_two_resources_have_one_name_whatever_they_are_called() -> None:
    groups = [
        group("a", "b-c"),
        group("a", "x"),
        group("a-b", "c"),
        group("a-b", "y"),
        group("a-x"),
    ]
    listed = parts.named_apart([*groups, *of("a", "a-b-c", networks=False)])
    names = [part.name for part in listed]
    assert len(names) == len(set(names)), names


@pytest.mark.parametrize("kind", [RULES, ADDRESS, INTERFACE, DISK, MACHINE])
def test_every_resource_is_declared_in_its_resource_group(kind: str) -> None:
    inputs = {"resourceGroupName": "rg", "location": "westeurope"}
    text = source.declaration("one", kind, "one", inputs, {})
    assert 'resource_group_name="rg"' in text
    assert 'location="westeurope"' in text


# -- the project -------------------------------------------------------------------------------


def inputs(listed: tuple[Part, ...]) -> dict[str, dict[str, Any]]:
    made: dict[str, dict[str, Any]] = {}
    for part in listed:
        made[part.id] = {"resourceGroupName": "rg", "tags": {"dataDisks": "stays as it is"}}
        if part.type == MACHINE:
            disk = {"createOption": "Attach", "managedDisk": {"id": f"{COMPUTE}/DISKS/web-01-os"}}
            made[part.id]["storageProfile"] = {"osDisk": disk, "dataDisks": [{"diskSizeGB": 8.0}]}
        if part.type == INTERFACE:
            made[part.id]["networkSecurityGroup"] = {"id": NSG}
    return made


def files(*names: str) -> dict[str, str]:
    listed = of(*names)
    files_of = modules(part.machine for part in listed)
    config = {"azure-native:subscriptionId": "1"}
    return project.files("dev", listed, inputs(listed), config, files_of, {})


def test_every_file_of_python_can_be_compiled() -> None:
    made = files("web-01", "class", "shared", "1st", "web.01")
    for path, text in made.items():
        if path.endswith(".py"):
            ast.parse(text, path)
    modules = sorted(path for path in made if path.startswith("machines/"))
    assert modules == [
        "machines/__init__.py",
        "machines/machine_1st.py",
        "machines/machine_class.py",
        "machines/machine_shared.py",
        "machines/shared.py",
        "machines/web_01.py",
        "machines/web_01_.py",
    ]
    imported = [line.split()[1] for line in made["__main__.py"].splitlines() if "import" in line]
    assert imported == [
        f"machines.{path.split('/')[1][:-3]}" for path in modules if "__init__" not in path
    ]


def test_a_security_group_may_be_called_like_anything_that_a_module_means() -> None:
    odd = ["network", "pulumi", "machines", "list", "class", "machine-class", "None", "default"]
    listed = tuple(group(name) for name in odd)
    made = project.files("dev", listed, inputs(listed), {}, modules([""]), {})["machines/shared.py"]
    tree = ast.parse(made)
    assigned = [
        target.id
        for statement in tree.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    ]
    assert len(set(assigned)) == len(odd), assigned
    assert {"network", "pulumi", "machines", "list"}.isdisjoint(assigned)
    assert "network_ = network.NetworkSecurityGroup(" in made


def test_a_machine_refers_to_what_it_uses_and_not_to_its_text() -> None:
    text = files("web-01")["machines/web_01.py"]
    assert '"managed_disk": {"id": os_disk.id}' in text
    assert 'network_security_group={"id": shared.web_servers.id}' in text
    assert "from machines import shared" in text
    assert text.count("protect=True") == 6


def test_names_are_those_of_the_sdk_and_tags_stay_as_they_are() -> None:
    text = files("web-01")["machines/web_01.py"]
    assert '"data_disks": [{"disk_size_gb": 8}]' in text
    assert 'tags={"dataDisks": "stays as it is"}' in text


@pytest.mark.parametrize(
    "value",
    [
        {"a": [1, {"b": None}], "c": 'it\'s "quoted"\n'},
        ["x" * 40, "y" * 40, {"z": "w" * 60}],
        {},
        [],
        {"long": {"nested": ["v" * 50, "u" * 50], "more": True}},
    ],
)
def test_a_value_is_written_as_python_reads_it(value: Any) -> None:
    assert ast.literal_eval(source.rendered(value)) == value


def test_a_long_value_has_one_entry_a_line() -> None:
    text = source.rendered({"first": "x" * 60, "second": "y" * 60})
    assert text.splitlines()[0] == "{"
    assert max(map(len, text.splitlines())) <= 100


# -- the command -------------------------------------------------------------------------------


def test_a_folder_with_other_files_is_left_alone(
    tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    assert main(["--stack", "dev", "--output", str(tmp_path)]) == 1
    assert "has files that no handover wrote" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_stack_that_migrated_nothing_has_nothing_to_hand_over(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    exported = {"resources": [wave_resource("web", "protected", ["web-01"])]}
    monkeypatch.setattr("report.engine.exported", lambda stack: exported)
    assert main(["--stack", "dev", "--output", str(tmp_path / "new")]) == 0
    assert "has migrated no machine yet" in capsys.readouterr().out
    assert not (tmp_path / "new").exists()


@pytest.fixture
def migrated(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """A stack that migrated a machine; the configs with which the provider is asked about it."""
    listed = of("web-01")
    asked: list[dict[str, str]] = []

    async def find(*_: object, **__: object) -> Found:
        return Found(listed, ())

    def imported(_: object, config: dict[str, str]) -> dict[str, dict[str, Any]]:
        asked.append(config)
        return inputs(listed)

    for name in clouds.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("report.engine.exported", lambda _: {})
    record = stack()
    monkeypatch.setattr("report.record.read", lambda *_: record)
    monkeypatch.setattr("handover.parts.find", find)
    monkeypatch.setattr("handover.importing.imported", imported)
    return asked


def test_a_second_handover_keeps_what_others_wrote_into_the_file_of_the_stack(
    tmp_path: Path, migrated: list[dict[str, str]]
) -> None:
    command = ["--stack", "dev", "--output", str(tmp_path / "new")]
    file = tmp_path / "new" / "Pulumi.dev.yaml"
    assert main(command) == 0
    ours = {"azure-native:subscriptionId": "1", "azure-native:environment": "china"}
    theirs = {"migrated-machines:team": {"secure": "v1:abc"}}
    written = {"encryptionsalt": "v1:salt", "config": {**ours, **theirs}}
    file.write_text(yaml.safe_dump(written), "utf-8")
    assert main(command) == 0
    assert yaml.safe_load(file.read_text("utf-8")) == {
        "encryptionsalt": "v1:salt",
        "config": {"azure-native:subscriptionId": "1", **theirs},
    }


@pytest.mark.parametrize("content", [b"encryptionsalt: [", b"- v1", b"config: v1", b"# f\xfcr"])
def test_a_file_of_the_stack_that_cannot_be_read_is_named_and_kept(
    content: bytes,
    tmp_path: Path,
    migrated: list[dict[str, str]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "import.json").write_text("{}", "utf-8")
    (tmp_path / "Pulumi.dev.yaml").write_bytes(content)
    assert main(["--stack", "dev", "--output", str(tmp_path)]) == 1
    assert f"error: {tmp_path / 'Pulumi.dev.yaml'}: it is not as Pulumi" in capsys.readouterr().err
    assert (tmp_path / "Pulumi.dev.yaml").read_bytes() == content
    assert migrated == []


@pytest.mark.parametrize("cloud", ["", "usgovernment"])
def test_the_project_is_of_the_subscription_and_the_cloud_of_the_machines(
    cloud: str,
    tmp_path: Path,
    migrated: list[dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if cloud:
        monkeypatch.setenv(clouds.VARIABLES[0], cloud)
    assert main(["--stack", "dev", "--output", str(tmp_path / "new")]) == 0

    expected = {"azure-native:subscriptionId": "1"}
    if cloud:
        expected["azure-native:environment"] = cloud
    assert migrated == [expected]
    written = yaml.safe_load((tmp_path / "new" / "Pulumi.dev.yaml").read_text("utf-8"))
    assert written == {"config": expected}
