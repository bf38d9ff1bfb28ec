"""Which machines replicate through a server that works."""

from __future__ import annotations

from site_recovery.arm_ids import VaultId
from site_recovery.azure.connection import Connection
from site_recovery.azure.item_reads import list_items
from site_recovery.azure.servers import registration
from site_recovery.azure.servers.registered import Registration
from site_recovery.azure.vault import inside
from site_recovery.errors import VaultGoneError
from site_recovery.fleet import ExperienceName


async def machines_through(
    connection: Connection, vault: VaultId, server_name: str, experience: ExperienceName
) -> list[str]:
    """The names of the machines that replicate through a server (ReplicationProtectedItems_List).

    None if the server is not registered, is not healthy, or went with its vault: then another one
    has to take its place.

    Raises:
        MigrationError: Azure did not answer, or refused.
    """
    try:
        found = await registration.find(connection, vault, server_name, experience)
        if not isinstance(found, Registration):
            return []
        async with inside(connection, vault, f"vault {vault.vault}"):
            listed = await list_items(connection.client, vault)
    except VaultGoneError:
        return []
    below = f"{found.fabric_id.lower()}/"
    names = {item.friendly_name or item.name for item in listed.items if _in(item.id, below)}
    return sorted({*names, *(odd.name for odd in listed.unreadable if _any(odd.marks, below))})


def _in(item_id: str, fabric: str) -> bool:
    return item_id.lower().startswith(fabric)


def _any(marks: frozenset[str], fabric: str) -> bool:
    return any(mark.startswith(fabric) for mark in marks)
