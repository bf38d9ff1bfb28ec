"""`providerSpecificDetails` of an `InMageRcm` item at this moment.

Shape, null values and strings for booleans are as in azure-cli's recording
`test_siterecovery_V2A_RCMInMage` and azure-powershell's `AsrV2ARCMTests`. A list leaves out disks,
interfaces, tags and what blocks an upgrade of the agent; all else it has.
"""

from __future__ import annotations

from datetime import timedelta

from emulator.arm import machine_sizes
from emulator.guests import machine
from emulator.kernel import resources
from emulator.kernel.resources import PRIVATE
from emulator.kernel.store import Document
from emulator.kernel.world import World
from emulator.off_azure import sites
from emulator.recovery_services.experiences.modernized import discovery
from emulator.recovery_services.experiences.modernized.discovery import AGENT_VERSION
from emulator.recovery_services.replication import (
    initial_replication,
    interfaces,
    recovery_points,
)
from emulator.recovery_services.replication.interfaces import Interface
from emulator.recovery_services.wire.paths import FABRICS, fabric_of
from emulator.recovery_services.wire.times import NO_EXPIRY, ago, stamp

_GIB = 1024**3
_HEARTBEAT = timedelta(seconds=60)
_REFRESH = timedelta(minutes=15)
_REPLICATING = ("replicating", "completing")


def of(world: World, item: Document, *, full: bool) -> Document:
    """The details; `full` for a get, less for a list."""
    private = item[PRIVATE]
    source, target, provider = private["machine"], private["target"], private["provider"]
    percentage = progress(world, item)
    done = _bytes(source["disks"]) * (percentage or 0) // 100
    point = private["recoveryPoint"]
    enabling = private["state"] == "enabling"
    return {
        "instanceType": "InMageRcm",
        "internalIdentifier": private["vmId"],
        "fabricDiscoveryMachineId": provider["machineId"],
        "multiVmGroupName": provider["multiVmGroupName"],
        "discoveryType": "Physical",
        "processServerId": provider["processServerId"],
        "processServerName": provider["processServerName"],
        "runAsAccountId": provider["runAsAccountId"],
        "storageAccountId": None,
        **(_UNKNOWN if enabling else _machine_and_target(world, item)),
        "failoverRecoveryPointId": recovery_points.identifier(item, point) if point else None,
        **_recovery(world, item),
        "initialReplicationProgressPercentage": percentage,
        "initialReplicationProcessedBytes": None if percentage is None else done,
        "initialReplicationTransferredBytes": None if percentage is None else done * 9 // 10,
        "initialReplicationProgressHealth": _progress_health(world, item),
        "resyncProgressPercentage": None,
        "resyncProcessedBytes": None,
        "resyncTransferredBytes": None,
        "resyncProgressHealth": "None",
        "resyncRequired": "false",
        "resyncState": "None",
        "agentUpgradeState": "None",
        "lastAgentUpgradeType": None,
        "agentUpgradeJobId": None,
        "agentUpgradeAttemptToVersion": None,
        "protectedDisks": _disks(world, item, percentage) if full and not enabling else [],
        "unprotectedDisks": [],
        "isLastUpgradeSuccessful": "false",
        "isAgentRegistrationSuccessfulAfterFailover": True if private["vm"] else None,
        "mobilityAgentDetails": _agent(world, item),
        "lastAgentUpgradeErrorDetails": [],
        "agentUpgradeBlockingErrorDetails": [_latest_agent(world, item)]
        if full and not enabling
        else [],
        "vmNics": [_nic(one) for one in interfaces.of(item)] if full and not enabling else [],
        "discoveredVmDetails": None if enabling else _discovered(world, item),
        "targetVmTags": as_list(target["vmTags"]) if full and not enabling else [],
        "seedManagedDiskTags": as_list(target["seedDiskTags"]) if full else None,
        "targetManagedDiskTags": as_list(target["diskTags"]) if full else None,
        "targetNicTags": as_list(target["nicTags"]) if full else None,
        "supportedOSVersions": [] if full else None,
        "osName": None if enabling else discovery.os_name(source["os"] or ""),
    }


_UNKNOWN: Document = {
    "processorCoreCount": 0,
    "allocatedMemoryInMB": 0.0,
    **dict.fromkeys(
        (
            "osType",
            "firmwareType",
            "primaryNicIpAddress",
            "targetGeneration",
            "licenseType",
            "linuxLicenseType",
            "sqlServerLicenseType",
            "targetVmName",
            "targetVmSize",
            "targetResourceGroupId",
            "targetLocation",
            "targetAvailabilitySetId",
            "targetAvailabilityZone",
            "targetProximityPlacementGroupId",
            "targetBootDiagnosticsStorageAccountId",
            "targetNetworkId",
            "testNetworkId",
        )
    ),
}
"""The values of a machine and its target that are returned during enable protection (recorded)."""


