"""Azure regions, and ARM's refusals of unknown ones."""

from __future__ import annotations

from typing import Any

from emulator.kernel.resources import normalized_location
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError

REGIONS = {
    "australiaeast": "Australia East",
    "brazilsouth": "Brazil South",
    "canadacentral": "Canada Central",
    "centralindia": "Central India",
    "centralus": "Central US",
    "eastasia": "East Asia",
    "eastus": "East US",
    "eastus2": "East US 2",
    "francecentral": "France Central",
    "germanywestcentral": "Germany West Central",
    "italynorth": "Italy North",
    "japaneast": "Japan East",
    "koreacentral": "Korea Central",
    "northcentralus": "North Central US",
    "northeurope": "North Europe",
    "norwayeast": "Norway East",
    "polandcentral": "Poland Central",
    "southafricanorth": "South Africa North",
    "southcentralus": "South Central US",
    "southeastasia": "Southeast Asia",
    "spaincentral": "Spain Central",
    "swedencentral": "Sweden Central",
    "switzerlandnorth": "Switzerland North",
    "uaenorth": "UAE North",
    "uksouth": "UK South",
    "ukwest": "UK West",
    "westcentralus": "West Central US",
    "westeurope": "West Europe",
    "westus": "West US",
    "westus2": "West US 2",
    "westus3": "West US 3",
}


def require_region(value: Any, what: str) -> str:
    """The region's name as resources show it.

    Args:
        value: what the body gives as `location`.
        what: "resource group", or "resource type '...'" for the message.

    Raises:
        ArmError: 400 `LocationRequired`, `LocationNotAvailableForResourceGroup` or
            `LocationNotAvailableForResourceType`.
    """
    if not value:
        raise ArmError(
            400, "LocationRequired", "The location property is required for this definition."
        )
    name = normalized_location(value)
    if name not in REGIONS:
        suffix = "ResourceGroup" if what == "resource group" else "ResourceType"
        raise ArmError(
            400,
            f"LocationNotAvailableFor{suffix}",
            f"The provided location '{value}' is not available for {what}. List of available "
            f"regions is '{','.join(REGIONS)}'.",
        )
    return name


def require_same_region(present: Document | None, location: str, group: str) -> None:
    """Refuse to move a resource to another region.

    Raises:
        ArmError: 409 `InvalidResourceLocation`.
    """
    if present is not None and normalized_location(present["location"]) != location:
        raise ArmError(
            409,
            "InvalidResourceLocation",
            f"The resource '{present['name']}' already exists in location "
            f"'{present['location']}' in resource group '{group}'. A resource with the same name "
            f"cannot be created in location '{location}'. Please select a new resource name.",
        )
