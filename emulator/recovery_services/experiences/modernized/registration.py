"""The resources that a replication appliance's registration creates in a vault.

The vault's first appliance creates the fabric, its container and its sites in Microsoft.OffAzure;
later appliances join them. Names are formed as in azure-cli's recording
`test_siterecovery_V2A_RCMInMage`.
"""

from __future__ import annotations

import json
import re

from emulator.estate.machines import Instance
from emulator.guests import replication_appliance
from emulator.guests.replication_appliance import ROLE
from emulator.kernel import resources
from emulator.kernel.resources import PRIVATE
from emulator.kernel.store import Document
from emulator.kernel.world import World
from emulator.off_azure import sites
from emulator.recovery_services.experiences.modernized import components, discovery
from emulator.recovery_services.servers import server_setup
from emulator.recovery_services.wire.paths import (
    CONTAINERS,
    FABRICS,
    PROVIDERS,
    name_of,
    put,
    service_id,
)
from emulator.recovery_services.wire.times import NO_EXPIRY, stamp

INSTANCE_TYPE = "InMageRcm"


def register(world: World) -> None:
    """Register the event handlers of appliances and agents, and the operator's search for both."""
    world.on(ROLE.registers, _on_registered)
    world.on(replication_appliance.AGENT_REPORTS, discovery.on_report)
    replication_appliance.watch(world)


def site_ids(world: World, vault: str) -> tuple[str, str]:
    """The ids of a vault's sites, for VMware and for physical machines."""
    group = vault[: vault.lower().index("/providers/")].split("/", 2)[2]
    base = _base_name(world, vault)
    return (
        sites.site_id(f"/subscriptions/{group}", sites.VMWARE_SITES, f"{base}vmwaresite"),
        sites.site_id(f"/subscriptions/{group}", sites.SERVER_SITES, f"{base}physicalsite"),
    )


def _on_registered(world: World, payload: Document) -> None:
    server = ROLE.server(world, payload["server"])
    if server is None:
        return
    instance = ROLE.ready(world, server)
    if instance is None:
        server_setup.broke(world, server)
        return
    vault = service_id(server["vault"].rstrip("/"))
    identifier = FABRICS.id(vault, f"{name_of(vault)}-vmwarefabric")
    fabric = world.store.get(FABRICS.kind, identifier) or _new_fabric(
        world, vault, instance, server["name"]
    )
    appliance = _appliance(world, instance, server["name"])
    others = [one for one in fabric[PRIVATE]["appliances"] if one["id"] != appliance["id"]]
    fabric[PRIVATE]["appliances"] = [*others, appliance]
    put(world, FABRICS, fabric)
    _add_provider(world, fabric, appliance)
    ROLE.registered(world, server, fabric["id"])
    server_setup.registered(world, server, agent_config(world, appliance, vault))


def agent_config(world: World, appliance: Document, vault: str) -> str:
    """The text of config.json, which the appliance hands to a person for the machines' agents.

    The content of the real file was not recorded: [inferred].
    """
    content = {
        "applianceName": appliance["name"],
        "applianceId": appliance["id"],
        "applianceAddress": appliance["ipAddress"],
        "vaultId": vault,
        "token": world.guid("agent-config", appliance["id"]),
    }
    return json.dumps(content)


def appliance_id(world: World, instance_id: str) -> str:
    """The id of the appliance on an instance."""
    return world.guid("appliance", instance_id)


