"""Refresh and destroy of resources whose vault exists, has changed, or is gone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from pulumi.runtime import rpc

from dynamic_providers import adapter, container_mapping, engine
from dynamic_providers.container_mapping import ContainerMappingProvider
from dynamic_providers.fabric_registration import FabricRegistrationProvider
from dynamic_providers.migration_wave import MigrationWaveProvider
from dynamic_providers.protected_item import ProtectedItemProvider
from dynamic_providers.shared import records
from dynamic_providers.vault_clearance import VaultClearanceProvider
from site_recovery.azure import leftovers
from site_recovery.azure.connection import Connection
from site_recovery.convergence.interfaces import Pace
from site_recovery.errors import MigrationError
from site_recovery.phases import Phase
from tests.convergence.fleet import Fleet, Recorder
from tests.convergence.test_the_vault_is_gone import delete_the_vault, remove_the_server
from tests.dynamic_providers.test_waves_that_differ import INPUTS
from tests.emulator.recovery_services.site_recovery_support import BOTH, GROUP, VAULT, windows

URN = "urn:pulumi:dev::p::t::one"


@pytest.fixture(params=BOTH, ids=lambda experience: experience.name)
def fleet(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    made = Fleet([windows(1), windows(2)], experience=request.param)
    monkeypatch.setattr(adapter.MigrationProvider, "connect", lambda _self: made.connector())
    yield made
    made.close()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All lines that were reported to the engine."""
    lines: list[str] = []
    seen = SimpleNamespace(log=lambda _urn, text, **_: lines.append(text), alive=lambda: True)
    monkeypatch.setattr(engine, "current", lambda: seen)
    return lines


def wave(fleet: Fleet, phase: str = "protected", **outputs: Any) -> dict[str, Any]:
    site = fleet.migration_site
    machines = {
        name: {
            "instance_id": machine.id,
            "private_ip": machine.private_ip,
            "platform": "windows",
        }
        for name, machine in fleet.machines.items()
    }
    return {
        **INPUTS,
        "experience": site.experience,
        "vault_id": VAULT,
        "container_id": str(site.container),
        "machines_site_id": site.machines_site_id,
        "landing_zone": {**INPUTS["landing_zone"], "resource_group_id": GROUP},
        "phase": phase,
        "machines": machines,
        "urn": URN,
        **outputs,
    }


def item(fleet: Fleet, name: str, phase: str = "protected") -> dict[str, Any]:
    its = wave(fleet)
    keys = ("experience", "container_id", "machines_site_id", "landing_zone", "convergence", "urn")
    return {
        **{key: its[key] for key in keys},
        "name": name,
        "phase": phase,
        "machine": its["machines"][name],
        "outcome": {"status": "satisfied"},
        "last_test_failover": "",
    }


def mapping(fleet: Fleet) -> dict[str, Any]:
    return {
        "container_id": str(fleet.migration_site.container),
        "policy_id": fleet.migration_site.policy_id,
        "mapping_name": "mapping",
        "experience": fleet.migration_site.experience,
        "poll_seconds": 30,
        "urn": URN,
    }


def server(fleet: Fleet) -> dict[str, Any]:
    return {
        "vault_id": VAULT,
        "server_name": fleet.server_name,
        "experience": fleet.migration_site.experience,
        "timeout_seconds": 60,
        "poll_seconds": 30,
        "urn": URN,
    }


