"""The two ways in which Site Recovery replicates, behind one interface.

Everything else in this package is the same for both: phases, planning, convergence, plans.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from azure.mgmt.recoveryservicessiterecovery.aio import SiteRecoveryManagementClient

from site_recovery.azure.experiences import classic, modernized
from site_recovery.azure.servers.registered import Registration
from site_recovery.fleet import Assignment, ExperienceName, RecoveryPoint, Site
from site_recovery.sources import Source
from site_recovery.target_settings import TargetSettings


class Experience(Protocol):
    """What differs. `classic` and `modernized` are the modules that have it.

    Attributes:
        INSTANCE_TYPE: the replication provider.
        FABRIC_TYPE: `customDetails.instanceType` of the fabric that a server makes.
        SERVER: what people call the server.
        GUIDANCE: what a person has to do before a server registers; empty where nothing.
        GUIDE: the page about the server.
        DISCOVERS: whether machines are asked for; where not, their agents report by themselves.
        PLAN_RECOVERY_POINTS: `recoveryPointType` of a recovery plan's failover.
    """

    INSTANCE_TYPE: str
    FABRIC_TYPE: str
    SERVER: str
    GUIDANCE: str
    GUIDE: str
    DISCOVERS: bool
    PLAN_RECOVERY_POINTS: dict[RecoveryPoint, str]

    def registration(
        self,
        fabric: Mapping[str, Any],
        containers: Sequence[Mapping[str, Any]],
        providers: Sequence[Mapping[str, Any]],
        server_name: str,
    ) -> Registration | str:
        """What a server brought into the vault, or in words what is missing."""

    def may_hold(self, fabric: Mapping[str, Any], server_name: str) -> bool:
        """Whether a listed fabric may be that of a server."""

    async def sources(self, client: SiteRecoveryManagementClient, site: Site) -> tuple[Source, ...]:
        """Machines that can be protected; of a container or an appliance's site."""

    def mapping_input(self) -> dict[str, Any]:
        """`providerSpecificInput` of a container mapping."""

    def enable_protection(
        self, assignment: Assignment, site: Site, source_id: str
    ) -> dict[str, Any]:
        """Body of ReplicationProtectedItems_Create."""

    def target_settings(self, details: Mapping[str, Any]) -> TargetSettings:
        """What an item's `providerSpecificDetails` say of its target."""

    def update_target(self, details: Mapping[str, Any], wanted: TargetSettings) -> dict[str, Any]:
        """Body of ReplicationProtectedItems_Update."""

    def test_failover(self, site: Site) -> dict[str, Any]:
        """Body of ReplicationProtectedItems_TestFailover."""

    def unplanned_failover(self, recovery_point_id: str | None) -> dict[str, Any]:
        """Body of ReplicationProtectedItems_UnplannedFailover."""


_EXPERIENCES: dict[ExperienceName, Experience] = {"classic": classic, "modernized": modernized}


def of(name: ExperienceName) -> Experience:
    """The experience of a name."""
    return _EXPERIENCES[name]
