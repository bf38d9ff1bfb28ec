"""Resource groups."""

from __future__ import annotations

from emulator.providers.azure_native.resources import Row
from emulator.providers.azure_native.table.common import (
    GROUP,
    LOCATION,
    TAGS,
)
from emulator.providers.resource import Naming
from emulator.providers.schema import Property

ROWS = (
    Row(
        token="azure-native:resources:ResourceGroup",  # noqa: S106
        path=GROUP,
        api_version="2024-03-01",
        inputs={
            "resourceGroupName": Property(replace=True, normal=str.casefold),
            "location": LOCATION,
            "managedBy": Property(replace=True),
            "tags": TAGS,
        },
        outputs=("properties",),
        naming=Naming("resourceGroupName", separator="", digits=8, longest=90),
        flat=False,
    ),
)
