"""A vault with a fleet, and real SDK clients on it, in this process or over HTTP."""

from __future__ import annotations

import contextlib
import copy
import json
import socket
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
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
from emulator.estate.machines import Instance
from emulator.estate.security_groups import SecurityGroup
from emulator.estate.static import StaticEstate
from emulator.http import Application
from emulator.in_process import AsyncWorldTransport, WorldTransport
from emulator.kernel.clock import Clock
from emulator.kernel.store import Store
from emulator.kernel.wire import Request, Response
from emulator.kernel.world import World, resumed_clock
from tests.emulator.recovery_services.site_recovery_estate import (
    APPLIANCE,
    GROUP,
    GROUP_NAME,
    MACHINES,
    NETWORK,
    NO_CONTROL,
    NO_DATA,
    PUSH,
    SERVER,
    SERVER_GROUP,
    STORAGE,
    TEST_NETWORK,
    VAULT,
    VAULT_NAME,
    linux,
    windows,
)
from tests.emulator.recovery_services.site_recovery_experiences import (
    BOTH,
    CLASSIC,
    MODERNIZED,
    Classic,
)

__all__ = [
    "APPLIANCE",
    "BOTH",
    "CLASSIC",
    "GROUP",
    "GROUP_NAME",
    "INSTANCE_TYPE",
    "MACHINES",
    "MODERNIZED",
    "NETWORK",
    "NO_CONTROL",
    "NO_DATA",
    "PUSH",
    "SERVER",
    "SERVER_GROUP",
    "STORAGE",
    "SUBSCRIPTION",
    "TEST_NETWORK",
    "VAULT",
    "VAULT_NAME",
    "Classic",
    "Site",
    "discover_body",
    "failover_properties",
    "linux",
    "mapping_body",
    "policy_body",
    "test_failover_properties",
    "windows",
]

