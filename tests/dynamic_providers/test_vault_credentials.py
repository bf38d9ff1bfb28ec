"""When a server's credentials file is made, renewed, kept and forgotten."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pulumi.runtime.mocks import MockMonitor

from dynamic_providers.vault_credentials import VaultCredentials, VaultCredentialsProvider
from emulator.in_process import AsyncWorldTransport
from site_recovery.azure.connection import Connect, connector
from tests.components.harness import deploy
from tests.emulator.recovery_services.site_recovery_support import (
    SERVER,
    VAULT,
    AsyncCredential,
    Site,
)

INPUTS: dict[str, Any] = {"vault_id": VAULT, "server_name": "config-server", "poll_seconds": 1.0}


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Site:
    made = Site(server=replace(SERVER, tags={}))

    def connect(_self: VaultCredentialsProvider) -> Connect:
        return connector(
            credential=lambda: AsyncCredential(made.token),
            transport=lambda: AsyncWorldTransport(made.world),
        )

    monkeypatch.setattr(VaultCredentialsProvider, "connect", connect)
    return made


@pytest.fixture
def provider() -> VaultCredentialsProvider:
    return VaultCredentialsProvider()


def create(provider: VaultCredentialsProvider) -> dict[str, Any]:
    made = provider.create(INPUTS).outs
    assert made is not None
    return made


def register(site: Site, outputs: dict[str, Any]) -> int:
    body = {"instanceId": SERVER.id, "credential": outputs["credentials_file"]}
    return site.call("POST", "/_emulator/registrations?", body).status


def test_a_new_resource_holds_a_file_that_registers(
    site: Site, provider: VaultCredentialsProvider
) -> None:
    made = provider.create(INPUTS)
    assert made.outs is not None
    assert made.id == f"{VAULT}/certificates/{made.outs['certificate_name']}"
    assert register(site, made.outs) == 202


def test_the_file_is_a_secret_and_no_input_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets: dict[str, list[str]] = {}
    answer = MockMonitor.RegisterResource

    def note(self: MockMonitor, request: Any) -> Any:
        secrets[request.name] = list(request.additionalSecretOutputs)
        return answer(self, request)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(MockMonitor, "RegisterResource", note)
    registered = deploy(lambda: VaultCredentials("credentials", **INPUTS)).one("asr:Credentials")
    assert secrets["credentials"] == ["credentials_file"]
    given = {name: value for name, value in registered.inputs.items() if value is not None}
    assert {name: given[name] for name in INPUTS} == INPUTS
    assert set(given) - {"__provider"} == set(INPUTS)


@pytest.mark.parametrize("changed", ["vault_id", "server_name"])
def test_another_vault_or_server_needs_another_file(
    site: Site, provider: VaultCredentialsProvider, changed: str
) -> None:
    difference = provider.diff("id", create(provider), {**INPUTS, changed: f"{INPUTS[changed]}-2"})
    assert difference.replaces == [changed]


def test_a_file_that_is_good_for_a_day_is_kept(
    site: Site, provider: VaultCredentialsProvider
) -> None:
    made = create(provider)
    site.pass_time(hours=95)
    assert not provider.diff("id", made, {**INPUTS, "poll_seconds": 5.0}).changes


def test_a_file_that_is_about_to_end_is_renewed_in_place(
    site: Site, provider: VaultCredentialsProvider
) -> None:
    old = create(provider)
    site.pass_time(hours=121)
    difference = provider.diff("id", old, INPUTS)
    assert (difference.changes, difference.replaces) == (True, [])
    assert register(site, old) == 400
    new = provider.update("id", old, INPUTS).outs
    assert new is not None
    assert not provider.diff("id", new, INPUTS).changes
    assert register(site, new) == 202


def test_the_file_of_a_registered_server_is_never_renewed(
    site: Site, provider: VaultCredentialsProvider
) -> None:
    made = create(provider)
    register(site, made)
    site.pass_time(days=30)
    assert not provider.diff("id", made, INPUTS).changes


def test_a_preview_without_azure_is_no_failure(
    site: Site, provider: VaultCredentialsProvider
) -> None:
    made = create(provider)
    site.pass_time(hours=121)
    site.fault(operation="ReplicationFabrics_List", drop="before", times=50)
    assert not provider.diff("id", made, INPUTS).changes


def test_refresh_keeps_what_a_vault_does_not_show(
    site: Site, provider: VaultCredentialsProvider
) -> None:
    made = create(provider)
    found = provider.read("id", made)
    assert (found.id, found.outs, found.inputs) == ("id", made, INPUTS)


def test_refresh_forgets_the_file_of_a_vault_that_is_gone(
    site: Site, provider: VaultCredentialsProvider
) -> None:
    made = create(provider)
    assert site.call("DELETE", VAULT, version="2024-10-01").status == 202
    assert provider.read("id", made).id == ""


def test_a_refusal_reaches_the_user_as_one_line(
    site: Site, provider: VaultCredentialsProvider
) -> None:
    site.fault(operation="VaultCertificates_Create", status=403, code="AuthorizationFailed")
    with pytest.raises(Exception, match="Azure denied access") as raised:
        provider.create(INPUTS)
    assert "\n" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_delete_asks_nothing_of_a_vault_that_may_be_gone(
    site: Site, provider: VaultCredentialsProvider
) -> None:
    made = create(provider)
    before = len(site.world.audited())
    provider.delete("id", made)
    assert len(site.world.audited()) == before
