"""What the domain's own calls of Azure need: actions of roles, by what they are for.

Every call has its operation's id in the docstring of the function that makes it. An action is the
resource type of the operation's path and what is done: GET is `read`, PUT and PATCH are `write`,
POST is `<name>/action`,
DELETE is `delete`. Source: "Azure permissions for Management and governance", for Compute,
Networking, Storage and Migration (Microsoft Learn). What azure-native's resources need is not here.
"""

from __future__ import annotations

_VAULTS = "Microsoft.RecoveryServices/vaults"
_FABRICS = f"{_VAULTS}/replicationFabrics"
_CONTAINERS = f"{_FABRICS}/replicationProtectionContainers"
_MAPPINGS = f"{_CONTAINERS}/replicationProtectionContainerMappings"
_ITEMS = f"{_CONTAINERS}/replicationProtectedItems"
_PLANS = f"{_VAULTS}/replicationRecoveryPlans"
_DEPLOYMENTS = "Microsoft.Resources/deployments"

OBSERVING = (
    f"{_VAULTS}/read",
    f"{_VAULTS}/replicationProtectedItems/read",
    f"{_VAULTS}/replicationJobs/read",
    f"{_FABRICS}/read",
    f"{_FABRICS}/replicationRecoveryServicesProviders/read",
    f"{_CONTAINERS}/read",
    f"{_CONTAINERS}/replicationProtectableItems/read",
    f"{_ITEMS}/read",
    f"{_ITEMS}/recoveryPoints/read",
    f"{_ITEMS}/targetComputeSizes/read",
    f"{_MAPPINGS}/read",
    f"{_PLANS}/read",
    "Microsoft.OffAzure/serverSites/read",
    "Microsoft.OffAzure/serverSites/machines/read",
    "Microsoft.Compute/virtualMachines/read",
)
"""Seeing what is there, which preview does too."""

REGISTERING = (
    f"{_VAULTS}/certificates/write",
    f"{_VAULTS}/extendedInformation/read",
    f"{_VAULTS}/extendedInformation/write",
    f"{_FABRICS}/remove/action",
    f"{_FABRICS}/delete",
    f"{_FABRICS}/operationresults/read",
    f"{_MAPPINGS}/write",
    f"{_MAPPINGS}/remove/action",
    f"{_MAPPINGS}/operationresults/read",
)
"""A server's credentials, its mapping to the policy, and the end of both."""

MIGRATING = (
    f"{_CONTAINERS}/discoverProtectableItem/action",
    f"{_ITEMS}/write",
    f"{_ITEMS}/testFailover/action",
    f"{_ITEMS}/testFailoverCleanup/action",
    f"{_ITEMS}/unplannedFailover/action",
    f"{_ITEMS}/remove/action",
)
"""The operations on machines."""

PLANNING = (
    f"{_PLANS}/write",
    f"{_PLANS}/delete",
    f"{_PLANS}/testFailover/action",
    f"{_PLANS}/testFailoverCleanup/action",
    f"{_PLANS}/unplannedFailover/action",
)
"""The operations on recovery plans."""

FOLLOWING = (f"{_VAULTS}/replicationOperationStatus/read",)
"""Seeing how far such an operation is."""

ENABLING = (
    "Microsoft.Compute/availabilitySets/read",
    "Microsoft.Compute/virtualMachines/read",
    "Microsoft.Compute/virtualMachines/write",
    "Microsoft.Compute/virtualMachines/delete",
    "Microsoft.Network/networkInterfaces/read",
    "Microsoft.Network/networkInterfaces/write",
    "Microsoft.Network/networkInterfaces/delete",
    "Microsoft.Network/networkInterfaces/join/action",
    "Microsoft.Network/virtualNetworks/read",
    "Microsoft.Network/virtualNetworks/subnets/read",
    "Microsoft.Network/virtualNetworks/subnets/join/action",
    "Microsoft.Storage/storageAccounts/read",
    "Microsoft.Storage/storageAccounts/listkeys/action",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    f"{_DEPLOYMENTS}/read",
    f"{_DEPLOYMENTS}/write",
    f"{_DEPLOYMENTS}/delete",
    f"{_DEPLOYMENTS}/cancel/action",
    f"{_DEPLOYMENTS}/exportTemplate/action",
    f"{_DEPLOYMENTS}/validate/action",
    f"{_DEPLOYMENTS}/whatIf/action",
    f"{_DEPLOYMENTS}/operations/read",
    f"{_DEPLOYMENTS}/operationstatuses/read",
)
"""What Site Recovery wants of whoever enables replication, on the groups, networks and accounts that
the request names: it makes the virtual machines with this person's rights in mind. Source: "Use
Azure role-based access control to manage Azure Site Recovery", permissions required to enable
replication; that page's `Microsoft.Resources/deployments/*`, spelled out."""

STAMPS = (
    "Microsoft.RecoveryServices/locations/allocatedStamp/read",
    "Microsoft.RecoveryServices/locations/allocateStamp/action",
)
"""Nobody calls these: "internal operation used by service" says their description. They are in the
built-in role Site Recovery Contributor, so a vault that is used for the first time may want them."""

PERMISSIONS = tuple(
    dict.fromkeys((*OBSERVING, *REGISTERING, *MIGRATING, *PLANNING, *FOLLOWING, *ENABLING, *STAMPS))
)
"""All of them, each once."""
