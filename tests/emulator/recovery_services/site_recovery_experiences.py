"""The differences between the experiences in tests: bodies, words and times.

A test that makes sense for both takes the fixture `experience` and gives it to its `Site`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from emulator.estate.machines import Instance
from tests.emulator.recovery_services.site_recovery_estate import (
    APPLIANCE,
    GROUP,
    NETWORK,
    SERVER,
    STORAGE,
    TEST_NETWORK,
    VAULT,
)

if TYPE_CHECKING:
    from .site_recovery_support import Site


class Classic:
    """A configuration server, provider `InMageAzureV2`."""

    name = "classic"
    instance_type = "InMageAzureV2"
    server = SERVER
    servers = "configurationServers"
    takes = (timedelta(minutes=9), timedelta(minutes=14))
    wrong_system = "windows-server-2012"
    replicating = "UnprotectedStatesBegin"
    replicates = (timedelta(minutes=11), timedelta(minutes=18))
    last_progress = range(99, 100)
    name_taken = "28061"
    failover_failed: tuple[str, list[str]] = (
        "UnplannedFailoverCompletionFailed",
        ["RepairReplication", "UnplannedFailover", "DisableProtection"],
    )
    silent_for_an_hour = "78145"
    subnet_of_test: str | None = "servers"
    tells_failed_over = True
    boots_before_it_starts = True
    untested_warning: tuple[str, ...] = ("161011",)
    after_failover: tuple[str, ...] = (
        *("CompleteMigration", "Commit", "DisableProtection", "ChangePit"),
    )

    def equipped(self, machine: Instance) -> Instance:
        """A machine as a person prepares it for discovery."""
        return machine

    def make_known(self, site: Site, machine: Instance) -> None:
        """Make a machine known to Site Recovery."""
        assert site.discover(machine)["state"] == "Succeeded"

    def discover(self, site: Site, client: Any, inside: Sequence[str], machine: Instance) -> None:
        """Make a machine known to Site Recovery by a client of the SDK."""
        asked = {"friendlyName": machine.name, "ipAddress": machine.private_ip}
        body = {"properties": {**asked, "osType": machine.platform.capitalize()}}
        containers = client.replication_protection_containers
        containers.begin_discover_protectable_item(*inside, body).result()

    def known(self, site: Site, machine: Instance) -> str | None:
        """The id by which a machine is protected; None before it is known."""
        for found in site.get(f"{site.container}/replicationProtectableItems")["value"]:
            if found["properties"]["customDetails"]["ipAddress"] == machine.private_ip:
                return str(found["id"])
        return None

    def policy(self, **changes: Any) -> dict[str, Any]:
        settings = {
            "instanceType": self.instance_type,
            "recoveryPointThresholdInMinutes": 15,
            "recoveryPointHistory": 1440,
            "crashConsistentFrequencyInMinutes": 5,
            "appConsistentFrequencyInMinutes": 60,
            "multiVmSyncStatus": "Enable",
            **changes,
        }
        return {"properties": {"providerSpecificInput": settings}}

    def mapping(self, policy: str, instance_type: str | None = None) -> dict[str, Any]:
        return {
            "properties": {
                "policyId": policy,
                "targetProtectionContainerId": "Microsoft Azure",
                "providerSpecificInput": {"instanceType": instance_type or self.instance_type},
            }
        }

    def enabling(self, site: Site, machine: Instance, **changes: Any) -> dict[str, Any]:
        details = {
            "instanceType": self.instance_type,
            "processServerId": site.host,
            "masterTargetId": site.host,
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
                "policyId": site.policy,
                "protectableItemId": site.protectable(machine),
                "providerSpecificDetails": details,
            }
        }

    def named(
        self, vm_name: str | None = None, size: str | None = None, disk_type: str | None = None
    ) -> dict[str, Any]:
        """Changes of `enabling`, by names that both experiences share."""
        names = {"targetAzureVmName": vm_name, "targetVmSize": size, "diskType": disk_type}
        return {name: value for name, value in names.items() if value is not None}

    def update(self, vm_name: str, size: str, tags: Mapping[str, str]) -> dict[str, Any]:
        return {
            "properties": {
                "recoveryAzureVMName": vm_name,
                "recoveryAzureVMSize": size,
                "providerSpecificDetails": {
                    "instanceType": self.instance_type,
                    "targetVmTags": dict(tags),
                },
            }
        }

    def addressed(
        self, nic: str, production: str | None = None, *, selected: bool = True
    ) -> dict[str, Any]:
        """The body of an update that gives an interface a static address, or leaves it out."""
        configuration = {"isPrimary": True, "recoveryStaticIPAddress": production}
        interface = {
            "nicId": nic,
            "ipConfigs": [configuration],
            "selectionType": "SelectedByUser" if selected else "NotSelected",
        }
        return {"properties": {"vmNics": [interface]}}

    def address_of(self, nic: Mapping[str, Any]) -> tuple[str, str]:
        """An interface's static address as an item shows it, and how it is allocated."""
        (one,) = nic["ipConfigs"]
        return one["recoveryStaticIPAddress"] or "", one["recoveryIPAddressType"]

    def test_failover(self, **changes: Any) -> dict[str, Any]:
        return {
            "failoverDirection": "PrimaryToRecovery",
            "networkType": "VmNetworkAsInput",
            "networkId": TEST_NETWORK,
            "providerSpecificDetails": {"instanceType": self.instance_type},
            **changes,
        }

    def failover(self, point: str | None = None) -> dict[str, Any]:
        details = {"instanceType": self.instance_type}
        if point is not None:
            details["recoveryPointId"] = point
        return {
            "failoverDirection": "PrimaryToRecovery",
            "sourceSiteOperations": "NotRequired",
            "providerSpecificDetails": details,
        }

    def other_point(self, point: str) -> dict[str, Any]:
        """The properties of applyRecoveryPoint."""
        return {
            "recoveryPointId": point,
            "providerSpecificDetails": {"instanceType": self.instance_type},
        }

    def vm_name(self, details: Mapping[str, Any]) -> Any:
        return details["recoveryAzureVMName"]

    def vm_size(self, details: Mapping[str, Any]) -> Any:
        return details["recoveryAzureVMSize"]

    def generation(self, details: Mapping[str, Any]) -> Any:
        return details["azureVmGeneration"]

    def progress(self, details: Mapping[str, Any]) -> Any:
        return details["resyncProgressPercentage"]

    def lag(self, details: Mapping[str, Any]) -> Any:
        return details["rpoInSeconds"]


