"""`/_emulator/guests`: the guests of the machines, and the data that arrived in Azure."""

from __future__ import annotations

from emulator.arm.compute import power
from emulator.guests import configuration_server, machine, replication_appliance
from emulator.guests.servers import Role
from emulator.kernel.resources import PRIVATE
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import Request, Response
from emulator.kernel.world import World
from emulator.recovery_services.experiences import agent_rollout
from emulator.recovery_services.replication.azure_machines import VM_TYPE
from emulator.recovery_services.servers import server_setup

routes = Routes()


@routes.route("GET", "/_emulator/guests", "_Guests_List")
def guests(world: World, request: Request) -> Response:
    """Machines, virtual machines in Azure, and servers of Site Recovery.

    `machines`: records written so far, whether they still are, and the agent.
    `azure`: the last record on each virtual machine that a failover created, how many of its
    source's records it lacks, its power, whether its agent reports, and which services run.
    `configurationServers`, `replicationAppliances`: the progress of the operator with each, or
    of its own set-up, and the problem, if any.
    `mobilityAgents`: the result of each run of an association that installs the agent.
    """
    machine.look(world)
    sources = {guest["instance"]: guest for guest in world.store.list(machine.KIND)}
    body = {
        "machines": [_machine(world, guest) for guest in sources.values()],
        "azure": [
            _virtual_machine(world, document, sources.get(document[PRIVATE]["instance"]))
            for document in world.store.list(VM_TYPE.lower())
            if "record" in document.get(PRIVATE, {})
        ],
        "configurationServers": _servers(world, configuration_server.ROLE),
        "replicationAppliances": _servers(world, replication_appliance.ROLE),
        "mobilityAgents": agent_rollout.runs(world),
    }
    return Response(200, body)


def _servers(world: World, role: Role) -> list[Document]:
    setups = server_setup.setups(world, role.tag)
    themselves = {one["instance"] for one in setups}
    return [*(one for one in role.servers(world) if one["instance"] not in themselves), *setups]


def _machine(world: World, guest: Document) -> Document:
    return {
        "instance": guest["instance"],
        "name": guest["name"],
        "records": machine.records(guest, world.now),
        "writing": machine.writing(guest, world.now),
        "agent": guest["agent"],
    }


def _virtual_machine(world: World, document: Document, source: Document | None) -> Document:
    private = document[PRIVATE]
    agent = power.agent_reports(world, document)
    return {
        "id": document["id"],
        "name": document["name"],
        "machine": private["machine"],
        "instance": private["instance"],
        "production": private["production"],
        "record": private["record"],
        "recoveryPoint": private["recoveryPoint"],
        "recoveryPointTime": private["recoveryPointTime"],
        "power": power.code(world, document),
        "agent": agent,
        "services": sorted(power.services(document).up) if agent else [],
        "lacking": 0
        if source is None
        else max(0, machine.records(source, world.now) - private["record"]),
    }
