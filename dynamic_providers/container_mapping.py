"""The mapping of the protection container to the replication policy, as a resource."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pulumi
from pulumi.dynamic import (
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    UpdateResult,
)

from dynamic_providers import claims, engine
from dynamic_providers.adapter import Inputs, MigrationProvider, own_urn, run
from site_recovery.arm_ids import ContainerId, same
from site_recovery.arm_ids import name as name_of
from site_recovery.azure import leftovers, mapping
from site_recovery.azure.vault import in_words
from site_recovery.convergence.interfaces import Pace
from site_recovery.errors import VaultGoneError
from site_recovery.fleet import ExperienceName


class ContainerMappingInputs(Inputs):
    """Wire inputs; the poll in seconds of real time."""

    container_id: str
    policy_id: str
    mapping_name: str
    experience: ExperienceName = "classic"
    poll_seconds: float
    urn: str

    @property
    def container(self) -> ContainerId:
        """The container, taken apart."""
        return ContainerId.parse(self.container_id)

    @property
    def poll(self) -> timedelta:
        """Between two polls."""
        return timedelta(seconds=self.poll_seconds)


_REMOVAL = timedelta(hours=2)
"""Service time for what is left over to leave the vault in one run."""

_IDENTITY = ("container_id", "policy_id", "mapping_name")


class ContainerMappingProvider(MigrationProvider):
    """Maps and unmaps; azure-native would purge the mapping on delete."""

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Take the inputs as they are, and note that a program runs."""
        claims.of_this_process.add()
        return CheckResult(news, [])

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Another container, policy or name is another mapping, made after the old one went.

        Refused, in preview too, while machines replicate by the old one: Azure would refuse to
        remove it once half of the update is done.
        """
        replaces = [name for name in _IDENTITY if not same(olds.get(name), news.get(name))]
        if replaces:
            self._raise_if_needed(ContainerMappingInputs.model_validate(olds))
        return DiffResult(bool(replaces), replaces, delete_before_replace=True)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Map the container, or take over the mapping that is there."""
        inputs = ContainerMappingInputs.model_validate(props)

        async def work() -> str:
            container = inputs.container
            async with self.connect()(container.vault.subscription) as connection:
                return await mapping.ensure(
                    connection,
                    container,
                    inputs.mapping_name,
                    inputs.policy_id,
                    inputs.poll,
                    inputs.experience,
                )

        mapping_id = run(work)
        return CreateResult(mapping_id, {**inputs.wire(), "mapping_id": mapping_id})

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Record another polling interval; nothing at the service changes."""
        return UpdateResult({**olds, **news})

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Say which policy the container is mapped to now; gone if to none."""
        inputs = ContainerMappingInputs.model_validate(props)

        async def work() -> str | None:
            container = inputs.container
            async with self.connect()(container.vault.subscription) as connection:
                try:
                    return await mapping.policy_of(connection, container, inputs.mapping_name)
                except VaultGoneError:
                    return None

        policy_id = run(work)
        if policy_id is None:
            return ReadResult("", {})
        if not same(policy_id, inputs.policy_id):
            inputs = inputs.model_copy(update={"policy_id": policy_id})
        return ReadResult(id_, {**inputs.wire(), "mapping_id": id_}, inputs.wire())

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        """Unmap through the service's own `remove`.

        On destroy the machines go first that replicate by it all the same, because a run was
        killed before it could record their wave. Where a program runs, such as to replace the
        mapping, there are none to touch: the service refuses while there are machines, and so
        nothing happens to them.
        """
        inputs = ContainerMappingInputs.model_validate(props)
        container = inputs.container
        reporter = engine.RowReporter(engine.current(), inputs.urn)
        pace = Pace(_REMOVAL, inputs.poll, may_submit=engine.current().alive)

        async def work() -> None:
            async with self.connect()(container.vault.subscription) as connection:
                try:
                    if not claims.of_this_process.program_runs:
                        await leftovers.disable(
                            connection,
                            container,
                            inputs.policy_id,
                            inputs.experience,
                            pace,
                            reporter,
                            named=claims.of_this_process,
                        )
                    policy = name_of(inputs.policy_id)
                    reporter.status(f"removing the server's association with policy {policy}")
                    await mapping.remove(
                        connection, container, inputs.mapping_name, inputs.poll, inputs.experience
                    )
                except VaultGoneError:
                    reporter.event(f"{in_words(container.vault)}, and with it the mapping")

        run(work)

    def _raise_if_needed(self, inputs: ContainerMappingInputs) -> None:
        container = inputs.container

        async def work() -> None:
            async with self.connect()(container.vault.subscription) as connection:
                # With its vault all that needed it is gone.
                with suppress(VaultGoneError):
                    await leftovers.raise_if_any(connection, container, inputs.policy_id)

        run(work)


class ProtectionContainerMapping(
    Resource, module="site-recovery", name="ProtectionContainerMapping"
):
    """A protection container mapped to a replication policy; outputs the mapping's ARM id."""

    mapping_id: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        container_id: pulumi.Input[str],
        policy_id: pulumi.Input[str],
        mapping_name: pulumi.Input[str],
        experience: pulumi.Input[str],
        poll_seconds: pulumi.Input[float],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(
            ContainerMappingProvider(),
            name,
            {
                "container_id": container_id,
                "policy_id": policy_id,
                "mapping_name": mapping_name,
                "experience": experience,
                "poll_seconds": poll_seconds,
                "urn": own_urn(ProtectionContainerMapping, name, opts),
                "mapping_id": None,
            },
            opts,
        )
