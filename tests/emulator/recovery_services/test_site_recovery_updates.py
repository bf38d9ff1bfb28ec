"""Updates of an item's target, checked on the virtual machine that a failover creates."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.recovery_services.site_recovery_support import (
    BOTH,
    CLASSIC,
    NETWORK,
    Classic,
    Site,
    windows,
)

WEB = windows(1)
ADDRESS = "10.20.1.77"


FURTHER = ("10.10.5.11", "10.10.6.11", "10.10.7.11", "10.10.8.11")


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


def update(site: Site, nic: str | None = None, *, production: str) -> dict[str, Any]:
    """A body that gives the interface a static address."""
    return site.experience.addressed(nic or interface(site)["nicId"], production)


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


class TestAMachineWithSeveralInterfaces:
    @pytest.fixture
    def many(self, experience: Classic) -> Site:
        made = Site([WEB], experience=experience, further={WEB.name: FURTHER}).prepare()
        made.protect(WEB)
        return made

    @pytest.fixture(params=BOTH, ids=lambda experience: experience.name)
    def experience(self, request: pytest.FixtureRequest) -> Classic:
        chosen: Classic = request.param
        return chosen

    def shown(self, site: Site) -> list[dict[str, Any]]:
        details = site.get(site.item(WEB))["properties"]["providerSpecificDetails"]
        found: list[dict[str, Any]] = details["vmNics"]
        return found

    def made(self, site: Site, name: str = "web-01") -> list[dict[str, Any]]:
        profile = site.virtual_machines()[name]["properties"]["networkProfile"]
        return [
            site.get(f"{nic['id']}?api-version=2024-05-01")["properties"]
            for nic in profile["networkInterfaces"]
        ]

    def change(self, site: Site, nic: dict[str, Any], **said: Any) -> None:
        body = site.experience.addressed(nic["nicId"], **said)
        assert site.finished(site.accepted("PATCH", site.item(WEB), body))["state"] == "Succeeded"

    def resized(self, site: Site, size: str) -> None:
        body = site.experience.update("web-01", size, {})
        site.finished(site.accepted("PATCH", site.item(WEB), body))

    def test_shows_each_with_its_hardware_address(self, many: Site) -> None:
        ids = [nic["nicId"] for nic in self.shown(many)]
        assert len(set(ids)) == 5
        known = many.estate.network().interfaces_of(WEB.id)
        assert [each.lower() for each in ids] == [one.mac for one in known]

    def test_has_as_many_in_azure_as_its_size_takes(self, many: Site) -> None:
        self.resized(many, "Standard_D8s_v5")
        many.finished(many.fail_over(WEB))
        made = self.made(many)
        assert [one["primary"] for one in made] == [True, False, False, False]
        addresses = [one["ipConfigurations"][0]["properties"]["privateIPAddress"] for one in made]
        assert addresses == ["10.20.1.4", "10.20.1.5", "10.20.1.6", "10.20.1.7"]

    def test_has_those_that_an_update_selected(self, many: Site) -> None:
        self.resized(many, "Standard_D16s_v5")
        first, second, *_ = self.shown(many)
        self.change(many, first, production=ADDRESS)
        self.change(many, second, production="10.20.1.88")
        for nic in self.shown(many)[2:]:
            self.change(many, nic, selected=False)
        many.finished(many.post(WEB, "testFailover", many.experience.test_failover()))
        assert len(self.made(many, "web-01-test")) == 2
        many.finished(many.post(WEB, "testFailoverCleanup", {}))
        assert len(many.virtual_machines()) == 0
        many.finished(many.fail_over(WEB))
        addresses = [
            one["ipConfigurations"][0]["properties"]["privateIPAddress"] for one in self.made(many)
        ]
        assert addresses == [ADDRESS, "10.20.1.88"]

    def test_cannot_leave_its_first_one_out(self, many: Site) -> None:
        body = many.experience.addressed(self.shown(many)[0]["nicId"], selected=False)
        status, code, message = many.refused("PATCH", many.item(WEB), body)
        assert (status, code) == (400, "InvalidParameter")
        assert "has to be selected" in message

    def test_leaves_none_behind_if_one_cannot_have_its_address(self, many: Site) -> None:
        self.change(many, self.shown(many)[1], production="10.20.9.9")
        assert many.finished(many.fail_over(WEB))["state"] == "Failed"
        network = many.get(f"{NETWORK}?api-version=2024-05-01&$expand=subnets/ipConfigurations")
        assert not network["properties"]["subnets"][0]["properties"].get("ipConfigurations")


def test_a_machine_that_was_terminated_before_it_is_enabled_has_no_interface_to_show() -> None:
    site = Site([WEB], experience=CLASSIC).prepare()
    CLASSIC.make_known(site, WEB)
    site.become(1, state="terminated")
    job = site.enable(WEB)
    assert job["state"] == "Failed"
    details = site.get(site.item(WEB))["properties"]["providerSpecificDetails"]
    assert (details["vmNics"], details["selectedSourceNicId"]) == ([], None)