@pytest.mark.usefixtures("told")
class TestAWaveWhoseVaultIsGone:
    def test_is_gone_itself(self, fleet: Fleet) -> None:
        delete_the_vault(fleet)
        assert MigrationWaveProvider().read("web", wave(fleet)).id == ""

    @pytest.mark.parametrize("recorded", [True, False])
    def test_stays_for_the_sake_of_a_machine_that_is_migrated(
        self, fleet: Fleet, recorded: bool
    ) -> None:
        fleet.drive({"web-01": Phase.MIGRATED})
        props = wave(fleet, "migrated", leaving={"web-03": {}})
        if recorded:
            # Neither the vault nor Azure shows it any more.
            props["migrated"] = {"web-01": fleet.machines["web-01"].id}
            (machine,) = fleet.site.virtual_machines().values()
            fleet.site.call("DELETE", machine["id"], version="2024-11-01")
            fleet.site.pass_time(minutes=30)
            assert fleet.site.virtual_machines() == {}
        delete_the_vault(fleet)

        read = MigrationWaveProvider().read("web", props)

        assert read.id == "web"
        assert read.outs is not None
        assert read.outs["migrated"] == {"web-01": fleet.machines["web-01"].id}
        assert read.outs["leaving"] == {}
        assert MigrationWaveProvider().diff("web", read.outs, wave(fleet, "migrated")).changes

    def test_is_deleted_without_a_call(self, fleet: Fleet, told: list[str]) -> None:
        delete_the_vault(fleet)
        before = fleet.site.world.audited()
        MigrationWaveProvider().delete("web", wave(fleet))
        assert fleet.site.world.audited() == before
        assert "is gone, and with it the replication of this wave's machines" in told[0]

    def test_names_what_a_test_left(self, fleet: Fleet, told: list[str]) -> None:
        fleet.drive({"web-01": Phase.TEST_FAILOVER})
        inside = f"{fleet.site.container}/replicationProtectedItems/web-01"
        fleet.site.finished(fleet.site.accepted("DELETE", inside))
        assert "web-01-test" in fleet.site.virtual_machines()
        delete_the_vault(fleet)
        MigrationWaveProvider().delete("web", wave(fleet))
        assert "web-01-test" in told[-1]
        assert "delete them" in told[-1]


class TestARecordWhoseVaultIsGone:
    def test_of_a_machine_that_replicated_goes_too(self, fleet: Fleet, told: list[str]) -> None:
        delete_the_vault(fleet)
        assert ProtectedItemProvider().read("web-01", item(fleet, "web-01")).id == ""
        ProtectedItemProvider().delete("web-01", item(fleet, "web-01"))
        assert "is gone, and with it web-01's replication" in told[-1]

    def test_of_a_machine_that_is_migrated_stays(self, fleet: Fleet) -> None:
        fleet.drive({"web-01": Phase.MIGRATED})
        delete_the_vault(fleet)
        read = ProtectedItemProvider().read("web-01", item(fleet, "web-01", "migrated"))
        assert read.id == "web-01"
        assert read.outs is not None
        assert read.outs["phase"] == "migrated"

    def test_of_server_mapping_and_clearance_goes_too(self, fleet: Fleet, told: list[str]) -> None:
        props, fabric, associated = server(fleet), fleet.site.fabric, mapping(fleet)
        clearance = {**props, "keep_server": False, "keep_vault": False}
        delete_the_vault(fleet)
        assert FabricRegistrationProvider().read(fabric, props).id == ""
        assert ContainerMappingProvider().read("mapping", associated).id == ""
        assert VaultClearanceProvider().read("clearance", clearance).id == ""
        FabricRegistrationProvider().delete(fabric, props)
        ContainerMappingProvider().delete("mapping", associated)
        VaultClearanceProvider().delete("clearance", clearance)
        assert [line.partition(" is gone")[1] for line in told] == [" is gone"] * 3


class TestAServerThatIsNotWell:
    def test_stays_recorded(self, fleet: Fleet) -> None:
        ids = ("container_id", "provider_id", "process_server_id", "master_target_id")
        recorded = {
            **server(fleet),
            **dict.fromkeys((*ids, "machines_site_id"), "as it was"),
            "fabric_id": fleet.site.fabric,
            "run_as_accounts": {"a": "1"},
        }
        fleet.site.become(0, state="stopped")
        fleet.site.pass_time(hours=3)

        read = FabricRegistrationProvider().read(fleet.site.fabric, recorded)

        assert read.id == fleet.site.fabric
        assert read.outs is not None
        assert read.outs["run_as_accounts"] == {"a": "1"}

    def test_is_forgotten_once_it_is_unregistered(self, fleet: Fleet) -> None:
        props = server(fleet)
        remove_the_server(fleet)
        assert FabricRegistrationProvider().read(fleet.site.fabric, props).id == ""