def _machine_and_target(world: World, item: Document) -> Document:
    private = item[PRIVATE]
    source, target = private["machine"], private["target"]
    fabric = world.store.peek(FABRICS.kind, fabric_of(item["id"]))
    return {
        "processorCoreCount": source["vcpus"],
        "allocatedMemoryInMB": float(source["memoryMib"]),
        "osType": source["osType"],
        "firmwareType": source["firmware"],
        "primaryNicIpAddress": source["ip"],
        "targetGeneration": machine_sizes.generation_of(source["firmware"]),
        "licenseType": target["licenseType"],
        "linuxLicenseType": target["linuxLicenseType"],
        "sqlServerLicenseType": target["sqlLicenseType"],
        "targetVmName": target["vmName"],
        "targetVmSize": target["vmSize"],
        "targetResourceGroupId": target["resourceGroupId"],
        "targetLocation": fabric[PRIVATE]["location"] if fabric else None,
        "targetAvailabilitySetId": target["availabilitySetId"] or "",
        "targetAvailabilityZone": target["zone"] or "",
        "targetProximityPlacementGroupId": target["proximityGroupId"] or "",
        "targetBootDiagnosticsStorageAccountId": _storage(item, target["bootDiagnosticsId"]) or "",
        "targetNetworkId": target["networkId"] or "",
        "testNetworkId": target["testNetworkId"] or "",
        **_reserved(target),
    }


def _reserved(target: Document) -> Document:
    """The capacity reservation group. Items were recorded before the service had it, so that it is
    shown only where it was given [inferred]."""
    group = target.get("capacityGroupId")
    return {"targetCapacityReservationGroupId": group} if group else {}


def _storage(item: Document, identifier: str | None) -> str | None:
    """A storage account's id: in lower case once the machine is protected (recorded)."""
    if identifier is None or item[PRIVATE]["protected"] is None:
        return identifier
    return identifier.lower()


def as_list(tags: dict[str, str] | None) -> list[Document]:
    """Tags as this provider writes them."""
    return [{"tagName": name, "tagValue": value} for name, value in (tags or {}).items()]


def progress(world: World, item: Document) -> int | None:
    """Percentage of the initial replication, or None before it begins and after it ended.

    The service refreshes it every quarter of an hour, so it stands still long before 100, and
    goes from there to None.
    """
    private = item[PRIVATE]
    if private["state"] not in _REPLICATING:
        return None
    course = initial_replication.course(world, item, "replicating")
    last = (course.takes - timedelta(seconds=1)) // _REFRESH
    refreshed = min(last, course.whole(world.present, _REFRESH)) * _REFRESH
    return 100 * refreshed // course.takes


def _progress_health(world: World, item: Document) -> str:
    """`None`, `InProgress`, or `NoProgress` while the machine sends nothing."""
    if item[PRIVATE]["state"] not in _REPLICATING:
        return "None"
    silent = recovery_points.silent_since(world, item) is not None
    return "NoProgress" if silent else "InProgress"


def _recovery(world: World, item: Document) -> Document:
    """RPO and newest point; the times are absent until there are some (recorded)."""
    rpo = recovery_points.rpo_seconds(world, item)
    newest = recovery_points.newest(world, item)
    name = recovery_points.newest_name(world, item)
    if rpo is None or newest is None or name is None:
        return {"lastRecoveryPointId": None}
    return {
        "lastRecoveryPointReceived": stamp(newest),
        "lastRpoInSeconds": rpo,
        "lastRpoCalculatedTime": ago(world, _HEARTBEAT),
        "lastRecoveryPointId": recovery_points.identifier(item, name),
    }


def _disks(world: World, item: Document, percentage: int | None) -> list[Document]:
    private = item[PRIVATE]
    source, target = private["machine"], private["target"]
    complete = private["protected"] is not None or private["state"] == "completing"
    group = target["resourceGroupId"]
    virtual_machine = resources.find(world, private["vm"]) if private["vm"] else None
    made = virtual_machine[PRIVATE]["disks"] if virtual_machine else []
    shown = []
    for index, disk in enumerate(source["disks"]):
        size = disk["sizeGib"] * _GIB
        seed = f"asrseeddisk-{source['name'][:8]}-{world.guid('seed', private['cycle'], index)}"
        entry = {
            "diskId": disk["id"],
            "diskName": disk["name"],
            "isOSDisk": "true" if index == 0 else "false",
            "capacityInBytes": size,
            "diskState": "Protected" if complete else "InitialReplicationPending",
            "logStorageAccountId": _storage(
                item, disk.get("logStorage") or target["logStorageAccountId"]
            ),
            "diskEncryptionSetId": disk.get("encryptionSet"),
            "seedManagedDiskId": f"{group}/providers/Microsoft.Compute/disks/{seed}",
            "seedBlobUri": None,
            "targetManagedDiskId": made[index] if index < len(made) else None,
            "targetBlobUri": None,
            "diskType": disk.get("type") or target["diskType"],
            "dataPendingInLogDataStoreInMB": 0.0,
            "dataPendingAtSourceAgentInMB": 0.0,
            "isInitialReplicationComplete": "true" if complete else "false",
        }
        # Once a disk is copied the details of its copying are absent (recorded).
        if not complete:
            done = size * (percentage or 0) // 100
            entry["irDetails"] = {
                "progressHealth": "Queued" if percentage is None else _progress_health(world, item),
                "transferredBytes": done * 9 // 10,
                "last15MinutesTransferredBytes": done * 9 // 10,
                "lastDataTransferTimeUtc": None,
                "processedBytes": done,
                "startTime": None,
                "lastRefreshTime": None,
                "progressPercentage": percentage,
            }
        shown.append(entry)
    return shown


