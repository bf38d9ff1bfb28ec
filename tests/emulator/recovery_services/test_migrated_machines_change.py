"""Virtual machines, disks and interfaces change by PUT and PATCH, as Azure lets them or refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from emulator.estate.machines import Disk
from emulator.kernel.wire import Response
from tests.emulator.recovery_services.site_recovery_support import GROUP, Site, windows

COMPUTE, DISK, NETWORK = "2024-11-01", "2024-03-02", "2024-05-01"
DISKS = f"{GROUP}/providers/Microsoft.Compute/disks"
SOURCE = windows(1, disks=(Disk("/dev/sda1", 30), Disk("/dev/sdb", 20)))


class Migrated:
    """A machine that failed over, with its disks and its interface."""

    def __init__(self) -> None:
        self.site = Site([SOURCE]).prepare()
        self.site.protect(SOURCE)
        self.site.finished(self.site.fail_over(SOURCE))
        self.site.pass_time(minutes=5)
        (machine,) = self.site.virtual_machines().values()
        self.id = str(machine["id"])

    def call(self, method: str, path: str, body: object = None, version: str = COMPUTE) -> Response:
        return self.site.call(method, path, body, version=version)

    def get(self, path: str = "", version: str = COMPUTE) -> Any:
        answer = self.call("GET", path or self.id, version=version)
        assert answer.status == 200, answer.body
        return answer.body

    def changed(self, method: str, path: str, body: object, version: str = COMPUTE) -> Any:
        """What a resource is after a change has ended."""
        answer = self.call(method, path, body, version)
        assert answer.status in (200, 201, 202), answer.body
        self.site.pass_time(minutes=2)
        found = self.get(path, version)
        assert found["properties"]["provisioningState"] == "Succeeded"
        return found

    def refused(self, method: str, path: str, body: object, version: str = COMPUTE) -> Any:
        answer = self.call(method, path, body, version)
        assert answer.status >= 400, answer.body
        return answer.status, answer.body["error"]["code"]

    @property
    def os_disk(self) -> str:
        return str(self.get()["properties"]["storageProfile"]["osDisk"]["managedDisk"]["id"])

    @property
    def data_disks(self) -> list[Any]:
        disks: list[Any] = self.get()["properties"]["storageProfile"]["dataDisks"]
        return disks

    @property
    def interface(self) -> str:
        (one,) = self.get()["properties"]["networkProfile"]["networkInterfaces"]
        return str(one["id"])

    def empty_disk(self, name: str = "more") -> str:
        body = {
            "location": "westeurope",
            "sku": {"name": "Premium_LRS"},
            "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 8},
        }
        return str(self.changed("PUT", f"{DISKS}/{name}", body, DISK)["id"])


@pytest.fixture(scope="module")
def made() -> Migrated:
    return Migrated()


@pytest.fixture
def machine(made: Migrated) -> Iterator[Migrated]:
    """The machine of the module, put back after each test."""
    before = made.get()
    yield made
    made.changed("PUT", made.id, before)


def test_what_is_read_can_be_written_back_and_changes_nothing(machine: Migrated) -> None:
    for path, version in (
        (machine.id, COMPUTE),
        (machine.os_disk, DISK),
        (machine.interface, NETWORK),
    ):
        before = machine.get(path, version)
        after = machine.changed("PUT", path, before, version)
        for changing in (before, after):
            changing.pop("etag", None)
            for one in changing["properties"].get("ipConfigurations", []):
                one.pop("etag")
        assert after == before


def test_tags_are_replaced_as_a_whole(machine: Migrated) -> None:
    for method in ("PUT", "PATCH"):
        body = {**machine.get(), "tags": {"owner": method}} if method == "PUT" else None
        body = body or {"tags": {"owner": method}}
        assert machine.changed(method, machine.id, body)["tags"] == {"owner": method}


def test_a_change_takes_a_while_and_is_shown_as_one(machine: Migrated) -> None:
    answer = machine.call("PATCH", machine.id, {"tags": {"a": "1"}})
    assert answer.status == 200
    assert answer.body["properties"]["provisioningState"] == "Updating"
    status = machine.site.get(answer.headers["Azure-AsyncOperation"])
    assert status["status"] == "InProgress"
    machine.site.pass_time(minutes=1)
    assert machine.site.get(answer.headers["Azure-AsyncOperation"])["status"] == "Succeeded"


def test_another_size_boots_a_running_machine_again(machine: Migrated) -> None:
    body = {"properties": {"hardwareProfile": {"vmSize": "Standard_D8s_v3"}}}
    answer = machine.call("PATCH", machine.id, body)
    assert answer.status == 200
    view = machine.get(f"{machine.id}/instanceView")
    assert view["statuses"][1]["code"] == "PowerState/starting"
    machine.site.pass_time(minutes=5)
    assert machine.get()["properties"]["hardwareProfile"]["vmSize"] == "Standard_D8s_v3"


def test_another_tag_does_not_boot_it(machine: Migrated) -> None:
    machine.call("PATCH", machine.id, {"tags": {"a": "2"}})
    view = machine.get(f"{machine.id}/instanceView")
    assert view["statuses"][1]["code"] == "PowerState/running"


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"hardwareProfile": {"vmSize": "Standard_Huge"}}, (400, "InvalidParameter")),
        ({"storageProfile": {"osDisk": {"osType": "Linux"}}}, (409, "PropertyChangeNotAllowed")),
        ({"storageProfile": {"osDisk": {"name": "x"}}}, (409, "PropertyChangeNotAllowed")),
        (
            {"networkProfile": {"networkInterfaces": [{"id": "/other"}]}},
            (409, "PropertyChangeNotAllowed"),
        ),
        ({"storageProfile": {"disk": {}}}, (400, "BadRequest")),
        ({"licenseType": 5}, (400, "BadRequest")),
    ],
)
def test_what_cannot_change_is_refused(
    machine: Migrated, properties: Any, expected: tuple[int, str]
) -> None:
    before = machine.get()
    assert machine.refused("PATCH", machine.id, {"properties": properties}) == expected
    assert machine.get() == before


def test_another_zone_or_region_is_refused(machine: Migrated) -> None:
    body = machine.get()
    assert machine.refused("PUT", machine.id, {**body, "zones": ["2"]}) == (
        409,
        "PropertyChangeNotAllowed",
    )
    moved = machine.refused("PUT", machine.id, {**body, "location": "northeurope"})
    assert moved == (409, "InvalidResourceLocation")


def test_a_machine_that_does_not_exist_is_not_made(machine: Migrated) -> None:
    body = machine.get()
    assert machine.refused("PUT", f"{machine.id}-new", body) == (501, "NotImplemented")
    assert machine.refused("PATCH", f"{machine.id}-new", {})[0] == 404


# -- disks ------------------------------------------------------------------------------------


def test_a_disk_is_made_attached_and_detached(machine: Migrated) -> None:
    disk = machine.empty_disk()
    held = machine.data_disks
    attached = {"lun": 7, "createOption": "Attach", "managedDisk": {"id": disk}}
    body = {"properties": {"storageProfile": {"dataDisks": [*held, attached]}}}

    machine.changed("PATCH", machine.id, body)

    assert [each["lun"] for each in machine.data_disks] == [0, 7]
    assert machine.data_disks[1]["diskSizeGB"] == 8
    found = machine.get(disk, DISK)
    assert (found["managedBy"], found["properties"]["diskState"]) == (machine.id, "Attached")

    machine.changed("PATCH", machine.id, {"properties": {"storageProfile": {"dataDisks": held}}})

    assert [each["lun"] for each in machine.data_disks] == [0]
    found = machine.get(disk, DISK)
    assert "managedBy" not in found
    assert found["properties"]["diskState"] == "Unattached"


def test_a_disk_of_another_machine_two_of_one_lun_and_too_many_are_refused(
    machine: Migrated,
) -> None:
    held = machine.data_disks

    def refused(*more: Any) -> Any:
        profile = {"storageProfile": {"dataDisks": [*held, *more]}}
        return machine.refused("PATCH", machine.id, {"properties": profile})

    own = {"lun": 3, "createOption": "Attach", "managedDisk": {"id": machine.os_disk}}
    assert refused(own) == (409, "ConflictingUserInput")
    gone = {"lun": 3, "createOption": "Attach", "managedDisk": {"id": f"{DISKS}/gone"}}
    assert refused(gone) == (404, "NotFound")
    assert refused({**gone, "lun": 0}) == (400, "InvalidParameter")
    assert refused(*({**gone, "lun": lun} for lun in range(1, 40))) == (409, "OperationNotAllowed")


def test_a_disk_grows_and_never_shrinks(machine: Migrated) -> None:
    disk = machine.empty_disk("grows")
    found = machine.changed("PATCH", disk, {"properties": {"diskSizeGB": 16}}, DISK)
    assert found["properties"]["diskSizeGB"] == 16
    less = {"properties": {"diskSizeGB": 15}}
    assert machine.refused("PATCH", disk, less, DISK) == (409, "OperationNotAllowed")


def test_the_kind_of_a_disk_changes_unless_a_machine_runs_on_it(machine: Migrated) -> None:
    body = {"sku": {"name": "StandardSSD_LRS"}}
    disk = machine.empty_disk("kind")
    assert machine.changed("PATCH", disk, body, DISK)["sku"]["name"] == "StandardSSD_LRS"
    now = machine.get(machine.os_disk, DISK)["sku"]["name"]
    other = {"sku": {"name": "Premium_LRS" if now != "Premium_LRS" else "Standard_LRS"}}
    refused = machine.refused("PATCH", machine.os_disk, other, DISK)
    assert refused == (409, "OperationNotAllowed")


def test_a_disk_needs_to_be_told_how_it_is_made(machine: Migrated) -> None:
    path, base = f"{DISKS}/odd", {"location": "westeurope"}
    for properties, expected in (
        ({}, (400, "InvalidParameter")),
        ({"creationData": {"createOption": "Empty"}}, (400, "InvalidParameter")),
        ({"creationData": {"createOption": "FromImage"}}, (501, "NotImplemented")),
        ({"creationData": {"createOption": "Dream"}}, (400, "BadRequest")),
    ):
        body = {**base, "properties": properties}
        assert machine.refused("PUT", path, body, DISK) == expected


# -- interfaces -------------------------------------------------------------------------------


def test_an_interface_keeps_its_machine_and_address_when_its_tags_change(
    machine: Migrated,
) -> None:
    before = machine.get(machine.interface, NETWORK)
    tagged = machine.changed("PUT", machine.interface, {**before, "tags": {"a": "1"}}, NETWORK)
    assert tagged["tags"] == {"a": "1"}
    assert tagged["properties"]["virtualMachine"] == {"id": machine.id}
    addresses = [
        one["properties"]["ipConfigurations"][0]["properties"]["privateIPAddress"]
        for one in (before, tagged)
    ]
    assert addresses[0] == addresses[1]
    answer = machine.call("PATCH", machine.interface, {"tags": {"b": "2"}}, NETWORK)
    assert answer.body["tags"] == {"b": "2"}


def test_a_security_group_is_set_and_then_in_use(machine: Migrated) -> None:
    rules = f"{GROUP}/providers/Microsoft.Network/networkSecurityGroups/nsg"
    machine.changed("PUT", rules, {"location": "westeurope"}, NETWORK)
    body = machine.get(machine.interface, NETWORK)
    body["properties"]["networkSecurityGroup"] = {"id": rules}

    found = machine.changed("PUT", machine.interface, body, NETWORK)

    assert found["properties"]["networkSecurityGroup"]["id"] == rules
    shown = machine.get(rules, NETWORK)["properties"]["networkInterfaces"]
    assert shown == [{"id": machine.interface}]
    in_use = (400, "InUseNetworkSecurityGroupCannotBeDeleted")
    assert machine.refused("DELETE", rules, None, NETWORK) == in_use

    body["properties"]["networkSecurityGroup"] = {"id": f"{rules}-none"}
    missing = machine.refused("PUT", machine.interface, body, NETWORK)
    assert missing == (400, "InvalidResourceReference")
