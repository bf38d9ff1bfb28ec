"""A vault with a fleet, and real SDK clients on it, in this process or over HTTP."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import uvicorn
from azure.core.credentials import AccessToken, AzureKeyCredential
from azure.core.pipeline.policies import AzureKeyCredentialPolicy
from azure.core.pipeline.transport import RequestsTransport
from azure.mgmt.recoveryservicessiterecovery import SiteRecoveryManagementClient
from azure.mgmt.recoveryservicessiterecovery.aio import (
    SiteRecoveryManagementClient as AsyncSiteRecoveryManagementClient,
)

from emulator import front
from emulator.arm.identity import issue
from emulator.arm.subscriptions import SUBSCRIPTION
from emulator.guests.estate import Disk, Instance, StaticEstate
from emulator.guests.security_groups import Rule, SecurityGroup
from emulator.http import Application
from emulator.in_process import AsyncWorldTransport, WorldTransport
from emulator.kernel.clock import Clock
from emulator.kernel.store import Store
from emulator.kernel.wire import Request, Response
from emulator.kernel.world import World, resumed_clock

GROUP_NAME, VAULT_NAME = "rg-migration", "rsv-migration"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP_NAME}"
VAULT = f"{GROUP}/providers/Microsoft.RecoveryServices/vaults/{VAULT_NAME}"
NETWORK = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-prod"
TEST_NETWORK = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-test"
STORAGE = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/stcache"
MACHINES = f"{GROUP}/providers/Microsoft.Compute/virtualMachines"
INSTANCE_TYPE = "InMageAzureV2"

PUSH = SecurityGroup(
    "sg-machines", ingress=(Rule(from_port=1, to_port=65535, cidrs=("10.10.2.0/24",)),)
)
SERVER_GROUP = SecurityGroup(
    "sg-server",
    ingress=(
        Rule(from_port=443, to_port=443, cidrs=("10.10.0.0/16",)),
        Rule(from_port=9443, to_port=9443, cidrs=("10.10.0.0/16",)),
    ),
)

SERVER = Instance(
    "i-0server",
    "config-server",
    "10.10.2.10",
    os="windows-server-2016",
    instance_type="c5.2xlarge",
    vcpus=8,
    memory_mib=16384,
    disks=(Disk("/dev/sda1", 80), Disk("xvdf", 600), Disk("xvdg", 600)),
    tags={"site-recovery:role": "configuration-server", "site-recovery:vault": VAULT},
    security_groups=("sg-server",),
)


def windows(number: int, **changes: Any) -> Instance:
    """A Windows machine `web-<number>` that can be migrated."""
    machine = Instance(
        f"i-web{number:02}",
        f"web-{number:02}",
        f"10.10.1.{10 + number}",
        disks=(Disk("/dev/sda1", 30),),
        security_groups=("sg-machines",),
    )
    return replace(machine, **changes)


def linux(number: int, **changes: Any) -> Instance:
    """A Red Hat machine `db-<number>` that can be migrated."""
    machine = Instance(
        f"i-db{number:02}",
        f"db-{number:02}",
        f"10.10.1.{40 + number}",
        platform="linux",
        os="rhel-6.7",
        drivers=None,
        disks=(Disk("/dev/sda1", 30), Disk("/dev/sdb", 100)),
        security_groups=("sg-machines",),
    )
    return replace(machine, **changes)


class Credential:
    """A token that the world issued, for clients over https."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        return AccessToken(self._token, int(time.time()) + 3600)


class AsyncCredential(Credential):
    """The same for asynchronous clients."""

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:  # type: ignore[override]
        return AccessToken(self._token, int(time.time()) + 3600)

    async def close(self) -> None:
        """Nothing to close."""

    async def __aenter__(self) -> AsyncCredential:
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Nothing to close."""


class SteppingTransport(RequestsTransport):  # type: ignore[misc]  # lazily imported, so Any
    """Over real sockets, where a client's sleep advances the world's clock."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def sleep(self, duration: float) -> None:
        self._world.clock.advance(timedelta(seconds=duration))


