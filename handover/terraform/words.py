"""The values that azurerm takes, where it takes only some, in its spelling.

Source: the validation in the schemas of azurerm 5.2.0.
"""

from __future__ import annotations

CACHING = ("None", "ReadOnly", "ReadWrite")
STORAGE = (
    *("Standard_LRS", "StandardSSD_LRS", "StandardSSD_ZRS", "Premium_LRS", "Premium_ZRS"),
    *("PremiumV2_LRS", "UltraSSD_LRS"),
)
DISK_MADE_BY = ("Copy", "Empty", "FromImage", "Import", "ImportSecure", "Restore", "Upload")
DISK_ATTACHED_BY = ("Attach", "Empty")
SYSTEM = ("Linux", "Windows")
GENERATION = ("V1", "V2")
DISK_NETWORK = ("AllowAll", "AllowPrivate", "DenyAll")
CONFIDENTIAL = (
    "ConfidentialVM_VMGuestStateOnlyEncryptedWithPlatformKey",
    "ConfidentialVM_DiskEncryptedWithPlatformKey",
    "ConfidentialVM_DiskEncryptedWithCustomerKey",
)
CONTROLLER = ("SCSI", "NVMe")
PRIORITY = ("Regular", "Spot")
EVICTION = ("Deallocate", "Delete")
LICENSES = {
    "Linux": (
        *("RHEL_BYOS", "RHEL_BASE", "RHEL_EUS", "RHEL_SAPAPPS", "RHEL_SAPHA", "RHEL_BASESAPAPPS"),
        *("RHEL_BASESAPHA", "SLES_BYOS", "SLES_SAP", "SLES_HPC", "UBUNTU_PRO"),
    ),
    "Windows": ("None", "Windows_Client", "Windows_Server"),
}
ALLOCATION = ("Dynamic", "Static")
VERSION = ("IPv4", "IPv6")
PUBLIC_SKU = ("Basic", "Standard", "StandardV2")
TIER = ("Regional", "Global")
DDOS = ("Disabled", "Enabled", "VirtualNetworkInherited")
PROTOCOL = ("*", "Tcp", "Udp", "Icmp", "Ah", "Esp")
ACCESS = ("Allow", "Deny")
DIRECTION = ("Inbound", "Outbound")


class NotTakenError(Exception):
    """azurerm does not take a value; the message names it."""


def word(value: object, allowed: tuple[str, ...], what: str) -> str:
    """A value in azurerm's spelling.

    Raises:
        NotTakenError: azurerm does not take it.
    """
    for each in allowed:
        if each.lower() == str(value).lower():
            return each
    raise NotTakenError(f"{what} is {value}, and azurerm takes {', '.join(allowed)} only")
