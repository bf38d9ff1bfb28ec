"""Credentials files that the program makes, used by the emulator's installer."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar
from xml.etree.ElementTree import Element

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from defusedxml.ElementTree import fromstring

from emulator.in_process import AsyncWorldTransport
from site_recovery.arm_ids import VaultId
from site_recovery.azure.connection import Connection, connector
from site_recovery.azure.servers import vault_credentials
from site_recovery.azure.servers.vault_credentials import LIFE, RENEWAL, Credentials
from site_recovery.errors import MigrationError, ServiceUnavailableError
from tests.emulator.recovery_services.site_recovery_support import (
    GROUP_NAME,
    SERVER,
    SUBSCRIPTION,
    VAULT,
    VAULT_NAME,
    AsyncCredential,
    Site,
)

_T = TypeVar("_T")
UNTAGGED = replace(SERVER, tags={})
INFO = f"{VAULT}/extendedInformation/vaultExtendedInfo"


@pytest.fixture
def site() -> Site:
    return Site(server=UNTAGGED)


def ask(site: Site, work: Callable[[Connection], Coroutine[Any, Any, _T]]) -> _T:
    async def connected() -> _T:
        connect = connector(
            credential=lambda: AsyncCredential(site.token),
            transport=lambda: AsyncWorldTransport(site.world),
        )
        async with connect(SUBSCRIPTION) as connection:
            return await work(connection)

    return asyncio.run(connected())


def issue(site: Site, vault: str = VAULT) -> Credentials:
    return ask(site, lambda to: vault_credentials.issue(to, VaultId.parse(vault)))


def due(site: Site, made: Credentials) -> bool:
    vault = VaultId.parse(VAULT)
    return ask(site, lambda to: vault_credentials.due(to, vault, "Config-Server", made.expires))


def register(site: Site, made: Credentials) -> tuple[int, Any]:
    body = {"instanceId": SERVER.id, "credential": made.file}
    response = site.call("POST", "/_emulator/registrations?", body)
    return response.status, response.body


def elements(made: Credentials) -> dict[str, Any]:
    """The file's elements by name, in order, without their namespace."""

    def of(parent: Element) -> dict[str, Any]:
        return {
            child.tag.rpartition("}")[2]: of(child) if len(child) else (child.text or "")
            for child in parent
        }

    return of(fromstring(made.file))


def test_the_installer_takes_the_file_and_the_server_registers(site: Site) -> None:
    assert register(site, issue(site))[0] == 202
    site.pass_time(minutes=14)
    (fabric,) = site.get(f"{VAULT}/replicationFabrics")["value"]
    assert fabric["properties"]["friendlyName"] == "config-server"


def test_the_file_is_good_for_120_hours_of_the_services_time(site: Site) -> None:
    made = issue(site)
    assert timedelta(0) <= site.world.now - (made.expires - LIFE) < timedelta(seconds=2)
    site.pass_time(hours=119)
    assert register(site, made)[0] == 202


def test_the_installer_refuses_the_file_after_120_hours(site: Site) -> None:
    made = issue(site)
    site.pass_time(hours=120, minutes=1)
    status, body = register(site, made)
    assert (status, body["error"]["code"]) == (400, "VaultCredentialsExpired")
    assert register(site, issue(site))[0] == 202


def test_the_elements_are_in_the_order_of_their_data_contract(site: Site) -> None:
    found = elements(issue(site))
    assert list(found) == [
        "VaultDetails",
        "ManagementCert",
        "Version",
        "AadDetails",
        "ChannelIntegrityKey",
        "SiteId",
        "SiteName",
        "PrivateEndpointStateForSiteRecovery",
    ]
    assert list(found["VaultDetails"]) == [
        "SubscriptionId",
        "ResourceGroup",
        "ResourceName",
        "ResourceId",
        "Location",
        "ResourceType",
        "ProviderNamespace",
    ]
    assert list(found["AadDetails"]) == [
        "AadAuthority",
        "AadTenantId",
        "ServicePrincipalClientId",
        "AadVaultAudience",
        "ArmManagementEndpoint",
    ]


