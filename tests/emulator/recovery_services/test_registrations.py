"""A configuration server registers with a vault credentials file, as its installer would."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.sax.saxutils import escape

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from emulator.arm.subscriptions import SUBSCRIPTION
from tests.emulator.recovery_services.site_recovery_support import (
    GROUP_NAME,
    SERVER,
    SERVER_GROUP,
    VAULT,
    VAULT_NAME,
    Site,
)

BARE = replace(SERVER, tags={})
NAMESPACE = (
    "http://schemas.datacontract.org/2004/07/Microsoft.Azure.Portal.RecoveryServices.Models.Common"
)


@dataclass
class Pair:
    """A self-signed certificate with its key."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def new(cls, life: timedelta = timedelta(hours=120)) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Site Recovery")])
        start = datetime(2026, 7, 1, tzinfo=UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + life)
            .sign(key, hashes.SHA256())
        )
        return cls(key, certificate)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pkcs8(self) -> bytes:
        return self.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    def store(self) -> str:
        return base64.b64encode(
            pkcs12.serialize_key_and_certificates(
                None, self.key, self.certificate, None, NoEncryption()
            )
        ).decode()


def unsealed(store: bytes) -> bytes:
    """A PKCS 12 store without the MAC at its end, which would reveal any change."""

    def end(start: int) -> tuple[int, int]:
        size = store[start + 1]
        if size < 128:
            return start + 2, start + 2 + size
        content = start + 2 + (size & 127)
        return content, content + int.from_bytes(store[start + 2 : content])

    content, _ = end(0)
    (_, version), kept = end(content), slice(content, end(end(content)[1])[1])
    assert version < kept.stop
    return b"\x30\x82" + len(store[kept]).to_bytes(2) + store[kept]


def upload(site: Site, pair: Pair, auth: str = "AAD") -> Any:
    body = {"properties": {"authType": auth, "certificate": base64.b64encode(pair.der).decode()}}
    response = site.call("PUT", f"{VAULT}/certificates/credential", body)
    assert response.status == 200, response.body
    return response.body["properties"]


def credential(told: dict[str, Any], store: str, **changes: str) -> str:
    """The file; `changes` replace elements by their name."""
    elements = {
        "SubscriptionId": SUBSCRIPTION,
        "ResourceGroup": GROUP_NAME,
        "ResourceName": VAULT_NAME,
        "ResourceId": str(told["resourceId"]),
        "ManagementCert": store,
        "Version": "2.0",
        "AadTenantId": str(told.get("aadTenantId")),
        "ServicePrincipalClientId": str(told.get("servicePrincipalClientId")),
        **changes,
    }

    def of(*names: str) -> str:
        return "".join(f"<{name}>{escape(elements[name])}</{name}>" for name in names)

    return (
        f'<RSVaultAsrCreds xmlns="{NAMESPACE}">'
        f"<VaultDetails>{of('SubscriptionId', 'ResourceGroup', 'ResourceName', 'ResourceId')}"
        f"</VaultDetails>{of('ManagementCert', 'Version')}"
        f"<AadDetails>{of('AadTenantId', 'ServicePrincipalClientId')}</AadDetails>"
        "</RSVaultAsrCreds>"
    )


def install(site: Site, file: str, instance: str = SERVER.id) -> Any:
    return site.call(
        "POST", "/_emulator/registrations?", {"instanceId": instance, "credential": file}
    )


def refusal(site: Site, file: str, instance: str = SERVER.id) -> tuple[int, str, str]:
    response = install(site, file, instance)
    assert response.status >= 400, response.body
    site.pass_time(minutes=20)
    assert fabrics(site) == []
    return response.status, response.body["error"]["code"], response.body["error"]["message"]


def fabrics(site: Site) -> list[Any]:
    found: list[Any] = site.get(f"{VAULT}/replicationFabrics")["value"]
    return found


@pytest.fixture
def site() -> Site:
    return Site(server=BARE)


@pytest.fixture
def file(site: Site) -> str:
    pair = Pair.new()
    return credential(upload(site, pair), pair.store())


