"""Discovery of a physical machine by its private address, through the configuration server."""

from __future__ import annotations

from emulator.guests import configuration_server, machine
from emulator.kernel.resources import PRIVATE
from emulator.kernel.store import Document
from emulator.kernel.world import World
from emulator.recovery_services import failures, jobs
from emulator.recovery_services.classic import push_install
from emulator.recovery_services.paths import (
    FABRICS,
    PROTECTABLE_ITEMS,
    PROVIDERS,
    children_seen,
    put,
)
from emulator.recovery_services.scenarios import DISCOVER


@jobs.when_done(DISCOVER)
def _discovered(world: World, job: Document) -> None:
    container_id, asked = job[PRIVATE]["resource"], job[PRIVATE]["payload"]
    fabric_id = container_id.rsplit("/", 2)[0]
    fabric = world.store.get(FABRICS.kind, fabric_id)
    servers = configuration_server.ROLE.of_fabric(world, fabric_id)
    if fabric is None or not servers:
        raise failures.silent(configuration_server.ROLE.title)
    instance = machine.instance_at(world, fabric[PRIVATE]["vpc"], asked["ipAddress"])
    if instance is None or not push_install.answers(world, servers[0], instance, asked["osType"]):
        raise push_install.unreachable(asked["friendlyName"], asked["ipAddress"])
    machine.observe(world, instance)
    for known in children_seen(world, PROTECTABLE_ITEMS, container_id):
        # Adding a machine again is no second machine [inferred].
        if known["properties"]["customDetails"]["ipAddress"] == asked["ipAddress"]:
            return
    name = world.guid("infrastructure-vm", fabric_id.lower(), instance.id)
    document = {
        "id": PROTECTABLE_ITEMS.id(container_id, name),
        "name": name,
        "type": PROTECTABLE_ITEMS.type,
        "properties": {
            "friendlyName": asked["friendlyName"],
            "protectionStatus": "Unprotected",
            "replicationProtectedItemId": None,
            "recoveryServicesProviderId": PROVIDERS.id(
                fabric_id, fabric["properties"]["internalIdentifier"]
            ),
            "protectionReadinessErrors": [],
            "supportedReplicationProviders": ["InMage", "InMageAzureV2"],
            "customDetails": {
                "instanceType": "VMwareVirtualMachine",
                "agentGeneratedId": "",
                "agentInstalled": "NotInstalled",
                "osType": asked["osType"],
                "agentVersion": "",
                "ipAddress": asked["ipAddress"],
                "poweredOn": "On",
                "vCenterInfrastructureId": None,
                "discoveryType": "Physical",
                "diskDetails": [],
                "validationErrors": [],
            },
        },
        PRIVATE: {"instance": instance.id},
    }
    put(world, PROTECTABLE_ITEMS, document)