class TestADestroyedMapping:
    def test_takes_machines_along_that_no_wave_recorded(
        self, fleet: Fleet, told: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fleet.drive(Phase.PROTECTED)

        async def sleep(_: float) -> None:
            fleet.site.pass_time(seconds=30)

        monkeypatch.setattr(container_mapping, "Pace", partial(Pace, sleep=sleep))
        ContainerMappingProvider().delete("mapping", mapping(fleet))
        assert fleet.items() == {}
        assert "web-02: disable protection started" in told
        assert "removing the server's mapping" in told[-1]

    @pytest.mark.usefixtures("told")
    def test_leaves_a_machine_that_a_wave_of_this_run_names(self, fleet: Fleet) -> None:
        fleet.drive(Phase.PROTECTED)
        before = fleet.accepted()

        async def disable(connection: Connection) -> None:
            site = fleet.migration_site
            pace = Pace(timedelta(hours=2), timedelta(seconds=30))
            named = {fleet.machines["web-02"].id}
            await leftovers.disable(
                connection,
                site.container,
                site.policy_id,
                site.experience,
                pace,
                Recorder(),
                "dev",
                named=named,
            )

        with pytest.raises(MigrationError, match=r"web-02 .*a wave of this stack names"):
            fleet.ask(disable)
        assert fleet.accepted() == before


class TestAMappingThatIsReplaced:
    @pytest.mark.usefixtures("told")
    @pytest.mark.parametrize("told_by", ["mapping", "wave"])
    @pytest.mark.parametrize("stack", ["dev", "renamed"])
    def test_leaves_all_machines_as_they_are(self, fleet: Fleet, told_by: str, stack: str) -> None:
        fleet.drive(Phase.PROTECTED)
        before = fleet.accepted()
        urn = URN.replace("dev", stack)
        if told_by == "mapping":
            changed = {**mapping(fleet), "policy_id": "/policies/other", "urn": urn}
            ContainerMappingProvider().check(mapping(fleet), changed)
        else:
            MigrationWaveProvider().check(wave(fleet), {**wave(fleet), "urn": urn})
        with pytest.raises(Exception, match="2 machines replicate by its policy"):
            ContainerMappingProvider().delete("mapping", mapping(fleet))
        assert fleet.accepted() == before

    @pytest.mark.parametrize(
        "changed",
        [
            {"mapping_name": "other"},
            {"mapping_name": "other", "policy_id": rpc.UNKNOWN},
            {"container_id": rpc.UNKNOWN},
        ],
    )
    def test_is_refused_in_preview_while_machines_replicate_by_it(
        self, fleet: Fleet, changed: dict[str, str]
    ) -> None:
        fleet.drive(Phase.PROTECTED)
        old = mapping(fleet)
        with pytest.raises(Exception, match=r"web-01, web-02 replicate by it.*Keep the vault"):
            ContainerMappingProvider().diff("mapping", old, {**old, **changed})

    @pytest.mark.parametrize("vault_is_there", [True, False])
    def test_is_made_anew_where_no_machine_replicates_by_it(
        self, fleet: Fleet, vault_is_there: bool
    ) -> None:
        old = mapping(fleet)
        if not vault_is_there:
            delete_the_vault(fleet)
        diff = ContainerMappingProvider().diff("mapping", old, {**old, "mapping_name": "other"})
        assert diff.replaces == ["mapping_name"]
        assert diff.delete_before_replace

    def test_is_not_replaced_when_its_stack_is_renamed(self, fleet: Fleet) -> None:
        fleet.drive(Phase.PROTECTED)
        old = mapping(fleet)
        new = {**old, "urn": URN.replace("dev", "renamed")}
        assert not ContainerMappingProvider().diff("mapping", old, new).changes


@pytest.mark.usefixtures("told")
class TestARecordThatIsReplacedByOneOfTheSameThing:
    @pytest.mark.parametrize("kind", ["mapping", "registration", "clearance"])
    def test_is_only_forgotten(self, fleet: Fleet, kind: str) -> None:
        fleet.drive(Phase.PROTECTED)
        before = fleet.accepted()
        provider: adapter.MigrationProvider[Any, Any]
        if kind == "mapping":
            provider, props = ContainerMappingProvider(), mapping(fleet)
        elif kind == "registration":
            provider, props = FabricRegistrationProvider(), server(fleet)
        else:
            kept = {"keep_server": False, "keep_vault": False}
            provider, props = VaultClearanceProvider(), {**server(fleet), **kept}
        provider.check({}, dict(props))
        provider.delete("id", props)
        assert fleet.accepted() == before

    def test_is_only_forgotten_even_if_its_machine_is_failed_over(self, fleet: Fleet) -> None:
        fleet.drive(Phase.FAILED_OVER)
        before = fleet.accepted()
        MigrationWaveProvider().check({}, wave(fleet, "failed-over"))
        MigrationWaveProvider().delete("web", wave(fleet, "failed-over"))
        ProtectedItemProvider().delete("web-01", item(fleet, "web-01", "failed-over"))
        assert fleet.accepted() == before


@pytest.mark.usefixtures("told")
class TestAWaveWithAMachineThatIsFailedOver:
    def test_is_not_deleted_and_none_of_its_machines_is_touched(self, fleet: Fleet) -> None:
        fleet.drive({"web-01": Phase.FAILED_OVER, "web-02": Phase.PROTECTED})
        before = fleet.accepted()
        with pytest.raises(Exception, match="web-01: it is failed over"):
            MigrationWaveProvider().delete("web", wave(fleet))
        ProtectedItemProvider().delete("web-02", item(fleet, "web-02"))
        with pytest.raises(Exception, match="web-01: it is failed over"):
            ProtectedItemProvider().delete("web-01", item(fleet, "web-01"))
        assert fleet.accepted() == before


class TestClearingTheVault:
    def test_unregisters_the_server_and_says_what_azure_keeps(
        self, fleet: Fleet, told: list[str]
    ) -> None:
        props = {**server(fleet), "keep_server": False, "keep_vault": False}
        VaultClearanceProvider().delete("clearance", props)
        assert fleet.site.get(f"{VAULT}/replicationFabrics")["value"] == []
        assert (
            "Its soft delete is Enabled: Azure may list it among deleted vaults for 14 days"
            in (told[-1])
        )

    def test_leaves_a_server_and_a_vault_that_were_there_before(
        self, fleet: Fleet, told: list[str]
    ) -> None:
        props = {**server(fleet), "keep_server": True, "keep_vault": True}
        VaultClearanceProvider().delete("clearance", props)
        assert len(fleet.site.get(f"{VAULT}/replicationFabrics")["value"]) == 1
        assert told == []


@pytest.mark.usefixtures("told")
class TestATestThatNobodyLookedAt:
    @pytest.fixture
    def unchecked(self, fleet: Fleet) -> dict[str, Any]:
        """The record of a wave whose machines were tested by hand."""
        fleet.drive(Phase.TEST_FAILOVER)
        fleet.drive(Phase.PROTECTED)
        return wave(fleet)

    def test_refuses_a_failover_before_anything_runs(
        self, fleet: Fleet, unchecked: dict[str, Any]
    ) -> None:
        records.of_this_process.planned.add("one")
        with pytest.raises(MigrationError) as refused:
            MigrationWaveProvider().diff("web", unchecked, failing_over(fleet, required=True))
        for machine in fleet.machines:
            assert f"{machine}: no checks of its test failover" in str(refused.value)

    def test_is_no_matter_of_a_refresh(self, fleet: Fleet, unchecked: dict[str, Any]) -> None:
        asked = failing_over(fleet, required=True)
        assert MigrationWaveProvider().diff("web", unchecked, asked).changes

    def test_is_no_matter_where_none_is_required(
        self, fleet: Fleet, unchecked: dict[str, Any]
    ) -> None:
        records.of_this_process.planned.add("one")
        asked = failing_over(fleet, required=False)
        assert MigrationWaveProvider().diff("web", unchecked, asked).changes


def failing_over(fleet: Fleet, *, required: bool) -> dict[str, Any]:
    zone = asdict(fleet.migration_site.landing_zone)
    asked = wave(fleet, "failed-over", landing_zone=zone)
    asked["convergence"] = {**asked["convergence"], "require_test_failover": required}
    return asked
