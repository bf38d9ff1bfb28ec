"""The resource for the registration of a Site Recovery server with its vault."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypeAlias

import pulumi
from pulumi.dynamic import DiffResult

from dynamic_providers import adapter
from dynamic_providers.adapter import Inputs, MigrationProvider, Outputs
from dynamic_providers.declared import DeclaredResource
from site_recovery.arm_ids import VaultId, same
from site_recovery.aws.server_status import StatusParameter
from site_recovery.azure.servers import registration, server_removal
from site_recovery.azure.servers.registered import Registration
from site_recovery.azure.servers.registration import Awaited
from site_recovery.azure.servers.server_removal import Leaving
from site_recovery.azure.vault import gone_text
from site_recovery.errors import VaultGoneError
from site_recovery.fleet import ExperienceName


class FabricRegistrationInputs(Inputs):
    """The inputs. Times are in seconds: the timeout is service time, the poll real time.

    Attributes:
        keep: whether the server was there before the stack, and stays registered on delete.
        region: the AWS region of the status parameter.
        status_parameter: the SSM parameter in which the server reports its set-up; empty if a
            person sets it up.
    """

    vault_id: str
    server_name: str
    experience: ExperienceName = "classic"
    keep: bool = False
    region: str = ""
    status_parameter: str = ""
    timeout_seconds: float
    poll_seconds: float
    urn: str

    @property
    def awaited(self) -> Awaited:
        """The server, and how long to wait for it."""
        return Awaited(
            VaultId.parse(self.vault_id),
            self.server_name,
            self.experience,
            timedelta(seconds=self.timeout_seconds),
            timedelta(seconds=self.poll_seconds),
        )


class FabricRegistrationOutputs(Outputs):
    """The outputs: a `Registration` of the domain, with ARM ids and server ids."""

    fabric_id: str
    container_id: str
    provider_id: str
    process_server_id: str
    master_target_id: str
    run_as_accounts: dict[str, str]
    machines_site_id: str

    @classmethod
    def of(cls, found: Registration) -> FabricRegistrationOutputs:
        """A server as the vault shows it."""
        return cls.model_validate(found, from_attributes=True)


Recorded: TypeAlias = adapter.Recorded[FabricRegistrationInputs, FabricRegistrationOutputs]


class FabricRegistrationProvider(
    MigrationProvider[FabricRegistrationInputs, FabricRegistrationOutputs]
):
    """Waits for the server to register. On delete, unregisters it with the service's `remove`."""

    identity = ("vault_id", "server_name", "experience")

    async def on_diff(self, recorded: Recorded, news: dict[str, Any]) -> DiffResult:
        """A change of vault or server replaces it. Other waiting times are no difference."""
        replaces = recorded.replaced(news, "vault_id", "server_name")
        return DiffResult(changes=bool(replaces), replaces=replaces)

    async def on_create(
        self, inputs: FabricRegistrationInputs
    ) -> tuple[str, FabricRegistrationOutputs]:
        """Wait until the server is in the vault."""
        row = self.row(inputs.urn)
        parameter = StatusParameter(inputs.status_parameter, inputs.region)
        async with self.azure(inputs.awaited.vault) as connection:
            found = await registration.wait(
                connection,
                inputs.awaited,
                row.status,
                row.event,
                parameter.read if inputs.status_parameter else None,
            )
        return found.fabric_id, FabricRegistrationOutputs.of(found)

    async def on_read(
        self, id_: str, recorded: Recorded
    ) -> tuple[FabricRegistrationInputs, FabricRegistrationOutputs] | None:
        """Read the server's registration; None if it is not registered.

        If the server is registered but not healthy, its record stays unchanged.
        """
        inputs = recorded.inputs
        vault = inputs.awaited.vault
        async with self.azure(vault) as connection:
            try:
                found = await registration.find(
                    connection, vault, inputs.server_name, inputs.experience
                )
                if isinstance(found, Registration):
                    if not same(found.fabric_id, id_):
                        return None
                    return inputs, FabricRegistrationOutputs.of(found)
                if await server_removal.is_registered(connection, id_, inputs.server_name):
                    return inputs, recorded.outputs
            except VaultGoneError:
                pass
        return None

    async def on_delete(self, id_: str, recorded: Recorded) -> None:
        """Unregister the server, unless it was there before the stack."""
        inputs = recorded.inputs
        if inputs.keep:
            return
        row = self.row(inputs.urn)
        vault = VaultId.parse(id_)
        leaving = Leaving(
            vault, inputs.server_name, inputs.experience, timedelta(seconds=inputs.poll_seconds)
        )
        async with self.azure(vault) as connection:
            try:
                await server_removal.unregister(connection, leaving, id_, row)
            except VaultGoneError:
                row.event(f"{gone_text(vault)}, and with it the server's registration")


class FabricRegistration(
    DeclaredResource,
    name="Registration",
    former="FabricRegistration",
    provider=FabricRegistrationProvider,
):
    """A configuration server or replication appliance, healthy, in the vault.

    It is created when the server has registered itself, for which it waits.

    Attributes:
        run_as_accounts: account id by friendly name, as set up on a configuration server.
        machines_site_id: the site of an appliance; empty for a configuration server.
    """

    fabric_id: pulumi.Output[str]
    container_id: pulumi.Output[str]
    provider_id: pulumi.Output[str]
    process_server_id: pulumi.Output[str]
    master_target_id: pulumi.Output[str]
    run_as_accounts: pulumi.Output[Mapping[str, str]]
    machines_site_id: pulumi.Output[str]
