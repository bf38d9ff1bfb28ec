"""One variable names the authorities that the clients of both clouds trust; without it, TLS is named."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator import processes
from emulator.record import Clouds
from tests.warm_python import warm_clouds

CA = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE")
# A process of its own: aiohttp reads the authorities when it is imported.
AZURE = """
import asyncio
from site_recovery.azure.connection import check_access, connector
from site_recovery.errors import MigrationError

async def ask():
    async with connector()("00000000-0000-0000-0000-000000000001") as connection:
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


@pytest.fixture(scope="module")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clouds]:
    directory = tmp_path_factory.mktemp("clouds")
    python = str(warm_clouds())
    yield processes.up(directory, tls=True, any_token=True, python=python, say=lambda line: None)
    processes.down(directory, remove=True, say=lambda line: None)


def said(clouds: Clouds, script: str, **authorities: str) -> str:
    environment = {**os.environ, **clouds.environment(), "NO_PROXY": "*", "AWS_MAX_ATTEMPTS": "1"}
    for name in CA:
        environment.pop(name, None)
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


def test_the_azure_client_trusts_the_file(clouds: Clouds) -> None:
    assert said(clouds, AZURE, SSL_CERT_FILE=bundle(clouds)) == "trusted\n"


@pytest.mark.parametrize("variable", CA)
def test_the_aws_client_trusts_the_file_of_each_variable(clouds: Clouds, variable: str) -> None:
    assert said(clouds, AWS, **{variable: bundle(clouds)}) == "trusted\n"


def test_a_variable_of_botocores_own_takes_precedence(clouds: Clouds) -> None:
    import certifi

    told = said(clouds, AWS, AWS_CA_BUNDLE=certifi.where(), SSL_CERT_FILE=bundle(clouds))
    assert "TLS: the certificate of" in told