def test_a_server_without_tags_registers_with_a_good_file(site: Site, file: str) -> None:
    response = install(site, file)
    assert (response.status, response.body["stage"]) == (202, "installing")
    site.pass_time(minutes=8)
    assert fabrics(site) == []
    site.pass_time(minutes=6)
    (fabric,) = fabrics(site)
    assert fabric["properties"]["friendlyName"] == "config-server"
    (server,) = site.get("/_emulator/guests?")["configurationServers"]
    assert (server["stage"], server["fabric"]) == ("registered", fabric["id"])


def test_the_answer_to_a_certificate_tells_what_goes_into_a_file(site: Site) -> None:
    pair = Pair.new()
    for auth in ("AAD", "AzureActiveDirectory"):
        told = upload(site, pair, auth)
        assert told["authType"] == "AzureActiveDirectory"
        assert isinstance(told["resourceId"], int)
        assert told["aadAuthority"] == "https://login.windows.net"
        assert re.fullmatch(r"[0-9a-f-]{36}", told["servicePrincipalClientId"])
        assert told["azureManagementEndpointAudience"].endswith("backup.windowsazure.com/restapi/")
        assert told["aadAudience"].endswith(f"/westeurope/{VAULT_NAME}/{told['resourceId']}")
    valid = [datetime.fromisoformat(told[name]) for name in ("validFrom", "validTo")]
    assert valid[1] - valid[0] == timedelta(hours=120)
    assert told["subject"] == told["issuer"] == "CN=Site Recovery"
    assert told["thumbprint"] == pair.certificate.fingerprint(hashes.SHA1()).hex().upper()


@pytest.mark.parametrize("auth", ["ACS", "AccessControlService"])
def test_a_certificate_for_access_control_service_registers_nothing(site: Site, auth: str) -> None:
    pair = Pair.new()
    told = upload(site, pair, auth)
    assert told["authType"] == "AccessControlService"
    assert {"globalAcsNamespace", "globalAcsHostName", "globalAcsRPRealm"} <= set(told)
    assert refusal(site, credential(told, pair.store()))[1] == "InvalidVaultCredentials"


@pytest.mark.parametrize("wrapped", [base64.b64encode, lambda der: der], ids=["twice", "once"])
def test_a_certificate_is_taken_as_powershell_sends_it_too(site: Site, wrapped: Any) -> None:
    pair = Pair.new()
    text = base64.b64encode(wrapped(pair.der)).decode()
    body = {"properties": {"authType": "AAD", "certificate": text}}
    answer = site.call("PUT", f"{VAULT}/certificates/credential", body)
    assert answer.body["properties"]["certificate"] == text


@pytest.mark.parametrize("text", ["", "no base64!", "bm90IGEgY2VydGlmaWNhdGU=", "TUlJ"])
def test_what_is_no_certificate_is_refused(site: Site, text: str) -> None:
    body = {"properties": {"authType": "AAD", "certificate": text}}
    status, code, _ = site.refused("PUT", f"{VAULT}/certificates/credential", body)
    assert (status, code) == (400, "InvalidCertificate")


def test_a_file_is_good_for_120_hours_of_service_time(site: Site, file: str) -> None:
    site.pass_time(hours=120)
    status, code, message = refusal(site, file)
    assert (status, code) == (400, "VaultCredentialsExpired")
    assert "10 January 2026" in message


def test_a_certificate_of_a_shorter_life_ends_earlier(site: Site) -> None:
    pair = Pair.new(timedelta(hours=1))
    file = credential(upload(site, pair), pair.store())
    site.pass_time(minutes=61)
    assert refusal(site, file)[1] == "VaultCredentialsExpired"


def test_a_certificate_that_was_never_uploaded_is_refused(site: Site, file: str) -> None:
    pair = Pair.new()
    told = upload(site, Pair.new())
    status, code, message = refusal(site, credential(told, pair.store()))
    assert (status, code) == (400, "InvalidVaultCredentials")
    assert "never uploaded" in message


def test_a_private_key_of_another_certificate_is_refused(site: Site) -> None:
    pair = Pair.new()
    told = upload(site, pair)
    mixed = unsealed(base64.b64decode(pair.store()).replace(pair.pkcs8, Pair.new().pkcs8))
    message = refusal(site, credential(told, base64.b64encode(mixed).decode()))[2]
    assert "the private key in ManagementCert" in message


