"""A preview refuses, by name, the machines for which Azure would have no address."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from pulumi.runtime import rpc

from dynamic_providers.wave import review as wave_review
from dynamic_providers.wave.inputs import OtherWave
from dynamic_providers.wave.room import MadeSubnet, MadeSubnets
from site_recovery.phases import Phase
from tests.convergence.fleet import Fleet
from tests.dynamic_providers.waves import inputs, other
from tests.emulator.recovery_services.site_recovery_support import BOTH, Classic, windows

SMALL = MadeSubnet(name="servers", prefix="10.21.1.0/29")
ONE_EACH = {"production": SMALL, "test": SMALL}


@pytest.fixture(params=BOTH, ids=lambda experience: experience.name)
def fleet(request: pytest.FixtureRequest) -> Iterator[Fleet]:
    chosen: Classic = request.param
    made = Fleet([windows(number) for number in range(1, 6)], experience=chosen)
    yield made
    made.close()


def refusals(
    fleet: Fleet,
    news: dict[str, Any],
    others: dict[str, OtherWave] | None = None,
    made: MadeSubnets | None = None,
) -> dict[str, str]:
    review = wave_review.look_ahead(
        fleet.connector(), {}, news, others or {}, preview=True, made=made
    )
    return dict(line.split(": ", 1) for line in asyncio.run(review).refusals)


def test_five_machines_do_not_fit_into_a_test_subnet_of_three(fleet: Fleet) -> None:
    news = inputs(fleet, "test-failover")
    found = refusals(fleet, news, made=MadeSubnets(test=SMALL))
    assert set(found) == {"web-04", "web-05"}
    assert "(10.21.1.0/29) of vnet-test: 3 are free, and 5 are needed" in found["web-04"]


def test_nor_do_they_in_two_waves_of_the_same_run(fleet: Fleet) -> None:
    news = inputs(fleet, "test-failover", "web-01", "web-05")
    others = other(fleet, "test-failover", "web-02", "web-03", "web-04")
    found = refusals(fleet, news, others, MadeSubnets(test=SMALL))
    assert set(found) == {"web-04", "web-05"}


@pytest.mark.parametrize("phase", ["test-failover", "failed-over"])
def test_nor_do_they_before_anything_is_made(fleet: Fleet, phase: str) -> None:
    unknown = {"vault_id": rpc.UNKNOWN, "landing_zone": rpc.UNKNOWN, "container_id": rpc.UNKNOWN}
    news = {**inputs(fleet, phase), **unknown}
    found = refusals(fleet, news, made=MadeSubnets(**ONE_EACH))
    assert set(found) == {"web-04", "web-05"}


def test_a_wave_that_only_replicates_needs_no_addresses(fleet: Fleet) -> None:
    news = inputs(fleet, "protected")
    assert refusals(fleet, news, made=MadeSubnets(**ONE_EACH)) == {}


def test_an_address_that_azure_gave_to_an_earlier_wave_is_refused(fleet: Fleet) -> None:
    fleet.drive({"web-03": Phase.FAILED_OVER})
    fleet.targets["web-02"] = {"privateIp": "10.20.1.4"}
    found = refusals(fleet, inputs(fleet, "failed-over", "web-01", "web-02"))
    assert set(found) == {"web-02"}
    assert "is the address of virtual machine web-03 in Azure" in found["web-02"]
    assert "machines.web-02.target.privateIp, such as 10.20.1.6" in found["web-02"]


def test_an_address_of_a_later_wave_is_kept_from_an_earlier_one(fleet: Fleet) -> None:
    fleet.targets["web-05"] = {"privateIp": "10.20.1.4"}
    news = inputs(fleet, "failed-over", "web-01", "web-02")
    found = refusals(fleet, news, other(fleet, "protected", "web-05"))
    assert set(found) == {"web-05"}
    assert "Azure may give 10.20.1.4" in found["web-05"]
    fleet.targets["web-05"] = {"privateIp": "10.20.1.6"}
    assert refusals(fleet, news, other(fleet, "protected", "web-05")) == {}


@pytest.mark.parametrize("address", ["10.20.1.3", "10.20.1.255", "10.20.2.4", "10.9.0.4"])
def test_an_address_that_the_subnet_has_not_is_refused(fleet: Fleet, address: str) -> None:
    fleet.targets["web-02"] = {"privateIp": address}
    found = refusals(fleet, inputs(fleet, "failed-over", "web-02"))
    assert f"{address}, its target.privateIp, is not an address that" in found["web-02"]


def test_an_address_in_a_test_is_looked_at_in_the_test_network(fleet: Fleet) -> None:
    fleet.drive({"web-03": Phase.TEST_FAILOVER})
    fleet.targets["web-02"] = {"testPrivateIp": "10.21.1.4"}
    fleet.targets["web-01"] = {"testPrivateIp": "10.20.1.9"}
    found = refusals(fleet, inputs(fleet, "test-failover", "web-01", "web-02"))
    assert "10.20.1.9, its target.testPrivateIp, is not an address" in found["web-01"]
    assert "is the address of virtual machine web-03-test in Azure" in found["web-02"]
    assert "machines.web-02.target.testPrivateIp, such as 10.21.1.5" in found["web-02"]


def test_a_subnet_that_an_adopted_network_has_not_is_refused(fleet: Fleet) -> None:
    news = inputs(fleet, "failed-over", "web-02")
    news["machines"]["web-02"]["target"] = {"subnet": "dmz"}
    assert "vnet-prod has no subnet 'dmz'" in refusals(fleet, news)["web-02"]


class TestAMachineWithSeveralInterfaces:
    @pytest.fixture(params=BOTH, ids=lambda experience: experience.name)
    def many(self, request: pytest.FixtureRequest) -> Iterator[Fleet]:
        made = Fleet(
            [windows(1), windows(2)],
            experience=request.param,
            further={"web-01": ("10.10.5.11", "10.10.6.11")},
        )
        yield made
        made.close()

    @pytest.mark.parametrize("before", [True, False], ids=["before it replicates", "later"])
    @pytest.mark.parametrize("phase", ["test-failover", "failed-over"])
    def test_needs_an_address_for_each(self, many: Fleet, phase: str, before: bool) -> None:
        if not before:
            many.targets["web-01"] = {"vm_size": "Standard_D8s_v5"}
            many.drive(Phase.PROTECTED)
        many.targets = {}
        news = inputs(many, phase)
        found = refusals(many, news, made=MadeSubnets(**ONE_EACH))
        assert set(found) == {"web-02"}
        assert "3 are free, and 4 are needed" in found["web-02"]
        news["machines"]["web-01"]["target"] = {"interfaces": {"1": {"leaveOut": True}}}
        assert refusals(many, news, made=MadeSubnets(**ONE_EACH)) == {}

    def test_is_refused_by_the_key_of_the_interface(self, many: Fleet) -> None:
        many.targets["web-01"] = {
            "interfaces": {"1": {"privateIp": "10.20.2.4", "testSubnet": "data"}}
        }
        found = refusals(many, inputs(many, "failed-over", "web-01"))
        assert "10.20.2.4, its target.interfaces.1.privateIp, is not an addr" in found["web-01"]
        assert "machines.web-01.target.interfaces.1.privateIp" in found["web-01"]

    def test_is_refused_for_a_subnet_that_is_not_there(self, many: Fleet) -> None:
        many.targets["web-01"] = {"interfaces": {"1": {"subnet": "data"}}}
        found = refusals(many, inputs(many, "failed-over", "web-01"))
        assert "vnet-prod has no subnet 'data'" in found["web-01"]
        assert "machines.web-01.target.interfaces.1.subnet" in found["web-01"]

    def test_keeps_what_the_config_no_longer_says_only_if_that_is_meant(self, many: Fleet) -> None:
        interfaces = {"1": {"privateIp": "10.20.1.20"}, "2": {"leaveOut": True}}
        many.targets["web-01"] = {"vm_size": "Standard_D8s_v5", "interfaces": interfaces}
        many.drive(Phase.PROTECTED)
        many.targets["web-01"] = {"vmSize": "Standard_D8s_v5", "interfaces": interfaces}
        before = inputs(many, "protected", "web-01")
        many.targets["web-01"] = {"vmSize": "Standard_D8s_v5"}
        news = inputs(many, "protected", "web-01")
        review = asyncio.run(
            wave_review.look_ahead(many.connector(), before, news, {}, preview=True)
        )
        one, other = review.refusals
        assert "its target's interfaces.1.privateIp was '10.20.1.20'" in one
        assert "write `dynamic` there" in one
        assert "its target's interfaces.2.leaveOut was true" in other
        assert "write false there" in other
