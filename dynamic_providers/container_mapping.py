"""The mapping of the protection container to the replication policy, as a resource."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any, TypeAlias

import pulumi
from pulumi.dynamic import DiffResult

from dynamic_providers import adapter, engine
from dynamic_providers.adapter import Inputs, MigrationProvider, Outputs
from dynamic_providers.declared import DeclaredResource
from dynamic_providers.shared import claims
from site_recovery.arm_ids import ContainerId, same
from site_recovery.arm_ids import name as name_of
from site_recovery.azure import leftovers, mapping
from site_recovery.azure.vault import gone_text
from site_recovery.convergence.interfaces import Pace
from site_recovery.errors import VaultGoneError
from site_recovery.fleet import ExperienceName

_REMOVAL = timedelta(hours=2)
"""How long one run waits for machines to leave the vault (service time)."""


class ContainerMappingInputs(Inputs):
    """The inputs: ARM ids, and the poll in seconds of real time."""

    container_id: str
    policy_id: str
    mapping_name: str
    experience: ExperienceName = "classic"
    poll_seconds: float
    urn: str

    @property
    def container(self) -> ContainerId:
        """The parts of the container's id."""
        return ContainerId.parse(self.container_id)

    @property
    def poll(self) -> timedelta:
        """The time between two polls."""
        return timedelta(seconds=self.poll_seconds)


class ContainerMappingOutputs(Outputs):
    """The ARM id of the mapping."""

    mapping_id: str


Recorded: TypeAlias = adapter.Recorded[ContainerMappingInputs, ContainerMappingOutputs]


class ContainerMappingProvider(MigrationProvider[ContainerMappingInputs, ContainerMappingOutputs]):
    """Maps and unmaps; azure-native would purge the mapping on delete."""

    identity = ("container_id", "policy_id", "mapping_name")

    async def on_diff(self, recorded: Recorded, news: dict[str, Any]) -> DiffResult:
        """A change of container, policy or name replaces the mapping. The old one is deleted first.

        This is refused, in preview too, while machines replicate with the old mapping. Otherwise
        Azure would refuse to remove it when half of the update is done.
        """
        replaces = recorded.replaced(news, *self.identity)
        if replaces:
            await self._raise_if_needed(recorded.inputs)
        return DiffResult(bool(replaces), replaces, delete_before_replace=True)

    async def on_create(
        self, inputs: ContainerMappingInputs
    ) -> tuple[str, ContainerMappingOutputs]:
        """Map the container, or adopt an existing mapping."""
        container = inputs.container
        async with self.azure(container.vault) as connection:
            mapping_id = await mapping.ensure(
                connection,
                container,
                inputs.mapping_name,
                inputs.policy_id,
                inputs.poll,
                inputs.experience,
            )
        return mapping_id, ContainerMappingOutputs(mapping_id=mapping_id)

    async def on_read(
        self, id_: str, recorded: Recorded
    ) -> tuple[ContainerMappingInputs, ContainerMappingOutputs] | None:
        """Read which policy the container is mapped to now; None if it is not mapped."""
        inputs = recorded.inputs
        async with self.azure(inputs.container.vault) as connection:
            try:
                policy_id = await mapping.policy_of(
                    connection, inputs.container, inputs.mapping_name
                )
            except VaultGoneError:
                return None
        if policy_id is None:
            return None
        if not same(policy_id, inputs.policy_id):
            inputs = inputs.model_copy(update={"policy_id": policy_id})
        return inputs, ContainerMappingOutputs(mapping_id=id_)

    async def on_delete(self, id_: str, recorded: Recorded) -> None:
        """Unmap through the service's own `remove`.

        On destroy, machines that no wave recorded, because a run was killed, are removed first.
        While a program runs, for instance to replace the mapping, no machine is touched: the
        service refuses to unmap as long as there are machines.
        """
        inputs = recorded.inputs
        container = inputs.container
        row = self.row(inputs.urn)
        pace = Pace(_REMOVAL, inputs.poll, may_submit=engine.current().alive)
        async with self.azure(container.vault) as connection:
            try:
                if not claims.of_this_process.program_runs:
                    await leftovers.disable(
                        connection,
                        container,
                        inputs.policy_id,
                        inputs.experience,
                        pace,
                        row,
                        adapter.stack_of(inputs.urn),
                        named=claims.of_this_process,
                    )
                policy = name_of(inputs.policy_id)
                row.status(f"removing the server's mapping to policy {policy}")
                await mapping.remove(
                    connection, container, inputs.mapping_name, inputs.poll, inputs.experience
                )
            except VaultGoneError:
                row.event(f"{gone_text(container.vault)}, and with it the mapping")

    async def _raise_if_needed(self, inputs: ContainerMappingInputs) -> None:
        container = inputs.container
        async with self.azure(container.vault) as connection:
            # Everything that needed the mapping is gone with the vault.
            with suppress(VaultGoneError):
                await leftovers.raise_if_any(connection, container, inputs.policy_id)


class ProtectionContainerMapping(
    DeclaredResource,
    name="Mapping",
    former="ProtectionContainerMapping",
    provider=ContainerMappingProvider,
):
    """A protection container mapped to a replication policy."""

    mapping_id: pulumi.Output[str]
