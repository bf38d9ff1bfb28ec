"""The vault credentials file, as the installer on a configuration server reads it.

Source: the data contract of the files that Az.RecoveryServices writes for Site Recovery.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError

from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

_NAMESPACE = "{http://schemas.datacontract.org/2004/07/Microsoft.Azure.Portal.RecoveryServices.Models.Common}"
_ROOT = f"{_NAMESPACE}RSVaultAsrCreds"
_OTHERS = {
    "ASRVaultCreds": "of the retired kind that registers by Access Control Service",
    "RSVaultCreds": "for Azure Backup, not for Site Recovery",
}


class CredentialsError(Exception):
    """The file is not a usable vault credentials file; the text says why."""


@dataclass(frozen=True)
class VaultCredentials:
    """The content of a credentials file.

    Attributes:
        subscription: the vault's subscription.
        group: its resource group.
        vault: its name.
        number: the vault's numeric id.
        tenant: the tenant in which it authenticates.
        client: the client id as which it authenticates.
        certificate: the certificate, whose private key is in the file, too.
    """

    subscription: str
    group: str
    vault: str
    number: str
    tenant: str
    client: str
    certificate: x509.Certificate

    @classmethod
    def read(cls, text: str) -> VaultCredentials:
        """Read a file.

        Raises:
            CredentialsError: it is not XML, defines entities, is of another kind, is incomplete,
                or its private key does not belong to its certificate.
        """
        try:
            root = fromstring(text, forbid_dtd=True)
        except (ParseError, DefusedXmlException, ValueError) as error:
            raise CredentialsError(f"the file is not plain XML ({error})") from error
        if root.tag != _ROOT:
            name = root.tag.rpartition("}")[2]
            kind = _OTHERS.get(name, f"no vault credentials but '{name}'")
            raise CredentialsError(f"the file is {kind}")
        version = _text(root, "Version")
        if version != "2.0":
            raise CredentialsError(f"the file's version is {version}, not 2.0")
        return cls(
            subscription=_text(root, "VaultDetails", "SubscriptionId"),
            group=_text(root, "VaultDetails", "ResourceGroup"),
            vault=_text(root, "VaultDetails", "ResourceName"),
            number=_text(root, "VaultDetails", "ResourceId"),
            tenant=_text(root, "AadDetails", "AadTenantId"),
            client=_text(root, "AadDetails", "ServicePrincipalClientId"),
            certificate=_certificate(_text(root, "ManagementCert")),
        )


def _text(root: Element, *path: str) -> str:
    found = root.findtext("/".join(f"{_NAMESPACE}{name}" for name in path), "").strip()
    if not found:
        raise CredentialsError(f"the file has no {'/'.join(path)}")
    return found


def _certificate(text: str) -> x509.Certificate:
    try:
        store = base64.b64decode(text, validate=True)
        key, certificate, others = pkcs12.load_key_and_certificates(store, None)
    except (binascii.Error, ValueError) as error:
        raise CredentialsError(
            "ManagementCert is not a certificate store (PFX) without a password"
        ) from error
    if key is not None and certificate is None and others:
        # The library returns the key only if it belongs to the certificate.
        raise CredentialsError("the private key in ManagementCert is not that of the certificate")
    if key is None or certificate is None:
        raise CredentialsError("ManagementCert lacks the certificate or its private key")
    return certificate
