"""The clients of both clouds trust one file and take one proxy; without the file, TLS is named."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from emulator.record import Clouds
from tests.emulator.connect_proxy import serving
from tests.emulator.test_tls import clouds

__all__ = ["clouds"]
PROXY = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
CA = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE")
# A process of its own: aiohttp reads the authorities when it is imported.
AZURE = """
import asyncio
from site_recovery.azure.connection import check_access, connector
from site_recovery.errors import MigrationError

async def ask():
    async with connector()("00000000-0000-0000-0000-000000000001") as connection:
        for _ in range(3):
            await check_access(connection)

try:
    asyncio.run(ask())
    print("trusted")
except MigrationError as error:
    print(error)
"""
# The emulator's AWS speaks no TLS, so its Azure is asked: its answer is no XML, and so comes
# after the handshake.
AWS = """
import os
from botocore.parsers import ResponseParserError
from site_recovery.aws import client

os.environ["AWS_ENDPOINT_URL"] = os.environ["AZURE_RESOURCE_MANAGER_ENDPOINT"]
try:
    client.connect("ec2", "eu-west-1").describe_regions()
except client.AWS_FAILURES as error:
    print(client.aws_problem(error, "EC2", "eu-west-1", ["ec2:DescribeRegions"]))
except ResponseParserError:
    print("trusted")
"""
# A webhook and a check of a virtual machine, which get an answer that they do not want.
OTHERS = """
import asyncio, os
from datetime import timedelta
from urllib.parse import urlsplit
from site_recovery.azure.guests import AzureGuests
from site_recovery.declared.checks import Http
from site_recovery.declared.hooks import Webhook
from site_recovery.hooks import Told
from site_recovery.local_hooks import LocalHooks

url = os.environ["AZURE_RESOURCE_MANAGER_ENDPOINT"]
os.environ["SECRET"] = "secret"
told = Told("web-01", "i-1", "pilot", "failed-over", "/vm/web-01", "attempt-1", "afterFailover 1")
there = urlsplit(url)
check = Http.model_validate({"path": "/", "tls": True, "port": there.port})

async def once(seconds):
    pass

async def ask():
    hook = Webhook.model_validate({"url": url, "secretEnv": "SECRET"})
    print(await LocalHooks("pilot", once).webhook(hook, told, timedelta(minutes=1)))
    print(await AzureGuests.http(None, os.environ.get("HOST", there.hostname), check))

asyncio.run(ask())
"""


def said(clouds: Clouds, script: str, **authorities: str) -> str:
    environment = {**os.environ, **clouds.environment(), "AWS_MAX_ATTEMPTS": "1"}
    for name in (*CA, *PROXY):
        environment.pop(name, None)
        environment.pop(name.lower(), None)
    ran = subprocess.run(
        [sys.executable, "-c", script],
        env={**environment, **authorities},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return ran.stdout


def bundle(clouds: Clouds) -> str:
    return clouds.environment()["SSL_CERT_FILE"]


@pytest.mark.parametrize("script", [AZURE, AWS], ids=["azure", "aws"])
def test_without_the_authority_the_message_names_tls_the_host_and_the_variable(
    clouds: Clouds, script: str
) -> None:
    told = said(clouds, script)
    port = clouds.services["azure"].port
    assert f"TLS: the certificate of 127.0.0.1:{port} is not trusted" in told, told
    assert "unable to get local issuer certificate" in told
    assert "Set SSL_CERT_FILE" in told
    assert "credentials" not in told


@pytest.mark.parametrize("variable", CA)
@pytest.mark.parametrize("script", [AZURE, AWS], ids=["azure", "aws"])
def test_the_clients_trust_the_file_of_each_variable(
    clouds: Clouds, script: str, variable: str
) -> None:
    assert said(clouds, script, **{variable: bundle(clouds)}) == "trusted\n"


@pytest.mark.parametrize("variable", ["", "AWS_CA_BUNDLE"])
def test_webhooks_and_checks_trust_the_file(clouds: Clouds, variable: str) -> None:
    told = said(clouds, OTHERS, **({variable: bundle(clouds)} if variable else {}))
    assert told.count("CERTIFICATE_VERIFY_FAILED") == (0 if variable else 2), told
    assert told.count("answered") == (2 if variable else 0), told


@pytest.mark.parametrize("script", [AZURE, AWS], ids=["azure", "aws"])
def test_the_clients_take_the_proxy(clouds: Clouds, script: str) -> None:
    trusted = {"SSL_CERT_FILE": bundle(clouds)}
    with serving() as proxy:
        assert said(clouds, script, HTTPS_PROXY=proxy.url, **trusted) == "trusted\n"
        # Credential and client share the connection, and three calls reuse it.
        assert proxy.asked == [f"CONNECT 127.0.0.1:{clouds.services['azure'].port}"]
        proxy.asked.clear()
        around = {"HTTPS_PROXY": proxy.url, "NO_PROXY": "127.0.0.1"}
        assert said(clouds, script, **around, **trusted) == "trusted\n"
    assert proxy.asked == []


def test_webhooks_and_checks_of_names_take_the_proxy(clouds: Clouds) -> None:
    trusted = {"SSL_CERT_FILE": bundle(clouds)}
    port = clouds.services["azure"].port
    with serving() as proxy:
        named = said(clouds, OTHERS, HTTPS_PROXY=proxy.url, HOST="localhost", **trusted)
        assert named.count("answered") == 2, named
        assert proxy.asked == [f"CONNECT 127.0.0.1:{port}", f"CONNECT localhost:{port}"]
        proxy.asked.clear()
        assert said(clouds, OTHERS, HTTPS_PROXY=proxy.url, **trusted) == named
    assert proxy.asked == [f"CONNECT 127.0.0.1:{port}"], "a private address is reached directly"


@pytest.mark.parametrize("script", [AZURE, AWS], ids=["azure", "aws"])
def test_a_proxy_that_forbids_is_named(clouds: Clouds, script: str) -> None:
    with serving(refuses=True) as proxy:
        told = said(clouds, script, HTTPS_PROXY=proxy.url, SSL_CERT_FILE=bundle(clouds))
    port = proxy.server_address[1]
    assert f"the proxy 127.0.0.1:{port} does not connect (it answered 403)" in told
    assert "Check HTTPS_PROXY" in told
