"""A vault that was deleted by hand is reported as gone, but only when that is certain."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any

import pytest

from site_recovery.arm_ids import ContainerId, VaultId
from site_recovery.azure import mapping, vault
from site_recovery.azure.connection import Connection
from site_recovery.azure.servers import registration, server_removal, vault_credentials
from site_recovery.azure.servers.server_removal import Leaving
from site_recovery.convergence.outcome import Status
from site_recovery.errors import MigrationError, ServiceUnavailableError, VaultGoneError
from site_recovery.observation import Stage, observe
from site_recovery.phases import Phase
from site_recovery.snapshot import Gone
from tests.convergence.fleet import Fleet, Recorder
from tests.emulator.recovery_services.site_recovery_support import (
    GROUP,
    MODERNIZED,
    VAULT,
    VAULT_NAME,
)

WHERE = VaultId.parse(VAULT)
POLL = timedelta(seconds=30)
SOURCES = {
    "classic": "ReplicationProtectableItems_ListByReplicationProtectionContainers",
    "modernized": "ServersController_ListByServerSite",
}


def remove_the_server(fleet: Fleet) -> None:
    """Remove the server as a person does in the portal."""
    site = fleet.site
    properties = {"providerSpecificInput": {"instanceType": site.experience.instance_type}}
    associated = f"{site.container}/replicationProtectionContainerMappings/mapping"
    for path in (associated, site.fabric):
        job = site.finished(site.accepted("POST", f"{path}/remove", {"properties": properties}))
        assert job["state"] == "Succeeded"


def delete_the_vault(fleet: Fleet) -> None:
    remove_the_server(fleet)
    assert fleet.site.call("DELETE", VAULT, version="2024-10-01").status == 202


def delete_the_group(fleet: Fleet) -> None:
    remove_the_server(fleet)
    assert fleet.site.call("DELETE", GROUP, version="2024-03-01").status == 202
    fleet.site.pass_time(minutes=5)


Deletion = Callable[[Fleet], None]
DELETIONS = pytest.mark.parametrize("delete", [delete_the_vault, delete_the_group])


def leaving(fleet: Fleet) -> Leaving:
    return Leaving(WHERE, fleet.server_name, fleet.migration_site.experience, POLL)


@DELETIONS
def test_every_call_reports_it(fleet: Fleet, delete: Deletion) -> None:
    container = fleet.migration_site.container
    server = leaving(fleet)
    delete(fleet)
    now = datetime.fromisoformat("2026-01-05T08:00:00+00:00")

    assert fleet.ask(lambda to: vault.read(to, WHERE)) is None
    works: tuple[Callable[[Connection], Coroutine[Any, Any, object]], ...] = (
        lambda to: registration.find(to, WHERE, server.server_name, server.experience),
        lambda to: mapping.policy_of(to, container, "mapping"),
        lambda to: mapping.remove(to, container, "mapping", POLL, server.experience),
        lambda to: server_removal.unregister(to, server, fleet.site.fabric, Recorder()),
        lambda to: vault_credentials.due(to, WHERE, server.server_name, now),
    )
    for work in works:
        with pytest.raises(VaultGoneError, match=f"the vault {VAULT_NAME} .* is gone.*refresh"):
            fleet.ask(work)
    assert fleet.ask(lambda to: server_removal.clear(to, server, Recorder())) is False


@DELETIONS
def test_no_machine_is_driven_in_it_and_all_are_out_of_it(fleet: Fleet, delete: Deletion) -> None:
    delete(fleet)

    with pytest.raises(VaultGoneError, match="pulumi refresh"):
        fleet.drive(Phase.PROTECTED)

    outcomes = fleet.drive(None, leaving=True)
    assert {o.status for o in outcomes.values()} == {Status.SATISFIED}
    assert fleet.snapshot(leaving=True).gone is Gone.VAULT


def test_what_was_migrated_is_still_known_by_its_virtual_machine(fleet: Fleet) -> None:
    fleet.drive({"web-01": Phase.MIGRATED})
    delete_the_vault(fleet)

    snapshot = fleet.snapshot(leaving=True)

    stages = {a.machine.name: observe(a.machine, snapshot).stage for a in fleet.assignments(None)}
    assert stages["web-01"] is Stage.MIGRATED
    assert set(stages.values()) == {Stage.MIGRATED, Stage.UNKNOWN_TO_VAULT}


def test_a_server_that_was_removed_by_hand_is_told_from_a_vault_that_is_gone(fleet: Fleet) -> None:
    remove_the_server(fleet)

    with pytest.raises(VaultGoneError, match=r"the server .* is not registered with it any more"):
        fleet.drive(Phase.PROTECTED)

    assert fleet.snapshot(leaving=True).gone is Gone.SERVER
    assert {o.status for o in fleet.drive(None, leaving=True).values()} == {Status.SATISFIED}


@pytest.mark.parametrize("experience", [MODERNIZED])
def test_an_appliance_goes_with_its_site(quiet_fleet: Fleet) -> None:
    for operation in ("ServersController_ListByServerSite", "ServerSitesController_Get"):
        quiet_fleet.fault(operation=operation, status=404, code="ResourceNotFound", times=2)

    assert quiet_fleet.snapshot(leaving=True).gone is Gone.SERVER
    with pytest.raises(VaultGoneError, match="not registered with it any more"):
        quiet_fleet.snapshot()


class TestItIsNotSaidToBeGone:
    """If a vault cannot be read, it is not known whether it exists."""

    def test_where_access_is_denied(self, quiet_fleet: Fleet) -> None:
        quiet_fleet.fault(operation="Vaults_Get", status=403, code="AuthorizationFailed")
        with pytest.raises(ServiceUnavailableError, match="Site Recovery Contributor"):
            quiet_fleet.ask(lambda to: vault.read(to, WHERE))

    def test_where_azure_does_not_answer(self, quiet_fleet: Fleet) -> None:
        quiet_fleet.fault(operation="Vaults_Get", drop="before", times=10)
        with pytest.raises(ServiceUnavailableError, match=r"Azure|connection"):
            quiet_fleet.ask(lambda to: vault.read(to, WHERE))

    def test_where_the_subscription_is_another(self, quiet_fleet: Fleet) -> None:
        other = VaultId.parse(VAULT.replace("11111111-1111", "22222222-2222"))
        with pytest.raises(MigrationError, match="SubscriptionNotFound"):
            quiet_fleet.ask(lambda to: vault.read(to, other))

    @pytest.mark.parametrize("code", ["SubscriptionNotFound", "NotFound"])
    def test_where_only_something_in_it_was_not_found(self, replicating: Fleet, code: str) -> None:
        listed = "ReplicationProtectedItems_List"
        replicating.fault(operation=listed, status=404, code=code, times=2)
        with pytest.raises(MigrationError, match=code) as told:
            replicating.drive(None, leaving=True)
        assert not isinstance(told.value, VaultGoneError)
        assert replicating.items().keys() == replicating.machines.keys()

    @pytest.mark.parametrize("leaving", [True, False])
    @pytest.mark.parametrize(
        "operation",
        [
            "ReplicationProtectedItems_List",
            "ReplicationJobs_List",
            "VirtualMachines_List",
            "the sources",
        ],
    )
    def test_where_one_list_was_not_found_once(
        self, replicating: Fleet, operation: str, leaving: bool
    ) -> None:
        if operation == "the sources":
            operation = SOURCES[replicating.experience.name]
        replicating.fault(operation=operation, status=404, code="PageExpired", times=1)
        with pytest.raises(MigrationError, match="PageExpired") as told:
            replicating.snapshot(leaving=leaving)
        assert not isinstance(told.value, VaultGoneError)
        assert replicating.snapshot(leaving=leaving).gone is None

    def test_where_its_server_could_not_be_looked_at(self, quiet_fleet: Fleet) -> None:
        remove_the_server(quiet_fleet)
        quiet_fleet.fault(
            operation="ReplicationFabrics_Get", status=403, code="AuthorizationFailed", times=1
        )
        with pytest.raises(ServiceUnavailableError, match="AuthorizationFailed") as told:
            quiet_fleet.snapshot()
        assert not isinstance(told.value, VaultGoneError)

    def test_where_the_machines_of_azure_could_not_be_listed(self, quiet_fleet: Fleet) -> None:
        quiet_fleet.drive({"web-01": Phase.MIGRATED})
        delete_the_vault(quiet_fleet)
        quiet_fleet.fault(
            operation="VirtualMachines_List", status=404, code="SubscriptionNotFound", times=2
        )
        with pytest.raises(MigrationError, match="SubscriptionNotFound"):
            quiet_fleet.snapshot(leaving=True)


def test_a_mapping_that_alone_is_gone_is_no_failure(quiet_fleet: Fleet) -> None:
    container = quiet_fleet.migration_site.container
    assert quiet_fleet.ask(lambda to: mapping.policy_of(to, container, "other")) is None
    elsewhere = ContainerId(container.vault, "no-fabric", "no-container")
    assert quiet_fleet.ask(lambda to: mapping.policy_of(to, elsewhere, "mapping")) is None
