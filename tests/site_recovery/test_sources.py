"""Matching EC2 instances with the machines that a vault knows, before they are protected."""

from __future__ import annotations

import pytest

from site_recovery import sources
from site_recovery.azure.answers.items import protected_item
from site_recovery.look_ahead import plan
from site_recovery.observation import Stage, observe
from site_recovery.operations import Operation
from site_recovery.phases import Phase
from site_recovery.planning import Rules, next_step
from site_recovery.reasons import Reason
from site_recovery.snapshot import Machine, Snapshot
from site_recovery.sources import Source
from site_recovery.steps import Blocked, Do, Wait

EC2 = "EC2AE145-D1DC-13B2-94ED-0123456789AB"
EC2_LITTLE_ENDIAN = "45E12AEC-DCD1-B213-94ED-0123456789AB"
VMWARE = "564D9B2A-7C1D-4B5E-9F00-0123456789AB"
CONTAINER = (
    "/Subscriptions/1/resourceGroups/rg/providers/Microsoft.RecoveryServices/vaults/v"
    "/replicationFabrics/f/replicationProtectionContainers/c"
)
MACHINE = Machine("web-01", "i-0123456789abcdef0", "10.10.1.11", "web-01")
REPORTING = Rules(discovers=False)


def source(name: str = "web-01", address: str = "10.10.1.11", bios: str = EC2) -> Source:
    return Source(f"/site/machines/{name}", name, (address,), bios)


@pytest.mark.parametrize(
    ("bios", "ours"), [(EC2, True), (EC2_LITTLE_ENDIAN, True), (VMWARE, False), ("", False)]
)
def test_a_bios_id_of_ec2_is_known_in_either_byte_order(bios: str, ours: bool) -> None:
    assert sources.of_ec2(bios) is ours


def test_one_bios_id_is_the_same_in_either_byte_order_and_notation() -> None:
    assert sources.same_bios(EC2, EC2_LITTLE_ENDIAN)
    assert sources.same_bios(EC2.lower(), EC2.replace("-", ""))
    assert not sources.same_bios(EC2, VMWARE)
    assert not sources.same_bios("", "")


def test_a_machine_is_known_by_its_address() -> None:
    observed = observe(MACHINE, Snapshot(sources=(source(), source("web-02", "10.10.1.12"))))
    assert observed.stage is Stage.DISCOVERED
    assert observed.source_id == "/site/machines/web-01"
    step = next_step(Phase.PROTECTED, observed, REPORTING)
    assert step == Do(Operation.ENABLE_PROTECTION)


def test_two_entries_of_one_address_are_refused_by_name() -> None:
    observed = observe(MACHINE, Snapshot(sources=(source(), source("old-web"))))
    step = next_step(Phase.PROTECTED, observed, REPORTING)
    assert isinstance(step, Blocked)
    assert "old-web" in step.what
    assert "web-01" in step.what


def test_a_known_bios_id_tells_two_entries_apart() -> None:
    stale = Source("/site/machines/old", "old", ("10.10.1.11",), EC2[:-2] + "FF")
    machine = Machine("web-01", "i-0123456789abcdef0", "10.10.1.11", "web-01", bios_id=EC2)
    observed = observe(machine, Snapshot(sources=(stale, source())))
    assert observed.source_id == "/site/machines/web-01"
    assert observed.mismatch is None


def test_an_entry_of_its_address_with_another_bios_id_is_not_taken_and_named() -> None:
    other = EC2[:-2] + "FF"
    machine = Machine("web-01", "i-0123456789abcdef0", "10.10.1.11", "web-01", bios_id=EC2)
    stale = Source("/site/machines/old", "old", ("10.10.1.11",), other)
    step = next_step(Phase.PROTECTED, observe(machine, Snapshot(sources=(stale,))), REPORTING)
    assert step == Wait(
        Reason.AGENT_NOT_REPORTED,
        "its mobility agent has not reported yet; old, which is known at its address 10.10.1.11, "
        f"has the BIOS id {other}, and i-0123456789abcdef0 has {EC2}",
    )


def test_a_machine_that_is_no_ec2_instance_is_refused() -> None:
    observed = observe(MACHINE, Snapshot(sources=(source(bios=VMWARE),)))
    step = next_step(Phase.PROTECTED, observed, REPORTING)
    assert isinstance(step, Blocked)
    assert VMWARE in step.what


def test_where_agents_report_by_themselves_nothing_is_discovered() -> None:
    observed = observe(MACHINE, Snapshot())
    assert isinstance(next_step(Phase.PROTECTED, observed, REPORTING), Wait)
    operations, blocked = plan(Phase.MIGRATED, observed, Rules(False, discovers=False))
    assert blocked is None
    assert [str(operation) for operation in operations] == [
        "enable protection",
        "unplanned failover",
        "complete migration",
    ]


@pytest.mark.parametrize("rules", [Rules(), REPORTING])
@pytest.mark.parametrize("known", [(), (source(),)])
def test_a_held_machine_does_not_begin_to_replicate(
    rules: Rules, known: tuple[Source, ...]
) -> None:
    held = Machine("web-01", "i-0", "10.10.1.11", "web-01", hold="port 9443 is closed")
    step = next_step(Phase.PROTECTED, observe(held, Snapshot(sources=known)), rules)
    assert isinstance(step, Blocked)
    assert "port 9443 is closed" in step.what


def test_a_hold_does_not_stop_what_replicates_already() -> None:
    item = {
        "id": f"{CONTAINER}/replicationProtectedItems/web-01",
        "name": "web-01",
        "properties": {
            "protectionState": "Protected",
            "allowedOperations": ["TestFailover", "UnplannedFailover", "DisableProtection"],
        },
    }
    held = Machine("web-01", "i-0", "10.10.1.11", "web-01", hold="port 9443 is closed")
    observed = observe(held, Snapshot(items=(protected_item(item),)))
    step = next_step(Phase.TEST_FAILOVER, observed, Rules())
    assert isinstance(step, Do)


@pytest.mark.parametrize(
    ("provider", "tags"),
    [
        ("InMageAzureV2", {"migrated-from-instance": "i-0123456789abcdef0"}),
        (
            "InMageRcm",
            [{"tagName": "migrated-from-instance", "tagValue": "i-0123456789abcdef0"}],
        ),
    ],
)
def test_an_item_of_the_other_experience_is_named_and_left_alone(
    provider: str, tags: object
) -> None:
    item = {
        "id": f"{CONTAINER}/replicationProtectedItems/web-01",
        "name": "web-01",
        "properties": {
            "protectionState": "Protected",
            "allowedOperations": ["TestFailover", "UnplannedFailover", "DisableProtection"],
            "providerSpecificDetails": {"instanceType": provider, "targetVmTags": tags},
        },
    }
    other = "InMageRcm" if provider == "InMageAzureV2" else "InMageAzureV2"
    refused = observe(MACHINE, Snapshot(items=(protected_item(item),), provider=other))
    step = next_step(Phase.MIGRATED, refused, Rules())
    assert isinstance(step, Blocked)
    assert provider in step.what
    assert (
        observe(MACHINE, Snapshot(items=(protected_item(item),), provider=provider)).stage
        is Stage.PROTECTED
    )
