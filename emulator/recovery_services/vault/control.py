"""`/_emulator/guests`: the guests of the machines, and the data that arrived in Azure."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from datetime import datetime

from emulator.arm.compute import power
from emulator.guests import configuration_server, machine, replication_appliance
from emulator.guests.servers import Role
from emulator.kernel.resources import PRIVATE
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response
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


@routes.route("GET", "/_emulator/guests/{instance}", "_Guests_Get")
def get_guest(world: World, request: Request, instance: str) -> Response:
    """A machine from the inside, and what of it is in Azure.

    `records`: the last one written, `onDisk`: the last one that its disks hold, `writing`, `clock`:
    its own, `services`, `stopped`, `faults`; `connections`: each with local and remote side,
    process, and whether security groups track it; `azure`: its virtual machines with their record
    and how many they lack. With `?after=` and a moment, `recordsAfter` is how many records were
    written since.
    """
    machine.look(world)
    found = machine.instance_of(world, instance)
    guest = machine.of(world, instance)
    if guest is None or found is None:
        raise ArmError(404, "NotFound", f"There is no machine '{instance}'.")
    inside = machine.inside(world, guest, found)
    told = {
        **_machine(world, guest),
        "onDisk": machine.held(guest, world.now),
        "clock": inside.clock.isoformat(),
        "services": guest["services"],
        "stopped": guest["stopped"],
        "faults": guest["faults"],
        "connections": [asdict(one) for one in inside.connections()],
        "azure": [
            _virtual_machine(world, document, guest)
            for document in world.store.list(VM_TYPE.lower())
            if document.get(PRIVATE, {}).get("instance") == guest["instance"]
            and "record" in document[PRIVATE]
        ],
    }
    if "after" in request.query:
        since = machine.records(guest, _moment(request.query["after"]))
        told["recordsAfter"] = max(0, told["records"] - since)
    return Response(200, told)


def _moment(text: str) -> datetime:
    with suppress(ValueError):
        # A plus sign in a query is a space.
        moment = datetime.fromisoformat(text.replace(" ", "+"))
        if moment.tzinfo is not None:
            return moment
    raise ArmError(
        400, "InvalidRequestContent", f"'{text}' is no moment such as 2026-01-05T08:00:00Z."
    )


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
