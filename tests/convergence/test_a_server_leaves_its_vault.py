"""Unregistering a server: mappings go first, and removals by others are waited for."""

from __future__ import annotations

from datetime import timedelta

import pytest

from site_recovery.arm_ids import ContainerId, VaultId
from site_recovery.azure import leftovers
from site_recovery.azure.servers import server_removal
from site_recovery.azure.servers.server_removal import Leaving
from site_recovery.convergence.interfaces import Pace
from site_recovery.errors import MigrationError
from site_recovery.phases import Phase
from tests.convergence.fleet import Fleet, Recorder
from tests.emulator.recovery_services.site_recovery_support import VAULT

POLL = timedelta(seconds=30)
FAILING = {
    "errorCode": "25005",
    "errorMessage": "The server does not answer.",
    "possibleCauses": "It was terminated.",
    "recommendedAction": "Start it.",
}


def leaving(fleet: Fleet) -> Leaving:
    async def sleep(_: float) -> None:
        fleet.site.pass_time(seconds=30)

    where = VaultId.parse(VAULT)
    return Leaving(where, fleet.server_name, fleet.migration_site.experience, POLL, sleep)


def unregister(fleet: Fleet) -> Recorder:
    server, told = leaving(fleet), Recorder()
    fleet.ask(lambda to: server_removal.unregister(to, server, fleet.site.fabric, told))
    return told


def fabrics(fleet: Fleet) -> list[str]:
    return [fabric["id"] for fabric in fleet.site.get(f"{VAULT}/replicationFabrics")["value"]]


def disable(fleet: Fleet) -> Recorder:
    async def sleep(_: float) -> None:
        fleet.site.pass_time(seconds=30)

    site, told = fleet.migration_site, Recorder()
    pace = Pace(timedelta(hours=6), POLL, sleep)
    fleet.ask(
        lambda to: leftovers.disable(
            to, site.container, site.policy_id, site.experience, pace, told, "dev"
        )
    )
    return told


def operations(fleet: Fleet) -> list[str]:
    return [entry["operation"] for entry in fleet.site.world.audited()]


def test_its_associations_go_first_and_it_says_what_it_waits_for(quiet_fleet: Fleet) -> None:
    told = unregister(quiet_fleet)

    assert fabrics(quiet_fleet) == []
    assert operations(quiet_fleet)[-2:] == [
        "ReplicationProtectionContainerMappings_Delete",
        "ReplicationFabrics_Delete",
    ]
    assert "removing its mapping mapping to a policy" in told.statuses
    assert any(f"unregistering the {kind}" in told.statuses[-1] for kind in ("conf", "repl"))


def test_once_it_is_gone_there_is_nothing_to_do(quiet_fleet: Fleet) -> None:
    server, told = leaving(quiet_fleet), Recorder()
    unregister(quiet_fleet)
    before = operations(quiet_fleet)
    quiet_fleet.ask(lambda to: server_removal.unregister(to, server, quiet_fleet.site.fabric, told))
    assert quiet_fleet.ask(lambda to: server_removal.clear(to, server, told)) is True
    assert operations(quiet_fleet) == before


def test_a_removal_that_somebody_began_is_waited_for(quiet_fleet: Fleet) -> None:
    site = quiet_fleet.site
    body: dict[str, object] = {"properties": {}}
    mapping = f"{site.container}/replicationProtectionContainerMappings/mapping"
    site.finished(site.accepted("POST", f"{mapping}/remove", body))
    server, told = leaving(quiet_fleet), Recorder()
    site.accepted("POST", f"{site.fabric}/remove", body)
    before = operations(quiet_fleet)

    quiet_fleet.ask(lambda to: server_removal.unregister(to, server, site.fabric, told))

    assert fabrics(quiet_fleet) == []
    assert operations(quiet_fleet) == before, "it was not asked for a second time"
    assert any("waiting for" in status for status in told.statuses)


