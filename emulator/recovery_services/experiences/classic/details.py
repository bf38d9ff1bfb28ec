"""`providerSpecificDetails` of an `InMageAzureV2` item at this moment.

Field values are as in azure-powershell's recording `V2AFailoverJob`; a list leaves
out what only a get fills in.
"""

from __future__ import annotations

from datetime import timedelta

from emulator.arm import machine_sizes
from emulator.guests import machine
from emulator.kernel.resources import PRIVATE
from emulator.kernel.store import Document
from emulator.kernel.world import World
from emulator.recovery_services.experiences.classic.fabric import AGENT_VERSION
from emulator.recovery_services.experiences.classic.states import TABLE
from emulator.recovery_services.replication import (
    initial_replication,
    interfaces,
    recovery_points,
)
from emulator.recovery_services.replication.interfaces import Interface
from emulator.recovery_services.wire.paths import POLICIES, name_of
from emulator.recovery_services.wire.times import NO_EXPIRY, ago, stamp

_GIB = 1024**3
_OS_NAMES = {
    "windows-server-2008-r2-sp1": "Microsoft Windows Server 2008 R2 Datacenter",
    "windows-server-2012": "Microsoft Windows Server 2012 Datacenter",
    "windows-server-2012-r2": "Microsoft Windows Server 2012 R2 Datacenter",
    "windows-server-2016": "Microsoft Windows Server 2016 Datacenter",
    "rhel-6.7": "RHEL6-64",
}
_HEARTBEAT = timedelta(seconds=60)
_VM_TYPE = "Microsoft.Compute/virtualMachines"


def of(world: World, item: Document, *, full: bool) -> Document:
    """The details; `full` for a get, less for a list."""
    private = item[PRIVATE]
    source, target, provider = private["machine"], private["target"], private["provider"]
    state = TABLE.states[private["state"]]
    guest = machine.peek(world, source["instance"])
    silent = recovery_points.silent_since(world, item)
    agent = guest is not None and guest["agent"] is not None
    rpo = recovery_points.rpo_seconds(world, item)
    newest = recovery_points.newest(world, item)
    beat = ago(world, _HEARTBEAT)
    policy = world.store.peek(POLICIES.kind, item["properties"]["policyId"])
    sync = policy["properties"]["providerSpecificDetails"]["multiVmSyncStatus"] if policy else None
    return {
        "instanceType": "InMageAzureV2",
        "infrastructureVmId": private["vmId"],
        "vCenterInfrastructureId": None,
        "protectionStage": state.stage,
        "vmId": private["vmId"],
        "vmProtectionState": state.protection_state,
        "vmProtectionStateDescription": state.description,
        "resyncProgressPercentage": progress(world, item),
        "rpoInSeconds": rpo or 0,
        "compressedDataRateInMB": _rate(world, item, 0.6),
        "uncompressedDataRateInMB": _rate(world, item, 1.0),
        "ipAddress": source["ip"],
        "agentVersion": AGENT_VERSION if agent else "",
        "agentExpiryDate": NO_EXPIRY,
        "isAgentUpdateRequired": "NotRequired",
        "isRebootAfterUpdateRequired": "NotRequired",
        "lastHeartbeat": (stamp(silent) if silent else beat) if agent else None,
        "processServerId": provider["processServerId"],
        "processServerName": provider["processServerName"],
        "multiVmGroupId": provider["multiVmGroupId"],
        "multiVmGroupName": provider["multiVmGroupName"],
        "multiVmSyncStatus": sync,
        "protectedDisks": _disks(world, item) if full else [],
        "diskResized": None,
        "masterTargetId": provider["masterTargetId"] if full else None,
        "sourceVmCpuCount": source["vcpus"] if full else 0,
        "sourceVmRamSizeInMB": source["memoryMib"] if full else 0,
        "osType": source["osType"],
        "vhdName": None,
        "osDiskId": source["disks"][0]["id"] if full and source["disks"] else None,
        "azureVMDiskDetails": _azure_disks(item) if full else None,
        "recoveryAzureVMName": target["vmName"],
        "recoveryAzureVMSize": target["vmSize"],
        "recoveryAzureStorageAccount": None,
        "recoveryAzureLogStorageAccountId": target["logStorageAccountId"],
        "vmNics": [_interface(item, one) for one in interfaces.of(item)],
        "selectedRecoveryAzureNetworkId": target["networkId"],
        "selectedTfoAzureNetworkId": target["testNetworkId"],
        "selectedSourceNicId": next((one["mac"] for one in source["interfaces"]), None),
        "discoveryType": "Physical",
        "enableRdpOnTargetOption": target["rdp"],
        "datastores": [],
        "targetVmId": private["vm"] or f"{target['resourceGroupId']}/providers/{_VM_TYPE}/",
        "recoveryAzureResourceGroupId": target["resourceGroupId"],
        "recoveryAvailabilitySetId": target["availabilitySetId"],
        "targetAvailabilityZone": target["zone"],
        "targetProximityPlacementGroupId": target.get("proximityGroupId"),
        "useManagedDisks": "true",
        "licenseType": target["licenseType"],
        "sqlServerLicenseType": target["sqlLicenseType"],
        "validationErrors": [],
        "lastRpoCalculatedTime": None if rpo is None else beat,
        "lastUpdateReceivedTime": beat,
        "replicaId": f"{private['vmId']}_replica_{name_of(item['id'].rsplit('/', 2)[0])}",
        "osVersion": _OS_NAMES.get(source["os"] or ""),
        "protectedManagedDisks": _managed_disks(item) if full else [],
        "lastRecoveryPointReceived": stamp(newest) if newest else None,
        "firmwareType": source["firmware"],
        "azureVmGeneration": machine_sizes.generation_of(source["firmware"]),
        "isAdditionalStatsAvailable": False,
        "totalDataTransferred": -1,
        "totalProgressHealth": "InProgress" if state.stage == "InitialSync" else "Completed",
        "targetVmTags": target["vmTags"],
        "seedManagedDiskTags": target["seedDiskTags"],
        "targetManagedDiskTags": target["diskTags"],
        "targetNicTags": target["nicTags"],
    }


