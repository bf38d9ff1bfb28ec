"""The replication providers, with their sites and their parts of request bodies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from emulator.estate.machines import Instance
from tests.emulator.recovery_services.site_recovery_experiences import (
    BOTH,
    CLASSIC,
    MODERNIZED,
    Classic,
)
from tests.emulator.recovery_services.site_recovery_support import Site


@dataclass(frozen=True)
class Provider:
    """One replication provider.

    Attributes:
        experience: the experience in the emulator's own tests.
    """

    experience: Classic

    @property
    def instance_type(self) -> str:
        """Its `instanceType`."""
        return self.experience.instance_type

    @property
    def discovers(self) -> bool:
        """Whether machines have to be discovered. If not, their agents report them."""
        return self.experience is not MODERNIZED

    @property
    def policy(self) -> dict[str, Any]:
        """The settings of a policy."""
        return dict(self.experience.policy()["properties"]["providerSpecificInput"])

    def site(self, machines: Iterable[Instance] = (), seed: int = 7) -> Site:
        """A site where a server of this provider can register."""
        return Site(machines, experience=self.experience, seed=seed)

    def part(self, operation: str, point: str | None = None) -> dict[str, Any]:
        """The provider's part of the body of an operation; `point` is the id of a recovery point."""
        experience, part = self.experience, "providerSpecificDetails"
        if operation.startswith("ReplicationPolicies"):
            return self.policy
        if operation.startswith("ReplicationRecoveryPlans"):
            return {"instanceType": self.instance_type, "recoveryPointType": "Latest"}
        if operation == "ReplicationProtectedItems_UnplannedFailover":
            return dict(experience.failover(point)[part])
        if operation == "ReplicationProtectedItems_ApplyRecoveryPoint":
            return dict(experience.other_point(str(point))[part])
        if operation == "ReplicationProtectedItems_Update":
            update = experience.update("web-one", "Standard_D2s_v3", {"wave": "pilot"})
            return dict(update["properties"][part])
        if operation == "ReplicationProtectionContainerMappings_Update" and not self.discovers:
            return {"instanceType": self.instance_type, "enableAgentAutoUpgrade": "false"}
        return {"instanceType": self.instance_type}


PROVIDERS = {experience.instance_type: Provider(experience) for experience in BOTH}
"""The providers that are walked, by their `instanceType`."""

FIRST = PROVIDERS[CLASSIC.instance_type]
"""The provider used for operations of the vault itself."""