def test_a_server_that_is_gone_itself_is_forced_out(quiet_fleet: Fleet) -> None:
    quiet_fleet.fault(operation="ReplicationFabrics_Delete", job=FAILING)

    told = unregister(quiet_fleet)

    assert fabrics(quiet_fleet) == []
    assert operations(quiet_fleet)[-1] == "ReplicationFabrics_Purge"
    assert "The server does not answer" in told.events[-1]
    assert "forced out" in told.events[-1]


def test_a_server_that_protects_machines_stays(replicating: Fleet) -> None:
    with pytest.raises(MigrationError, match="web-01"):
        unregister(replicating)
    assert fabrics(replicating) == [replicating.site.fabric]
    assert replicating.items().keys() == replicating.machines.keys()


def test_clearing_a_vault_finds_its_server_by_name(quiet_fleet: Fleet) -> None:
    server = leaving(quiet_fleet)
    other = Leaving(server.vault, "another", server.experience, POLL)

    assert quiet_fleet.ask(lambda to: server_removal.clear(to, other, Recorder())) is True
    assert fabrics(quiet_fleet) == [quiet_fleet.site.fabric]
    assert quiet_fleet.ask(lambda to: server_removal.clear(to, server, Recorder())) is True
    assert fabrics(quiet_fleet) == []


class TestMachinesWithoutARecord:
    """The run that created their wave was killed."""

    @pytest.mark.parametrize("phase", [Phase.PROTECTED, Phase.TEST_FAILOVER])
    def test_are_taken_out_by_their_tags(self, quiet_fleet: Fleet, phase: Phase) -> None:
        quiet_fleet.drive(phase)
        told = disable(quiet_fleet)
        assert quiet_fleet.items() == {}
        assert not any("Purge" in operation for operation in quiet_fleet.accepted())
        assert "web-01: disable protection started" in told.events

    def test_while_their_initial_replication_runs(self, quiet_fleet: Fleet) -> None:
        quiet_fleet.drive(Phase.PROTECTED, wait=timedelta(minutes=4))
        disable(quiet_fleet)
        assert quiet_fleet.items() == {}

    def test_while_their_protection_is_being_enabled(self, quiet_fleet: Fleet) -> None:
        # Until that has ended, an item of the modernized experience does not show its tags.
        quiet_fleet.fault(operation="EnableDr", match="web-01", delaySeconds=7200)
        quiet_fleet.drive(Phase.PROTECTED, wait=timedelta(minutes=40))
        assert quiet_fleet.items()

        told = disable(quiet_fleet)

        assert quiet_fleet.items() == {}
        waited = "waiting until the protection of web-01 is enabled" in told.statuses
        assert waited is (quiet_fleet.migration_site.experience == "modernized")

    def test_are_all_left_while_one_is_failed_over(self, quiet_fleet: Fleet) -> None:
        quiet_fleet.drive({"web-01": Phase.FAILED_OVER, "web-02": Phase.PROTECTED})
        before = quiet_fleet.accepted()
        with pytest.raises(MigrationError, match="web-01: it is failed over"):
            disable(quiet_fleet)
        assert quiet_fleet.accepted() == before

    def test_leave_one_alone_that_was_enabled_by_somebody_else(self, quiet_fleet: Fleet) -> None:
        site = quiet_fleet.site
        quiet_fleet.drive({"web-01": Phase.PROTECTED})
        site.protect(quiet_fleet.machines["web-02"])
        before = quiet_fleet.accepted()
        with pytest.raises(MigrationError, match="web-02 replicate by it"):
            disable(quiet_fleet)
        assert quiet_fleet.accepted() == before

    def test_of_another_policy_are_not_looked_at(self, replicating: Fleet) -> None:
        site = replicating.migration_site
        other = f"{site.container.vault}/replicationPolicies/other"
        pace = Pace(timedelta(hours=1), POLL)
        container = ContainerId.parse(replicating.site.container)
        replicating.ask(
            lambda to: leftovers.disable(
                to, container, other, site.experience, pace, Recorder(), "dev"
            )
        )
        assert replicating.items().keys() == replicating.machines.keys()