def test_the_file_names_the_vault_and_how_to_authenticate_with_it(site: Site) -> None:
    found = elements(issue(site))
    vault, directory = found["VaultDetails"], found["AadDetails"]
    assert vault["SubscriptionId"] == SUBSCRIPTION
    assert (vault["ResourceGroup"], vault["ResourceName"]) == (GROUP_NAME, VAULT_NAME)
    assert (vault["ResourceType"], found["Version"]) == ("Vaults", "2.0")
    assert directory["AadVaultAudience"] == (
        f"https://RecoveryServiceVault/westeurope/{VAULT_NAME}/{vault['ResourceId']}"
    )
    assert directory["ArmManagementEndpoint"].endswith("/restapi/")
    assert found["PrivateEndpointStateForSiteRecovery"] == "None"


def test_only_the_file_has_the_private_key(site: Site) -> None:
    made = issue(site)
    store = base64.b64decode(elements(made)["ManagementCert"])
    key, certificate, _ = pkcs12.load_key_and_certificates(store, None)
    assert isinstance(key, rsa.RSAPrivateKey)
    assert key.key_size == 2048
    assert certificate is not None
    assert certificate.not_valid_after_utc == made.expires
    assert "ManagementCert" not in repr(made)


def test_what_xml_would_misread_is_escaped(site: Site) -> None:
    key = "a<b>&\"c'"
    site.call("PUT", INFO, {"properties": {"integrityKey": key, "algorithm": "None"}})
    made = issue(site)
    assert "a&lt;b&gt;&amp;" in made.file
    assert elements(made)["ChannelIntegrityKey"] == key


def test_a_vault_without_a_channel_key_gets_one_that_then_stays(site: Site) -> None:
    assert site.call("GET", INFO).status == 404
    first = elements(issue(site))["ChannelIntegrityKey"]
    assert len(base64.b64decode(first, validate=True)) == 16
    assert site.get(INFO)["properties"] == {"integrityKey": first, "algorithm": "None"}
    assert elements(issue(site))["ChannelIntegrityKey"] == first


def test_a_channel_key_that_the_portal_encrypted_is_refused_with_the_way_out(site: Site) -> None:
    site.call("PUT", INFO, {"properties": {"integrityKey": "x", "algorithm": "RSA1_5"}})
    with pytest.raises(MigrationError, match=r"generated in the Azure portal.*by hand"):
        issue(site)


def test_certificates_are_named_by_vault_subscription_and_day(site: Site) -> None:
    now = site.world.now
    assert issue(site).certificate_name == (
        f"{VAULT_NAME}{SUBSCRIPTION}-{now.month}-{now.day}-{now.year}-vaultcredentials"
    )


def test_a_vault_that_is_not_there_is_named(site: Site) -> None:
    missing = VAULT.replace(VAULT_NAME, "rsv-none")
    with pytest.raises(MigrationError, match=r"^vault rsv-none: .*ResourceNotFound"):
        issue(site, missing)


def test_no_access_names_the_role_that_gives_it(site: Site) -> None:
    site.fault(operation="VaultCertificates_Create", status=403, code="AuthorizationFailed")
    with pytest.raises(ServiceUnavailableError, match="Site Recovery Contributor"):
        issue(site)


@pytest.mark.parametrize(
    ("passed", "expected"),
    [
        (timedelta(0), False),
        (LIFE - RENEWAL - timedelta(minutes=1), False),
        (LIFE - RENEWAL + timedelta(minutes=1), True),
        (LIFE + timedelta(days=30), True),
    ],
)
def test_a_file_is_due_in_its_last_day_while_its_server_is_not_registered(
    site: Site, passed: timedelta, expected: bool
) -> None:
    made = issue(site)
    site.pass_time(seconds=passed.total_seconds())
    assert due(site, made) is expected


def test_no_file_is_due_for_a_registered_server(site: Site) -> None:
    made = issue(site)
    register(site, made)
    site.pass_time(days=30)
    assert not due(site, made)
