"""The resource that clears a vault before it is deleted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypeAlias

from pulumi.dynamic import DiffResult

from dynamic_providers import adapter
from dynamic_providers.adapter import Inputs, MigrationProvider, Outputs, is_unknown
from dynamic_providers.declared import DeclaredResource
from dynamic_providers.shared import claims
from site_recovery.arm_ids import VaultId
from site_recovery.azure import vault
from site_recovery.azure.servers import server_removal
from site_recovery.azure.servers.server_removal import Leaving
from site_recovery.fleet import ExperienceName


class VaultClearanceInputs(Inputs):
    """The inputs. The poll is in seconds of real time.

    Attributes:
        server_name: the name of the server that registers with the vault.
        keep_server: whether the server was there before the stack, and stays.
        keep_vault: whether the vault was there before the stack, and stays.
    """

    vault_id: str
    server_name: str
    experience: ExperienceName
    keep_server: bool
    keep_vault: bool
    poll_seconds: float
    urn: str

    @property
    def vault(self) -> VaultId:
        """The parts of the vault's id."""
        return VaultId.parse(self.vault_id)


Recorded: TypeAlias = adapter.Recorded[VaultClearanceInputs, Outputs]


class VaultClearanceProvider(MigrationProvider[VaultClearanceInputs, Outputs]):
    """Does nothing until it is deleted."""

    identity = ("vault_id", "server_name", "experience")

    async def on_diff(self, recorded: Recorded, news: dict[str, Any]) -> DiffResult:
        """A change of vault replaces it. Other changes are only recorded."""
        # Its own URN differs after an update of the program that gave it another type.
        known = {n: value for n, value in news.items() if n != "urn" and not is_unknown(value)}
        before = recorded.inputs.model_dump()
        changed = {name for name in known if name in before and before[name] != known[name]}
        replaces = recorded.replaced(news, "vault_id") if "vault_id" in known else []
        return DiffResult(changes=bool(changed), replaces=replaces)

    async def on_create(self, inputs: VaultClearanceInputs) -> tuple[str, Outputs]:
        """Record what to clear."""
        return f"{inputs.vault_id}/clearance", Outputs()

    async def on_read(
        self, id_: str, recorded: Recorded
    ) -> tuple[VaultClearanceInputs, Outputs] | None:
        """Check whether its vault still exists; None if not."""
        inputs = recorded.inputs
        async with self.azure(inputs.vault) as connection:
            there = await vault.read(connection, inputs.vault) is not None
        return (inputs, Outputs()) if there else None

    async def on_delete(self, id_: str, recorded: Recorded) -> None:
        """Unregister the server if the vault still has it, and say what Azure keeps of the vault.

        The delete of the registration does the former, unless a run ended before there was one: a
        server may have registered after the run stopped waiting for it. A vault with a server in
        it cannot be deleted.
        """
        inputs = recorded.inputs
        row = self.row(inputs.urn)
        leaving = Leaving(
            inputs.vault,
            inputs.server_name,
            inputs.experience,
            timedelta(seconds=inputs.poll_seconds),
        )
        async with self.azure(inputs.vault) as connection:
            if not inputs.keep_server:
                await server_removal.clear(connection, leaving, row)
            found = await vault.read(connection, inputs.vault)
            if found is None:
                row.event(vault.gone_text(inputs.vault))
            elif not inputs.keep_vault and not claims.of_this_process.program_runs:
                row.event(vault.after_deletion(inputs.vault, found))


class VaultClearance(
    DeclaredResource, name="Clearance", former="VaultClearance", provider=VaultClearanceProvider
):
    """Clears a vault when it is deleted.

    It is created right after the vault, so on destroy it is deleted right before the vault.
    """
