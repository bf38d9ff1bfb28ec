"""The components of a replication appliance, as fabrics and appliances report them.

Shapes and versions as in azure-cli's recording `test_siterecovery_V2A_RCMInMage`.
"""

from __future__ import annotations

from datetime import timedelta

from emulator.guests.replication_appliance import ROLE
from emulator.kernel.resources import PRIVATE
from emulator.kernel.store import Document
from emulator.kernel.world import World
from emulator.recovery_services.wire.times import ago

DRA_VERSION = "5.24.628.2"
_GIB = 1024**3
_HEARTBEAT = timedelta(seconds=100)
_VERSIONS = {
    "processServer": "9.62.7172.1",
    "rcmProxy": "1.42.8933.21142",
    "pushInstaller": "1.42.8933.22024",
    "replicationAgent": "1.42.8933.20611",
    "reprotectAgent": "1.42.8933.21520",
    "marsAgent": "2.0.9938.0",
    "dra": DRA_VERSION,
}


def of(world: World, fabric: Document) -> list[dict[str, Document]]:
    """Every appliance of a fabric by its components: `processServer`, `rcmProxy`, `dra`, ..."""
    running = {instance.id for instance in ROLE.of_fabric(world, fabric["id"])}
    return [
        _components(world, fabric, appliance, alive=appliance["instance"] in running)
        for appliance in fabric[PRIVATE]["appliances"]
    ]


def identity(world: World, purpose: str) -> Document:
    """The IdentityProviderDetails of an application that registration creates in Entra."""
    tenant = world.guid("tenant")
    return {
        "tenantId": tenant,
        "applicationId": world.guid("application", purpose),
        "objectId": world.guid("service-principal", purpose),
        "audience": f"api://{tenant}/{purpose}aadapp",
        "aadAuthority": f"https://login.microsoftonline.com/{tenant}",
    }


def _components(
    world: World, fabric: Document, appliance: Document, *, alive: bool
) -> dict[str, Document]:
    beat = ago(world, _HEARTBEAT) if alive else fabric[PRIVATE]["refreshed"]
    health = "Normal" if alive else "Critical"

    def common(component: str) -> Document:
        return {
            "id": appliance["id"],
            "name": appliance["name"],
            "biosId": appliance["biosId"],
            "version": _VERSIONS[component],
            "lastHeartbeatUtc": beat,
            "health": health,
            "healthErrors": [],
        }

    # An appliance that is no virtual machine of VMware is no fabric object [inferred].
    place = {"fabricObjectId": None, "fqdn": appliance["name"]}
    memory, space = appliance["memoryMib"] * 1024**2, appliance["spaceGib"] * _GIB
    return {
        "processServer": {
            **common("processServer"),
            **place,
            "ipAddresses": [appliance["ipAddress"]],
            "totalMemoryInBytes": memory,
            "availableMemoryInBytes": memory * 9 // 10,
            "usedMemoryInBytes": memory // 10,
            "memoryUsagePercentage": 10.0,
            "totalSpaceInBytes": space,
            "availableSpaceInBytes": space * 99 // 100,
            "usedSpaceInBytes": space // 100,
            "freeSpacePercentage": 99.0,
            "throughputUploadPendingDataInBytes": 0,
            "throughputInBytes": 0,
            "processorUsagePercentage": 1.0,
            "throughputStatus": "Healthy",
            "systemLoad": 0,
            "systemLoadStatus": "Healthy",
            "diskUsageStatus": "Healthy",
            "memoryUsageStatus": "Healthy",
            "processorUsageStatus": "Healthy",
            "historicHealth": health,
        },
        "rcmProxy": {
            **common("rcmProxy"),
            **place,
            "clientAuthenticationType": "Certificate",
        },
        "pushInstaller": {**common("pushInstaller"), **place},
        "replicationAgent": {**common("replicationAgent"), **place},
        "reprotectAgent": {
            **common("reprotectAgent"),
            **place,
            "accessibleDatastores": [],
            "vcenterId": None,
            "lastDiscoveryInUtc": beat,
        },
        "marsAgent": {**common("marsAgent"), **place},
        "dra": common("dra"),
    }
