"""The report of a stack: from its record, and from what its vault shows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from report.live import Live
from report.model import MachineRow, Place, Report, report
from site_recovery.convergence.outcome import Status
from site_recovery.errors import MigrationError
from site_recovery.jobs import ServiceError
from tests.report.fleets import (
    NOW,
    Vault,
    item_resource,
    of_size,
    protected,
    recorded,
    wave_resource,
)

SATISFIED = {"status": "satisfied", "reason": "", "message": ""}
NO_QUOTA = "no cores are left. Recommended action: Ask for a larger quota."
FAILED = {"status": "failed", "reason": "job-failed", "message": NO_QUOTA}
UNSEEN = Live({}, problem="Azure did not answer")


def row(made: Report, name: str) -> MachineRow:
    [found] = [machine for machine in made.machines if machine.name == name]
    return found


def without_vault(*resources: dict[str, Any], **deployment: Any) -> Report:
    return report(recorded(*resources, **deployment), UNSEEN)


def test_without_a_vault_a_machine_is_where_its_record_says() -> None:
    made = without_vault(
        wave_resource("web", "test-failover", ["web-01"], outcomes={"web-01": SATISFIED}),
        item_resource(
            "web-01",
            "test-failover",
            test_vm_id="/virtualMachines/web-01-test",
            last_test_failover="2026-03-01T09:00:00+00:00",
        ),
    )

    found = row(made, "web-01")

    assert not made.live
    assert (found.place, found.status) == (Place.TESTING, Status.SATISFIED)
    assert (found.test_vm, found.health) == ("web-01-test", "Normal")
    assert found.last_test is not None
    assert found.usage is None
    assert made.time is not None
    assert made.time.hour == 11, "the record says when it was written"


def test_a_machine_that_failed_is_where_the_run_left_it_and_says_why() -> None:
    made = without_vault(
        wave_resource(
            "web",
            "failed-over",
            ["web-01"],
            outcomes={"web-01": FAILED},
            results={"web-01": {"stage": "protected", "health": "Normal"}},
        ),
        item_resource("web-01", "test-failover", test_vm_id="/virtualMachines/web-01-test"),
    )

    found = row(made, "web-01")

    assert (found.place, found.status, found.reason) == (
        Place.PROTECTED,
        Status.FAILED,
        "job-failed",
    )
    assert found.message == "no cores are left."
    assert found.way_out == "Ask for a larger quota."
    assert not found.test_vm, "its test was cleaned up first"


def test_a_machine_whose_wave_was_promoted_is_pending() -> None:
    made = without_vault(
        wave_resource("web", "failed-over", ["web-01"], outcomes={"web-01": SATISFIED}),
        item_resource("web-01", "protected"),
    )
    assert row(made, "web-01").status is Status.PENDING


def test_a_run_that_is_under_way_is_shown_with_what_it_declares() -> None:
    wave = wave_resource("web", "protected", ["web-01"])
    operation = {
        "type": "creating",
        "resource": {"type": wave["type"], "urn": wave["urn"], "inputs": wave["outputs"]},
    }
    made = without_vault(pending_operations=[operation])
    assert [machine.name for machine in made.machines] == ["web-01"]


def test_a_record_of_another_form_says_how_to_write_it_anew() -> None:
    wave = wave_resource("web", "protected", ["web-01"])
    del wave["outputs"]["container_id"]
    with pytest.raises(MigrationError, match=r"container_id.*pulumi refresh"):
        recorded(wave)


def test_a_stack_without_waves_has_nothing_to_show() -> None:
    made = without_vault()
    assert made.machines == ()
    assert set(made.counts.values()) == {0}


# -- with its vault ----------------------------------------------------------------------------


def seen(vault: Vault, phase: str, name: str = "web-01", **outputs: Any) -> MachineRow:
    record = recorded(wave_resource("web", phase, [name], **outputs))
    return row(report(record, vault.seen(record)), name)


def test_a_machine_that_went_on_after_a_failed_run_is_no_failure_any_more() -> None:
    vault = Vault()
    protected(vault, "web-01", 3)
    found = seen(vault, "protected", outcomes={"web-01": FAILED})
    assert (found.status, found.message, found.reason) == (Status.SATISFIED, "", "")


def test_a_machine_that_failed_and_did_not_go_on_keeps_its_reason() -> None:
    vault = Vault()
    protected(vault, "web-01", 3)
    found = seen(vault, "test-failover", outcomes={"web-01": FAILED})
    assert (found.status, found.way_out) == (Status.FAILED, "Ask for a larger quota.")


def test_a_failover_without_a_test_is_blocked_with_the_way_out() -> None:
    vault = Vault()
    protected(vault, "web-01", 3)
    found = seen(vault, "failed-over")
    assert (found.status, found.reason) == (Status.BLOCKED, "not-tested")
    assert found.way_out


def test_a_failover_that_is_to_be_taken_back_is_on_its_way() -> None:
    vault = Vault()
    vault.replicates("web-01", "CompleteMigration", active_location="Recovery")
    vault.runs("web-01", "web-01")
    wave = wave_resource("web", "protected", ["web-01"])
    wave["outputs"]["machines"]["web-01"]["rolls_back"] = True
    record = recorded(wave)
    found = row(report(record, vault.seen(record)), "web-01")
    assert (found.place, found.status) == (Place.FAILED_OVER, Status.PENDING)
    assert "rollback" in found.message


def test_an_initial_replication_has_its_percentage_and_no_rpo() -> None:
    vault = Vault()
    vault.ran("web-01", "EnableDr", 9, 27)
    vault.replicates("web-01", protection_state="InitialReplication", progress=63)
    found = seen(vault, "protected")
    assert (found.place, found.progress, found.rpo_seconds) == (Place.REPLICATING, 63, None)
    assert (found.status, found.reason) == (Status.PENDING, "initial-replication")


def test_health_and_rpo_are_those_of_the_vault() -> None:
    slow = ServiceError("it is slow", "539", recommended_action="Choose a faster disk")
    vault = Vault()
    protected(
        vault, "web-01", 3, health="Warning", health_errors=(slow,), rpo=timedelta(minutes=90)
    )

    found = seen(vault, "protected")

    assert (found.health, found.rpo_seconds) == ("Warning", 5400)
    assert [error.way_out for error in found.health_errors] == ["Choose a faster disk"]
    assert found.status is Status.SATISFIED
    assert found.needs_attention


def test_a_warning_about_a_machine_in_good_health_is_nothing_to_look_at() -> None:
    never = ServiceError("no test failover was done", "161011", level="Warning")
    vault = Vault()
    protected(vault, "web-01", 3, health_errors=(never,))
    found = seen(vault, "protected")
    assert found.health_errors
    assert not found.needs_attention


def test_the_last_test_of_a_migrated_machine_is_remembered_by_its_record() -> None:
    vault = Vault()
    vault.runs("web-01", "web-01")
    record = recorded(
        wave_resource("web", "migrated", ["web-01"]),
        item_resource("web-01", "migrated", last_test_failover="2026-03-01T09:00:00+00:00"),
    )
    found = row(report(record, vault.seen(record)), "web-01")
    assert (found.place, found.azure_vm) == (Place.MIGRATED, "web-01")
    assert found.last_test is not None


def test_a_failed_check_is_to_be_looked_at_and_one_that_is_not_known_is_not() -> None:
    for passed, attention in ((False, True), (True, False), (None, False)):
        vault = Vault()
        protected(vault, "web-01", 3)
        checks: dict[str, Any] = {
            "web-01": {"passed": passed, "messages": ["port 443"], "more": {}}
        }
        found = seen(vault, "protected", checks=checks)
        assert found.needs_attention is attention
        assert found.check is not None
        assert found.check.messages == ("port 443",)


def test_what_checks_said_is_told_with_their_titles() -> None:
    vault = Vault()
    protected(vault, "web-01", 3)
    record = {"passed": False, "messages": {"port 443": "no answer"}, "at": "2026-03-01T09:00:00Z"}
    found = seen(vault, "protected", checks={"web-01": record})
    assert found.check is not None
    assert found.check.messages == ("port 443: no answer",)


def test_machines_that_wait_for_the_same_are_told_together() -> None:
    vault = Vault()
    names = ["web-01", "web-02"]
    for name, progress in zip(names, (5, 63), strict=True):
        vault.replicates(name, protection_state="InitialReplication", progress=progress)
    record = recorded(wave_resource("web", "protected", names))
    made = report(record, vault.seen(record))
    assert {what: len(machines) for what, machines in made.on_their_way.items()} == {
        ("initial replication", "initial-replication"): 2
    }
    assert not made.settled


def test_every_machine_of_a_large_fleet_is_somewhere() -> None:
    made = of_size(300)
    assert sum(made.counts.values()) == len(made.machines) == 300
    assert all(count for count in made.counts.values()), "every place of the example has machines"
    assert made.time == NOW


# -- its addresses -----------------------------------------------------------------------------

VM = "/subscriptions/1/resourceGroups/rg-machines/providers/Microsoft.Compute/virtualMachines/vm"


def addresses(live: bool, **item: Any) -> tuple[str, ...]:
    """What the report shows for a machine whose virtual machine in Azure is `VM`."""
    record = recorded(
        wave_resource("web", "migrated", ["web-01"], results={"web-01": {"azure_vm_id": VM}}),
        item_resource("web-01", "migrated", **{"azure_vm_id": VM, **item}),
    )
    vault = Vault()
    vault.runs("vm", "web-01")
    [row] = report(record, vault.seen(record) if live else UNSEEN).machines
    return row.addresses


@pytest.mark.parametrize("live", [True, False])
def test_a_machine_in_azure_has_the_addresses_of_all_its_interfaces(live: bool) -> None:
    both = ["10.20.1.4", "10.20.2.4"]
    assert addresses(live, private_ips=both, private_ip=both[0]) == tuple(both)


@pytest.mark.parametrize("live", [True, False])
def test_of_an_older_record_it_has_the_one_address(live: bool) -> None:
    assert addresses(live, private_ip="10.20.1.4") == ("10.20.1.4",)
    assert addresses(live) == ()


def test_the_addresses_of_another_virtual_machine_than_the_recorded_one_are_not_shown() -> None:
    assert addresses(True, private_ips=["10.20.1.4"], azure_vm_id=f"{VM}-before") == ()


@pytest.mark.parametrize("casing", [str.upper, str.lower])
def test_the_case_of_an_id_makes_no_other_machine_of_it(casing: Any) -> None:
    found = addresses(True, private_ips=["10.20.1.4"], azure_vm_id=casing(VM))
    assert found == ("10.20.1.4",)
