"""One 404 of something that is there ends nothing: what its parent lists is there."""

from __future__ import annotations

from datetime import timedelta

import pytest
from azure.core.exceptions import ResourceNotFoundError

from site_recovery.azure import mapping, vault_observation
from site_recovery.azure.compute import Compute
from site_recovery.azure.connection import Connection
from site_recovery.convergence.outcome import Status
from site_recovery.declared.tags import TAG_INSTANCE
from site_recovery.errors import MigrationError
from site_recovery.phases import Phase
from site_recovery.snapshot import VirtualMachine
from tests.convergence.fleet import Fleet
from tests.convergence.sources import Killed
from tests.convergence.test_a_cutover_loses_nothing import VM, sources
from tests.convergence.test_a_failover_is_taken_back import (
    both_serve,
    failed_over,
    virtual_machine,
)
from tests.emulator.recovery_services.site_recovery_support import GROUP

__all__ = ["failed_over"]

MAPPING_GET = "ReplicationProtectionContainerMappings_Get"
DB_01 = f"{GROUP}{VM}/db-01"


def not_found(fleet: Fleet, operation: str, code: str = "ResourceNotFound") -> None:
    fleet.fault(operation=operation, status=404, code=code, times=1)


class TestAMapping:
    @pytest.mark.parametrize("code", ["ResourceNotFound", "NotFound"])
    def test_that_is_there_keeps_its_policy(self, quiet_fleet: Fleet, code: str) -> None:
        container = quiet_fleet.migration_site.container
        policy = quiet_fleet.ask(lambda to: mapping.policy_of(to, container, "mapping"))
        not_found(quiet_fleet, MAPPING_GET, code)

        assert quiet_fleet.ask(lambda to: mapping.policy_of(to, container, "MAPPING")) == policy

    def test_that_is_there_is_not_made_again(self, quiet_fleet: Fleet) -> None:
        container = quiet_fleet.migration_site.container
        policy = quiet_fleet.ask(lambda to: mapping.policy_of(to, container, "mapping"))
        assert policy is not None
        before = len(quiet_fleet.site.world.audited())
        not_found(quiet_fleet, MAPPING_GET)

        quiet_fleet.ask(
            lambda to: mapping.ensure(
                to,
                container,
                "mapping",
                policy,
                timedelta(seconds=1),
                quiet_fleet.migration_site.experience,
            )
        )

        assert len(quiet_fleet.site.world.audited()) == before

    def test_that_is_there_is_not_taken_for_removed(self, quiet_fleet: Fleet) -> None:
        container = quiet_fleet.migration_site.container

        def remove() -> None:
            quiet_fleet.ask(
                lambda to: mapping.remove(
                    to,
                    container,
                    "mapping",
                    timedelta(seconds=1),
                    quiet_fleet.migration_site.experience,
                )
            )

        not_found(quiet_fleet, "ReplicationProtectionContainerMappings_Delete")
        with pytest.raises(MigrationError, match="container mapping mapping: removing it failed"):
            remove()
        remove()
        assert quiet_fleet.ask(lambda to: mapping.policy_of(to, container, "mapping")) is None


class TestAVirtualMachine:
    """Its production virtual machine, as it is read without the list of virtual machines."""

    @pytest.fixture
    def migrated(self, fleet: Fleet) -> Fleet:
        fleet.drive({"db-01": Phase.FAILED_OVER})
        return fleet

    def found(self, fleet: Fleet, name: str) -> VirtualMachine | None:
        async def read(connection: Connection) -> VirtualMachine | None:
            return await vault_observation.virtual_machine_of(
                connection.client, GROUP, name, fleet.machines["db-01"].id
            )

        return fleet.ask(read)

    @pytest.mark.parametrize("name", ["db-01", "of-another-name"])
    def test_is_found_by_its_name_or_its_tag(self, migrated: Fleet, name: str) -> None:
        not_found(migrated, "VirtualMachines_Get")
        there = self.found(migrated, name)
        assert there is not None
        assert there.id.lower() == DB_01.lower()
        assert there.tags[TAG_INSTANCE] == migrated.machines["db-01"].id

    def test_is_not_gone_because_the_read_of_its_tag_failed(self, migrated: Fleet) -> None:
        migrated.fault(
            operation="VirtualMachines_Get", status=404, code="ResourceNotFound", times=2
        )
        assert self.found(migrated, "of-another-name") is not None

    def test_is_not_gone_because_the_index_of_its_group_was_not_found(
        self, migrated: Fleet
    ) -> None:
        not_found(migrated, "Resources_ListByResourceGroup")
        with pytest.raises(ResourceNotFoundError, match="ResourceNotFound"):
            self.found(migrated, "of-another-name")

    def test_is_gone_with_its_group(self, migrated: Fleet) -> None:
        async def read(connection: Connection) -> VirtualMachine | None:
            return await vault_observation.virtual_machine_of(
                connection.client, f"{GROUP}-none", "db-01", "i-0"
            )

        assert migrated.ask(read) is None


class TestItsPower:
    def power(self, fleet: Fleet, vm_id: str = DB_01) -> str | None:
        return fleet.ask(lambda to: Compute(to).power(vm_id))

    def test_is_unknown_while_reads_contradict_each_other(self, failed_over: Fleet) -> None:
        not_found(failed_over, "VirtualMachines_InstanceView")
        with pytest.raises(MigrationError, match="virtual machine db-01: ResourceNotFound"):
            self.power(failed_over)
        assert self.power(failed_over) == "running"

    @pytest.mark.parametrize("vm_id", [f"{GROUP}{VM}/none", f"{GROUP}-none{VM}/none"])
    def test_is_none_of_a_machine_that_is_not_there(self, failed_over: Fleet, vm_id: str) -> None:
        assert self.power(failed_over, vm_id) is None

    @pytest.mark.parametrize(
        "operation",
        ["VirtualMachines_InstanceView", "VirtualMachines_Deallocate", "VirtualMachines_Update"],
    )
    def test_both_never_serve_after_one_404(self, failed_over: Fleet, operation: str) -> None:
        def look(verb: str, which: str) -> None:
            if both_serve(failed_over):
                raise Killed

        plain = sources(failed_over)
        plain.before = plain.after = look
        not_found(failed_over, operation)

        outcome = failed_over.drive(Phase.PROTECTED)["db-01"]

        assert outcome.status is Status.SATISFIED, outcome
        kept = virtual_machine(failed_over)
        assert kept["power"] == "PowerState/deallocated"
        assert TAG_INSTANCE not in kept["tags"]
