"""The properties of a modernized fabric, with the current state of its appliances."""

from __future__ import annotations

from emulator.guests.replication_appliance import ROLE
from emulator.kernel.resources import PRIVATE
from emulator.kernel.store import Document
from emulator.kernel.world import World
from emulator.recovery_services.experiences.modernized import components, discovery
from emulator.recovery_services.replication import failures

_LISTS = {
    "processServer": "processServers",
    "rcmProxy": "rcmProxies",
    "pushInstaller": "pushInstallers",
    "replicationAgent": "replicationAgents",
    "reprotectAgent": "reprotectAgents",
    "marsAgent": "marsAgents",
    "dra": "dras",
}


def shown(world: World, fabric: Document, *, full: bool) -> Document:
    """The fabric; only a get returns its components and its agents (recorded)."""
    properties = dict(fabric["properties"])
    found = components.of(world, fabric) if full else []
    properties["customDetails"] = {
        **properties["customDetails"],
        "sourceAgentIdentityDetails": components.identity(world, "failbackagentauth")
        if full
        else None,
        **{name: [one[component] for one in found] for component, name in _LISTS.items()},
        "agentDetails": discovery.agents(world, fabric) if full else [],
    }
    if not ROLE.of_fabric(world, fabric["id"]):
        since = fabric[PRIVATE]["refreshed"]
        properties["health"] = "Critical"
        properties["healthErrorDetails"] = [failures.no_heartbeat(fabric, ROLE.title, since)]
    return {
        name: properties if name == "properties" else value
        for name, value in fabric.items()
        if name != PRIVATE
    }
