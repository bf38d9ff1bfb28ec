"""Keeps a run from starting a second server beside one that the record lacks, or that is in use."""

from __future__ import annotations

import asyncio

import pulumi

from components import record
from site_recovery.arm_ids import VaultId
from site_recovery.aws.server_facts import ROLE_TAG, VAULT_TAG, live_servers
from site_recovery.azure.connection import Connect, connector
from site_recovery.azure.servers.server_in_use import machines_through
from site_recovery.errors import MigrationError
from site_recovery.server_names import SERVER_NAMES, SERVER_ROLES


def only_server(region: str, connect: Connect | None = None) -> pulumi.ResourceHook:
    """A hook before the creation of the server's instance, in a preview too.

    EC2 starts an instance as often as it is asked. If the engine was killed after the first time,
    no record has that instance, and the vault would get two servers of one name. If the record has
    it, the instance is replaced: machines that replicate through it would stop doing so for good. And
    Pulumi starts the successor first, which EC2 refuses if both have the same fixed address. To
    delete first is no way out: this hook would be asked when the instance is terminated already.

    Args:
        region: the AWS region of the server.
        connect: connects to Azure; by default as the environment says.
    """

    async def check(args: pulumi.ResourceHookArgs) -> None:
        tags = (args.new_inputs or {}).get("tags") or {}
        vault_id = tags.get(VAULT_TAG)
        # In a preview the vault may be unknown: then it does not exist, and has no server.
        if not isinstance(vault_id, str):
            return
        role = str(tags.get(ROLE_TAG))
        there = await asyncio.to_thread(live_servers, role, vault_id, region)
        if not there:
            return
        recorded = await asyncio.to_thread(record.resources)
        # An instance that is replaced is among them.
        unrecorded = sorted(set(there) - {str(each.get("id")) for each in recorded})
        if unrecorded:
            raise MigrationError(
                f"{tags.get('Name')}: {' and '.join(unrecorded)} in EC2 carries the tags of this "
                "server, and the stack's record does not have it. If an earlier run ended while EC2 "
                "started it, run `make recover` to take it into the record, or terminate it. If "
                "another stack made it, leave it: name a vault of this stack's own in target.vault."
            )
        await _raise_if_in_use(connect or connector(), vault_id, role, str(tags.get("Name")))
        address = (args.new_inputs or {}).get("privateIp")
        holders = [each for each, its in there.items() if its == address]
        if holders:
            raise MigrationError(
                f"{tags.get('Name')}: its instance {holders[0]} would be replaced, and has the fixed "
                f"address {address}: EC2 starts no second instance with it. No machine replicates "
                f"through it. Terminate {holders[0]} yourself, run pulumi refresh, then pulumi up."
            )

    return pulumi.ResourceHook(
        "only-server", check, opts=pulumi.ResourceHookOptions(on_dry_run=True)
    )


async def _raise_if_in_use(connect: Connect, vault_id: str, role: str, name: str) -> None:
    vault = VaultId.parse(vault_id)
    (experience,) = (each for each, its in SERVER_ROLES.items() if its == role)
    async with connect(vault.subscription) as connection:
        machines = await machines_through(connection, vault, name, experience)
    if machines:
        raise MigrationError(
            f"{name}: its instance would be replaced, and {', '.join(machines)} replicate through "
            "it: they would have to be replicated anew. Undo what replaces it, or migrate these "
            f"machines or take them out of their waves first. If the {SERVER_NAMES[experience]} is "
            "lost, remove it from the vault, run pulumi refresh, and replace its instance then."
        )
