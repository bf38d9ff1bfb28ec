"""Azure regions, and ARM's refusals of unknown ones."""

from __future__ import annotations

from typing import Any

from emulator.kernel.resources import normalized_location
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError

REGIONS = {
    "australiacentral": "Australia Central",
    "australiacentral2": "Australia Central 2",
    "australiaeast": "Australia East",
    "australiasoutheast": "Australia Southeast",
    "austriaeast": "Austria East",
    "belgiumcentral": "Belgium Central",
    "brazilsouth": "Brazil South",
    "brazilsoutheast": "Brazil Southeast",
    "canadacentral": "Canada Central",
    "canadaeast": "Canada East",
    "centralindia": "Central India",
    "centralus": "Central US",
    "chilecentral": "Chile Central",
    "denmarkeast": "Denmark East",
    "eastasia": "East Asia",
    "eastus": "East US",
    "eastus2": "East US 2",
    "francecentral": "France Central",
    "francesouth": "France South",
    "germanynorth": "Germany North",
    "germanywestcentral": "Germany West Central",
    "indonesiacentral": "Indonesia Central",
    "israelcentral": "Israel Central",
    "italynorth": "Italy North",
    "japaneast": "Japan East",
    "japanwest": "Japan West",
    "jioindiacentral": "Jio India Central",
    "jioindiawest": "Jio India West",
    "koreacentral": "Korea Central",
    "koreasouth": "Korea South",
    "malaysiawest": "Malaysia West",
    "mexicocentral": "Mexico Central",
    "newzealandnorth": "New Zealand North",
    "northcentralus": "North Central US",
    "northeurope": "North Europe",
    "norwayeast": "Norway East",
    "norwaywest": "Norway West",
    "polandcentral": "Poland Central",
    "qatarcentral": "Qatar Central",
    "southafricanorth": "South Africa North",
    "southafricawest": "South Africa West",
    "southcentralus": "South Central US",
    "southeastasia": "Southeast Asia",
    "southindia": "South India",
    "spaincentral": "Spain Central",
    "swedencentral": "Sweden Central",
    "switzerlandnorth": "Switzerland North",
    "switzerlandwest": "Switzerland West",
    "uaecentral": "UAE Central",
    "uaenorth": "UAE North",
    "uksouth": "UK South",
    "ukwest": "UK West",
    "westcentralus": "West Central US",
    "westeurope": "West Europe",
    "westindia": "West India",
    "westus": "West US",
    "westus2": "West US 2",
    "westus3": "West US 3",
}
"""The regions of the public cloud ("List of Azure regions", Microsoft Learn)."""

ZONES = ("1", "2", "3")

_WITHOUT_ZONES = frozenset(
    [
        "australiacentral",
        "australiacentral2",
        "australiasoutheast",
        "brazilsoutheast",
        "canadaeast",
        "francesouth",
        "germanynorth",
        "jioindiacentral",
        "jioindiawest",
        "koreasouth",
        "northcentralus",
        "norwaywest",
        "southafricawest",
        "southindia",
        "switzerlandwest",
        "uaecentral",
        "ukwest",
        "westcentralus",
        "westindia",
        "westus",
    ]
)


def without_zones(location: str) -> bool:
    """Whether a region has no availability zones."""
    return normalized_location(location) in _WITHOUT_ZONES


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
