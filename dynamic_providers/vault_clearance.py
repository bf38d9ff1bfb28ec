"""What sees that a vault holds nothing of the stack any more before it is deleted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, UpdateResult

from dynamic_providers import engine
from dynamic_providers.adapter import Inputs, MigrationProvider, is_unknown, own_urn, run
from site_recovery.arm_ids import VaultId, same
from site_recovery.azure import vault
from site_recovery.azure.servers import server_removal
from site_recovery.azure.servers.server_removal import Leaving
from site_recovery.fleet import ExperienceName


class VaultClearanceInputs(Inputs):
    """Wire inputs; the poll in seconds of real time."""

    vault_id: str
    server_name: str
    experience: ExperienceName
    keep_server: bool
    keep_vault: bool
    poll_seconds: float
    urn: str


class VaultClearanceProvider(MigrationProvider):
    """Does nothing until it is deleted."""

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Another vault is cleared by another; everything else is only remembered."""
        vault_id = news.get("vault_id")
        replaces = (
            [] if is_unknown(vault_id) or same(olds.get("vault_id"), vault_id) else ["vault_id"]
        )
        changed = {k: v for k, v in news.items() if not is_unknown(v) and olds.get(k) != v}
        return DiffResult(changes=bool(changed), replaces=replaces)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Remember what is to be cleared."""
        inputs = VaultClearanceInputs.model_validate(props)
        return CreateResult(f"{inputs.vault_id}/clearance", inputs.wire())

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Remember it anew."""
        return UpdateResult(VaultClearanceInputs.model_validate(news).wire())

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Gone with its vault."""
        inputs = VaultClearanceInputs.model_validate(props)
        where = VaultId.parse(inputs.vault_id)

        async def work() -> bool:
            async with self.connect()(where.subscription) as connection:
                return await vault.read(connection, where) is not None

        return ReadResult(id_, props, inputs.wire()) if run(work) else ReadResult("", {})

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        """Unregister the server if the vault still has it, and say what Azure keeps of the vault.

        The registration's own record does the former, unless a run ended before there was one: a
        server that was waited for in vain may have come later. A vault with a server in it cannot
        be deleted.
        """
        inputs = VaultClearanceInputs.model_validate(props)
        where = VaultId.parse(inputs.vault_id)
        reporter = engine.RowReporter(engine.current(), inputs.urn)
        leaving = Leaving(
            where, inputs.server_name, inputs.experience, timedelta(seconds=inputs.poll_seconds)
        )

        async def work() -> None:
            async with self.connect()(where.subscription) as connection:
                if not inputs.keep_server:
                    await server_removal.clear(connection, leaving, reporter)
                found = await vault.read(connection, where)
                if found is None:
                    reporter.event(vault.in_words(where))
                elif not inputs.keep_vault:
                    reporter.event(vault.after_deletion(where, found))

        run(work)


class VaultClearance(Resource, module="site-recovery", name="VaultClearance"):
    """Stands between a vault and all that is put into it, so that it is deleted just before it.

    Args:
        server_name: of the server that registers with the vault.
        keep_server: whether the server was there before the stack, and stays.
        keep_vault: whether the vault was, and does.
    """

    def __init__(
        self,
        name: str,
        *,
        vault_id: pulumi.Input[str],
        server_name: pulumi.Input[str],
        experience: pulumi.Input[str],
        keep_server: pulumi.Input[bool],
        keep_vault: pulumi.Input[bool],
        poll_seconds: pulumi.Input[float],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(
            VaultClearanceProvider(),
            name,
            {
                "vault_id": vault_id,
                "server_name": server_name,
                "experience": experience,
                "keep_server": keep_server,
                "keep_vault": keep_vault,
                "poll_seconds": poll_seconds,
                "urn": own_urn(VaultClearance, name, opts),
            },
            opts,
        )