def progress(world: World, item: Document) -> int:
    """Percentage of the initial replication: 0 to 99 while it runs, 0 again after it."""
    private = item[PRIVATE]
    if private["state"] not in ("replicating", "completing"):
        return 0
    course = initial_replication.course(world, item, "replicating")
    return min(99, course.percentage(world.present))


def _disks(world: World, item: Document) -> list[Document]:
    private = item[PRIVATE]
    state = TABLE.states[private["state"]]
    replication = private["rests"].get("replicating")
    seconds = _copied_for(world, item) if replication is not None else 0
    health = "None"
    if state.stage == "InitialSync":
        silent = recovery_points.silent_since(world, item) is not None
        health = "NoProgress" if silent else "InProgress"
    rpo = recovery_points.rpo_seconds(world, item)
    return [
        {
            "diskId": disk["id"],
            "diskName": disk["name"],
            "protectionStage": state.stage,
            "healthErrorCode": None,
            "rpoInSeconds": rpo or 0,
            "resyncRequired": "NotRequired",
            "resyncProgressPercentage": progress(world, item),
            "resyncDurationInSeconds": seconds,
            "diskCapacityInBytes": disk["sizeGib"] * _GIB,
            "fileSystemCapacityInBytes": disk["sizeGib"] * _GIB,
            "sourceDataInMegaBytes": 0.0,
            "psDataInMegaBytes": 0.0,
            "targetDataInMegaBytes": 0.0,
            "diskResized": "False",
            "lastRpoCalculatedTime": None if rpo is None else ago(world, _HEARTBEAT),
            "resyncProcessedBytes": disk["sizeGib"] * _GIB * progress(world, item) // 100,
            "resyncTotalTransferredBytes": 0,
            "resyncLast15MinutesTransferredBytes": 0,
            "resyncLastDataTransferTimeUTC": None,
            "resyncStartTime": None if replication is None else replication["begins"],
            "progressHealth": health,
            "progressStatus": None,
            "secondsToTakeSwitchProvider": None,
        }
        for disk in private["machine"]["disks"]
    ]