@pytest.mark.parametrize(
    ("element", "value", "problem"),
    [
        ("ResourceName", "rsv-other", "there is no vault"),
        ("ResourceId", "1", "its ResourceId"),
        ("AadTenantId", "00000000-0000-0000-0000-000000000000", "its AadTenantId"),
        ("ServicePrincipalClientId", "nobody", "its ServicePrincipalClientId"),
        ("Version", "1.0", "version is 1.0"),
        ("ManagementCert", "", "has no ManagementCert"),
        ("ManagementCert", "bm8=", "not a certificate store"),
    ],
)
def test_a_file_that_was_changed_is_refused(
    site: Site, element: str, value: str, problem: str
) -> None:
    pair = Pair.new()
    file = credential(upload(site, pair), pair.store(), **{element: value})
    status, code, message = refusal(site, file)
    assert (status, code) == (400, "InvalidVaultCredentials")
    assert problem in message


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("not xml", "not plain XML"),
        ("<RSVaultAsrCreds/>", "no vault credentials but 'RSVaultAsrCreds'"),
        ('<ASRVaultCreds xmlns="x"/>', "Access Control Service"),
        ('<RSVaultCreds xmlns="x"/>', "for Azure Backup"),
        ('<!DOCTYPE a [<!ENTITY b "b">]><a>&b;</a>', "not plain XML"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "not plain XML"),
    ],
)
def test_what_is_no_credentials_file_is_refused(site: Site, text: str, problem: str) -> None:
    status, code, message = refusal(site, text)
    assert (status, code) == (400, "InvalidVaultCredentials")
    assert problem in message


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"state": "stopped"}, "the instance is stopped"),
        ({"os": "rhel-6.7"}, "Windows Server 2016 is needed"),
        ({"vcpus": 4}, "at least 8 vCPUs"),
        ({"security_groups": ("sg-closed",)}, "cannot reach the internet on port 443"),
    ],
)
def test_an_instance_that_is_not_fit_is_refused(changes: dict[str, Any], problem: str) -> None:
    closed = replace(SERVER_GROUP, group_id="sg-closed", egress=())
    site = Site(server=replace(BARE, **changes), groups=(SERVER_GROUP, closed))
    pair = Pair.new()
    status, code, message = refusal(site, credential(upload(site, pair), pair.store()))
    assert (status, code) == (409, "InstallationRefused")
    assert problem in message


def test_an_unknown_instance_and_a_missing_member_are_refused(site: Site, file: str) -> None:
    assert refusal(site, file, "i-none")[:2] == (409, "InstallationRefused")
    assert refusal(site, "")[:2] == (400, "InvalidRequestContent")


def test_a_server_is_not_installed_twice(site: Site, file: str) -> None:
    assert install(site, file).status == 202
    assert (
        install(site, file)
        .body["error"]["message"]
        .startswith("The installer reports: 'config-server' is installing already")
    )
    site.pass_time(minutes=14)
    assert "is registered already" in install(site, file).body["error"]["message"]
    assert len(fabrics(site)) == 1


def test_a_network_that_closes_meanwhile_ends_the_installation(site: Site, file: str) -> None:
    assert install(site, file).status == 202
    site.estate.machines[0] = replace(BARE, state="stopped")
    site.pass_time(minutes=14)
    assert fabrics(site) == []
    (server,) = site.get("/_emulator/guests?")["configurationServers"]
    assert (server["stage"], server["reason"]) == ("refused", "the instance is stopped")


def test_a_removed_server_registers_again_with_a_file(site: Site, file: str) -> None:
    install(site, file)
    site.pass_time(minutes=14)
    (fabric,) = fabrics(site)
    site.finished(site.accepted("POST", f"{fabric['id']}/remove"))
    site.pass_time(hours=1)
    assert fabrics(site) == []
    assert install(site, file).status == 202
    site.pass_time(minutes=14)
    assert [one["id"] for one in fabrics(site)] == [fabric["id"]]


def test_a_removed_server_registers_again_when_its_tags_are_set_again() -> None:
    site = Site()
    site.register()
    site.finished(site.accepted("POST", f"{site.fabric}/remove"))
    site.pass_time(hours=1)
    assert fabrics(site) == []
    site.estate.machines[0] = BARE
    site.pass_time(minutes=1)
    site.estate.machines[0] = SERVER
    site.pass_time(minutes=14)
    assert [one["id"] for one in fabrics(site)] == [site.fabric]
