"""The registration of a server of Site Recovery with the vault, as a resource."""

from __future__ import annotations

from collections.abc import Mapping
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

from dynamic_providers import engine
from dynamic_providers.adapter import Inputs, MigrationProvider, own_urn, run
from site_recovery.arm_ids import VaultId, same
from site_recovery.aws.server_status import StatusParameter
from site_recovery.azure.servers import registration, server_removal
from site_recovery.azure.servers.registered import Registration
from site_recovery.azure.servers.registration import Awaited
from site_recovery.azure.servers.server_removal import Leaving
from site_recovery.azure.vault import in_words
from site_recovery.errors import VaultGoneError
from site_recovery.fleet import ExperienceName


class FabricRegistrationInputs(Inputs):
    """Wire inputs; times in seconds (the timeout is service time, the poll real time)."""

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
        """The server, and how long it may take."""
        return Awaited(
            VaultId.parse(self.vault_id),
            self.server_name,
            self.experience,
            timedelta(seconds=self.timeout_seconds),
            timedelta(seconds=self.poll_seconds),
        )


_IDENTITY = ("vault_id", "server_name")


class FabricRegistrationProvider(MigrationProvider):
    """Waits for the server; unregisters it on delete through the service's own `remove`."""

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Take the inputs as they are; their types are the component's."""
        return CheckResult(news, [])

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Another vault or server is another registration; how long to wait is no difference."""
        replaces = [name for name in _IDENTITY if olds.get(name) != news.get(name)]
        return DiffResult(changes=bool(replaces), replaces=replaces)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Wait until the server is in the vault."""
        inputs = FabricRegistrationInputs.model_validate(props)
        reporter = engine.RowReporter(engine.current(), inputs.urn)

        async def work() -> Registration:
            async with self.connect()(inputs.awaited.vault.subscription) as connection:
                parameter = StatusParameter(inputs.status_parameter, inputs.region)
                return await registration.wait(
                    connection,
                    inputs.awaited,
                    reporter.status,
                    reporter.event,
                    parameter.read if inputs.status_parameter else None,
                )

        found = run(work)
        return CreateResult(found.fabric_id, {**inputs.wire(), **_outputs(found)})

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Record new waiting times; nothing at the service changes."""
        return UpdateResult({**olds, **news})

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Say what the vault has of the server now; gone if it is not registered.

        A server that is there, but not well, is as it was recorded.
        """
        inputs = FabricRegistrationInputs.model_validate(props)

        async def work() -> dict[str, Any] | None:
            vault = inputs.awaited.vault
            async with self.connect()(vault.subscription) as connection:
                try:
                    found = await registration.find(
                        connection, vault, inputs.server_name, inputs.experience
                    )
                    if isinstance(found, Registration):
                        return _outputs(found) if same(found.fabric_id, id_) else None
                    there = await server_removal.stands(connection, id_, inputs.server_name)
                    return dict(props) if there else None
                except VaultGoneError:
                    return None

        outputs = run(work)
        if outputs is None:
            return ReadResult("", {})
        return ReadResult(id_, {**inputs.wire(), **outputs}, inputs.wire())

    def delete(self, id_: str, props: dict[str, Any]) -> None:
        """Unregister the server, unless it was there before the stack."""
        inputs = FabricRegistrationInputs.model_validate(props)
        if inputs.keep:
            return
        reporter = engine.RowReporter(engine.current(), inputs.urn)
        vault = VaultId.parse(id_)
        leaving = Leaving(
            vault, inputs.server_name, inputs.experience, timedelta(seconds=inputs.poll_seconds)
        )

        async def work() -> None:
            async with self.connect()(vault.subscription) as connection:
                try:
                    await server_removal.unregister(connection, leaving, id_, reporter)
                except VaultGoneError:
                    reporter.event(f"{in_words(vault)}, and with it the server's registration")

        run(work)


class FabricRegistration(Resource, module="site-recovery", name="FabricRegistration"):
    """A configuration server or replication appliance, healthy, in the vault.

    Created once the server has registered itself, which is waited for; with `keep` it is not
    unregistered on delete. Outputs are ARM ids and server ids; `run_as_accounts` maps the
    friendly names set up on a configuration server to account ids, `machines_site_id` is the
    site of an appliance.
    """

    fabric_id: pulumi.Output[str]
    container_id: pulumi.Output[str]
    provider_id: pulumi.Output[str]
    process_server_id: pulumi.Output[str]
    master_target_id: pulumi.Output[str]
    run_as_accounts: pulumi.Output[Mapping[str, str]]
    machines_site_id: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        vault_id: pulumi.Input[str],
        server_name: pulumi.Input[str],
        experience: pulumi.Input[str],
        keep: pulumi.Input[bool],
        region: pulumi.Input[str],
        status_parameter: pulumi.Input[str],
        timeout_seconds: pulumi.Input[float],
        poll_seconds: pulumi.Input[float],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(
            FabricRegistrationProvider(),
            name,
            {
                "vault_id": vault_id,
                "server_name": server_name,
                "experience": experience,
                "keep": keep,
                "region": region,
                "status_parameter": status_parameter,
                "timeout_seconds": timeout_seconds,
                "poll_seconds": poll_seconds,
                "urn": own_urn(FabricRegistration, name, opts),
                "fabric_id": None,
                "container_id": None,
                "provider_id": None,
                "process_server_id": None,
                "master_target_id": None,
                "run_as_accounts": None,
                "machines_site_id": None,
            },
            opts,
        )


def _outputs(found: Registration) -> dict[str, Any]:
    return {
        "fabric_id": found.fabric_id,
        "container_id": found.container_id,
        "provider_id": found.provider_id,
        "process_server_id": found.process_server_id,
        "master_target_id": found.master_target_id,
        "run_as_accounts": dict(found.run_as_accounts),
        "machines_site_id": found.machines_site_id,
    }
