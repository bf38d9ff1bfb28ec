"""Network interfaces get the addresses that Azure would give them, or are refused as Azure does."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.conftest import GROUP, Arm
from tests.emulator.recovery_services.site_recovery_support import Site, windows

NETWORK = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet"
SUBNET = f"{NETWORK}/subnets/small"
CHECK = f"{NETWORK}/CheckIPAddressAvailability?api-version=2024-05-01&ipAddress="


@pytest.fixture
def small(arm: Arm, group: str) -> Arm:
    """A network whose one subnet, 10.20.1.0/29, has three addresses for machines."""
    subnet = {"name": "small", "properties": {"addressPrefix": "10.20.1.0/29"}}
    space = {"addressSpace": {"addressPrefixes": ["10.20.0.0/16"]}, "subnets": [subnet]}
    arm.put(NETWORK, {"location": "westeurope", "properties": space})
    return arm


def body(address: str | None = None, subnet: str = SUBNET) -> dict[str, Any]:
    own = {"privateIPAddress": address, "privateIPAllocationMethod": "Static"} if address else {}
    configuration = {"name": "one", "properties": {"subnet": {"id": subnet}, **own}}
    return {"location": "westeurope", "properties": {"ipConfigurations": [configuration]}}


def path(name: str) -> str:
    return f"{GROUP}/providers/Microsoft.Network/networkInterfaces/{name}"


def given(arm: Arm, name: str, address: str | None = None) -> str:
    answer = arm.put(path(name), body(address))
    (configuration,) = answer.body["properties"]["ipConfigurations"]
    return str(configuration["properties"]["privateIPAddress"])


def test_each_gets_the_lowest_free_address(small: Arm) -> None:
    assert given(small, "a", "10.20.1.5") == "10.20.1.5"
    assert [given(small, "b"), given(small, "c")] == ["10.20.1.4", "10.20.1.6"]


def test_a_full_subnet_gives_none(small: Arm) -> None:
    for name in ("a", "b", "c"):
        given(small, name)
    assert small.refused("PUT", path("d"), body()) == (400, "SubnetIsFull")


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("10.20.1.3", "PrivateIPAddressInReservedRange"),
        ("10.20.1.7", "PrivateIPAddressInReservedRange"),
        ("10.20.2.4", "PrivateIPAddressNotInSubnet"),
        ("10.20.1.4", "PrivateIPAddressIsAllocated"),
    ],
)
def test_an_address_that_it_cannot_have_is_refused(small: Arm, address: str, code: str) -> None:
    given(small, "a")
    assert small.refused("PUT", path("b"), body(address)) == (400, code)


def test_it_keeps_its_address_when_it_is_sent_again(small: Arm) -> None:
    given(small, "a", "10.20.1.4")
    assert given(small, "a", "10.20.1.4") == "10.20.1.4"


def test_a_network_tells_the_addresses_only_if_it_is_asked_to(small: Arm) -> None:
    given(small, "a")
    (plain,) = small.get(NETWORK)["properties"]["subnets"]
    assert set(plain["properties"]["ipConfigurations"][0]) == {"id"}
    asked = f"{NETWORK}?api-version=2024-05-01&$expand=subnets/ipConfigurations"
    (full,) = small.get(asked)["properties"]["subnets"]
    assert full["properties"]["ipConfigurations"][0]["properties"]["privateIPAddress"] == (
        "10.20.1.4"
    )
    assert small.refused("GET", asked.replace("subnets/", "")) == (400, "InvalidExpand")


@pytest.mark.parametrize(
    ("address", "available", "kept", "others"),
    [
        ("10.20.1.5", True, False, []),
        ("10.20.1.4", False, False, ["10.20.1.5", "10.20.1.6"]),
        ("10.20.1.0", False, True, ["10.20.1.5", "10.20.1.6"]),
    ],
)
def test_a_network_tells_whether_an_address_is_free(
    small: Arm, address: str, available: bool, kept: bool, others: list[str]
) -> None:
    given(small, "a")
    assert small.get(f"{CHECK}{address}") == {
        "available": available,
        "availableIPAddresses": others,
        "isPlatformReserved": kept,
    }


@pytest.mark.parametrize("wrong", ["10.21.0.4", "x", ""])
def test_an_address_of_no_subnet_is_refused(small: Arm, wrong: str) -> None:
    assert small.refused("GET", f"{CHECK}{wrong}")[0] == 400


def test_a_failover_tells_why_there_is_no_address() -> None:
    web = windows(1)
    site = Site([web]).prepare()
    site.protect(web)
    nic = site.get(site.item(web))["properties"]["providerSpecificDetails"]["vmNics"][0]["nicId"]
    update = site.experience.addressed(nic, production="10.20.1.2")
    site.finished(site.accepted("PATCH", site.item(web), update))
    job = site.finished(site.fail_over(web))
    assert "PrivateIPAddressInReservedRange" in str(job["errors"])


# -- public addresses ----------------------------------------------------------------------------

PUBLIC = f"{GROUP}/providers/Microsoft.Network/publicIPAddresses/front"
STANDARD = {"sku": {"name": "Standard"}, "properties": {"publicIPAllocationMethod": "Static"}}


def with_public(address: str) -> dict[str, Any]:
    asked = body()
    asked["properties"]["ipConfigurations"][0]["properties"]["publicIPAddress"] = {"id": address}
    return asked


def test_a_public_address_shows_the_interface_that_has_it_and_stays_as_long_as_it_does(
    small: Arm,
) -> None:
    made = small.put(PUBLIC, {"location": "westeurope", **STANDARD}).body
    assert made["properties"]["ipAddress"].startswith("198.51.100.")
    assert "ipConfiguration" not in made["properties"]

    (configuration,) = small.put(path("a"), with_public(PUBLIC)).body["properties"][
        "ipConfigurations"
    ]

    assert configuration["properties"]["publicIPAddress"]["id"] == made["id"]
    shown = small.get(PUBLIC)["properties"]
    assert shown["ipConfiguration"] == {"id": configuration["id"]}
    assert small.refused("DELETE", PUBLIC) == (400, "PublicIPAddressCannotBeDeleted")
    small.put(path("a"), body())
    assert "ipConfiguration" not in small.get(PUBLIC)["properties"]


def test_an_interface_gets_no_public_address_that_does_not_exist(small: Arm) -> None:
    answer = small.refused("PUT", path("a"), with_public(PUBLIC))
    assert answer == (400, "InvalidResourceReference")


def test_a_standard_address_is_static(small: Arm) -> None:
    asked = {"location": "westeurope", "sku": {"name": "Standard"}}
    refused = small.refused("PUT", PUBLIC, asked)
    assert refused == (400, "StandardSkuPublicIPAddressesMustBeStatic")
