"""Ids as azurerm reads them: it compares everything but names with regard to case.

Azure and Site Recovery spell types and the word `resourceGroups` in whatever case they like.
"""

from __future__ import annotations

_WORDS = {
    word.lower(): word
    for word in (
        *("subscriptions", "resourceGroups", "providers"),
        *("Microsoft.Compute", "Microsoft.Network", "Microsoft.Storage"),
        *("Microsoft.ManagedIdentity", "userAssignedIdentities"),
        *("virtualMachines", "disks", "images", "snapshots", "diskAccesses", "diskEncryptionSets"),
        *("availabilitySets", "proximityPlacementGroups", "virtualMachineScaleSets"),
        *("capacityReservationGroups", "hostGroups", "hosts", "storageAccounts"),
        *("restorePointCollections", "restorePoints", "diskRestorePoints"),
        *("networkInterfaces", "networkSecurityGroups", "publicIPAddresses", "publicIPPrefixes"),
        *("virtualNetworks", "subnets", "applicationSecurityGroups", "ddosProtectionPlans"),
        *("loadBalancers", "frontendIPConfigurations"),
    )
}


def canonical(identifier: str) -> str:
    """An id with the words that are no names spelled as azurerm does.

    Args:
        identifier: an ARM id; any other text is returned as it is.
    """
    if not identifier.lower().startswith("/subscriptions/"):
        return identifier
    parts = identifier.split("/")
    # After the empty part before the first slash, words and names take turns. That of a provider
    # is where the name would be.
    for place, part in enumerate(parts):
        after_providers = place > 1 and parts[place - 1].lower() == "providers"
        if place % 2 or after_providers:
            parts[place] = _WORDS.get(part.lower(), part)
    return "/".join(parts)
