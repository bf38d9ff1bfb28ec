"""Whether the program's own clients of Azure have credentials of the plugin's tenant."""

from __future__ import annotations

from pydantic import BaseModel

from site_recovery.azure.connection import Connect
from site_recovery.azure.errors import explained


class Plugin(BaseModel):
    """The plugin `azure-native`.

    Attributes:
        subscription: the id of the subscription in which it and the program work.
        tenant: the id of the tenant of its credentials; empty if it did not say it.
    """

    subscription: str = ""
    tenant: str = ""


async def refusals(connect: Connect, plugin: Plugin) -> list[str]:
    """Refuse a run with credentials of two tenants.

    Only a process that connects to Azure has a token, and the program does not.

    Raises:
        MigrationError: there are no credentials.
    """
    if not plugin.tenant:
        return []
    async with connect(plugin.subscription) as connection:
        with explained("Azure"):
            own = await connection.tenant()
    if not own or own.lower() == plugin.tenant.lower():
        return []
    return [
        f"Azure: the program's own clients have credentials of tenant {own}, and "
        f"pulumi-azure-native has credentials of tenant {plugin.tenant}. Give both the same ones: "
        "the program reads AZURE_TENANT_ID and AZURE_CLIENT_ID, the plugin reads ARM_TENANT_ID and "
        "ARM_CLIENT_ID, and both read az login."
    ]
