"""Updates of an item's target, checked on the virtual machine that a failover creates."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.recovery_services.site_recovery_support import BOTH, Classic, Site, windows

WEB = windows(1)
ADDRESS = "10.20.1.77"


@pytest.fixture(params=BOTH, ids=lambda experience: experience.name)
def site(request: pytest.FixtureRequest) -> Site:
    chosen: Classic = request.param
    made = Site([WEB, windows(2)], experience=chosen).prepare()
    made.protect(WEB)
    return made


def interface(site: Site) -> dict[str, Any]:
    details = site.get(site.item(WEB))["properties"]["providerSpecificDetails"]
    found: dict[str, Any] = details["vmNics"][0]
    return found


def update(site: Site, nic: str | None = None, **address: str) -> dict[str, Any]:
    """A body that gives the interface a static address."""
    return site.experience.addressed(nic or interface(site)["nicId"], **address)


def address(site: Site, name: str) -> dict[str, Any]:
    machine = site.virtual_machines()[name]
    (nic,) = machine["properties"]["networkProfile"]["networkInterfaces"]
    found: dict[str, Any] = site.get(f"{nic['id']}?api-version=2024-05-01")["properties"][
        "ipConfigurations"
    ][0]["properties"]
    return found


def test_a_failover_makes_the_interface_with_the_address_that_an_update_named(site: Site) -> None:
    body = update(site, production=ADDRESS)
    assert site.finished(site.accepted("PATCH", site.item(WEB), body))["state"] == "Succeeded"
    site.finished(site.fail_over(WEB))
    found = address(site, "web-01")
    assert found["privateIPAddress"] == ADDRESS
    assert found["privateIPAllocationMethod"] == "Static"


def test_the_item_tells_the_address(site: Site) -> None:
    before = interface(site)
    site.finished(site.accepted("PATCH", site.item(WEB), update(site, production=ADDRESS)))
    assert site.experience.address_of(before) == ("", "Dynamic")
    assert site.experience.address_of(interface(site)) == (ADDRESS, "Static")


def test_a_test_failover_has_an_address_of_its_own(site: Site) -> None:
    site.finished(site.accepted("PATCH", site.item(WEB), update(site, production=ADDRESS)))
    site.finished(site.post(WEB, "testFailover", site.experience.test_failover()))
    assert address(site, "web-01-test")["privateIPAllocationMethod"] == "Dynamic"


@pytest.mark.parametrize("wrong", ["10.9.0.4", "10.20.1.1", "10.20.1.255"])
def test_a_failover_to_an_address_that_the_subnet_has_not_fails(site: Site, wrong: str) -> None:
    site.finished(site.accepted("PATCH", site.item(WEB), update(site, production=wrong)))
    job = site.finished(site.fail_over(WEB))
    assert job["state"] == "Failed"
    assert wrong in str(job["errors"])
    assert "web-01" not in site.virtual_machines()


def test_a_failover_to_an_address_that_is_in_use_fails(site: Site) -> None:
    other = windows(2)
    site.protect(other)
    site.finished(site.fail_over(other))
    taken = address(site, "web-02")["privateIPAddress"]
    site.finished(site.accepted("PATCH", site.item(WEB), update(site, production=taken)))
    job = site.finished(site.fail_over(WEB))
    assert job["state"] == "Failed"
    assert "PrivateIPAddressIsAllocated" in str(job["errors"])


def test_an_address_that_is_none_is_refused(site: Site) -> None:
    status, code, message = site.refused(
        "PATCH", site.item(WEB), update(site, production="10.20.1")
    )
    assert (status, code) == (400, "InvalidParameter")
    assert "'10.20.1' is not an IPv4 address" in message


def test_an_interface_that_the_machine_has_not_is_refused(site: Site) -> None:
    body = update(site, nic="06:00:00:00:00:00", production=ADDRESS)
    assert site.refused("PATCH", site.item(WEB), body)[0] == 400
