"""How people do it otherwise: one request, then its job is polled until it has ended.

- *in sequence*: a script that takes one machine after the other;
- *four at a time*: a blocking Pulumi resource for each machine, of which a Python provider serves
  four at a time;
- *ten at a time*: the portal, in which ten machines are selected; the next ten follow when all of
  these are done.

Nobody's thinking or clicking is counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from benchmarks.convergence.estate import Estate, Vault
from benchmarks.convergence.measure import TRANSITIONS, Meter
from emulator.estate.machines import Instance
from site_recovery.polling import until
from tests.convergence import virtual_time
from tests.emulator.recovery_services.site_recovery_support import discover_body

_POLL_SECONDS = 30.0
"""The pause of the SDK's pollers."""

Work: TypeAlias = Callable[[Instance], Awaitable[None]]
Strategy: TypeAlias = Callable[[Sequence[Instance], Work], Coroutine[Any, Any, None]]


async def _in_sequence(machines: Sequence[Instance], work: Work) -> None:
    for machine in machines:
        await work(machine)


async def _four_at_a_time(machines: Sequence[Instance], work: Work) -> None:
    slots = asyncio.Semaphore(4)

    async def one(machine: Instance) -> None:
        async with slots:
            await work(machine)

    await asyncio.gather(*map(one, machines))


async def _ten_at_a_time(machines: Sequence[Instance], work: Work) -> None:
    for at in range(0, len(machines), 10):
        await asyncio.gather(*map(work, machines[at : at + 10]))


STRATEGIES: dict[str, Strategy] = {
    "ten at a time": _ten_at_a_time,
    "four at a time": _four_at_a_time,
    "in sequence": _in_sequence,
}


def migrate(estate: Estate, strategy: Strategy, latency: float) -> Meter:
    """Take all machines of the estate's only vault through all transitions.

    Args:
        estate: the estate.
        strategy: one of `STRATEGIES`.
        latency: the seconds that each request needs on its way.

    Returns:
        What was measured.

    Raises:
        RuntimeError: the service refused something, or a job failed.
    """
    meter = Meter(estate)
    (vault,) = estate.vaults
    for name in TRANSITIONS:
        steps = _Steps(estate, vault, latency)
        with meter.transition(name):
            work = getattr(steps, name.replace(" ", "_"))
            virtual_time.run(estate.world.clock, strategy(vault.machines, work))
    return meter


@dataclass(frozen=True)
class _Steps:
    """The transitions of one machine, each by the requests that it needs."""

    estate: Estate
    vault: Vault
    latency: float

    async def protect(self, machine: Instance) -> None:
        """Discover it if its experience needs that, enable protection, wait for the first point."""
        known = self.estate.experience.name == "modernized"
        if not known:
            path = f"{self.vault.container}/discoverProtectableItem"
            await self._done("POST", path, discover_body(machine))
        source = await self._source(machine)
        await self._done("PUT", self._item(machine), self._enabling(machine, source))

        async def protected() -> bool | None:
            found = await self._get(self._item(machine))
            return found["properties"]["protectionState"] == "Protected" or None

        await until(protected, lambda: _POLL_SECONDS, asyncio.sleep)

    async def test_failover(self, machine: Instance) -> None:
        """Into the test network."""
        changes = {"networkId": self.vault.test_network}
        await self._act(machine, "testFailover", self.estate.experience.test_failover(**changes))

    async def cleanup(self, machine: Instance) -> None:
        """Remove the test machine."""
        await self._act(machine, "testFailoverCleanup", {"comments": "tested"})

    async def failover(self, machine: Instance) -> None:
        """Fail over to the newest point."""
        await self._act(machine, "unplannedFailover", self.estate.experience.failover())

    async def completion(self, machine: Instance) -> None:
        """Complete the migration."""
        await self._act(machine, "remove", {"disableProtectionReason": "MigrationComplete"})

    def _item(self, machine: Instance) -> str:
        return f"{self.vault.container}/replicationProtectedItems/{machine.name}"

    async def _source(self, machine: Instance) -> str:
        """The id of the discovered machine."""
        path = f"{self.vault.container}/replicationProtectableItems"
        if self.vault.site:
            path = f"{self.vault.site}/machines"
        while path:
            page = await self._get(path)
            for one in page["value"]:
                properties = one["properties"]
                name = properties.get("displayName") or properties["friendlyName"]
                if name == machine.name:
                    return str(one["id"])
            path = (page["nextLink"] or "").partition(":5000")[2]
        raise RuntimeError(f"{machine.name} was not discovered")

    def _enabling(self, machine: Instance, source: str) -> dict[str, Any]:
        vault = self.vault
        if vault.site:
            part = {
                "instanceType": "InMageRcm",
                "fabricDiscoveryMachineId": source,
                "processServerId": vault.server,
                "targetResourceGroupId": vault.group,
                "targetNetworkId": vault.network,
                "targetSubnetName": "servers",
                "targetVmName": machine.name,
                "disksDefault": {"diskType": "Standard_LRS", "logStorageAccountId": vault.storage},
            }
            return {"properties": {"policyId": vault.policy, "providerSpecificDetails": part}}
        part = {
            "instanceType": "InMageAzureV2",
            "processServerId": vault.server,
            "masterTargetId": vault.server,
            "runAsAccountId": "1" if machine.platform == "windows" else "2",
            "logStorageAccountId": vault.storage,
            "targetAzureV2ResourceGroupId": vault.group,
            "targetAzureNetworkId": vault.network,
            "targetAzureSubnetId": "servers",
            "targetAzureVmName": machine.name,
        }
        return {
            "properties": {
                "policyId": vault.policy,
                "protectableItemId": source,
                "providerSpecificDetails": part,
            }
        }

    async def _act(self, machine: Instance, action: str, properties: dict[str, Any]) -> None:
        body = {"properties": properties}
        await self._done("POST", f"{self._item(machine)}/{action}", body)

    async def _done(self, method: str, path: str, body: object) -> None:
        """Send a request and wait until its job has ended."""
        await asyncio.sleep(self.latency)
        response = self.estate.call(method, path, body)
        if response.status != 202:
            raise RuntimeError(f"{method} {path}: {response.status} {response.body}")
        name = response.headers["Azure-AsyncOperation"].partition("?")[0].rpartition("/")[2]
        await asyncio.sleep(_POLL_SECONDS)

        async def ended() -> dict[str, Any] | None:
            job = (await self._get(f"{self.vault.id}/replicationJobs/{name}"))["properties"]
            return None if job["state"] in ("NotStarted", "InProgress") else job

        job = await until(ended, lambda: _POLL_SECONDS, asyncio.sleep)
        if job["state"] != "Succeeded":
            raise RuntimeError(f"{path}: {job['state']} {job['errors']}")

    async def _get(self, path: str) -> Any:
        await asyncio.sleep(self.latency)
        return self.estate.get(path)
