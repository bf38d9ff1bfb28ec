"""Virtual machines and managed disks."""

from __future__ import annotations

from collections.abc import Mapping

from emulator.providers.azure_native.resources import Row
from emulator.providers.azure_native.table.common import (
    GROUP,
    ID,
    LOCATION,
    PATH_PARAMETER,
    TAGS,
    inner,
)
from emulator.providers.resource import Naming
from emulator.providers.schema import Property

_COMPUTE = f"{GROUP}/providers/Microsoft.Compute"
_WORD = Property(normal=str.casefold)

_HELD_DISK: Mapping[str, Property] = {
    "name": Property(computed=True),
    "caching": _WORD,
    "createOption": Property(required=True, normal=str.casefold),
    "deleteOption": _WORD,
    "diskSizeGB": Property("integer", computed=True),
    "managedDisk": Property(
        "object", fields={"id": ID, "storageAccountType": Property(computed=True)}
    ),
    "writeAcceleratorEnabled": Property("boolean", default=False),
}

ROWS = (
    Row(
        token="azure-native:compute:VirtualMachine",  # noqa: S106
        path=f"{_COMPUTE}/virtualMachines/{{vmName}}",
        api_version="2024-11-01",
        inputs={
            "resourceGroupName": PATH_PARAMETER,
            "vmName": Property(replace=True, normal=str.casefold),
            "location": LOCATION,
            "tags": TAGS,
            "zones": Property("list", items=Property(), replace=True),
            "diagnosticsProfile": inner(
                "object",
                fields={
                    "bootDiagnostics": Property(
                        "object",
                        fields={"enabled": Property("boolean"), "storageUri": Property()},
                    )
                },
            ),
            "hardwareProfile": inner("object", fields={"vmSize": _WORD}),
            "licenseType": inner(),
            "networkProfile": inner(
                "object",
                fields={
                    "networkInterfaces": Property(
                        "list",
                        items=Property(
                            "object",
                            fields={
                                "id": ID,
                                "deleteOption": inner(normal=str.casefold),
                                "primary": inner("boolean"),
                            },
                        ),
                    )
                },
            ),
            "storageProfile": inner(
                "object",
                fields={
                    "dataDisks": Property(
                        "list",
                        items=Property(
                            "object",
                            fields={
                                **_HELD_DISK,
                                "lun": Property("integer", required=True),
                                "toBeDetached": Property("boolean", default=False),
                            },
                        ),
                    ),
                    "diskControllerType": _WORD,
                    "osDisk": Property(
                        "object",
                        fields={**_HELD_DISK, "osType": _WORD},
                    ),
                },
            ),
        },
        outputs=("etag", "instanceView", "provisioningState", "resources", "timeCreated", "vmId"),
        naming=Naming("vmName", separator="", digits=8, longest=64),
    ),
    Row(
        token="azure-native:compute:Disk",  # noqa: S106
        path=f"{_COMPUTE}/disks/{{diskName}}",
        api_version="2024-03-02",
        inputs={
            "resourceGroupName": PATH_PARAMETER,
            "diskName": Property(replace=True, normal=str.casefold),
            "location": LOCATION,
            "tags": TAGS,
            "sku": Property("object", fields={"name": _WORD}),
            "zones": Property("list", items=Property(), replace=True),
            "creationData": inner(
                "object",
                required=True,
                fields={
                    "createOption": Property(required=True, replace=True, normal=str.casefold),
                    "sourceResourceId": ID,
                },
            ),
            "diskSizeGB": inner("integer", computed=True),
            "hyperVGeneration": inner(computed=True),
            "networkAccessPolicy": inner(computed=True),
            "osType": inner(normal=str.casefold),
            "publicNetworkAccess": inner(computed=True),
        },
        outputs=("diskState", "managedBy", "provisioningState", "timeCreated", "uniqueId"),
        naming=Naming("diskName", separator="", digits=8, longest=80),
    ),
)