def _agent(world: World, item: Document) -> Document:
    """The agent's details; fewer during enable protection, and after it failed (recorded)."""
    state = item[PRIVATE]["state"]
    known = state != "enabling"
    details = {
        "version": AGENT_VERSION if known else None,
        "latestVersion": None,
        "latestAgentReleaseDate": None,
        "driverVersion": AGENT_VERSION if known else None,
        "latestUpgradableVersionWithoutReboot": None,
        "agentVersionExpiryDate": NO_EXPIRY if known else None,
        "driverVersionExpiryDate": NO_EXPIRY if known else None,
        "reasonsBlockingUpgrade": ["AlreadyOnLatestVersion"] if known else None,
        "isUpgradeable": "false",
    }
    if state in ("enabling", "enable-failed"):
        return details | {"reasonsBlockingUpgrade": [] if known else None}
    silent = recovery_points.silent_since(world, item)
    beat = stamp(silent) if silent else ago(world, _HEARTBEAT)
    return details | {"lastHeartbeatUtc": beat}


def _latest_agent(world: World, item: Document) -> Document:
    """The reason why the agent cannot be upgraded: it has the latest version (recorded)."""
    private = item[PRIVATE]
    name = private["machine"]["name"]
    return {
        "errorCode": "InMageRcmUpgradeBlockedAlreadyOnLatestVersion",
        "errorMessage": f"The Mobility agent of source machine '{name}' cannot be updated.",
        "possibleCauses": f" The Mobility agent of source machine '{name}' is already on latest "
        f"version '{AGENT_VERSION}'.",
        "recommendedAction": "No action is needed as agent is already on the latest version.",
        "errorMessageParameters": {
            "vmName": name,
            "rcmUri": "https://pod01-rcm1.weu.hypervrecoverymanager.windowsazure.com",
            "applianceName": private["provider"]["processServerName"],
            "agentVersion": AGENT_VERSION,
            "latestVersion": AGENT_VERSION,
        },
        "errorTags": {"category": "ClientError"},
    }


def _nic(one: Interface) -> Document:
    return {
        "nicId": one.mac,
        "isPrimaryNic": "true" if one.primary else "false",
        "isSelectedForFailover": "true" if one.selected else "false",
        "sourceIPAddress": one.source,
        "sourceIPAddressType": "Dynamic",
        "sourceNetworkId": None,
        "sourceSubnetName": None,
        "targetIPAddress": one.address or "",
        "targetIPAddressType": "Static" if one.address else "Dynamic",
        "targetSubnetName": one.subnet,
        "testSubnetName": one.test_subnet,
        "testIPAddress": one.test_address,
        "testIPAddressType": "Static" if one.test_address else "Dynamic",
    }


def _discovered(world: World, item: Document) -> Document | None:
    found = sites.machine(world, item[PRIVATE]["provider"]["machineId"])
    if found is None:
        return None
    properties = sites.shown(world, found)["properties"]
    guest = machine.peek(world, found[PRIVATE]["instance"])
    on = guest is None or guest["stopped"] is None
    return {
        "vCenterId": None,
        "vCenterFqdn": None,
        "datastores": [],
        "ipAddresses": [
            address
            for adapter in properties["networkAdapters"]
            for address in adapter["ipAddressList"]
        ],
        "vmwareToolsStatus": None,
        "powerStatus": "ON" if on else "OFF",
        "vmFqdn": properties["fqdn"],
        "osName": properties["operatingSystemDetails"]["osName"],
        "createdTimestamp": properties["createdTimestamp"],
        "updatedTimestamp": properties["updatedTimestamp"],
        "isDeleted": properties["isDeleted"],
        "lastDiscoveryTimeInUtc": ago(world, _HEARTBEAT),
    }


def _bytes(disks: list[Document]) -> int:
    return sum(int(disk["sizeGib"]) for disk in disks) * _GIB