INSTANCE_TYPE = CLASSIC.instance_type


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
        machines: the estate besides the server.
        database: where the world is kept; None keeps it in memory.
        groups: security groups; by default those that the procedure asks for.
        server: the server of Site Recovery; by default that of the experience.
        experience: classic or modernized.
        further: the addresses of further interfaces, by the name of a machine.
    """

    def __init__(
        self,
        machines: Iterable[Instance] = (),
        *,
        database: Path | None = None,
        groups: Iterable[SecurityGroup] = (PUSH, SERVER_GROUP),
        server: Instance | None = SERVER,
        seed: int = 7,
        experience: Classic = CLASSIC,
        further: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
    ) -> None:
        self._database, self._seed = database, seed
        self.experience = experience
        present = [] if server is None else [experience.server if server is SERVER else server]
        self.estate = StaticEstate([*present, *map(experience.equipped, machines)], groups)
        self.estate.further = {
            one.id: further[one.name] for one in self.estate.machines if one.name in further
        }
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
        """Continue with the database in a new world, as a new process would after a kill."""
        self.store.close()
        self._continue(Store(self._database))

    def _continue(self, store: Store) -> None:
        self.store = store
        self.world = front.create(store, resumed_clock(store), self._seed, self.estate)
        self._bind()

    def copy(self) -> Site:
        """Another site in the same state, in memory, whose world is one of a new process."""
        made = copy.copy(self)
        made.estate = copy.deepcopy(self.estate)
        made._continue(self.store.copy())
        return made

    def async_client(self) -> Any:
        return AsyncSiteRecoveryManagementClient(
            AsyncCredential(self.token), SUBSCRIPTION, transport=AsyncWorldTransport(self.world)
        )

    @contextlib.contextmanager
    def over_http(self) -> Iterator[Any]:
        """A client that reaches the same world through a server on loopback."""
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(Application(self.world), log_level="error"))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
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
            listener.close()

    # -- what machines are placed in ---------------------------------------------------------

    def make(self, identifier: str, **body: Any) -> str:
        """Make a resource of Compute in westeurope, unless the body says where; its id."""
        version = "2024-03-02" if "/diskEncryptionSets/" in identifier else "2024-07-01"
        made = self.call("PUT", identifier, {"location": "westeurope", **body}, version)
        assert made.status in (200, 201), made.body
        return identifier

    # -- plain calls ------------------------------------------------------------------------

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        version: str = "2025-08-01",
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """One call, without an SDK; `version` is left out where the path has a query."""
        url = path if "?" in path else f"{path}?api-version={version}"
        authorized = {"Authorization": f"Bearer {self.token}", "Host": "127.0.0.1:5000"}
        headers = {**authorized, **(headers or {})}
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
        """The job behind a 202, in its current state."""
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
        """Wait until the server is registered."""
        self.pass_time(seconds=self.experience.takes[1].total_seconds())
        (fabric,) = self.get(f"{VAULT}/replicationFabrics")["value"]
        self.fabric: str = fabric["id"]
        details = self.get(self.fabric)["properties"]["customDetails"]
        self.host: str = details["processServers"][0]["id"]
        (container,) = self.get(f"{self.fabric}/replicationProtectionContainers")["value"]
        self.container: str = container["id"]

    def machines(self) -> Any:
        """The machines that the modernized site in Microsoft.OffAzure lists."""
        site = self.get(self.fabric)["properties"]["customDetails"]["physicalSiteId"]
        return self.call("GET", f"{site}/machines", version="2020-01-01").body["value"]

    def add(self, machine: Instance) -> None:
        """Add a machine to the estate."""
        self.estate.machines.append(self.experience.equipped(machine))

    def become(self, number: int, **changes: Any) -> None:
        """Change an instance of the estate; the server is number 0."""
        self.estate.machines[number] = replace(self.estate.machines[number], **changes)

    def prepare(self) -> Site:
        """Registered server, policy and mapping."""
        self.register()
        self.policy = self.create_policy("policy")
        self.map_policy(self.policy)
        return self

    def create_policy(self, name: str) -> str:
        identifier = f"{VAULT}/replicationPolicies/{name}"
        self.finished(self.accepted("PUT", identifier, self.experience.policy()))
        return identifier

    def map_policy(self, policy: str, name: str = "mapping") -> str:
        identifier = f"{self.container}/replicationProtectionContainerMappings/{name}"
        assert self.finished(self.accepted("PUT", identifier, self.experience.mapping(policy)))[
            "state"
        ] == ("Succeeded")
        return identifier

    def discover(self, machine: Instance) -> Any:
        """The job that adds a machine, ended."""
        path = f"{self.container}/discoverProtectableItem"
        return self.finished(self.accepted("POST", path, discover_body(machine)))

    def protectable(self, machine: Instance) -> str:
        """The id of the discovered machine; discovered if it is not yet."""
        for _ in range(2):
            found = self.experience.known(self, machine)
            if found is not None:
                return found
            self.experience.make_known(self, machine)
        raise AssertionError("the machine was not discovered")

    def item(self, machine: Instance) -> str:
        return f"{self.container}/replicationProtectedItems/{machine.name}"

    def enable_body(self, machine: Instance, **changes: Any) -> dict[str, Any]:
        return self.experience.enabling(self, machine, **changes)

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

    def machine_id(self, machine: Instance) -> str:
        """The GUID by which jobs and plans name a machine."""
        details = self.properties(machine)["providerSpecificDetails"]
        return str(details.get("vmId") or details["internalIdentifier"])

    def state(self, machine: Instance) -> str:
        state: str = self.properties(machine)["protectionState"]
        return state

    def post(
        self, machine: Instance, action: str, properties: Mapping[str, Any] | None
    ) -> Response:
        body = None if properties is None else {"properties": properties}
        return self.accepted("POST", f"{self.item(machine)}/{action}", body)

    def test_failover(self, machine: Instance, **changes: Any) -> Response:
        return self.post(machine, "testFailover", self.experience.test_failover(**changes))

    def clean_up(self, machine: Instance) -> Response:
        return self.post(machine, "testFailoverCleanup", {"comments": "tested"})

    def fail_over(self, machine: Instance, point: str | None = None) -> Response:
        return self.post(machine, "unplannedFailover", self.experience.failover(point))

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
    return CLASSIC.policy(**changes)


def mapping_body(policy: str, instance_type: str = INSTANCE_TYPE) -> dict[str, Any]:
    return CLASSIC.mapping(policy, instance_type)


def discover_body(machine: Instance) -> dict[str, Any]:
    return {
        "properties": {
            "friendlyName": machine.name,
            "ipAddress": machine.private_ip,
            "osType": machine.platform.capitalize(),
        }
    }


def test_failover_properties(**changes: Any) -> dict[str, Any]:
    return CLASSIC.test_failover(**changes)


def failover_properties(point: str | None = None) -> dict[str, Any]:
    return CLASSIC.failover(point)


test_failover_properties.__test__ = False  # type: ignore[attr-defined]
