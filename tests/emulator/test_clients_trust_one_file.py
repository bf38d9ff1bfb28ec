"""The clients of both clouds trust one file and take one proxy; without the file, TLS is named."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest

from emulator.record import Clouds
from tests.emulator.connect_proxy import serving, tls_front
from tests.emulator.test_tls import clouds

__all__ = ["clouds"]
PROXY = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
CA = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE")
# A process of its own: aiohttp reads the authorities when it is imported.
BOTH = """
import asyncio
from site_recovery.aws import client
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
try:
    client.connect("ec2", "eu-west-1").describe_regions()
    print("trusted")
except client.AWS_FAILURES as error:
    print(client.aws_problem(error, "EC2", "eu-west-1", ["ec2:DescribeRegions"]))
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


@pytest.fixture(scope="module")
def aws(clouds: Clouds) -> Iterator[int]:
    """The port of the local AWS behind TLS: it speaks http, and its certificate is that of Azure."""
    with tls_front(clouds.certificates.server, clouds.services["aws"].port) as port:
        yield port


def said(clouds: Clouds, script: str, **variables: str) -> str:
    environment = {**os.environ, **clouds.environment(), "AWS_MAX_ATTEMPTS": "1"}
    for name in (*CA, *PROXY):
        environment.pop(name, None)
        environment.pop(name.lower(), None)
    ran = subprocess.run(
        [sys.executable, "-c", script],
        env={**environment, **variables},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return ran.stdout


def both(clouds: Clouds, aws: int, **variables: str) -> tuple[str, str]:
    """What the clients of Azure and of AWS say, one line each."""
    url = f"https://127.0.0.1:{aws}"
    azure, amazon = said(clouds, BOTH, AWS_ENDPOINT_URL=url, **variables).splitlines()
    return azure, amazon


def bundle(clouds: Clouds) -> str:
    return clouds.environment()["SSL_CERT_FILE"]


def hosts(clouds: Clouds, aws: int) -> tuple[str, str]:
    """Azure's host and that of AWS."""
    return f"127.0.0.1:{clouds.services['azure'].port}", f"127.0.0.1:{aws}"


TRUSTED = ("trusted", "trusted")


@pytest.mark.parametrize("proxied", [False, True], ids=["directly", "through-a-proxy"])
def test_without_the_authority_the_message_names_tls_the_host_and_the_variable(
    clouds: Clouds, aws: int, proxied: bool
) -> None:
    with serving() as proxy:
        told = both(clouds, aws, **({"HTTPS_PROXY": proxy.url} if proxied else {}))
    asked = {f"CONNECT {host}" for host in hosts(clouds, aws)}
    assert set(proxy.asked) == (asked if proxied else set())
    for line, host in zip(told, hosts(clouds, aws), strict=True):
        assert f"TLS: the certificate of {host} is not trusted" in line, line
        assert "unable to get local issuer certificate" in line
        assert "Set SSL_CERT_FILE" in line
        assert "credentials" not in line


@pytest.mark.parametrize(
    "variables",
    [chosen for count in (1, 2, 3) for chosen in combinations(CA, count)],
    ids="+".join,
)
def test_the_clients_trust_the_file_and_take_the_proxy_with_each_variable_and_with_several(
    clouds: Clouds, aws: int, variables: tuple[str, ...]
) -> None:
    named = dict.fromkeys(variables, bundle(clouds))
    with serving() as proxy:
        assert both(clouds, aws, HTTPS_PROXY=proxy.url, **named) == TRUSTED
    # Azure's credential and client share the connection, and three calls reuse it.
    assert proxy.asked == [f"CONNECT {host}" for host in hosts(clouds, aws)]


def test_what_no_proxy_names_is_reached_without_the_proxy(clouds: Clouds, aws: int) -> None:
    with serving() as proxy:
        around = {"HTTPS_PROXY": proxy.url, "NO_PROXY": "127.0.0.1"}
        assert both(clouds, aws, SSL_CERT_FILE=bundle(clouds), **around) == TRUSTED
    assert proxy.asked == []


@pytest.mark.parametrize("variable", ["", "AWS_CA_BUNDLE"])
def test_webhooks_and_checks_trust_the_file(clouds: Clouds, variable: str) -> None:
    told = said(clouds, OTHERS, **({variable: bundle(clouds)} if variable else {}))
    assert told.count("CERTIFICATE_VERIFY_FAILED") == (0 if variable else 2), told
    assert told.count("answered") == (2 if variable else 0), told


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


def test_a_proxy_that_forbids_is_named(clouds: Clouds, aws: int) -> None:
    with serving(refuses=True) as proxy:
        told = both(clouds, aws, HTTPS_PROXY=proxy.url, SSL_CERT_FILE=bundle(clouds))
    port = proxy.server_address[1]
    for line in told:
        assert f"the proxy 127.0.0.1:{port} does not connect (it answered 403)" in line, line
        assert "Check HTTPS_PROXY" in line
