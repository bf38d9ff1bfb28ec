"""The resources that a configuration server's registration creates in a vault.

A classic fabric is not created by PUT: registration creates the fabric, container and provider.
"""

from __future__ import annotations

import hashlib
import json

from emulator.estate.machines import Instance
from emulator.guests import configuration_server
from emulator.guests.configuration_server import ROLE
from emulator.kernel.resources import PRIVATE
from emulator.kernel.store import Document
from emulator.kernel.world import World
from emulator.recovery_services.servers import server_setup
from emulator.recovery_services.wire.paths import CONTAINERS, FABRICS, PROVIDERS, put, service_id
from emulator.recovery_services.wire.times import stamp


def register(world: World) -> None:
    """Register the event handlers of configuration servers, and the operator's search for them."""
    world.on(ROLE.registers, _on_installed)
    ROLE.watch(world)


def _on_installed(world: World, payload: Document) -> None:
    server = ROLE.server(world, payload["server"])
    if server is None:
        return
    instance = ROLE.ready(world, server)
    if instance is None:
        server_setup.broke(world, server)
        return
    fabric = add_fabric(world, server["vault"], instance, server["name"])
    ROLE.registered(world, server, fabric["id"])
    passphrase = configuration_server.passphrase(world, instance.id)
    server_setup.registered(world, server, json.dumps({"passphrase": passphrase}))


def add_fabric(world: World, vault: str, instance: Instance, computer: str) -> Document:
    """Register the server on an instance: create its fabric, container and provider."""
    identifier = world.guid("fabric", vault.lower(), instance.id)
    name = hashlib.sha256(f"{vault.lower()}|{instance.id}".encode()).hexdigest()
    vault = service_id(vault.rstrip("/"))
    host = world.guid("host", instance.id).upper()
    host_id = "-".join([*host.split("-")[:3], "".join(host.split("-")[3:])])
    fabric: Document = {
        "name": name,
        "type": FABRICS.type,
        "id": FABRICS.id(vault, name),
        "properties": {
            "friendlyName": computer,
            "encryptionDetails": {"kekState": "None", "kekCertThumbprint": None},
            "rolloverEncryptionDetails": {"kekState": "None", "kekCertThumbprint": None},
            "internalIdentifier": identifier,
            "bcdrState": "Valid",
            "customDetails": {"instanceType": "VMware"},
            "healthErrorDetails": [],
            "health": "Normal",
        },
        PRIVATE: {
            "experience": "InMageAzureV2",
            "instance": instance.id,
            "vpc": instance.vpc_id,
            "ipAddress": instance.private_ip,
            "hostId": host_id,
            "memoryMib": instance.memory_mib,
            "registered": stamp(world.now),
            "refreshed": stamp(world.now),
        },
    }
    put(world, FABRICS, fabric)
    container_name = f"cloud_{identifier}"
    container = {
        "id": CONTAINERS.id(fabric["id"], container_name),
        "name": container_name,
        "type": CONTAINERS.type,
        "properties": {
            "fabricFriendlyName": computer,
            "friendlyName": computer,
            "fabricType": "VMware",
            "protectedItemCount": 0,
            "pairingStatus": "NotPaired",
            "role": "",
            "fabricSpecificDetails": None,
        },
        PRIVATE: {"experience": "InMageAzureV2"},
    }
    put(world, CONTAINERS, container)
    provider = {
        "id": PROVIDERS.id(fabric["id"], identifier),
        "name": identifier,
        "type": PROVIDERS.type,
        "properties": {
            "fabricType": "VMware",
            "friendlyName": computer,
            "providerVersion": "5.1.7100.0",
            "serverVersion": "0.0",
            "fabricFriendlyName": computer,
            "providerVersionState": "Latest",
            "providerVersionExpiryDate": "9999-12-31T23:59:59.9999999",
            "allowedScenarios": ["Refresh"],
            "healthErrorDetails": [],
        },
        PRIVATE: {"fabric": fabric["id"]},
    }
    put(world, PROVIDERS, provider)
    return fabric