class Site:
    """A landing zone with a vault, an estate of machines and clients of Site Recovery.

    Args:
        machines: the estate besides the configuration server.
        database: where the world is kept; None keeps it in memory.
        groups: security groups; by default those that the procedure asks for.
    """

    def __init__(
        self,
        machines: Iterable[Instance] = (),
        *,
        database: Path | None = None,
        groups: Iterable[SecurityGroup] = (PUSH, SERVER_GROUP),
        server: Instance | None = SERVER,
        seed: int = 7,
    ) -> None:
        self._database, self._seed = database, seed
        self.estate = StaticEstate([*([server] if server else []), *machines], groups)
        self.store = Store(database)
        self.world = front.create(self.store, Clock(), seed, self.estate)
        self._bind()
        self._landing_zone()

    def _bind(self) -> None:
        self.token = issue(self.world)
        self.client: Any = SiteRecoveryManagementClient(
            Credential(self.token), SUBSCRIPTION, transport=WorldTransport(self.world)
        )

    def reopen(self) -> None:
        """Go on from the database in a new world, as a new process would after a kill."""
        self.store.close()
        self.store = Store(self._database)
        clock = resumed_clock(self.store)
        self.world = front.create(self.store, clock, self._seed, self.estate)
        self._bind()

    def async_client(self) -> Any:
        return AsyncSiteRecoveryManagementClient(
            AsyncCredential(self.token), SUBSCRIPTION, transport=AsyncWorldTransport(self.world)
        )

    @contextlib.contextmanager
    def over_http(self) -> Iterator[Any]:
        """A client that reaches the same world through a server on loopback."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        config = uvicorn.Config(Application(self.world), port=port, log_level="error")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            thread.join(0.01)
        key = AzureKeyCredential(self.token)
        try:
            yield SiteRecoveryManagementClient(
                Credential(self.token),
                SUBSCRIPTION,
                base_url=f"http://127.0.0.1:{port}",
                authentication_policy=AzureKeyCredentialPolicy(
                    key, "Authorization", prefix="Bearer"
                ),
                transport=SteppingTransport(self.world),
            )
        finally:
            server.should_exit = True
            thread.join()

    # -- plain calls ------------------------------------------------------------------------

    def call(
        self, method: str, path: str, body: object = None, version: str = "2025-08-01"
    ) -> Response:
        """One call, without an SDK; `version` is left out where the path has a query."""
        url = path if "?" in path else f"{path}?api-version={version}"
        headers = {"Authorization": f"Bearer {self.token}", "Host": "127.0.0.1:5000"}
        content = b"" if body is None else json.dumps(body).encode()
        return self.world.handle(Request.of(method, url, headers, content))

    def get(self, path: str) -> Any:
        response = self.call("GET", path)
        assert response.status == 200, response.body
        return response.body

    def refused(self, method: str, path: str, body: object = None) -> tuple[int, str, str]:
        """Status, code and message of a refusal that changed nothing that is audited."""
        before = len(self.world.audited())
        response = self.call(method, path, body)
        assert response.status >= 400, response.body
        assert len(self.world.audited()) == before
        error = response.body["error"]
        return response.status, error["code"], error["message"]

    def accepted(self, method: str, path: str, body: object = None) -> Response:
        """A 202, and the job that it began by its name in `Azure-AsyncOperation`."""
        response = self.call(method, path, body)
        assert response.status == 202, response.body
        return response

    def job(self, accepted: Response) -> Any:
        """The job behind a 202, as it stands now."""
        name = accepted.headers["Azure-AsyncOperation"].partition("?")[0].rpartition("/")[2]
        return self.get(f"{VAULT}/replicationJobs/{name}")["properties"]

    def pass_time(self, **span: float) -> None:
        self.world.clock.advance(timedelta(**span))
        self.world.settle()

    def finished(self, accepted: Response) -> Any:
        """The job behind a 202, after time has passed until its end."""
        for _ in range(200):
            job = self.job(accepted)
            if job["state"] not in ("NotStarted", "InProgress", "Cancelling"):
                return job
            self.pass_time(seconds=30)
        raise AssertionError("the job does not end")

    # -- the procedure ----------------------------------------------------------------------

    def _landing_zone(self) -> None:
        location = {"location": "westeurope"}
        created = [
            self.call("PUT", GROUP, location, "2024-03-01"),
            self.call(
                "PUT",
                VAULT,
                {**location, "sku": {"name": "Standard"}, "properties": {}},
                "2024-10-01",
            ),
            self.call(
                "PUT",
                STORAGE,
                {**location, "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"},
                "2024-01-01",
            ),
        ]
        for network, prefix in ((NETWORK, "10.20"), (TEST_NETWORK, "10.21")):
            body = {
                **location,
                "properties": {
                    "addressSpace": {"addressPrefixes": [f"{prefix}.0.0/16"]},
                    "subnets": [
                        {"name": "servers", "properties": {"addressPrefix": f"{prefix}.1.0/24"}}
                    ],
                },
            }
            created.append(self.call("PUT", network, body, "2024-05-01"))
        assert all(response.status < 300 for response in created), [r.body for r in created]
        self.pass_time(seconds=60)

    def register(self) -> None:
        """Wait until the configuration server is registered."""
        self.pass_time(minutes=14)
        (fabric,) = self.get(f"{VAULT}/replicationFabrics")["value"]
        self.fabric: str = fabric["id"]
        self.host: str = fabric["properties"]["customDetails"]["processServers"][0]["id"]
        (container,) = self.get(f"{self.fabric}/replicationProtectionContainers")["value"]
        self.container: str = container["id"]

    def prepare(self) -> Site:
        """Registered server, policy and mapping."""
        self.register()
        self.policy = self.create_policy("policy")
        self.map_policy(self.policy)
        return self

    def create_policy(self, name: str) -> str:
        identifier = f"{VAULT}/replicationPolicies/{name}"
        self.finished(self.accepted("PUT", identifier, policy_body()))
        return identifier

    def map_policy(self, policy: str, name: str = "mapping") -> str:
        identifier = f"{self.container}/replicationProtectionContainerMappings/{name}"
        assert self.finished(self.accepted("PUT", identifier, mapping_body(policy)))["state"] == (
            "Succeeded"
        )
        return identifier

    def discover(self, machine: Instance) -> Any:
        """The job that adds a machine, ended."""
        path = f"{self.container}/discoverProtectableItem"
        return self.finished(self.accepted("POST", path, discover_body(machine)))

    def protectable(self, machine: Instance) -> str:
        """The id of the discovered machine; discovered if it is not yet."""
        path = f"{self.container}/replicationProtectableItems"
        for _ in range(2):
            for found in self.get(path)["value"]:
                if found["properties"]["customDetails"]["ipAddress"] == machine.private_ip:
                    identifier: str = found["id"]
                    return identifier
            assert self.discover(machine)["state"] == "Succeeded"
        raise AssertionError("the machine was not discovered")

    def item(self, machine: Instance) -> str:
        return f"{self.container}/replicationProtectedItems/{machine.name}"

    def enable_body(self, machine: Instance, **changes: Any) -> dict[str, Any]:
        details = {
            "instanceType": INSTANCE_TYPE,
            "processServerId": self.host,
            "masterTargetId": self.host,
            "runAsAccountId": "1" if machine.platform == "windows" else "2",
            "logStorageAccountId": STORAGE,
            "targetAzureV2ResourceGroupId": GROUP,
            "targetAzureNetworkId": NETWORK,
            "targetAzureSubnetId": "servers",
            "targetAzureVmName": machine.name,
            "targetVmTags": {"machine": machine.name},
            **changes,
        }
        return {
            "properties": {
                "policyId": self.policy,
                "protectableItemId": self.protectable(machine),
                "providerSpecificDetails": details,
            }
        }

    def enable(self, machine: Instance, **changes: Any) -> Any:
        """The job that enables protection, ended."""
        body = self.enable_body(machine, **changes)
        return self.finished(self.accepted("PUT", self.item(machine), body))

    def protect(self, machine: Instance, **changes: Any) -> str:
        """Protect a machine to the end of its initial replication; the item's id."""
        job = self.enable(machine, **changes)
        assert job["state"] == "Succeeded", job
        for _ in range(60):
            if self.state(machine) == "Protected":
                return self.item(machine)
            self.pass_time(minutes=2)
        raise AssertionError("the initial replication does not end")

    def properties(self, machine: Instance) -> Any:
        return self.get(self.item(machine))["properties"]

    def state(self, machine: Instance) -> str:
        state: str = self.properties(machine)["protectionState"]
        return state

    def post(
        self, machine: Instance, action: str, properties: Mapping[str, Any] | None
    ) -> Response:
        body = None if properties is None else {"properties": properties}
        return self.accepted("POST", f"{self.item(machine)}/{action}", body)

    def test_failover(self, machine: Instance, **changes: Any) -> Response:
        return self.post(machine, "testFailover", test_failover_properties(**changes))

    def clean_up(self, machine: Instance) -> Response:
        return self.post(machine, "testFailoverCleanup", {"comments": "tested"})

    def fail_over(self, machine: Instance, point: str | None = None) -> Response:
        return self.post(machine, "unplannedFailover", failover_properties(point))

    def remove(self, machine: Instance, reason: str | None = None) -> Response:
        properties = {"disableProtectionReason": reason} if reason else {}
        return self.post(machine, "remove", properties)

    def virtual_machines(self) -> dict[str, Any]:
        path = f"{MACHINES}?api-version=2024-11-01"
        return {machine["name"]: machine for machine in self.get(path)["value"]}

    def fault(self, **fault: Any) -> None:
        response = self.call("POST", "/_emulator/faults?", fault)
        assert response.status < 300, response.body