def _copied_for(world: World, item: Document) -> int:
    """For how many seconds the disks have been copied, or were."""
    course = initial_replication.course(world, item, "replicating")
    if item[PRIVATE]["state"] != "replicating":
        return int(course.takes.total_seconds())
    return course.whole(world.present, timedelta(seconds=1))


def _azure_disks(item: Document) -> list[Document]:
    return [
        {
            "vhdType": "OperatingSystem" if index == 0 else "Data",
            "vhdId": disk["id"],
            "diskId": disk["id"],
            "vhdName": disk["name"],
            "maxSizeMB": str(disk["sizeGib"] * 1024),
            "targetDiskLocation": None,
            "targetDiskName": None,
            "lunId": str(index),
            "diskEncryptionSetId": disk.get("encryptionSet")
            or item[PRIVATE]["target"].get("diskEncryptionSetId"),
            "customTargetDiskName": None,
        }
        for index, disk in enumerate(item[PRIVATE]["machine"]["disks"])
    ]


def _managed_disks(item: Document) -> list[Document]:
    private = item[PRIVATE]
    return [
        {
            "diskId": disk["id"],
            "seedManagedDiskId": None,
            "replicaDiskType": disk.get("type") or private["target"]["diskType"],
            "diskEncryptionSetId": disk.get("encryptionSet")
            or item[PRIVATE]["target"].get("diskEncryptionSetId"),
            "targetDiskName": None,
        }
        for disk in private["machine"]["disks"]
    ]


def _interface(item: Document, one: Interface) -> Document:
    target, source = item[PRIVATE]["target"], item[PRIVATE]["machine"]
    return {
        "nicId": one.mac,
        "replicaNicId": None,
        "sourceNicArmId": None,
        "vMNetworkName": "AWS PV Network Device #0" if source["osType"] == "Windows" else "eth0",
        "recoveryVMNetworkId": target["networkId"],
        "ipConfigs": [
            {
                "name": None,
                "isPrimary": True,
                "subnetName": "Subnet-1",
                "staticIPAddress": one.source,
                "ipAddressType": "Dynamic",
                "isSeletedForFailover": one.selected,
                "recoverySubnetName": name_of(one.subnet),
                "recoveryStaticIPAddress": one.address,
                "recoveryIPAddressType": "Static" if one.address else "Dynamic",
                "recoveryPublicIPAddressId": None,
                "recoveryLBBackendAddressPoolIds": None,
                "tfoSubnetName": one.test_subnet,
                "tfoStaticIPAddress": one.test_address,
                "tfoPublicIPAddressId": None,
                "tfoLBBackendAddressPoolIds": None,
            }
        ],
        "selectionType": "SelectedByUser" if one.selected else interfaces.NOT_SELECTED,
        "recoveryNetworkSecurityGroupId": None,
        "enableAcceleratedNetworkingOnRecovery": None,
        "tfoVMNetworkId": target["testNetworkId"],
        "tfoNetworkSecurityGroupId": None,
        "enableAcceleratedNetworkingOnTfo": None,
        "recoveryNicName": None,
        "recoveryNicResourceGroupName": None,
        "reuseExistingNic": False,
        "tfoRecoveryNicName": None,
        "tfoRecoveryNicResourceGroupName": None,
        "tfoReuseExistingNic": False,
        "targetNicName": None,
    }


def _rate(world: World, item: Document, factor: float) -> float:
    if item[PRIVATE]["protected"] is None:
        return 0.0
    churn = world.uniform(80, 900, "churn", item[PRIVATE]["vmId"])
    return round(churn * factor, 3)
