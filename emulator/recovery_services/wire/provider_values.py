"""Values that the provider-specific bodies of both experiences may name."""

from __future__ import annotations

from typing import Literal

DiskType = Literal[
    "Standard_LRS",
    "Premium_LRS",
    "StandardSSD_LRS",
    "PremiumV2_LRS",
    "UltraSSD_LRS",
    "StandardSSD_ZRS",
    "Premium_ZRS",
]
LicenseType = Literal["NotSpecified", "NoLicenseType", "WindowsServer"]
SqlLicenseType = Literal["NotSpecified", "NoLicenseType", "PAYG", "AHUB"]
