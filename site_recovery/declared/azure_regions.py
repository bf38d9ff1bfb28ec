"""The regions of Azure, and which of them have availability zones.

Source: "List of Azure regions" (Microsoft Learn), with those of Azure Government and Azure China
from "Azure Government" and "Azure operated by 21Vianet" (same site).
"""

from __future__ import annotations

_NAMES_WITH_ZONES = """
    australiaeast austriaeast belgiumcentral brazilsouth canadacentral centralindia centralus
    chilecentral denmarkeast eastasia eastus eastus2 francecentral germanywestcentral
    indonesiacentral israelcentral italynorth japaneast japanwest koreacentral malaysiawest
    mexicocentral newzealandnorth northeurope norwayeast polandcentral qatarcentral
    southafricanorth southcentralus southeastasia spaincentral swedencentral switzerlandnorth
    uaenorth uksouth westeurope westus2 westus3
    usgovvirginia chinanorth3
"""
_NAMES_WITHOUT_ZONES = """
    australiacentral australiacentral2 australiasoutheast brazilsoutheast canadaeast francesouth
    germanynorth jioindiacentral jioindiawest koreasouth northcentralus norwaywest
    southafricawest southindia switzerlandwest uaecentral ukwest westcentralus westindia westus
    usgovarizona usgovtexas usdodcentral usdodeast
    chinaeast chinaeast2 chinaeast3 chinanorth chinanorth2
"""

WITH_ZONES = frozenset(_NAMES_WITH_ZONES.split())
REGIONS = WITH_ZONES | frozenset(_NAMES_WITHOUT_ZONES.split())


def normalized(location: str) -> str:
    """A region's name as Azure compares it: `West Europe` and `westeurope` are the same."""
    return location.replace(" ", "").lower()
