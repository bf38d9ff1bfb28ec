"""Discovery of a physical machine by its private address, through the configuration server.

A machine on which the agent was installed already, and is registered with the server, is known to
it as soon as it is added; the server need not reach it.
"""

from __future__ import annotations

from emulator.estate.machines import Instance
from emulator.guests import configuration_server, machine
from emulator.kernel.resources import PRIVATE
from emulator.kernel.store import Document
from emulator.kernel.world import World
from emulator.recovery_services.experiences.classic import push_install
from emulator.recovery_services.experiences.classic.fabric import AGENT_VERSION
from emulator.recovery_services.jobs import outcomes
from emulator.recovery_services.jobs.scenarios import DISCOVER
from emulator.recovery_services.replication import failures
from emulator.recovery_services.wire.paths import (
    FABRICS,
    PROTECTABLE_ITEMS,
    PROVIDERS,
    children_seen,
    put,
)


@outcomes.when_done(DISCOVER)
def _discovered(world: World, job: Document) -> None:
    container_id, asked = job[PRIVATE]["resource"], job[PRIVATE]["payload"]
    fabric_id = container_id.rsplit("/", 2)[0]
    fabric = world.store.get(FABRICS.kind, fabric_id)
    servers = configuration_server.ROLE.of_fabric(world, fabric_id)
    if fabric is None or not servers:
        raise failures.silent(configuration_server.ROLE.title)
    instance = machine.instance_at(world, fabric[PRIVATE]["vpc"], asked["ipAddress"])
    known_already = instance is not None and has_agent(world, servers[0], instance)
    if instance is None or not (
        known_already or push_install.answers(world, servers[0], instance, asked["osType"])
    ):
        raise push_install.unreachable(asked["friendlyName"], asked["ipAddress"])
    machine.observe(world, instance)
    for known in children_seen(world, PROTECTABLE_ITEMS, container_id):
        # Adding a machine again is no second machine [inferred].
        if known["properties"]["customDetails"]["ipAddress"] == asked["ipAddress"]:
            return
    name = world.guid("infrastructure-vm", fabric_id.lower(), instance.id)
    document: Document = {
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
    if known_already:
        _add_agent(world, instance, document)
    put(world, PROTECTABLE_ITEMS, document)


def has_agent(world: World, server: Instance, instance: Instance) -> bool:
    """Whether the agent was installed on a machine itself and is registered with the server."""
    return machine.registered_with(world, instance.id) == server.id


def agent_details(world: World, instance: Instance, generated_id: str) -> Document:
    """The `customDetails` of a discovered machine after its agent has registered."""
    return {
        "agentInstalled": "Installed",
        "agentVersion": AGENT_VERSION,
        "agentGeneratedId": generated_id,
        "diskDetails": [_disk_detail(disk) for disk in machine.disks(world, instance)],
    }


def agent_registered(world: World, instance: Instance) -> None:
    """Update a machine that was discovered before with the registration of its agent."""
    for document in world.store.list(PROTECTABLE_ITEMS.kind):
        if document[PRIVATE]["instance"] == instance.id:
            _add_agent(world, instance, document)
            put(world, PROTECTABLE_ITEMS, document)


def _add_agent(world: World, instance: Instance, document: Document) -> None:
    details = agent_details(world, instance, document["name"])
    document["properties"]["customDetails"] |= details


def _disk_detail(disk: Document) -> Document:
    return {
        "diskId": disk["id"],
        "diskName": disk["name"],
        "diskSizeInMB": str(disk["sizeGib"] * 1024),
        "diskType": "Basic",
        "diskConfiguration": None,
        "volumeList": [],
    }
