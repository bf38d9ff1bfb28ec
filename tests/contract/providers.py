"""The replication providers: their sites, and their parts of each request body."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from emulator.guests.estate import Disk, Instance
from tests.emulator import site_recovery_support as support
from tests.emulator.site_recovery_support import (
    GROUP,
    NETWORK,
    STORAGE,
    TEST_NETWORK,
    VAULT,
    Site,
)

APPLIANCE = Instance(
    "i-0appliance",
    "appliance",
    "10.10.2.20",
    os="windows-server-2022",
    instance_type="c5.2xlarge",
    vcpus=8,
    memory_mib=16384,
    disks=(Disk("/dev/sda1", 80), Disk("xvdf", 620)),
    tags={"site-recovery:role": "replication-appliance", "site-recovery:vault": VAULT},
    security_groups=("sg-server",),
)


MODERNIZED_POLICY: Mapping[str, Any] = {
    "instanceType": "InMageRcm",
    "recoveryPointHistoryInMinutes": 1440,
    "crashConsistentFrequencyInMinutes": 5,
    "appConsistentFrequencyInMinutes": 60,
    "enableMultiVmSync": "true",
}


class Provider:
    """The classic experience, and what both have in common."""

    instance_type = "InMageAzureV2"
    policy: Mapping[str, Any] = support.policy_body()["properties"]["providerSpecificInput"]

    def site(self, machines: Iterable[Instance] = (), seed: int = 7) -> Site:
        """A site at which servers of this provider appear."""
        return Site(machines, seed=seed)

    def discover(self, site: Site, machine: Instance) -> str:
        """The id by which a machine is protected; it is discovered if it is not yet."""
        return site.protectable(machine)

    def enable(self, site: Site, machine: Instance) -> dict[str, Any]:
        """The properties that protect a machine."""
        properties: dict[str, Any] = site.enable_body(machine)["properties"]
        return properties

    def part(self, operation: str, point: str | None = None) -> dict[str, Any]:
        """The provider's part of an operation's body; `point` is a recovery point's id."""
        if operation.startswith("ReplicationPolicies"):
            return dict(self.policy)
        chosen: dict[str, Any] = {"recoveryPointId": point} if point else {}
        if operation.endswith("ApplyRecoveryPoint"):
            chosen = {}
        if operation.startswith("ReplicationRecoveryPlans"):
            chosen = {"recoveryPointType": "Latest"}
        if operation == "ReplicationProtectedItems_Update":
            chosen = {"targetVmTags": {"wave": "pilot"}}
        return {"instanceType": self.instance_type, **chosen}


class Modernized(Provider):
    """The modernized experience: a replication appliance, `InMageRcm`."""

    instance_type = "InMageRcm"
    policy: Mapping[str, Any] = MODERNIZED_POLICY

    def site(self, machines: Iterable[Instance] = (), seed: int = 7) -> Site:
        """A site with a replication appliance; agents are put on the machines by the operator."""
        return ModernizedSite(machines, seed=seed)

    def discover(self, site: Site, machine: Instance) -> str:
        """The id of the machine in Microsoft.OffAzure."""
        physical = site.get(site.fabric)["properties"]["customDetails"]["physicalSiteId"]
        for found in site.call("GET", f"{physical}/machines", version="2020-01-01").body["value"]:
            if found["properties"]["displayName"] == machine.name:
                return str(found["id"])
        raise AssertionError(f"{machine.name} has not reported")

    def enable(self, site: Site, machine: Instance) -> dict[str, Any]:
        """The properties that protect a machine."""
        return {
            "policyId": site.policy,
            "providerSpecificDetails": {
                "instanceType": self.instance_type,
                "fabricDiscoveryMachineId": self.discover(site, machine),
                "processServerId": site.host,
                "targetResourceGroupId": GROUP,
                "targetNetworkId": NETWORK,
                "testNetworkId": TEST_NETWORK,
                "targetSubnetName": "servers",
                "targetVmName": machine.name,
                "disksDefault": {"logStorageAccountId": STORAGE, "diskType": "Standard_LRS"},
                "targetVmTags": [{"tagName": "machine", "tagValue": machine.name}],
            },
        }

    def part(self, operation: str, point: str | None = None) -> dict[str, Any]:
        """The provider's part of an operation's body; most of its booleans are strings."""
        chosen = super().part(operation, point)
        if operation == "ReplicationProtectedItems_UnplannedFailover":
            chosen["performShutdown"] = "false"
        if operation.endswith("ApplyRecoveryPoint"):
            chosen["recoveryPointId"] = point
        if operation == "ReplicationProtectedItems_Update":
            chosen["targetVmTags"] = [{"tagName": "wave", "tagValue": "pilot"}]
        if operation == "ReplicationProtectionContainerMappings_Update":
            chosen["enableAgentAutoUpgrade"] = "false"
        return chosen


class ModernizedSite(Site):
    """A site whose machines carry the vault's tag, with an appliance instead of a server."""

    def __init__(self, machines: Iterable[Instance] = (), *, seed: int = 7) -> None:
        tagged = [replace(one, tags={"site-recovery:vault": VAULT}) for one in machines]
        super().__init__(tagged, server=APPLIANCE, seed=seed)

    def register(self) -> None:
        """Wait until the appliance is registered, and the agents have reported."""
        self.pass_time(minutes=30)
        self.pass_time(minutes=20)
        (fabric,) = self.get(f"{VAULT}/replicationFabrics")["value"]
        self.fabric = fabric["id"]
        full = self.get(self.fabric)["properties"]["customDetails"]
        self.host = full["processServers"][0]["id"]
        (container,) = self.get(f"{self.fabric}/replicationProtectionContainers")["value"]
        self.container = container["id"]


CLASSIC, MODERNIZED = Provider(), Modernized()
PROVIDERS = {provider.instance_type: provider for provider in (CLASSIC, MODERNIZED)}
"""The providers that are walked, by their `instanceType`."""
