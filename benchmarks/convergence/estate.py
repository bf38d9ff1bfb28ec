"""Vaults with registered servers and any number of machines, in one emulated world."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from emulator import front
from emulator.arm.identity import issue
from emulator.arm.subscriptions import SUBSCRIPTION
from emulator.estate.machines import Disk, Instance
from emulator.estate.static import StaticEstate
from emulator.kernel.clock import Clock
from emulator.kernel.store import Store
from emulator.kernel.wire import Request, Response
from tests.emulator.recovery_services.site_recovery_estate import PUSH, SERVER_GROUP, linux, windows
from tests.emulator.recovery_services.site_recovery_experiences import BOTH, Classic

VERSION = "2025-08-01"
_VERSIONS = {
    "vaults": "2024-10-01",
    "storageAccounts": "2024-01-01",
    "virtualNetworks": "2024-05-01",
    "resourceGroups": "2024-03-01",
    "ServerSites": "2023-06-06",
}
EXPERIENCES = {experience.name: experience for experience in BOTH}
_DISKS_GIB = ((30,), (40, 20), (60,), (80, 30), (127,))
"""Sizes of the machines' disks, in turn."""


@dataclass(frozen=True)
class Vault:
    """A vault that is ready for replication.

    Attributes:
        group: the id of its resource group, where machines are failed over to.
        id: its id.
        machines: the machines to replicate into it.
        fabric: the server's fabric.
        container: the fabric's container.
        server: the id of the process server.
        site: the id of the appliance's site; empty without an appliance.
        policy: the replication policy.
    """

    group: str
    id: str
    machines: Sequence[Instance]
    fabric: str = ""
    container: str = ""
    server: str = ""
    site: str = ""
    policy: str = ""

    @property
    def network(self) -> str:
        """The production network."""
        return f"{self.group}/providers/Microsoft.Network/virtualNetworks/vnet-prod"

    @property
    def test_network(self) -> str:
        """The isolated network."""
        return f"{self.group}/providers/Microsoft.Network/virtualNetworks/vnet-test"

    @property
    def storage(self) -> str:
        """The cache storage account."""
        name = f"stcache{self.group.rsplit('-', 1)[-1]}"
        return f"{self.group}/providers/Microsoft.Storage/storageAccounts/{name}"


class Estate:
    """A world with vaults, whose clock stands still except where it is stepped.

    Args:
        experience: `classic` or `modernized`.
        machines: how many machines there are.
        vaults: how many vaults they are spread over.
        seed: the seed of the world.

    Attributes:
        world: the world.
        vaults: the vaults. Their agents have reported, where an experience needs that.
        token: a token for requests.
    """

    def __init__(self, experience: str, machines: int, vaults: int, seed: int) -> None:
        self.experience: Classic = EXPERIENCES[experience]
        planned = [self._planned(number, vaults, machines) for number in range(vaults)]
        instances = [one for vault in planned for one in (self._server(vault), *vault.machines)]
        self.world = front.create(
            Store(), Clock(), seed, StaticEstate(instances, (PUSH, SERVER_GROUP))
        )
        self.token = issue(self.world)
        for vault in planned:
            self._create(vault)
        self.pass_time(timedelta(minutes=1))
        # The time of the longest installation, then that of the agents' first reports.
        self.pass_time(self.experience.takes[1])
        self.vaults = [self._ready(vault) for vault in planned]
        self.pass_time(timedelta(minutes=30))
        # With a clock that stands still the limits are off by default.
        self.call("PUT", "/_emulator/throttling", {"mode": "on"})

    def call(self, method: str, path: str, body: object = None) -> Response:
        """One request, without an SDK."""
        names = [name for name in path.split("/") if name in _VERSIONS]
        version = _VERSIONS[names[-1]] if names and "replication" not in path else VERSION
        headers = {"Authorization": f"Bearer {self.token}", "Host": "127.0.0.1:5000"}
        content = b"" if body is None else json.dumps(body).encode()
        url = path if "?" in path else f"{path}?api-version={version}"
        return self.world.handle(Request.of(method, url, headers, content))

    def get(self, path: str) -> Any:
        """The body of a GET.

        Raises:
            RuntimeError: it was refused.
        """
        response = self.call("GET", path)
        if response.status != 200:
            raise RuntimeError(f"{path}: {response.status} {response.body}")
        return response.body

    def pass_time(self, delta: timedelta) -> None:
        """Step the clock."""
        self.world.clock.advance(delta)
        self.world.settle()

    def _planned(self, number: int, vaults: int, machines: int) -> Vault:
        group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-bench-{number}"
        identifier = f"{group}/providers/Microsoft.RecoveryServices/vaults/rsv-{number}"
        members = [
            self.experience.equipped(_machine(one)) for one in range(number, machines, vaults)
        ]
        if self.experience.name == "modernized":
            tags = {"site-recovery:vault": identifier}
            members = [replace(one, tags=tags) for one in members]
        return Vault(group, identifier, members)

    def _server(self, vault: Vault) -> Instance:
        number = int(vault.group.rsplit("-", 1)[-1])
        return replace(
            self.experience.server,
            id=f"i-server{number}",
            name=f"server-{number}",
            private_ip=f"10.10.2.{10 + number}",
            tags={**self.experience.server.tags, "site-recovery:vault": vault.id},
        )

    def _create(self, vault: Vault) -> None:
        location = {"location": "westeurope"}
        sku = {"sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}
        bodies: dict[str, dict[str, Any]] = {
            vault.group: {},
            vault.id: {"sku": {"name": "Standard"}, "properties": {}},
            vault.storage: sku,
        }
        for network, prefix in ((vault.network, "10.20"), (vault.test_network, "10.21")):
            subnet = {"name": "servers", "properties": {"addressPrefix": f"{prefix}.0.0/20"}}
            space = {"addressPrefixes": [f"{prefix}.0.0/16"]}
            bodies[network] = {"properties": {"addressSpace": space, "subnets": [subnet]}}
        for path, body in bodies.items():
            self._accepted(self.call("PUT", path, location | body))

    def _ready(self, vault: Vault) -> Vault:
        (fabric,) = self.get(f"{vault.id}/replicationFabrics")["value"]
        details = self.get(fabric["id"])["properties"]["customDetails"]
        (container,) = self.get(f"{fabric['id']}/replicationProtectionContainers")["value"]
        policy = f"{vault.id}/replicationPolicies/policy"
        self._accepted(self.call("PUT", policy, self.experience.policy()))
        self.pass_time(timedelta(minutes=5))
        mapping = f"{container['id']}/replicationProtectionContainerMappings/mapping"
        self._accepted(self.call("PUT", mapping, self.experience.mapping(policy)))
        self.pass_time(timedelta(minutes=5))
        return replace(
            vault,
            fabric=fabric["id"],
            container=container["id"],
            server=details["processServers"][0]["id"],
            site=details.get("physicalSiteId", ""),
            policy=policy,
        )

    def _accepted(self, response: Response) -> None:
        if response.status >= 300:
            raise RuntimeError(f"the emulator answered {response.status}: {response.body}")


def _machine(number: int) -> Instance:
    address = f"10.10.{16 + number // 250}.{number % 250 + 1}"
    make = windows if number % 3 else linux
    sizes = _DISKS_GIB[number % len(_DISKS_GIB)]
    disks = tuple(Disk(f"/dev/sd{chr(97 + at)}", size) for at, size in enumerate(sizes))
    return make(number, private_ip=address, disks=disks)
