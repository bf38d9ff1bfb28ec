"""Whether a vault and its server certainly exist, and what remains after a vault is deleted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from azure.core.exceptions import ResourceNotFoundError

from site_recovery import arm_ids
from site_recovery.arm_ids import VaultId
from site_recovery.azure.connection import Connection
from site_recovery.azure.errors import explain, explained
from site_recovery.azure.rest import call
from site_recovery.errors import VaultGoneError
from site_recovery.snapshot import Gone

API_VERSION = "2024-10-01"
SITES_API_VERSION = "2020-01-01"
_GONE = ("ResourceGroupNotFound", "ResourceNotFound")
"""The error codes of ARM for a resource that does not exist. Other codes with status 404, such as
`SubscriptionNotFound`, mean that the request was wrong (Azure Resource Manager, "Resolve errors for
resource not found")."""


async def read(connection: Connection, vault: VaultId) -> Mapping[str, Any] | None:
    """A vault (Vaults_Get), or None if it or its resource group certainly does not exist.

    Raises:
        MigrationError: Azure did not answer or refused, or it is not certain whether the vault
            exists: an unknown subscription and a denied access do not say.
    """
    return await _get(connection, f"{vault}?api-version={API_VERSION}", f"vault {vault.vault}")


async def read_site(connection: Connection, site_id: str) -> Mapping[str, Any] | None:
    """The site of an appliance (ServerSitesController_Get of Microsoft.OffAzure), or None if it
    certainly does not exist.

    Raises:
        MigrationError: Azure did not answer or refused, or it is not certain whether it exists.
    """
    url = f"{site_id}?api-version={SITES_API_VERSION}"
    return await _get(connection, url, f"site {arm_ids.name(site_id)}")


async def read_fabric(
    connection: Connection, vault: VaultId, name: str
) -> Mapping[str, Any] | None:
    """A fabric of a vault (ReplicationFabrics_Get), or None if it does not exist.

    Raises:
        MigrationError: Azure did not answer or refused, or it is not certain whether the vault
            exists.
    """
    try:
        with explained(f"fabric {name}", passing=ResourceNotFoundError):
            found = await connection.client.replication_fabrics.get(
                vault.resource_group, vault.vault, name
            )
    except ResourceNotFoundError:
        # A denied access or a wrong subscription must not look like a server that is gone.
        await read(connection, vault)
        return None
    return found.as_dict()


@asynccontextmanager
async def inside(connection: Connection, vault: VaultId, about: str) -> AsyncIterator[None]:
    """Explain errors of calls about the content of a vault, and say so if the vault is gone.

    Args:
        connection: to the vault's subscription.
        vault: the vault that the calls are about.
        about: what the calls are about; the message begins with it.

    Raises:
        VaultGoneError: something was not found, and the vault is gone.
        MigrationError: Azure did not answer or refused, or something else was not found.
    """
    try:
        with explained(about, passing=ResourceNotFoundError):
            yield
    except ResourceNotFoundError as error:
        if await read(connection, vault) is None:
            raise gone_error(vault, Gone.VAULT) from error
        raise explain(error, about) from error


async def _get(connection: Connection, url: str, about: str) -> Mapping[str, Any] | None:
    try:
        with explained(about, passing=ResourceNotFoundError):
            found: Mapping[str, Any] = await call(connection.client, "GET", url)
    except ResourceNotFoundError as error:
        if is_gone(error):
            return None
        raise explain(error, about) from error
    return found


def is_gone(error: ResourceNotFoundError) -> bool:
    """Whether Resource Manager says that the resource or its group does not exist.

    Site Recovery's own 404, of something inside a vault that is there, has another code.
    """
    return error.error is not None and error.error.code in _GONE


def gone_error(vault: VaultId, gone: Gone) -> VaultGoneError:
    """Why machines cannot be driven, and the way out."""
    if gone is Gone.VAULT:
        what = f"{gone_text(vault)}, and with it every replication that it held"
    else:
        what = (
            f"vault {vault.vault}: the server through which the machines replicate is not "
            "registered with it any more"
        )
    return VaultGoneError(
        f"{what}. Run pulumi refresh, which forgets what went with it; then pulumi up to make it "
        "anew, or pulumi destroy to remove the rest."
    )


def gone_text(vault: VaultId) -> str:
    """The sentence that says that a vault is gone."""
    return f"the vault {vault.vault} of resource group {vault.resource_group} is gone"


def after_deletion(vault: VaultId, found: Mapping[str, Any]) -> str:
    """A sentence about what Azure keeps of a deleted vault, and for how long.

    Source: "Secure by default with soft delete for Azure Backup": a deleted vault stays
    soft-deleted for 14 days, unless set otherwise. Nobody can purge it earlier.

    Args:
        vault: the id of the vault.
        found: the vault as `read` returned it.
    """
    security = (found.get("properties") or {}).get("securitySettings") or {}
    settings = security.get("softDeleteSettings") or {}
    state = str(settings.get("softDeleteState") or "")
    if state.lower() in ("", "disabled"):
        return f"vault {vault.vault} holds nothing of this stack any more"
    days = settings.get("softDeleteRetentionPeriodInDays") or 14
    return (
        f"vault {vault.vault} holds nothing of this stack any more. Its soft delete is {state}: "
        f"Azure may list it among deleted vaults for {days} days, at no cost, and nobody can purge "
        "it sooner. A new vault may be refused its name for a day"
    )
