"""Values that the provider-specific bodies of both experiences may name."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

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


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


Flag = Annotated[Literal["true", "false"], BeforeValidator(_lower)]
"""A boolean as a string, in any case: `False` was sent, and read as `false` (recorded)."""
