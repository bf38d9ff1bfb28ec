"""The azure-native types that the stand-in knows.

Shapes and api-versions are those of pulumi-azure-native 3.29. Programs have what ARM has under
`properties` at the top for networks, storage and compute, and under `properties` for Recovery Services, as
the SDK does.
"""

from emulator.providers.azure_native.table import (
    compute,
    network,
    recovery_services,
    resource_groups,
    storage,
)

ROWS = (
    *resource_groups.ROWS,
    *network.ROWS,
    *storage.ROWS,
    *compute.ROWS,
    *recovery_services.ROWS,
)
