"""Azure over https: an authority of the emulator's own, and links that keep the scheme."""

from __future__ import annotations

import json
import ssl
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator import processes
from emulator.certificates import Certificates
from emulator.record import Clouds
from tests.emulator.conftest import GROUP
from tests.warm_python import warm_clouds


@pytest.fixture(scope="module")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clouds]:
    directory = tmp_path_factory.mktemp("clouds")
    python = str(warm_clouds())
    yield processes.up(directory, tls=True, any_token=True, python=python, say=lambda line: None)
    processes.down(directory, remove=True, say=lambda line: None)
    assert not directory.exists()


def ask(clouds: Clouds, method: str, path: str, body: object = None) -> Any:
    environment = clouds.environment()
    trusted = ssl.create_default_context(cafile=environment["SSL_CERT_FILE"])
    url = (
        path if path.startswith("https:") else environment["AZURE_RESOURCE_MANAGER_ENDPOINT"] + path
    )
    request = urllib.request.Request(
        url,
        None if body is None else json.dumps(body).encode(),
        {"Authorization": "Bearer any"},
        method=method,
    )
    return urllib.request.urlopen(request, timeout=10, context=trusted)


def test_azure_speaks_https_and_its_links_do_too(clouds: Clouds) -> None:
    endpoint = clouds.services["azure"].endpoint
    assert endpoint.startswith("https://127.0.0.1:")
    assert clouds.environment()["IDENTITY_ENDPOINT"].startswith(endpoint)
    ask(clouds, "PUT", f"{GROUP}?api-version=2024-03-01", {"location": "westeurope"}).close()
    vault = f"{GROUP}/providers/Microsoft.RecoveryServices/vaults/rsv?api-version=2024-10-01"
    body = {"location": "westeurope", "sku": {"name": "Standard"}, "properties": {}}
    with ask(clouds, "PUT", vault, body) as created:
        poll = created.headers["Azure-AsyncOperation"]
    assert poll.startswith(f"{endpoint}/")
    policy = vault.replace("/rsv?", "/rsv/replicationPolicies/p?")
    given = {"instanceType": "InMageRcm", "recoveryPointHistoryInMinutes": 1440}
    given |= {"crashConsistentFrequencyInMinutes": 5, "appConsistentFrequencyInMinutes": 60}
    given |= {"enableMultiVmSync": "true"}
    with ask(clouds, "PUT", policy, {"properties": {"providerSpecificInput": given}}) as begun:
        poll = begun.headers["Azure-AsyncOperation"]
    assert poll.startswith("https://localhost:")  # the certificate is for this name, too
    with ask(clouds, "GET", poll) as polled:
        assert json.load(polled)["status"] in ("InProgress", "Succeeded")


def test_who_does_not_trust_the_authority_is_not_served(clouds: Clouds) -> None:
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        urllib.request.urlopen(
            f"{clouds.services['azure'].endpoint}/_emulator/health",
            timeout=10,
            context=ssl.create_default_context(),
        )


def test_the_variables_are_enough_for_clients_in_other_processes(clouds: Clouds) -> None:
    program = (
        "import os, requests; "
        "print(requests.get(os.environ['AZURE_RESOURCE_MANAGER_ENDPOINT'] + '/_emulator/health')"
        ".json()['status'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**clouds.environment(), "NO_PROXY": "*"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "ok\n"


def test_starting_again_keeps_the_authority(clouds: Clouds) -> None:
    before = clouds.certificates.authority.read_bytes()
    again = processes.up(clouds.directory, tls=True, any_token=True, say=lambda line: None)
    assert again.services == clouds.services
    assert again.certificates.authority.read_bytes() == before


def test_the_key_is_for_its_owner_only(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path / "tls")
    certificates.ensure()
    assert stat.S_IMODE(certificates.server.stat().st_mode) == 0o600
    assert b"PRIVATE KEY" not in certificates.authority.read_bytes()
    assert certificates.bundle.read_bytes().endswith(certificates.authority.read_bytes())
    first = certificates.server.read_bytes()
    certificates.ensure()
    assert certificates.server.read_bytes() == first
    certificates.remove()
    assert not (tmp_path / "tls").exists()
