"""The interface to the differences between the two experiences.

Phases, planning, convergence and recovery plans are the same for both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from site_recovery.azure.servers.registered import Registration
from site_recovery.fleet import Assignment, Site
from site_recovery.snapshot import Unreadable
from site_recovery.sources import Source, SourceDisk
from site_recovery.target_settings import TargetSettings

if TYPE_CHECKING:
    from azure.mgmt.recoveryservicessiterecovery.aio import SiteRecoveryManagementClient

Sources: TypeAlias = tuple[tuple[Source, ...], tuple[Unreadable, ...]]
"""The sources of a list, and its entries that cannot be read."""


class Experience(Protocol):
    """One replication provider and its server; `registry.EXPERIENCES` has the implementations.

    Attributes:
        instance_type: the `instanceType` of the replication provider.
        fabric_type: `customDetails.instanceType` of the fabric that a server registers.
        server: the name of the server for people.
        guidance: what a person must do before a server registers; empty if nothing.
        guide: path of the page about the server, in the repository.
        discovers: whether this program asks for the discovery of a machine. If not, machines
            appear once their agents have registered.
    """

    instance_type: str
    fabric_type: str
    server: str
    guidance: str
    guide: str
    discovers: bool

    def may_contain(self, fabric: Mapping[str, Any], server_name: str) -> bool:
        """Whether a fabric from a list may be the one of a server."""

    def registration(
        self,
        fabric: Mapping[str, Any],
        containers: Sequence[Mapping[str, Any]],
        providers: Sequence[Mapping[str, Any]],
        server_name: str,
    ) -> Registration | str:
        """The registration of a server in the vault, or a sentence that says what is missing."""

    async def sources(self, client: SiteRecoveryManagementClient, site: Site) -> Sources:
        """The machines that can be protected: of a container, or of an appliance's site.

        Raises:
            AzureError: Azure did not answer, or refused.
        """

    def mapping_input(self) -> dict[str, Any]:
        """`providerSpecificInput` of a container mapping."""

    async def disks(
        self, client: SiteRecoveryManagementClient, source_id: str
    ) -> tuple[SourceDisk, ...]:
        """The disks of a machine that can be protected, as far as the service knows them.

        Raises:
            AzureError: Azure did not answer, or refused.
        """

    def enable_protection(
        self,
        assignment: Assignment,
        site: Site,
        source_id: str,
        disks: Sequence[SourceDisk] = (),
    ) -> dict[str, Any]:
        """Body of ReplicationProtectedItems_Create.

        Args:
            assignment: the machine.
            site: where it is replicated from and to.
            source_id: the machine as the service knows it.
            disks: its disks; none if all get the same settings.

        Raises:
            MigrationError: the disks are not those that settings are declared for.
        """

    def target_settings(self, details: Mapping[str, Any]) -> TargetSettings:
        """The target as an item's `providerSpecificDetails` show it.

        Raises:
            ValueError: they are not as the service documents them.
        """

    def update_target(self, details: Mapping[str, Any], wanted: TargetSettings) -> dict[str, Any]:
        """Body of ReplicationProtectedItems_Update.

        It contains everything that an update can set, with the present value where no other one
        is wanted: the service may take a missing value for none (azure-powershell sends all
        values too).

        Args:
            details: `providerSpecificDetails` of the item in full.
            wanted: the target that the item should have.
        """

    def unplanned_failover(self, recovery_point_id: str | None) -> dict[str, Any]:
        """Body of ReplicationProtectedItems_UnplannedFailover; None takes the latest point."""
