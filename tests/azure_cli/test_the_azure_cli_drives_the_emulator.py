"""The Azure CLI as it is, from PyPI, against the emulator over https.

Runs where AZURE_CLI names its `az`: `make test-az`.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from emulator import http
from emulator.arm.subscriptions import ANOTHER_SUBSCRIPTION
from emulator.certificates import Certificates
from tests.emulator.recovery_services.site_recovery_support import (
    CLASSIC,
    GROUP_NAME,
    SUBSCRIPTION,
    VAULT_NAME,
    Site,
    windows,
)

pytestmark = [
    pytest.mark.azure_cli,
    pytest.mark.skipif("AZURE_CLI" not in os.environ, reason="AZURE_CLI names no az: make test-az"),
]

MACHINE = windows(1)


class Cli:
    """`az` with a configuration of its own, and the variables of `emulator environment`."""

    def __init__(self, endpoint: str, certificates: Certificates, home: Path) -> None:
        self.endpoint = endpoint
        inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self._environment = {
            **inherited,
            **certificates.environment(),
            "IDENTITY_ENDPOINT": f"{endpoint}/_identity/token",
            "IDENTITY_HEADER": "local",
            "NO_PROXY": "127.0.0.1,localhost",
            "AZURE_CONFIG_DIR": str(home),
            "AZURE_CORE_COLLECT_TELEMETRY": "0",
            "AZURE_CORE_ONLY_SHOW_ERRORS": "1",
        }

    def __call__(self, command: str, *arguments: str) -> Any:
        """What a command prints, parsed."""
        done = subprocess.run(
            [os.environ["AZURE_CLI"], *command.split(), *arguments, "--output", "json"],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout or "null")


@pytest.fixture(scope="module")
def site() -> Site:
    """A vault with one protected machine."""
    site = Site([MACHINE], experience=CLASSIC).prepare()
    site.protect(MACHINE)
    return site


@pytest.fixture(scope="module")
def az(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """The CLI, signed in to the cloud that it was told of."""
    certificates = Certificates(tmp_path_factory.mktemp("tls"))
    certificates.ensure()
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    server = uvicorn.Server(http.configuration(site.world, port, certificates.server))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    site.world.clock.set_scale(360)
    cli = Cli(f"https://127.0.0.1:{port}", certificates, tmp_path_factory.mktemp("azure"))
    cli("cloud register --name emulator --endpoint-resource-manager", cli.endpoint)
    cli("cloud set --name emulator")
    cli("login --identity")
    yield cli
    server.should_exit = True
    thread.join()
    listener.close()


def test_signing_in_finds_the_subscription(az: Cli) -> None:
    assert {account["id"] for account in az("account list")} == {
        SUBSCRIPTION,
        ANOTHER_SUBSCRIPTION,
    }
    assert az("cloud show")["endpoints"]["resourceManager"] == az.endpoint
    assert "West Europe" in {one["displayName"] for one in az("account list-locations")}


def test_a_landing_zone_is_made_and_listed(az: Cli) -> None:
    az("group create --name rg-az --location westeurope")
    az(
        "network vnet create --resource-group rg-az --name vnet-az --address-prefixes 10.40.0.0/16 "
        "--subnet-name first --subnet-prefixes 10.40.1.0/24"
    )
    az(
        "network vnet subnet create --resource-group rg-az --vnet-name vnet-az --name second "
        "--address-prefixes 10.40.2.0/24"
    )
    subnets = az("network vnet show --resource-group rg-az --name vnet-az")["subnets"]
    assert [subnet["name"] for subnet in subnets] == ["first", "second"]
    az("network nsg create --resource-group rg-az --name nsg-az")
    az(
        "network nsg rule create --resource-group rg-az --nsg-name nsg-az --name web "
        "--priority 100 --destination-port-ranges 443 --access Allow --protocol Tcp"
    )
    rules = az("network nsg rule list --resource-group rg-az --nsg-name nsg-az")
    assert [rule["name"] for rule in rules] == ["web"]
    az(
        "storage account create --resource-group rg-az --name stazurecli --location westeurope "
        "--sku Standard_LRS"
    )
    assert (
        len(az("storage account keys list --resource-group rg-az --account-name stazurecli")) == 2
    )
    assert not az("storage account check-name --name stazurecli")["nameAvailable"]
    az("backup vault create --resource-group rg-az --name rsv-az --location westeurope")
    assert {vault["name"] for vault in az("backup vault list")} == {"rsv-az", VAULT_NAME}
    listed = az("resource list --resource-group rg-az")
    assert {one["name"] for one in listed} == {"nsg-az", "rsv-az", "stazurecli", "vnet-az"}
    shown = az(
        "resource show --resource-group rg-az --name rsv-az "
        "--resource-type Microsoft.RecoveryServices/vaults"
    )
    assert shown["properties"]["provisioningState"] == "Succeeded"
    az("backup vault delete --resource-group rg-az --name rsv-az --yes")
    az("group delete --name rg-az --yes")
    assert GROUP_NAME in {group["name"] for group in az("group list")}
    assert az("group exists --name rg-az") is False


def test_a_machine_is_failed_over_by_az_rest(az: Cli, site: Site) -> None:
    url = f"{az.endpoint}{site.item(MACHINE)}"
    version = "?api-version=2025-08-01"
    item = az("rest --method get --url", f"{url}{version}")
    assert item["properties"]["protectionState"] == "Protected"
    body = json.dumps({"properties": CLASSIC.failover(None)})
    az("rest --method post --url", f"{url}/unplannedFailover{version}", "--body", body)
    site.pass_time(minutes=30)
    item = az("rest --method get --url", f"{url}{version}")
    assert item["properties"]["protectionState"] == "UnplannedFailoverCommitPendingStatesBegin"
    (machine,) = az("vm list")
    view = az("vm get-instance-view --ids", machine["id"])
    assert view["instanceView"]["vmAgent"]["statuses"][0]["displayStatus"] == "Ready"
    assert az("network nic list")[0]["macAddress"]
    assert "Standard_D2s_v5" in {size["name"] for size in az("vm list-skus -l westeurope")}
