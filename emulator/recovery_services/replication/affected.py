"""`affectedObjectDetails` of a job: the server, container and machine that it concerns (recorded)."""

from __future__ import annotations

from emulator.kernel.resources import PRIVATE
from emulator.kernel.store import Document
from emulator.kernel.world import World
from emulator.recovery_services.wire.paths import (
    AZURE,
    CONTAINERS,
    FABRICS,
    RECOVERY_CONTAINER,
    name_of,
)

_RECOVERY_SERVER = "21a9403c-6ec1-44f2-b744-b4e50b792387"
"""The id that ASR uses for Azure as the recovery server, the same in every vault (recorded)."""


def policy_guid(world: World, policy_id: str) -> str:
    """The GUID by which jobs name a replication policy."""
    return world.guid("policy", policy_id)


def server(world: World, fabric_id: str) -> Document:
    """The `affectedObjectDetails` of a job on a server."""
    fabric = world.store.peek(FABRICS.kind, fabric_id)
    if fabric is None:
        return {}
    return {
        "primaryVmmId": fabric["properties"]["internalIdentifier"],
        "primaryVmmName": fabric["properties"]["friendlyName"],
        "primaryFabricProviderId": fabric["properties"]["customDetails"]["instanceType"],
    }


def container(world: World, container_id: str) -> Document:
    """The `affectedObjectDetails` of a job on a container and its policy."""
    primary = server(world, container_id.rsplit("/", 2)[0])
    found = world.store.peek(CONTAINERS.kind, container_id)
    if not primary or found is None:
        return {}
    return {
        "primaryCloudId": f"cloud_{primary['primaryVmmId']}",
        "primaryCloudName": found["properties"]["friendlyName"],
        "recoveryCloudId": name_of(RECOVERY_CONTAINER),
        "recoveryCloudName": AZURE,
        "primaryVmmId": primary["primaryVmmId"],
        "primaryVmmName": primary["primaryVmmName"],
        "recoveryVmmId": _RECOVERY_SERVER,
        "recoveryVmmName": AZURE,
        "primaryFabricProviderId": primary["primaryFabricProviderId"],
        "recoveryFabricProviderId": "Azure",
    }


def machine(world: World, item: Document) -> Document:
    """The `affectedObjectDetails` of a job on a replicated machine."""
    private = item[PRIVATE]
    return {
        "primaryVmId": private["vmId"],
        "primaryVmName": private["machine"]["name"],
        "recoveryVmId": "",
        "recoveryVmName": private["machine"]["name"],
        "protectionProfileId": policy_guid(world, item["properties"]["policyId"]),
        **container(world, item["id"].rsplit("/", 2)[0]),
    }
