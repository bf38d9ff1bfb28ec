"""The credentials file with which a configuration server registers with its vault.

The portal makes such a file for a person to download ("vault registration key"). It holds a
private key whose certificate the vault knows, so all of it is a secret. Layout and life are those
of the files that Az.RecoveryServices writes for Site Recovery (`Get-AzRecoveryServicesVaultSettingsFile`).
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from azure.core.exceptions import ResourceNotFoundError

from site_recovery.arm_ids import VaultId
from site_recovery.azure.connection import Connection
from site_recovery.azure.errors import explained
from site_recovery.azure.forbidden import unlocked
from site_recovery.azure.rest import call
from site_recovery.azure.vault import API_VERSION, inside
from site_recovery.errors import MigrationError

LIFE = timedelta(hours=120)
"""How long a file can be used to register; the tools of Site Recovery use the same time."""

RENEWAL = timedelta(hours=24)
"""A file with less time left is renewed, if its server is not registered."""

_CLOCK_TOLERANCE = timedelta(minutes=10)
"""The certificate is valid from this much earlier, because the clock of the server may be slow."""

_NAMESPACE = (
    "http://schemas.datacontract.org/2004/07/Microsoft.Azure.Portal.RecoveryServices.Models.Common"
)
_INSTANCE_NAMESPACE = "http://www.w3.org/2001/XMLSchema-instance"
_TOLD = (
    "resourceId",
    "aadAuthority",
    "aadTenantId",
    "servicePrincipalClientId",
    "azureManagementEndpointAudience",
)
"""The members of the response to a certificate that the file needs."""


@dataclass(frozen=True)
class Credentials:
    """A credentials file.

    Attributes:
        file: its text, which contains the private key; never shown.
        expires: when the vault stops accepting it, in the time of the service.
        certificate_name: the name of the certificate in the vault.
    """

    file: str = field(repr=False)
    expires: datetime
    certificate_name: str


async def issue(connection: Connection, vault: VaultId) -> Credentials:
    """Make a certificate, upload its public part to the vault and write the file.

    Operations Vaults_Get, VaultCertificates_Create, VaultExtendedInfo_Get and, for a vault that
    has no channel key yet, VaultExtendedInfo_CreateOrUpdate.

    Raises:
        MigrationError: Azure did not answer or refused, or the channel key of the vault was made
            by the portal, which stores it encrypted.
    """
    # The program imports this module and issues nothing: it needs no cryptography.
    from site_recovery.azure.servers import certificate

    with explained(f"vault {vault.vault}: no registration credentials"):
        # The first answer also has the time of the service, by which the certificate is dated.
        properties = await _call(connection, "GET", str(vault))
        now = connection.clock.now()
        name = (
            f"{vault.vault}{vault.subscription}-{now.month}-{now.day}-{now.year}-vaultcredentials"
        )
        made = certificate.make(now - _CLOCK_TOLERANCE, now + LIFE)
        async with unlocked(connection.client, f"vault {vault.vault}: no registration credentials"):
            told = await _upload(connection, vault, name, made.public)
            channel_key = await _channel_key(connection, vault)
    file = _file(vault, str(properties["location"]), told, made.store, channel_key)
    return Credentials(file, made.expires, name)


async def due(connection: Connection, vault: VaultId, server_name: str, expires: datetime) -> bool:
    """Whether a server still needs a file, and its present one has expired or will soon.

    A registered server needs no file, healthy or not: it has a certificate of its own.

    Raises:
        MigrationError: Azure did not answer or refused, or the vault is gone.
    """
    fabrics = connection.client.replication_fabrics
    async with inside(connection, vault, f"vault {vault.vault}"):
        async for fabric in fabrics.list(vault.resource_group, vault.vault):
            name = fabric.as_dict()["properties"].get("friendlyName") or ""
            if name.lower() == server_name.lower():
                return False
    return expires - connection.clock.now() < RENEWAL


async def _call(
    connection: Connection, method: str, path: str, body: Mapping[str, Any] | None = None
) -> Any:
    return await call(connection.client, method, f"{path}?api-version={API_VERSION}", body)


async def _upload(
    connection: Connection, vault: VaultId, name: str, certificate: bytes
) -> Mapping[str, Any]:
    public = base64.b64encode(certificate).decode()
    answer = await _call(
        connection,
        "PUT",
        f"{vault}/certificates/{name}",
        {"properties": {"certificate": public, "authType": "AAD"}},
    )
    told: Mapping[str, Any] = answer.get("properties") or {}
    missing = [wanted for wanted in _TOLD if not told.get(wanted)]
    if missing:
        raise MigrationError(
            f"vault {vault.vault}: the answer to its registration certificate lacks "
            f"{', '.join(missing)}. Download the vault registration key from the portal, and "
            "install the configuration server by hand (installation: manual)."
        )
    return told


async def _channel_key(connection: Connection, vault: VaultId) -> str:
    path = f"{vault}/extendedInformation/vaultExtendedInfo"
    try:
        found = await _call(connection, "GET", path)
    except ResourceNotFoundError:
        made = {
            "integrityKey": base64.b64encode(secrets.token_bytes(16)).decode(),
            "algorithm": "None",
        }
        found = await _call(connection, "PUT", path, {"properties": made})
    properties = found.get("properties") or {}
    if (properties.get("algorithm") or "None") != "None":
        raise MigrationError(
            f"vault {vault.vault}: its channel key was generated in the Azure portal, which keeps "
            "it encrypted, so no registration credentials can be made for it. Use a vault that "
            "this program creates, or download the vault registration key from the portal and "
            "install the configuration server by hand (installation: manual)."
        )
    return str(properties.get("integrityKey") or "")


def _file(
    vault: VaultId, location: str, told: Mapping[str, Any], store: bytes, channel_key: str
) -> str:
    """The text of the file. Its reader requires the elements in the order of their data contract."""
    number = told["resourceId"]
    root = Element("RSVaultAsrCreds", {"xmlns": _NAMESPACE, "xmlns:i": _INSTANCE_NAMESPACE})
    _add(
        SubElement(root, "VaultDetails"),
        SubscriptionId=vault.subscription,
        ResourceGroup=vault.resource_group,
        ResourceName=vault.vault,
        ResourceId=number,
        Location=location,
        ResourceType="Vaults",
        ProviderNamespace="Microsoft.RecoveryServices",
    )
    _add(root, ManagementCert=base64.b64encode(store).decode(), Version="2.0")
    _add(
        SubElement(root, "AadDetails"),
        AadAuthority=told["aadAuthority"],
        AadTenantId=told["aadTenantId"],
        ServicePrincipalClientId=told["servicePrincipalClientId"],
        AadVaultAudience=f"https://RecoveryServiceVault/{location}/{vault.vault}/{number}",
        ArmManagementEndpoint=told["azureManagementEndpointAudience"],
    )
    _add(
        root,
        ChannelIntegrityKey=channel_key,
        SiteId="",
        SiteName="",
        PrivateEndpointStateForSiteRecovery="None",
    )
    text: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return text.decode()


def _add(parent: Element, **elements: object) -> None:
    for name, value in elements.items():
        SubElement(parent, name).text = str(value)