def policy_body(**changes: Any) -> dict[str, Any]:
    settings = {
        "instanceType": INSTANCE_TYPE,
        "recoveryPointThresholdInMinutes": 15,
        "recoveryPointHistory": 1440,
        "crashConsistentFrequencyInMinutes": 5,
        "appConsistentFrequencyInMinutes": 60,
        "multiVmSyncStatus": "Enable",
        **changes,
    }
    return {"properties": {"providerSpecificInput": settings}}


def mapping_body(policy: str, instance_type: str = INSTANCE_TYPE) -> dict[str, Any]:
    return {
        "properties": {
            "policyId": policy,
            "targetProtectionContainerId": "Microsoft Azure",
            "providerSpecificInput": {"instanceType": instance_type},
        }
    }


def discover_body(machine: Instance) -> dict[str, Any]:
    return {
        "properties": {
            "friendlyName": machine.name,
            "ipAddress": machine.private_ip,
            "osType": machine.platform.capitalize(),
        }
    }


def test_failover_properties(**changes: Any) -> dict[str, Any]:
    return {
        "failoverDirection": "PrimaryToRecovery",
        "networkType": "VmNetworkAsInput",
        "networkId": TEST_NETWORK,
        "providerSpecificDetails": {"instanceType": INSTANCE_TYPE},
        **changes,
    }


def failover_properties(point: str | None = None) -> dict[str, Any]:
    details = {"instanceType": INSTANCE_TYPE}
    if point is not None:
        details["recoveryPointId"] = point
    return {
        "failoverDirection": "PrimaryToRecovery",
        "sourceSiteOperations": "NotRequired",
        "providerSpecificDetails": details,
    }


test_failover_properties.__test__ = False  # type: ignore[attr-defined]