def _new_fabric(world: World, vault: str, instance: Instance, computer: str) -> Document:
    name = f"{name_of(vault)}-vmwarefabric"
    internal = world.guid("fabric", vault.lower(), INSTANCE_TYPE)
    document = resources.find(world, vault)
    assert document is not None
    vmware, physical = site_ids(world, vault)
    for identifier in (vmware, physical):
        sites.add(world, identifier, location=document["location"], appliance=computer)
    chance = world.random("stamp", vault.lower())
    fabric: Document = {
        "name": name,
        "type": FABRICS.type,
        "id": FABRICS.id(vault, name),
        "properties": {
            "friendlyName": name,
            "encryptionDetails": {"kekState": "None", "kekCertThumbprint": None},
            "rolloverEncryptionDetails": {"kekState": "None", "kekCertThumbprint": None},
            "internalIdentifier": internal,
            "bcdrState": "Valid",
            "customDetails": {
                "instanceType": INSTANCE_TYPE,
                "vmwareSiteId": vmware,
                "physicalSiteId": physical,
                "serviceEndpoint": "https://pod01-srs1.weu.hypervrecoverymanager.windowsazure.com",
                "serviceResourceId": str(chance.randrange(10**18, 10**19)),
                "serviceContainerId": str(chance.randrange(10**12, 10**13)),
                "dataPlaneUri": "https://pod01-prot2.weu.backup.windowsazure.com",
                "controlPlaneUri": "https://pod01-rcm1.weu.hypervrecoverymanager.windowsazure.com",
            },
            "healthErrorDetails": [],
            "health": "Normal",
        },
        PRIVATE: {
            "experience": INSTANCE_TYPE,
            "location": document["location"],
            "registered": stamp(world.now),
            "refreshed": stamp(world.now),
            "appliances": [],
        },
    }
    container_name = f"{_base_name(world, vault)}replicationcontainer"
    container = {
        "id": CONTAINERS.id(fabric["id"], container_name),
        "name": container_name,
        "type": CONTAINERS.type,
        "properties": {
            "fabricFriendlyName": name,
            "friendlyName": container_name,
            "fabricType": INSTANCE_TYPE,
            "protectedItemCount": 0,
            "pairingStatus": "NotPaired",
            "role": "",
            "fabricSpecificDetails": None,
        },
        PRIVATE: {
            "experience": INSTANCE_TYPE,
            "provider": appliance_id(world, instance.id),
        },
    }
    put(world, CONTAINERS, container)
    return fabric


def _appliance(world: World, instance: Instance, computer: str) -> Document:
    """The stored record of an appliance; its id is also the id of all its components (recorded)."""
    return {
        "instance": instance.id,
        "name": computer,
        "id": appliance_id(world, instance.id),
        "biosId": discovery.bios_id(world, instance.id),
        "ipAddress": instance.private_ip,
        "memoryMib": instance.memory_mib,
        "spaceGib": max((disk.size_gib for disk in instance.disks[1:]), default=0),
    }


def _add_provider(world: World, fabric: Document, appliance: Document) -> None:
    suffix = world.guid("dra", appliance["instance"])[:4]
    name = f"{_letters(appliance['name'])}{suffix}dra"
    provider = {
        "id": PROVIDERS.id(fabric["id"], name),
        "name": name,
        "type": PROVIDERS.type,
        "properties": {
            "fabricType": INSTANCE_TYPE,
            "friendlyName": appliance["name"],
            "providerVersion": components.DRA_VERSION,
            "serverVersion": "0.0",
            "providerVersionState": "Latest",
            "providerVersionExpiryDate": NO_EXPIRY,
            "fabricFriendlyName": fabric["properties"]["friendlyName"],
            "allowedScenarios": ["Refresh"],
            "healthErrorDetails": [],
            "draIdentifier": appliance["id"],
            "machineId": appliance["id"],
            "machineName": appliance["name"],
            "biosId": appliance["biosId"],
            "authenticationIdentityDetails": components.identity(world, "agentauth"),
            "resourceAccessIdentityDetails": components.identity(world, "failbackagentauth"),
            "dataPlaneAuthenticationIdentityDetails": components.identity(world, "dataplane"),
            "providerVersionDetails": {
                "version": components.DRA_VERSION,
                "expiryDate": NO_EXPIRY,
                "status": "Supported",
            },
        },
        PRIVATE: {"fabric": fabric["id"]},
    }
    put(world, PROVIDERS, provider)


def _base_name(world: World, vault: str) -> str:
    return f"{_letters(name_of(vault))[:10]}{world.guid('site', vault.lower())[:4]}"


def _letters(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "", name)
