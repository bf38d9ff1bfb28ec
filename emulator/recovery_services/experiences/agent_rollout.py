"""The installation of the mobility agent on a machine by an association of Systems Manager.

On the operator's rounds every managed machine with an association that installs the agent carries
it out: everything that the document's script and the installers check is checked, then the agent is
installed and registered. An association runs when it is made, changed or started, and as its
schedule says for as long as it failed; a machine that is done is left alone.

What is reported is what such a document prints: a line of the installer's log and, last, one line
of JSON with `agent` (`registered` or `failed`), `bios` and `message`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from emulator.estate import operating_systems
from emulator.estate.machines import AccessRefused, Assignment, Instance, ReportStatus
from emulator.guests import (
    agent_document,
    configuration_server,
    machine,
    operator,
    replication_appliance,
)
from emulator.guests.agent_document import CLASSIC, AgentDocument
from emulator.guests.servers import Role
from emulator.kernel.store import Document
from emulator.kernel.world import World
from emulator.recovery_services.experiences.classic import discovery as classic_discovery
from emulator.recovery_services.experiences.classic import push_install
from emulator.recovery_services.experiences.modernized import discovery, registration, support

KIND = "guest/agent-run"

_INSTALLED = "mobility agent is installed"
_RUNS_AGAIN = "mobility agent's association runs"
_TAKES_SECONDS = (90, 200)
_FETCH, _SECRET, _INSTALL, _REGISTER, _KERNEL = 11, 13, 15, 16, 17
_LOGS = {
    _INSTALL: "ASRUnifiedAgentInstaller.log",
    _REGISTER: "ASRUnifiedAgentConfigurator.log",
}


class _Failure(Exception):
    """A step that failed, with the exit code of the script."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class _Order:
    """The agent installation that an association orders on one machine."""

    instance: Instance
    assignment: Assignment
    document: AgentDocument

    @property
    def key(self) -> str:
        return f"{self.assignment.association_id}|{self.instance.id}"

    @property
    def payload(self) -> Document:
        """The order in an event."""
        return {"association": self.assignment.association_id, "instance": self.instance.id}

    def value(self, name: str) -> str:
        return self.document.values(self.assignment.parameters).get(name, "")

    @property
    def role(self) -> Role:
        """The role of the server that the agent registers with."""
        classic = self.value("Experience") == CLASSIC
        return configuration_server.ROLE if classic else replication_appliance.ROLE


def register(world: World) -> None:
    """Register the event handlers that carry out associations on machines."""
    world.on(_INSTALLED, _on_installed)
    world.on(_RUNS_AGAIN, _on_schedule)
    operator.on_round(world, _go_round)


def runs(world: World) -> list[Document]:
    """The progress of each association on each machine, oldest first.

    Each has `instance`, `name`, `association`, `stage` (installing, registered, failed, or
    unmanaged), `reason`, `code` (the script's exit code) and `server` (an instance id).
    """
    hidden = ("revision", "again", "report")
    return [
        {name: value for name, value in run.items() if name not in hidden}
        for run in world.store.list(KIND)
    ]


def _go_round(world: World) -> None:
    for instance in world.estate.instances():
        if instance.state != "running":
            continue
        for order in _orders(world, instance):
            _visit(world, order)


def _orders(world: World, instance: Instance) -> list[_Order]:
    found = []
    for assignment in world.estate.assignments(instance.id):
        document = agent_document.read(assignment.content)
        if document is not None:
            found.append(_Order(instance, assignment, document))
    return found


def _visit(world: World, order: _Order) -> None:
    run = world.store.peek(KIND, order.key)
    if run is not None and run["stage"] == "installing":
        return
    if run is not None and run["revision"] == order.assignment.revision:
        if run["stage"] == "registered":
            _keep_reporting(world, order, run)
            return
        again = run["again"]
        if run["stage"] == "failed" and (
            again is None or world.now < datetime.fromisoformat(again)
        ):
            return
    if world.estate.managed(order.instance.id):
        _begin(world, order)
    elif run is None or run["stage"] != "unmanaged":
        _note(world, order, "unmanaged", "Systems Manager does not manage it")


