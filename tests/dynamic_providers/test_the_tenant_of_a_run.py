"""Of which tenant and cloud a provider process has its credentials.

A run with credentials of two tenants is refused before anything is asked of the vault.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pulumi.dynamic import Config, ConfigureRequest

from dynamic_providers import engine
from dynamic_providers.container_mapping import ContainerMappingProvider
from dynamic_providers.wave import tenant
from dynamic_providers.wave.tenant import Plugin
from site_recovery.azure.connection import Connection, endpoint
from site_recovery.azure.tenant import tenant_of
from site_recovery.service_clock import ServiceClock
from tests.dynamic_providers.answers import answering

OURS, THEIRS = "72f988bf-0000-4000-8000-2d7cd011db47", "11111111-0000-4000-8000-2d7cd011db47"


def refusals(own: str, plugins: str) -> list[str]:
    asked: list[str] = []

    @asynccontextmanager
    async def connect(subscription: str) -> AsyncIterator[Connection]:
        asked.append(subscription)
        client: Any = None
        yield Connection(client, ServiceClock(), tenant=answering(own))

    found = asyncio.run(tenant.refusals(connect, Plugin(subscription="s", tenant=plugins)))
    assert asked == (["s"] if plugins else []), "without the plugin's there is nothing to compare"
    return found


@pytest.mark.parametrize(
    ("own", "plugins"), [(OURS, OURS), (OURS.upper(), OURS), ("", OURS), (OURS, "")]
)
def test_one_tenant_or_an_unknown_one_is_not_refused(own: str, plugins: str) -> None:
    assert refusals(own, plugins) == []


def test_two_tenants_are_refused_and_both_are_named() -> None:
    [refusal] = refusals(OURS, THEIRS)
    assert f"clients have credentials of tenant {OURS}" in refusal
    assert f"pulumi-azure-native has credentials of tenant {THEIRS}" in refusal


def token(claims: object) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"e30.{body}.signature"


@pytest.mark.parametrize(
    ("issued", "by"),
    [
        (token({"tid": OURS}), OURS),
        (token({"tid": OURS, "name": "ÄÖÜ"}), OURS),
        (token({"oid": "x"}), ""),
        (token({"tid": None}), ""),
        (token([OURS]), ""),
        ("e30.%%%.x", ""),
        ("e30./w.x", ""),
        ("an opaque token", ""),
        ("a.b", ""),
        ("", ""),
    ],
)
def test_the_tenant_of_a_token_is_read_if_it_says_one(issued: str, by: str) -> None:
    assert tenant_of(issued) == by


@pytest.mark.parametrize(
    ("config", "url"),
    [
        ({}, "https://management.azure.com"),
        ({"azure-native:environment": "china"}, "https://management.chinacloudapi.cn"),
    ],
)
def test_a_provider_process_uses_the_cloud_of_the_config(
    config: dict[str, str], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AZURE_RESOURCE_MANAGER_ENDPOINT", raising=False)
    monkeypatch.setenv("ARM_ENVIRONMENT", "")
    monkeypatch.setattr(engine, "current", lambda: None)
    ContainerMappingProvider().configure(ConfigureRequest(Config(config, "p")))
    assert endpoint() == url
