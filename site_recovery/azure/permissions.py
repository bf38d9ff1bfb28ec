"""The actions that a role needs for the calls of this package, by purpose.

The docstring of each function names the ids of the operations that it calls. An action is the
resource type of the operation's path and a verb: `read` for GET, `write` for PUT and PATCH,
`<name>/action` for POST, `delete` for DELETE. Source: "Azure permissions for Management and governance", for Compute,
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
    "Microsoft.Compute/virtualMachines/instanceView/read",
    "Microsoft.Compute/skus/read",
    "Microsoft.Compute/availabilitySets/read",
    "Microsoft.Compute/proximityPlacementGroups/read",
    "Microsoft.Compute/capacityReservationGroups/read",
    "Microsoft.Compute/capacityReservationGroups/capacityReservations/read",
    "Microsoft.Compute/diskEncryptionSets/read",
    "Microsoft.Network/networkSecurityGroups/read",
    "Microsoft.Authorization/locks/read",
    "Microsoft.Network/virtualNetworks/read",
    "Microsoft.Network/virtualNetworks/CheckIPAddressAvailability/read",
    "Microsoft.Resources/subscriptions/resourceGroups/resources/read",
)
"""Reading, which preview does too."""

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
"""The credentials of a server, its mapping to a policy, and the removal of both."""

MIGRATING = (
    f"{_CONTAINERS}/discoverProtectableItem/action",
    f"{_ITEMS}/write",
    f"{_ITEMS}/testFailover/action",
    f"{_ITEMS}/testFailoverCleanup/action",
    f"{_ITEMS}/unplannedFailover/action",
    f"{_ITEMS}/remove/action",
)
"""The operations on machines."""

CHECKING = (
    "Microsoft.Compute/virtualMachines/runCommand/action",
    "Microsoft.Compute/locations/operations/read",
    "Microsoft.Network/networkInterfaces/read",
)
"""The checks of a virtual machine: scripts in it, their results, and its address. The results are
polled below a region."""

ATTACHING = (
    "Microsoft.Network/networkInterfaces/read",
    "Microsoft.Network/networkInterfaces/write",
    "Microsoft.Network/networkSecurityGroups/join/action",
    "Microsoft.Network/virtualNetworks/subnets/join/action",
)
"""The network security group of a machine's interfaces. A write of an interface joins its subnet
again ("Virtual network and permissions", Azure permissions for Networking)."""

ROLLING_BACK = (
    "Microsoft.Compute/virtualMachines/deallocate/action",
    "Microsoft.Compute/virtualMachines/write",
    "Microsoft.Compute/virtualMachines/delete",
)
"""Switching off the virtual machine of a failover that is taken back, its tags, and its deletion."""

PLANNING = (
    f"{_PLANS}/write",
    f"{_PLANS}/delete",
    f"{_PLANS}/testFailover/action",
    f"{_PLANS}/testFailoverCleanup/action",
    f"{_PLANS}/unplannedFailover/action",
)
"""The operations on recovery plans."""

FOLLOWING = (f"{_VAULTS}/replicationOperationStatus/read",)
"""Reading the progress of such an operation."""

ENABLING = (
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
"""What Site Recovery requires of the identity that enables replication, on the groups, networks and
accounts in the request: it checks that this identity may create the virtual machines. Source: "Use
Azure role-based access control to manage Azure Site Recovery", permissions required to enable
replication; that page's `Microsoft.Resources/deployments/*`, spelled out."""

STAMPS = (
    "Microsoft.RecoveryServices/locations/allocatedStamp/read",
    "Microsoft.RecoveryServices/locations/allocateStamp/action",
)
"""This program does not call these; their description is "internal operation used by service". They
are in the built-in role Site Recovery Contributor, so the first use of a vault may need them."""

PERMISSIONS = tuple(
    dict.fromkeys(
        (
            *OBSERVING,
            *REGISTERING,
            *MIGRATING,
            *CHECKING,
            *ATTACHING,
            *ROLLING_BACK,
            *PLANNING,
            *FOLLOWING,
            *ENABLING,
            *STAMPS,
        )
    )
)
"""All actions, without duplicates."""
