"""Certificates of a vault, with which a vault credentials file is authenticated.

Source: VaultCertificates_Create and its published example; the lifetime of 120 hours is that of
the credentials which Site Recovery's own tools make.
"""

from __future__ import annotations

import base64
import binascii
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from emulator.arm.identity import TENANT
from emulator.arm.vaults.vault import KIND, TYPE, vault_id
from emulator.arm.vaults.versions import API_VERSIONS
from emulator.kernel import schema
from emulator.kernel.resources import PRIVATE, public, require
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World

_CERTIFICATES = f"{KIND}/certificates"
_LIFE = timedelta(hours=120)
_DIRECTORY = ("AAD", "AzureActiveDirectory")
_BODY = {
    "id": schema.IGNORED,
    "name": schema.IGNORED,
    "type": schema.IGNORED,
    "properties": {
        "authType": schema.OneOf("ACS", "AAD", "AccessControlService", "AzureActiveDirectory"),
        "certificate": str,
    },
}

routes = Routes(API_VERSIONS)


@routes.route(
    "PUT",
    "/subscriptions/{subscription}/resourceGroups/{group}"
    "/providers/Microsoft.RecoveryServices/vaults/{vault}/certificates/{certificate}",
    "VaultCertificates_Create",
)
def put(
    world: World, request: Request, subscription: str, group: str, vault: str, certificate: str
) -> Response:
    """Upload the public certificate of a credentials file; the answer is what goes into it."""
    identifier = vault_id(subscription, group, vault)
    owner = require(world, KIND, identifier)
    sent = schema.body(request, _BODY).get("properties", {})
    parsed = _parse(sent.get("certificate", ""))
    document: Document = {
        "name": certificate,
        "type": f"{TYPE}/certificates",
        "id": f"{owner['id']}/certificates/{certificate}",
        "properties": {
            "certificate": sent["certificate"],
            "friendlyName": "",
            "issuer": parsed.issuer.rfc4514_string(),
            "subject": parsed.subject.rfc4514_string(),
            "thumbprint": _thumbprint(parsed),
            "validFrom": parsed.not_valid_before_utc.isoformat(),
            "validTo": parsed.not_valid_after_utc.isoformat(),
            **_registration(world, owner, str(sent.get("authType", "AAD"))),
        },
        PRIVATE: {
            "fingerprint": fingerprint(parsed),
            # Its dates come from another clock, so only the time between them counts.
            "expires": (
                world.now + min(_LIFE, parsed.not_valid_after_utc - parsed.not_valid_before_utc)
            ).isoformat(),
        },
    }
    world.store.put(_CERTIFICATES, document["id"], document)
    return Response(200, public(document))


def uploaded(world: World, vault: str, certificate: x509.Certificate) -> Document | None:
    """The newest upload of a certificate to a vault, or None. Its private part has `expires`, in
    virtual time.
    """
    found = [
        document
        for document in world.store.list(_CERTIFICATES, f"{vault.rstrip('/')}/")
        if document[PRIVATE]["fingerprint"] == fingerprint(certificate)
    ]
    return max(found, key=lambda one: str(one[PRIVATE]["expires"]), default=None)


def fingerprint(certificate: x509.Certificate) -> str:
    """The SHA-256 of a certificate, in hexadecimal."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def register(world: World) -> None:
    """Register no events."""


def _registration(world: World, vault: Document, kind: str) -> Document:
    """The vault's response to a server that is about to register, through Microsoft Entra ID or
    ACS."""
    about = vault["id"].lower()
    number = world.random("vault number", about).getrandbits(62)
    if kind.lower() not in map(str.lower, _DIRECTORY):
        return {
            "authType": "AccessControlService",
            "resourceId": number,
            "globalAcsNamespace": "pod01-rrp1-users",
            "globalAcsHostName": "accesscontrol.windows.net",
            "globalAcsRPRealm": "http://windowscloudbackup/m3",
        }
    region = vault["location"]
    return {
        "authType": "AzureActiveDirectory",
        "resourceId": number,
        "aadAuthority": "https://login.windows.net",
        "aadTenantId": TENANT,
        "servicePrincipalClientId": world.guid("vault client", about),
        "servicePrincipalObjectId": world.guid("vault principal", about),
        "azureManagementEndpointAudience": (
            f"https://pod01-id1.{region}.backup.windowsazure.com/restapi/"
        ),
        "serviceResourceId": vault["id"],
        "aadAudience": f"https://RecoveryServiceVault/{region}/{vault['name']}/{number}",
    }


def _parse(text: str) -> x509.Certificate:
    """The certificate in a body: base64 of DER or PEM, or (as PowerShell sends it) of base64."""
    try:
        content = base64.b64decode(text, validate=True)
        if content.startswith(b"-----BEGIN"):
            return x509.load_pem_x509_certificate(content)
        if content.startswith(b"MII"):
            content = base64.b64decode(content, validate=True)
        return x509.load_der_x509_certificate(content)
    except (binascii.Error, ValueError) as error:
        raise ArmError(
            400,
            "InvalidCertificate",
            "'properties.certificate' must be the base64 text of an X.509 certificate.",
        ) from error


def _thumbprint(certificate: x509.Certificate) -> str:
    sha1 = hashes.SHA1()  # noqa: S303 - what a thumbprint is; nothing trusts it here
    return certificate.fingerprint(sha1).hex().upper()
