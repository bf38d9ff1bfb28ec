"""Locks, policies and read-only subscriptions: a machine fails at once, with what stands in its way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from site_recovery import cutover_memory
from site_recovery.arm_ids import ContainerId
from site_recovery.azure import mapping
from site_recovery.azure.connection import Connection
from site_recovery.azure.servers import server_removal
from site_recovery.azure.servers.server_removal import Leaving
from site_recovery.convergence.interfaces import PlanOrder
from site_recovery.convergence.outcome import Outcome, Status
from site_recovery.declared.cutover import Cutover, Mode
from site_recovery.errors import MigrationError
from site_recovery.phases import Phase
from site_recovery.reasons import Reason
from site_recovery.recovery_plan import Group, Plan
from tests.convergence.fleet import Fleet, Recorder
from tests.convergence.sources import EstateSources
from tests.convergence.test_machines_of_another_subscription import OTHER, land_elsewhere
from tests.emulator.recovery_services.site_recovery_support import GROUP, VAULT

SUBSCRIPTION = GROUP.partition("/resourceGroups/")[0]
AUTHORIZATION = "providers/Microsoft.Authorization"
FAILOVER = "ReplicationProtectedItems_UnplannedFailover"


def put(fleet: Fleet, path: str, properties: dict[str, Any], version: str) -> None:
    answer = fleet.site.call("PUT", f"{path}?api-version={version}", {"properties": properties})
    assert answer.status < 300, answer.body


def lock(fleet: Fleet, scope: str, level: str = "ReadOnly") -> str:
    identifier = f"{scope}/{AUTHORIZATION}/locks/prod-guard"
    put(fleet, identifier, {"level": level}, "2020-05-01")
    return identifier


def unlock(fleet: Fleet, identifier: str) -> None:
    assert fleet.site.call("DELETE", f"{identifier}?api-version=2020-05-01").status == 200


def forbid(fleet: Fleet, condition: dict[str, Any]) -> None:
    definition = f"{SUBSCRIPTION}/{AUTHORIZATION}/policyDefinitions/rule"
    rule = {"if": condition, "then": {"effect": "deny"}}
    put(fleet, definition, {"displayName": "A rule", "policyRule": rule}, "2023-04-01")
    assigned = {"displayName": "Corp", "policyDefinitionId": definition}
    put(fleet, f"{GROUP}/{AUTHORIZATION}/policyAssignments/corp", assigned, "2023-04-01")


def assert_failed_at_once(fleet: Fleet, outcomes: dict[str, Outcome], *words: str) -> None:
    for name, outcome in outcomes.items():
        assert (outcome.status, outcome.reason) == (Status.FAILED, Reason.REFUSED), outcome.message
        told = [event for event in fleet.reporter.events if event.startswith(f"{name}: the serv")]
        assert told == [f"{name}: {outcome.message}"]
        assert told[0].count(f"{name}:") == 1
        assert all(word in outcome.message for word in words), outcome.message
        assert "make permissions" not in outcome.message


@pytest.mark.parametrize("phase", [Phase.TEST_FAILOVER, Phase.FAILED_OVER])
@pytest.mark.parametrize("scope", [SUBSCRIPTION, GROUP, VAULT])
def test_a_lock_is_named_before_a_failover_with_the_way_out(
    replicating: Fleet, scope: str, phase: Phase
) -> None:
    identifier = lock(replicating, scope)
    before, accepted = len(replicating.slept), replicating.accepted()

    for outcome in replicating.drive(phase).values():
        assert (outcome.status, outcome.reason) == (Status.BLOCKED, Reason.LOCKED)
        assert "lock 'prod-guard' (ReadOnly)" in outcome.message
        assert f"az lock delete --ids {identifier}" in outcome.message

    assert len(replicating.slept) - before <= 1
    assert replicating.accepted() == accepted
    unlock(replicating, identifier)
    again = replicating.drive(phase)
    assert {each.status for each in again.values()} == {Status.SATISFIED}


@pytest.mark.parametrize("scope", [OTHER, OTHER.partition("/resourceGroups/")[0]])
def test_so_is_one_of_a_group_in_another_subscription(quiet_fleet: Fleet, scope: str) -> None:
    land_elsewhere(quiet_fleet)
    quiet_fleet.drive(Phase.PROTECTED)
    identifier = lock(quiet_fleet, scope)
    for outcome in quiet_fleet.drive(Phase.TEST_FAILOVER).values():
        assert (outcome.status, outcome.reason) == (Status.BLOCKED, Reason.LOCKED)
        assert f"az lock delete --ids {identifier}" in outcome.message


@pytest.mark.parametrize("phase", [Phase.TEST_FAILOVER, Phase.FAILED_OVER])
def test_a_lock_of_a_network_that_others_look_after_keeps_no_machine_out_of_it(
    replicating: Fleet, phase: Phase
) -> None:
    """Whoever is in a subnet belongs to the interface, which is written in the machine's group.

    Microsoft documents what a lock forbids of many resources, and nothing of that kind of a network
    ("Lock your resources to protect your infrastructure", "Considerations before applying your
    locks"). To refuse it would keep machines out of networks that are locked on purpose.
    """
    zone = replicating.migration_site.landing_zone
    for network in (zone.network_id, zone.test_network_id):
        lock(replicating, network)
    outcomes = replicating.drive(phase)
    assert {each.status for each in outcomes.values()} == {Status.SATISFIED}


def test_no_source_is_fenced_while_a_lock_forbids_its_virtual_machine(quiet_fleet: Fleet) -> None:
    quiet_fleet.cutovers = dict.fromkeys(quiet_fleet.machines, Cutover(mode=Mode.LOSSLESS))
    sources = quiet_fleet.sources = EstateSources(quiet_fleet.site)
    quiet_fleet.drive(Phase.PROTECTED)
    identifier = lock(quiet_fleet, GROUP)
    locked = quiet_fleet.drive(Phase.FAILED_OVER)
    assert {each.reason for each in locked.values()} == {Reason.LOCKED}
    for machine in quiet_fleet.machines.values():
        source = sources.source(machine.id)
        assert source.state == "running"
        assert not any(cutover_memory.is_ours(tag) for tag in source.tags)
    unlock(quiet_fleet, identifier)
    # The third one has a connection that cannot be ended.
    again = quiet_fleet.drive(dict.fromkeys(("web-01", "web-02"), Phase.FAILED_OVER))
    assert {each.status for each in again.values()} == {Status.SATISFIED}


def test_a_lock_that_forbids_to_delete_keeps_no_machine_from_its_failover(
    replicating: Fleet,
) -> None:
    lock(replicating, GROUP, "CanNotDelete")
    outcomes = replicating.drive(Phase.FAILED_OVER)
    assert {each.status for each in outcomes.values()} == {Status.SATISFIED}


@pytest.mark.parametrize(
    ("times", "status"), [(12, Status.SATISFIED), (10**6, Status.BLOCKED)], ids=["some", "all"]
)
def test_a_run_waits_some_rounds_for_azure_to_tell_what_is_locked(
    replicating: Fleet, times: int, status: Status
) -> None:
    replicating.fault(
        operation="ManagementLocks_ListAtResourceLevel", status=500, code="No", times=times
    )
    outcomes = replicating.drive(Phase.FAILED_OVER)
    assert {each.status for each in outcomes.values()} == {status}
    if status is Status.BLOCKED:
        for outcome in outcomes.values():
            assert "Azure does not tell what is locked" in outcome.message


def test_a_lock_that_may_not_be_read_is_told_in_the_services_words(replicating: Fleet) -> None:
    lock(replicating, VAULT)
    replicating.fault(
        operation="ManagementLocks_ListAtResourceLevel",
        status=403,
        code="No",
        message="no",
        times=99,
    )
    outcomes = replicating.drive(Phase.FAILED_OVER)
    assert_failed_at_once(replicating, outcomes, "a lock forbids it", VAULT)


def test_a_policy_is_named_with_what_it_demands(quiet_fleet: Fleet) -> None:
    items = "Microsoft.RecoveryServices/vaults/replicationFabrics/replicationProtectionContainers"
    forbid(quiet_fleet, {"field": "type", "equals": f"{items}/replicationProtectedItems"})
    outcomes = quiet_fleet.drive(Phase.PROTECTED)
    assert_failed_at_once(quiet_fleet, outcomes, "Azure Policy forbids it", "'Corp'", "exemption")


def test_a_read_only_subscription_is_no_busy_service(replicating: Fleet) -> None:
    replicating.site.call("PUT", "/_emulator/subscription?", {"state": "Disabled"})
    outcomes = replicating.drive(Phase.TEST_FAILOVER)
    assert_failed_at_once(replicating, outcomes, "the subscription takes no changes")


def test_a_policy_that_denies_the_virtual_machine_fails_its_job(replicating: Fleet) -> None:
    forbid(replicating, {"field": "type", "equals": "Microsoft.Compute/virtualMachines"})
    outcomes = replicating.drive(Phase.TEST_FAILOVER)
    for outcome in outcomes.values():
        assert outcome.reason is Reason.JOB_FAILED
        assert "RequestDisallowedByPolicy" in outcome.message
        assert "Corp" in outcome.message


@pytest.mark.parametrize(
    ("level", "phase"),
    [("ReadOnly", Phase.TEST_FAILOVER), ("CanNotDelete", Phase.PROTECTED)],
)
def test_a_lock_that_nobody_may_read_fails_the_jobs_that_meet_it(
    quiet_fleet: Fleet, level: str, phase: Phase
) -> None:
    land_elsewhere(quiet_fleet)
    quiet_fleet.drive(Phase.PROTECTED)
    if phase is Phase.PROTECTED:
        quiet_fleet.drive(Phase.TEST_FAILOVER)
    identifier = lock(quiet_fleet, OTHER, level)
    unreadable = "ManagementLocks_ListAtResourceGroupLevel"
    quiet_fleet.fault(operation=unreadable, status=403, code="AuthorizationFailed", times=10**6)
    before = len(quiet_fleet.accepted())
    for outcome in quiet_fleet.drive(phase).values():
        assert outcome.reason is Reason.JOB_FAILED
        assert "ScopeLocked" in outcome.message
        assert OTHER in outcome.message
    assert len(quiet_fleet.accepted()) - before == len(quiet_fleet.machines)
    unlock(quiet_fleet, identifier)
    again = quiet_fleet.drive(phase)
    assert {each.status for each in again.values()} == {Status.SATISFIED}


def test_a_recovery_plan_that_a_lock_forbids_is_not_asked_for_again(replicating: Fleet) -> None:
    lock(replicating, VAULT)
    plan = Plan("dev-shop", (Group(tuple(replicating.machines)),))
    before = len(replicating.slept)
    outcomes = replicating.drive(Phase.FAILED_OVER, plan=PlanOrder(plan))
    for outcome in outcomes.values():
        assert outcome.status is Status.FAILED
        assert "lock 'prod-guard' (ReadOnly)" in outcome.message
    assert len(replicating.slept) - before <= 1


def test_what_is_removed_names_the_lock_too(quiet_fleet: Fleet) -> None:
    lock(quiet_fleet, VAULT)
    site, poll = quiet_fleet.migration_site, timedelta(seconds=1)
    container = ContainerId.parse(str(site.container))

    async def unmap(connection: Connection) -> None:
        await mapping.remove(connection, container, "mapping", poll, site.experience)

    async def unregister(connection: Connection) -> None:
        leaving = Leaving(container.vault, quiet_fleet.server_name, site.experience, poll)
        await server_removal.unregister(connection, leaving, quiet_fleet.site.fabric, Recorder())

    for work in (unmap, unregister):
        with pytest.raises(MigrationError, match=r"lock 'prod-guard' \(ReadOnly\) of "):
            quiet_fleet.ask(work)


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (409, "MissingSubscriptionRegistration", "not registered to use namespace 'Microsoft.X'"),
        (409, "OperationNotAllowed", "exceeding approved standardDSv3Family Cores quota"),
        (409, "QuotaExceeded", "the quota is exceeded"),
        (403, "RequestDisallowedByAzure", "disallowed by Azure"),
        (403, "DenyAssignmentAuthorizationFailed", "the deny assignment with name 'stack'"),
        (409, "ReadOnlyDisabledSubscription", "marked as read only"),
    ],
)
def test_what_a_later_try_does_not_change_is_asked_for_once(
    replicating: Fleet, status: int, code: str, message: str
) -> None:
    before = len(replicating.slept)
    replicating.fault(operation=FAILOVER, status=status, code=code, message=message, times=99)
    outcomes = replicating.drive(Phase.FAILED_OVER)
    assert_failed_at_once(replicating, outcomes, code)
    assert len(replicating.slept) - before <= 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_machine_that_may_not_be_changed_is_named_once(replicating: Fleet, status: int) -> None:
    replicating.fault(
        operation=FAILOVER, status=status, code="AuthorizationFailed", message="no", times=99
    )
    outcomes = replicating.drive(Phase.FAILED_OVER)
    for name, outcome in outcomes.items():
        assert outcome.status is Status.FAILED
        assert outcome.message.startswith("unplanned failover: Azure ")
        assert f"{name}:" not in outcome.message