def _begin(world: World, order: _Order) -> None:
    try:
        server = _registered_server(world, order)
        if server is not None:
            _done(world, order, server, "before")
            return
        _check_installation(world, order)
        _check_registration(world, order, _secret(world, order))
    except _Failure as failure:
        _fail(world, order, failure)
        return
    _report(world, order, "InProgress", "")
    seconds = world.uniform(*_TAKES_SECONDS, "agent installation", order.key)
    world.schedule(timedelta(seconds=seconds), _INSTALLED, order.payload)
    _note(world, order, "installing")


def _on_schedule(world: World, payload: Document) -> None:
    order = _order_of(world, payload["instance"], payload["association"])
    if order is not None and order.instance.state == "running":
        _visit(world, order)


def _on_installed(world: World, payload: Document) -> None:
    order = _order_of(world, payload["instance"], payload["association"])
    if order is None or order.instance.state != "running":
        # Without its association, or with a machine that is off, nobody hears of it.
        world.store.delete(KIND, f"{payload['association']}|{payload['instance']}")
        return
    try:
        server = _check_way(world, order)
    except _Failure as failure:
        _fail(world, order, failure)
        return
    guest = machine.observe(world, order.instance)
    machine.register_agent(world, guest, server.id, order.assignment.association_id)
    if order.role is configuration_server.ROLE:
        machine.install_agent(world, guest, server.id)
        classic_discovery.agent_registered(world, order.instance)
    _done(world, order, server, "")


def _done(world: World, order: _Order, server: Instance, when: str) -> None:
    run = _note(world, order, "registered", server=server.id)
    text = f"registered with {order.value('ServerAddress')} {when}".strip()
    _report(world, order, "Success", _printed(world, order, "registered", text))
    _keep_reporting(world, order, run)


def _keep_reporting(world: World, order: _Order, run: Document) -> None:
    """Let an agent of the modernized experience report until its appliance knows its machine."""
    if run["report"] and replication_appliance.is_expected(world, run["report"]):
        return
    role = order.role
    if role is not replication_appliance.ROLE:
        return
    server_id = machine.registered_with(world, order.instance.id)
    server = role.of_instance(world, server_id) if server_id is not None else None
    if server is None or server["stage"] != "registered":
        return
    appliance = machine.instance_of(world, server["instance"])
    if appliance is None or replication_appliance.closed_port(world, order.instance, appliance):
        return
    already = timedelta(seconds=_TAKES_SECONDS[1])
    report = replication_appliance.expect_report(world, order.instance, server, already)
    world.store.put(KIND, order.key, {**run, "report": report})


# -- checks --------------------------------------------------------------------------------------


def _registered_server(world: World, order: _Order) -> Instance | None:
    """The server at the order's address, if the agent is registered with it."""
    server = _server_at(world, order)
    if server is None or machine.registered_with(world, order.instance.id) != server.id:
        return None
    return server


def _check_installation(world: World, order: _Order) -> None:
    instance, url = order.instance, order.value("PackageUrl")
    # A script that does not mention the parameter connects directly.
    used = "{{ Proxy }}" in order.document.scripts.get(instance.platform, "")
    proxy = urlsplit(order.value("Proxy") if used else "")
    reaches = (
        world.estate.connects(instance, proxy.hostname, proxy.port or 80)
        if proxy.hostname
        else world.estate.allows_out(instance, 443)
    )
    if not url.startswith("https://") or not reaches:
        raise _Failure(
            _FETCH,
            f"{url} cannot be fetched: Unable to connect to the remote server. Check that the "
            "machine reaches it on port 443.",
        )


def _secret(world: World, order: _Order) -> str:
    secret_id = order.value("SecretId")
    try:
        return world.estate.secret(order.instance.id, secret_id)
    except AccessRefused as refusal:
        raise _Failure(_SECRET, f"The machine may not read {secret_id}: {refusal}") from None


