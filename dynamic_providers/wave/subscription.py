"""Whether the machines' subscription, if it is not the vault's, can be used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dynamic_providers.adapter import is_unknown
from dynamic_providers.wave.sizes import Region
from dynamic_providers.wave.tenant import Plugin
from site_recovery import arm_ids
from site_recovery.azure import subscriptions
from site_recovery.azure.connection import Connect

_PLACE = "target.machinesSubscriptionId"


async def refusals(connect: Connect, plugin: Plugin, region: Region, zone: Any = None) -> list[str]:
    """Refuse a subscription that these credentials do not see, or that takes no changes.

    Everything else in it is made by `up`, so that nothing else of a preview would ask there. A stack
    that made its networks in another subscription is refused too: Pulumi does not replace a
    resource because its provider is another one, so they would stay where they are.

    Args:
        connect: connects to Azure, which is asked only if there are two subscriptions.
        plugin: the subscription of the vault.
        region: the subscription of the machines.
        zone: the landing zone in the inputs of a wave, of which some or all may be unknown.

    Raises:
        MigrationError: Azure did not answer, or refused.
    """
    known = {} if zone is None or is_unknown(zone) else zone
    if region.subscription and (made := _made_elsewhere(known, region.subscription)):
        return [
            f"{_PLACE}: {arm_ids.name(made)} of this stack is in subscription "
            f"{arm_ids.segment(made, 'subscriptions')}, and the machines would be in "
            f"{region.subscription}. Put the key back; a new stack can have its machines there."
        ]
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


def _made_elsewhere(zone: Mapping[str, Any], subscription: str) -> str | None:
    """The first part of a landing zone that is in another subscription."""
    for key in ("resource_group_id", "network_id", "test_network_id"):
        found = zone.get(key)
        if not found or is_unknown(found):
            continue
        if arm_ids.segment(found, "subscriptions").lower() != subscription.lower():
            return str(found)
    return None
