"""The properties of a classic fabric, with the current state of its configuration server."""

from __future__ import annotations

from datetime import timedelta

from emulator.guests import configuration_server
from emulator.kernel.resources import PRIVATE
from emulator.kernel.store import Document
from emulator.kernel.world import World
from emulator.recovery_services.replication import failures
from emulator.recovery_services.wire.paths import PROTECTED_ITEMS, children_seen
from emulator.recovery_services.wire.times import NO_EXPIRY, ago

AGENT_VERSION = "9.41.0.0"
_MARS_VERSION = "2.0.9202.0"
_GIB = 1024**3
_HEARTBEAT = timedelta(seconds=100)


def shown(world: World, fabric: Document) -> Document:
    """The fabric with its current process server, master target, accounts and health."""
    private = fabric[PRIVATE]
    alive = bool(configuration_server.ROLE.of_fabric(world, fabric["id"]))
    beat = ago(world, _HEARTBEAT) if alive else private["refreshed"]
    items = children_seen(world, PROTECTED_ITEMS, fabric["id"])
    pairs = sum(len(item[PRIVATE]["machine"]["disks"]) for item in items)
    properties = dict(fabric["properties"])
    properties["customDetails"] = {
        "instanceType": "VMware",
        "processServers": [_process_server(fabric, beat, len(items), pairs, alive)],
        "masterTargetServers": [_master_target(fabric, beat, pairs)],
        "runAsAccounts": [
            {"accountId": account, "accountName": name}
            for account, (name, _) in configuration_server.ACCOUNTS.items()
        ],
        "replicationPairCount": str(pairs),
        "processServerCount": "1",
        "agentCount": str(len(items) + 1),
        "protectedServers": str(len(items)),
        **_load(private),
        "webLoad": "0",
        "webLoadStatus": "Green",
        "databaseServerLoad": "0.25",
        "databaseServerLoadStatus": "Green",
        "csServiceStatus": "Running" if alive else "Stopped",
        "ipAddress": private["ipAddress"],
        "agentVersion": AGENT_VERSION,
        "hostName": fabric["properties"]["friendlyName"],
        "lastHeartbeat": beat,
        "versionStatus": "Supported",
        "sslCertExpiryDate": "2029-01-04T08:00:00Z",
        "sslCertExpiryRemainingDays": 1095,
        "psTemplateVersion": "202102.14.00",
        "agentExpiryDate": NO_EXPIRY,
        "agentVersionDetails": _version(AGENT_VERSION),
    }
    if not alive:
        properties["health"] = "Critical"
        properties["healthErrorDetails"] = [
            failures.no_heartbeat(fabric, configuration_server.ROLE.title, beat)
        ]
    return {
        name: properties if name == "properties" else value
        for name, value in fabric.items()
        if name != PRIVATE
    }


def _process_server(
    fabric: Document, beat: str, machines: int, pairs: int, alive: bool
) -> Document:
    private = fabric[PRIVATE]
    return {
        "friendlyName": fabric["properties"]["friendlyName"],
        "id": private["hostId"],
        "ipAddress": private["ipAddress"],
        "osType": "Windows",
        "agentVersion": AGENT_VERSION,
        "lastHeartbeat": beat,
        "versionStatus": "Supported",
        "mobilityServiceUpdates": [
            {"version": AGENT_VERSION, "rebootStatus": "NotRequired", "osType": os_type}
            for os_type in ("Windows", "Linux")
        ],
        "hostId": private["hostId"],
        "machineCount": str(machines),
        "replicationPairCount": str(pairs),
        **_load(private),
        "psServiceStatus": "Running" if alive else "Stopped",
        "sslCertExpiryDate": "2029-01-04T08:00:00Z",
        "sslCertExpiryRemainingDays": 1095,
        "osVersion": None,
        "healthErrors": [],
        "agentExpiryDate": NO_EXPIRY,
        "agentVersionDetails": _version(AGENT_VERSION),
        "health": "Normal" if alive else "Critical",
        "historicHealth": "Normal" if alive else "Critical",
        "psStatsRefreshTime": beat,
        "throughputUploadPendingDataInBytes": 0,
        "throughputInMBps": 0,
        "throughputInBytes": 9221 if machines else 0,
        "throughputStatus": "Green",
        "marsCommunicationStatus": "1",
        "marsRegistrationStatus": "1",
    }


def _master_target(fabric: Document, beat: str, pairs: int) -> Document:
    private = fabric[PRIVATE]
    return {
        "id": private["hostId"],
        "ipAddress": private["ipAddress"],
        "name": fabric["properties"]["friendlyName"],
        "osType": "Windows",
        "agentVersion": AGENT_VERSION,
        "lastHeartbeat": beat,
        "versionStatus": "Supported",
        "retentionVolumes": [
            {
                "volumeName": "R",
                "capacityInBytes": 600 * _GIB,
                "freeSpaceInBytes": 590 * _GIB,
                "thresholdPercentage": None,
            }
        ],
        "dataStores": [],
        "validationErrors": [],
        "healthErrors": [],
        "diskCount": pairs,
        "osVersion": "Microsoft Windows Server 2016 Datacenter",
        "agentExpiryDate": NO_EXPIRY,
        "marsAgentVersion": _MARS_VERSION,
        "marsAgentExpiryDate": NO_EXPIRY,
        "agentVersionDetails": _version(AGENT_VERSION),
        "marsAgentVersionDetails": _version(_MARS_VERSION),
    }


def _load(private: Document) -> Document:
    memory = private["memoryMib"] * 1024**2
    return {
        "systemLoad": "0",
        "systemLoadStatus": "Green",
        "cpuLoad": "0%",
        "cpuLoadStatus": "Green",
        "totalMemoryInBytes": memory,
        "availableMemoryInBytes": memory * 3 // 4,
        "memoryUsageStatus": "Green",
        "totalSpaceInBytes": 600 * _GIB,
        "availableSpaceInBytes": 580 * _GIB,
        "spaceUsageStatus": "Green",
    }


def _version(version: str) -> Document:
    return {"version": version, "expiryDate": NO_EXPIRY, "status": "Supported"}
