"""The replication appliance of the modernized experience, and the agents that report to it.

Registering an appliance needs a person once: they sign in with a device code. Here that person
is the operator, who registers it after 15 to 25 minutes. They also install the mobility agent,
without credentials, on every running machine of the appliance's network that has the vault's tag
and can reach the appliance, unless it is installed already. The appliance reports such a machine
within 15 minutes.

Sources: "Deploy Azure Site Recovery replication appliance - Modernized" and "Support matrix for
deploying the Azure Site Recovery replication appliance - Modernized" (azure-docs).
"""

from __future__ import annotations

from datetime import timedelta

from emulator.estate.machines import Instance
from emulator.guests import operator
from emulator.guests.machine import registered_with
from emulator.guests.servers import ROLE_TAG, VAULT_TAG, Role
from emulator.kernel.store import Document
from emulator.kernel.world import World

ROLE = Role(
    tag="replication-appliance",
    title="replication appliance",
    systems={
        "windows-server-2022": "Windows Server 2022",
        "windows-server-2019": "Windows Server 2019",
    },
    vcpus=8,
    memory_mib=16 * 1024,
    disks_gib=(80, 620),
    takes=(900, 1500),
)

PORTS = (443, 9443)
"""The appliance's ports that a machine must reach: for control, and for replication data."""

AGENT_REPORTS = "mobility agent reports"
"""The event at which a machine becomes known; `reporting` tells from its payload which one."""

_VISITS = "guest/agent-visit"
_REPORTS_SECONDS = (240, 780)


def watch(world: World) -> None:
    """Register the operator's search for appliances, and for machines that need an agent."""
    ROLE.watch(world)
    operator.on_round(world, _install_agents)


def closed_port(world: World, machine: Instance, appliance: Instance) -> int | None:
    """The first port of the appliance that a machine cannot reach, or None."""
    for port in PORTS:
        if not world.estate.allows(machine, appliance, port):
            return port
    return None


def reporting(world: World, payload: Document) -> Instance | None:
    """The machine whose agent reports now; None if it cannot, and then the operator tries
    again."""
    instances = {instance.id: instance for instance in world.estate.instances()}
    machine, appliance = instances.get(payload["instance"]), instances.get(payload["server"])
    if machine is None or appliance is None or closed_port(world, machine, appliance) is not None:
        world.store.delete(_VISITS, payload["visit"])
        return None
    return machine


def expect_report(
    world: World, machine: Instance, server: Document, already: timedelta = timedelta()
) -> str:
    """Let the appliance report a machine on which the agent was installed, unless it already does.

    Args:
        world: the world; a transaction must be open.
        machine: the machine.
        server: its appliance, which is registered.
        already: how long ago the installation of the agent began.

    Returns:
        The report, for `is_expected`.
    """
    vault = server["vault"].rstrip("/").lower()
    report = f"{vault}|{machine.id}"
    if not is_expected(world, report):
        _expect(world, machine, server, vault, already)
    return report


def is_expected(world: World, report: str) -> bool:
    """Whether a report is expected or has arrived. A report that failed is not expected any
    more."""
    return world.store.peek(_VISITS, report) is not None


def forget(world: World, fabric_id: str) -> None:
    """Remove the registrations of a fabric's appliances and their agents, after it left its
    vault."""
    for server in ROLE.servers(world):
        if (server.get("fabric") or "").lower() == fabric_id.lower():
            for key in world.store.keys(_VISITS, f"{server['vault'].rstrip('/').lower()}|"):
                world.store.delete(_VISITS, key)
    ROLE.unregistered(world, fabric_id)


def _install_agents(world: World) -> None:
    for server in ROLE.servers(world):
        if server["stage"] != "registered":
            continue
        vault = server["vault"].rstrip("/").lower()
        instances = world.estate.instances()
        appliance = next((one for one in instances if one.id == server["instance"]), None)
        if appliance is None or appliance.state != "running":
            continue
        for instance in instances:
            if _wants_agent(world, instance, appliance, vault):
                _expect(world, instance, server, vault)


def _wants_agent(world: World, machine: Instance, appliance: Instance, vault: str) -> bool:
    return (
        machine.tags.get(VAULT_TAG, "").rstrip("/").lower() == vault
        and ROLE_TAG not in machine.tags
        and registered_with(world, machine.id) is None
        and machine.state == "running"
        and machine.vpc_id == appliance.vpc_id
        and world.store.get(_VISITS, f"{vault}|{machine.id}") is None
        and closed_port(world, machine, appliance) is None
    )


def _expect(
    world: World,
    machine: Instance,
    server: Document,
    vault: str,
    already: timedelta = timedelta(),
) -> None:
    key = f"{vault}|{machine.id}"
    visit = {"instance": machine.id, "server": server["instance"]}
    world.store.put(_VISITS, key, visit)
    seconds = world.random("agent", machine.id, vault).uniform(*_REPORTS_SECONDS)
    payload = {"fabric": server["fabric"], "visit": key, **visit}
    rest = max(timedelta(seconds=seconds) - already, timedelta())
    world.schedule(rest, AGENT_REPORTS, payload)