class Modernized(Classic):
    """A replication appliance, provider `InMageRcm`."""

    name = "modernized"
    instance_type = "InMageRcm"
    server = APPLIANCE
    servers = "replicationAppliances"
    takes = (timedelta(minutes=15), timedelta(minutes=26))
    wrong_system = "windows-server-2016"
    replicating = "InitialReplicationInProgress"
    replicates = (timedelta(minutes=45), timedelta(minutes=57))
    last_progress = range(50, 99)
    name_taken = "310024"
    failover_failed = (
        "UnplannedFailoverFailed",
        ["UnplannedFailover", "DisableProtection", "TestFailover"],
    )
    silent_for_an_hour = "325091"
    subnet_of_test = None
    tells_failed_over = False
    boots_before_it_starts = False
    untested_warning = ()
    after_failover = (*Classic.after_failover, "SwitchProtection")

    def equipped(self, machine: Instance) -> Instance:
        return replace(machine, tags={**machine.tags, "site-recovery:vault": VAULT})

    def make_known(self, site: Site, machine: Instance) -> None:
        site.pass_time(minutes=14)

    def discover(self, site: Site, client: Any, inside: Sequence[str], machine: Instance) -> None:
        self.make_known(site, machine)

    def known(self, site: Site, machine: Instance) -> str | None:
        for found in site.machines():
            addresses = found["properties"]["networkAdapters"][0]["ipAddressList"]
            if machine.private_ip in addresses:
                return str(found["id"])
        return None

    def policy(self, **changes: Any) -> dict[str, Any]:
        settings = {
            "instanceType": self.instance_type,
            "recoveryPointHistoryInMinutes": 1440,
            "crashConsistentFrequencyInMinutes": 5,
            "appConsistentFrequencyInMinutes": 60,
            "enableMultiVmSync": "true",
            **changes,
        }
        return {"properties": {"providerSpecificInput": settings}}

    def mapping(self, policy: str, instance_type: str | None = None) -> dict[str, Any]:
        body = super().mapping(policy, instance_type)
        body["properties"]["providerSpecificInput"]["enableAgentAutoUpgrade"] = "true"
        return body

    def enabling(self, site: Site, machine: Instance, **changes: Any) -> dict[str, Any]:
        details = {
            "instanceType": self.instance_type,
            "fabricDiscoveryMachineId": site.protectable(machine),
            "processServerId": site.host,
            "targetResourceGroupId": GROUP,
            "targetNetworkId": NETWORK,
            "targetSubnetName": "servers",
            "targetVmName": machine.name,
            "disksDefault": {"diskType": "Standard_LRS", "logStorageAccountId": STORAGE},
            "targetVmTags": [{"tagName": "machine", "tagValue": machine.name}],
            **changes,
        }
        return {"properties": {"policyId": site.policy, "providerSpecificDetails": details}}

    def named(
        self, vm_name: str | None = None, size: str | None = None, disk_type: str | None = None
    ) -> dict[str, Any]:
        disks = {"diskType": disk_type, "logStorageAccountId": STORAGE} if disk_type else None
        names = {"targetVmName": vm_name, "targetVmSize": size, "disksDefault": disks}
        return {name: value for name, value in names.items() if value is not None}

    def update(self, vm_name: str, size: str, tags: Mapping[str, str]) -> dict[str, Any]:
        details = {
            "instanceType": self.instance_type,
            "targetVmName": vm_name,
            "targetVmSize": size,
            "targetVmTags": [{"tagName": k, "tagValue": v} for k, v in tags.items()],
        }
        return {"properties": {"providerSpecificDetails": details}}

    def addressed(
        self, nic: str, production: str | None = None, *, selected: bool = True
    ) -> dict[str, Any]:
        interface = {
            "nicId": nic,
            "isPrimaryNic": "true",
            "isSelectedForFailover": "true" if selected else "false",
            "targetStaticIPAddress": production,
        }
        details = {"instanceType": self.instance_type, "vmNics": [interface]}
        return {"properties": {"providerSpecificDetails": details}}

    def address_of(self, nic: Mapping[str, Any]) -> tuple[str, str]:
        return nic["targetIPAddress"], nic["targetIPAddressType"]

    def failover(self, point: str | None = None) -> dict[str, Any]:
        properties = super().failover(point)
        properties["providerSpecificDetails"]["performShutdown"] = "false"
        return properties

    def other_point(self, point: str) -> dict[str, Any]:
        properties = super().other_point(point)
        properties["providerSpecificDetails"]["recoveryPointId"] = point
        return properties

    def vm_name(self, details: Mapping[str, Any]) -> Any:
        return details["targetVmName"]

    def vm_size(self, details: Mapping[str, Any]) -> Any:
        return details["targetVmSize"]

    def generation(self, details: Mapping[str, Any]) -> Any:
        return details["targetGeneration"]

    def progress(self, details: Mapping[str, Any]) -> Any:
        return details["initialReplicationProgressPercentage"]

    def lag(self, details: Mapping[str, Any]) -> Any:
        return details["lastRpoInSeconds"]


CLASSIC, MODERNIZED = Classic(), Modernized()
BOTH = (CLASSIC, MODERNIZED)