def _check_registration(world: World, order: _Order, secret: str) -> None:
    """Check everything from the installer's start to the registration, in its order."""
    instance, experience = order.instance, order.value("Experience")
    if instance.platform not in order.document.scripts:
        raise _Failure(1, f"The document has nothing for {instance.platform}.")
    problem = order.document.problem(instance.platform, experience)
    if problem is not None:
        code, text = problem
        raise _Failure(code, _log_line(code, text))
    unsupported = (
        push_install.system_problem(instance, instance.platform.capitalize())
        if experience == CLASSIC
        else support.problem(instance)
    )
    kernel = operating_systems.kernel_of(instance.os, instance.tags.get("kernel"))
    if kernel is not None and kernel.endswith("-aws"):
        raise _Failure(_KERNEL, f"the mobility service does not take the kernel {kernel}.")
    if unsupported is not None:
        text = f"The operating system is not supported: {unsupported}"
        raise _Failure(_INSTALL, _log_line(_INSTALL, text))
    server = _check_way(world, order)
    address = order.value("ServerAddress")
    if experience == CLASSIC:
        said = _member(secret, "passphrase")
        if not said:
            raise _Failure(_SECRET, f"{order.value('SecretId')} has no passphrase in it yet.")
        right = said == configuration_server.passphrase(world, server.id)
        text = f"the passphrase is not that of the configuration server at {address}"
    else:
        right = _member(secret, "applianceId") == registration.appliance_id(world, server.id)
        text = f"config.json is not of the appliance at {address}"
    if not right:
        raise _Failure(_REGISTER, _log_line(_REGISTER, text))


def _check_way(world: World, order: _Order) -> Instance:
    """The registered server at the order's address, which the machine reaches."""
    address, title = order.value("ServerAddress"), order.role.title
    server = _server_at(world, order)
    for port in replication_appliance.PORTS:
        if server is None or not world.estate.allows(order.instance, server, port):
            text = f"{address} does not answer on port {port}"
            raise _Failure(_REGISTER, _log_line(_REGISTER, text))
    assert server is not None
    known = order.role.of_instance(world, server.id)
    if known is None or known["stage"] != "registered":
        raise _Failure(_REGISTER, _log_line(_REGISTER, f"{address} is no registered {title}"))
    before = machine.registered_with(world, order.instance.id)
    if before not in (None, server.id) and _still_registered(world, str(before)):
        text = f"the agent is registered with another server, {before}: uninstall it first"
        raise _Failure(_REGISTER, _log_line(_REGISTER, text))
    return server


def _server_at(world: World, order: _Order) -> Instance | None:
    return machine.instance_at(world, order.instance.vpc_id, order.value("ServerAddress"))


def _still_registered(world: World, instance_id: str) -> bool:
    for role in (configuration_server.ROLE, replication_appliance.ROLE):
        known = role.of_instance(world, instance_id)
        if known is not None and known["stage"] == "registered":
            return True
    return False


def _member(secret: str, name: str) -> str:
    try:
        content = json.loads(secret)
    except ValueError:
        return ""
    return str(content.get(name) or "") if isinstance(content, dict) else ""


# -- records and reports -------------------------------------------------------------------------


def _order_of(world: World, instance_id: str, association: str) -> _Order | None:
    instance = machine.instance_of(world, instance_id)
    if instance is None:
        return None
    for order in _orders(world, instance):
        if order.assignment.association_id == association:
            return order
    return None


def _fail(world: World, order: _Order, failure: _Failure) -> None:
    every = order.assignment.every
    _note(world, order, "failed", str(failure), code=failure.code)
    if every is not None:
        world.schedule(every, _RUNS_AGAIN, order.payload)
    printed = _printed(world, order, "failed", str(failure))
    detail = f"{printed}\nfailed to run commands: exit status {failure.code}"
    _report(world, order, "Failed", detail)


def _note(
    world: World,
    order: _Order,
    stage: str,
    reason: str | None = None,
    *,
    code: int | None = None,
    server: str | None = None,
) -> Document:
    every = order.assignment.every
    run = {
        "instance": order.instance.id,
        "name": order.instance.name,
        "association": order.assignment.association_id,
        "revision": order.assignment.revision,
        "stage": stage,
        "reason": reason,
        "code": code,
        "server": server,
        "again": (world.now + every).isoformat() if every is not None else None,
        "report": None,
    }
    world.store.put(KIND, order.key, run)
    return run


def _report(world: World, order: _Order, status: ReportStatus, detail: str) -> None:
    world.estate.report(order.instance.id, order.assignment.association_id, status, detail)


def _printed(world: World, order: _Order, agent: str, message: str) -> str:
    bios = discovery.bios_id(world, order.instance.id)
    return json.dumps({"agent": agent, "bios": bios, "message": message})


def _log_line(code: int, text: str) -> str:
    """A failure of the installer (15) or the configurator (16), with the text of its log."""
    if code not in _LOGS:
        return f"{text}."
    program = "The installer" if code == _INSTALL else "The registration"
    return f"{program} ended with 1. {_LOGS[code]}: {text}."
