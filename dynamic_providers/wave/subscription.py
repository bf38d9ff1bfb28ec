"""Whether the machines' subscription, if it is not the vault's, can be used."""

from __future__ import annotations

from dynamic_providers.wave.sizes import Region
from dynamic_providers.wave.tenant import Plugin
from site_recovery.azure import subscriptions
from site_recovery.azure.connection import Connect

_PLACE = "target.machinesSubscriptionId"


async def refusals(connect: Connect, plugin: Plugin, region: Region) -> list[str]:
    """Refuse a subscription that these credentials do not see, or that takes no changes.

    Everything else in it is made by `up`, so that nothing else of a preview would ask there.

    Args:
        connect: connects to Azure, which is asked only if there are two subscriptions.
        plugin: the subscription of the vault.
        region: the subscription of the machines.

    Raises:
        MigrationError: Azure did not answer, or refused.
    """
    wanted = region.subscription.lower()
    if not wanted or wanted == plugin.subscription.lower():
        return []
    async with connect(plugin.subscription) as connection:
        state = (await subscriptions.states(connection)).get(wanted)
    if state is None:
        return [
            f"{_PLACE}: these credentials see no subscription {region.subscription}. Correct the "
            "id (`az account list` shows them), or assign the roles that `make permissions` "
            "writes for it."
        ]
    if state.lower() not in subscriptions.WRITABLE:
        return [
            f"{_PLACE}: subscription {region.subscription} is {state}, and takes no changes. "
            "Enable it, or name another one."
        ]
    return []
