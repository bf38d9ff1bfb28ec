"""A wave is not split because Azure has no address for one of its machines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from site_recovery import cutover_memory
from site_recovery.convergence.interfaces import PlanOrder
from site_recovery.convergence.outcome import Status
from site_recovery.declared.cutover import Cutover, Mode
from site_recovery.phases import Phase
from site_recovery.reasons import Reason
from site_recovery.recovery_plan import Group, Plan
from tests.convergence.fleet import Fleet
from tests.convergence.sources import EstateSources
from tests.emulator.recovery_services.site_recovery_support import (
    GROUP,
    NETWORK,
    TEST_NETWORK,
    Classic,
    windows,
)

FAILOVER = "ReplicationProtectedItems_UnplannedFailover"
TEST = "ReplicationProtectedItems_TestFailover"
READ = "VirtualNetworks_Get"


@pytest.fixture
def four(experience: Classic) -> Iterator[Fleet]:
    made = Fleet([windows(number) for number in (1, 2, 3, 4)], experience=experience)
    yield made
    made.close()


def shrink(fleet: Fleet, network: str, prefix: str) -> None:
    """Make the subnet so small that it has three addresses for machines."""
    space = {"addressPrefixes": [prefix.rsplit(".", 2)[0] + ".0.0/16"]}
    subnet = {"name": "servers", "properties": {"addressPrefix": prefix}}
    body = {"location": "westeurope", "properties": {"addressSpace": space, "subnets": [subnet]}}
    fleet.site.call("PUT", f"{network}?api-version=2024-05-01", body)


def take(fleet: Fleet, address: str, network: str = NETWORK) -> None:
    """Give an address to an interface of somebody else."""
    static = {"privateIPAddress": address, "privateIPAllocationMethod": "Static"}
    properties = {"subnet": {"id": f"{network}/subnets/servers"}, **static}
    body: dict[str, Any] = {
        "location": "westeurope",
        "properties": {"ipConfigurations": [{"name": "one", "properties": properties}]},
    }
    path = f"{GROUP}/providers/Microsoft.Network/networkInterfaces/theirs-{address}"
    assert fleet.site.call("PUT", f"{path}?api-version=2024-05-01", body).status == 201


def blocked(fleet: Fleet, phase: Any, **options: Any) -> dict[str, str]:
    outcomes = fleet.drive(phase, **options)
    assert {o.reason for o in outcomes.values() if o.status is Status.BLOCKED} == {
        Reason.NO_ADDRESS
    }
    return {n: o.message for n, o in outcomes.items() if o.status is Status.BLOCKED}


def test_no_machine_fails_over_if_one_has_an_address_that_is_taken(four: Fleet) -> None:
    four.targets["web-04"] = {"private_ip": "10.20.1.40"}
    four.drive(Phase.PROTECTED)
    take(four, "10.20.1.40")
    found = blocked(four, Phase.FAILED_OVER)
    assert set(found) == set(four.machines)
    assert (
        "10.20.1.40, its target.privateIp, is the address of theirs-10.20.1.40" in found["web-04"]
    )
    assert "does not fail over without web-04" in found["web-01"]
    assert FAILOVER not in four.accepted()


def test_they_fail_over_once_it_is_free_again(four: Fleet) -> None:
    four.targets["web-04"] = {"private_ip": "10.20.1.40"}
    four.drive(Phase.PROTECTED)
    take(four, "10.20.1.40")
    blocked(four, Phase.FAILED_OVER)
    four.targets["web-04"] = {"private_ip": "10.20.1.41"}
    outcomes = four.drive(Phase.FAILED_OVER)
    assert {o.status for o in outcomes.values()} == {Status.SATISFIED}


def test_an_address_that_azure_gave_to_an_earlier_wave_is_taken(four: Fleet) -> None:
    four.drive(Phase.PROTECTED)
    four.drive({"web-03": Phase.FAILED_OVER})
    four.targets["web-04"] = {"private_ip": "10.20.1.4"}
    rest = dict.fromkeys(("web-01", "web-02", "web-04"), Phase.FAILED_OVER)
    found = blocked(four, rest)
    assert "is the address of virtual machine web-03 in Azure" in found["web-04"]
    assert four.accepted().count(FAILOVER) == 1


def test_an_address_that_a_sibling_may_be_given_is_refused(four: Fleet) -> None:
    four.targets["web-04"] = {"private_ip": "10.20.1.6"}
    four.drive(Phase.PROTECTED)
    found = blocked(four, Phase.FAILED_OVER)
    assert "Azure may give 10.20.1.6, its target.privateIp, to web-01, web-02" in found["web-04"]
    assert "such as 10.20.1.7" in found["web-04"]
    assert FAILOVER not in four.accepted()


def test_no_machine_fails_over_into_a_subnet_that_is_too_small_for_all(four: Fleet) -> None:
    four.drive(Phase.PROTECTED)
    shrink(four, NETWORK, "10.20.1.0/29")
    found = blocked(four, Phase.FAILED_OVER)
    assert set(found) == set(four.machines)
    assert "3 are free, and 4 are needed" in found["web-04"]
    assert FAILOVER not in four.accepted()


def test_a_recovery_plan_does_not_run_either(four: Fleet) -> None:
    plan = PlanOrder(Plan("dev-wave", (Group(tuple(four.machines)),)))
    four.drive(Phase.PROTECTED, plan=plan)
    shrink(four, NETWORK, "10.20.1.0/29")
    assert set(blocked(four, Phase.FAILED_OVER, plan=plan)) == set(four.machines)
    assert "ReplicationRecoveryPlans_UnplannedFailover" not in four.accepted()


def test_only_the_machines_that_fit_into_a_test_network_are_tested(four: Fleet) -> None:
    four.drive(Phase.PROTECTED)
    shrink(four, TEST_NETWORK, "10.21.1.0/29")
    assert set(blocked(four, Phase.TEST_FAILOVER)) == {"web-04"}
    assert four.accepted().count(TEST) == 3


def test_a_machine_that_is_tested_again_needs_no_second_address(four: Fleet) -> None:
    shrink(four, TEST_NETWORK, "10.21.1.0/29")
    three: dict[str, Phase | None] = dict.fromkeys(
        ("web-01", "web-02", "web-03"), Phase.TEST_FAILOVER
    )
    four.drive(three)
    four.targets = {"web-02": {"vm_size": "Standard_D8s_v5"}}
    outcomes = four.drive(three)
    assert {o.status for o in outcomes.values()} == {Status.SATISFIED}
    assert four.accepted().count(TEST) == 4


def test_no_source_is_fenced_for_a_failover_that_does_not_begin(four: Fleet) -> None:
    four.cutovers = dict.fromkeys(four.machines, Cutover(mode=Mode.LOSSLESS))
    sources = four.sources = EstateSources(four.site)
    four.targets["web-04"] = {"private_ip": "10.20.1.40"}
    four.drive(Phase.PROTECTED)
    take(four, "10.20.1.40")
    assert set(blocked(four, Phase.FAILED_OVER)) == set(four.machines)
    for machine in four.machines.values():
        source = sources.source(machine.id)
        assert source.state == "running"
        assert not any(cutover_memory.is_ours(tag) for tag in source.tags)


def test_a_network_that_is_gone_is_named(four: Fleet) -> None:
    four.drive(Phase.PROTECTED)
    four.site.call("DELETE", f"{NETWORK}?api-version=2024-05-01")
    four.site.pass_time(seconds=60)
    found = blocked(four, Phase.FAILED_OVER)
    assert "does not exist" in found["web-01"]


@pytest.mark.parametrize(
    ("times", "status", "failovers"), [(3, Status.SATISFIED, 4), (999, Status.BLOCKED, 0)]
)
def test_a_run_waits_some_rounds_for_azure_to_tell_the_addresses(
    four: Fleet, times: int, status: Status, failovers: int
) -> None:
    four.drive(Phase.PROTECTED)
    four.fault(operation=READ, status=403, code="Denied", message="no", times=times)
    outcomes = four.drive(Phase.FAILED_OVER)
    assert {o.status for o in outcomes.values()} == {status}
    assert four.accepted().count(FAILOVER) == failovers
