"""Servers of Site Recovery that set themselves up from their user data.

What the script on the instance would do is done here in its order, with the role of the instance:
check the machine, read the credential, install, hand the agents' secret over, and say in a
parameter how far it is. The script tries again every five minutes of service time, and when the
instance was restarted; what an installation takes is what it takes by hand. A replication appliance
waits in the middle for a person with a device code, who is the operator.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from emulator.estate.machines import AccessRefused, Instance
from emulator.guests import (
    computer_names,
    configuration_server,
    operator,
    replication_appliance,
    server_script,
)
from emulator.guests.server_script import ServerScript
from emulator.guests.servers import ROLE_TAG, VAULT_TAG, InstallationRefused, own_script
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError
from emulator.kernel.world import World
from emulator.recovery_services.servers.registrations import vault_of

KIND = "guest/setup"

_RETRY = timedelta(minutes=5)
_PERSON_COMES = timedelta(seconds=30)
_WAITS = "server set-up waits for a person"
_GOES_ON = "server set-up goes on"
_ROLES = {
    server_script.CONFIGURATION_SERVER: configuration_server.ROLE,
    server_script.REPLICATION_APPLIANCE: replication_appliance.ROLE,
}
_DATA_DISKS = 2
"""The number of data disks that a configuration server needs: a cache and a retention volume."""
_UNATTENDED = 0.2
"""The part of an appliance's installation that is done before the person is needed."""


def register(world: World) -> None:
    """Register the event handlers of instances that boot with a set-up script."""
    world.on(_WAITS, _on_waiting)
    world.on(_GOES_ON, _on_going_on)
    operator.on_round(world, _go_round)


def setups(world: World, role: str) -> list[Document]:
    """The setup progress of a role's instances, oldest first.

    Each has `instance`, `name`, `vault`, `fabric`, `stage`, `reason` and `setup`, the status that
    it last signalled. A stage is starting, installing, waiting or failed, or the state of the
    server: registered or unregistered.
    """
    found = []
    for setup in world.store.list(KIND):
        if setup["role"] == role:
            server = _ROLES[role].of_instance(world, setup["instance"]) or {}
            done = setup["stage"] == "succeeded"
            found.append(
                {
                    "instance": setup["instance"],
                    "name": setup["name"],
                    "vault": server.get("vault"),
                    "fabric": server.get("fabric"),
                    "stage": server.get("stage", "unregistered") if done else setup["stage"],
                    "reason": server.get("reason") if done else setup["reason"],
                    "setup": setup["status"],
                }
            )
    return found


def registered(world: World, server: Document, agent_secret: str) -> None:
    """Continue the set-up of a server that has registered: share the agents' secret.

    Args:
        world: the world; a transaction must be open.
        server: the server.
        agent_secret: the text for the secret of the agents.
    """
    setup = world.store.get(KIND, server["instance"])
    instance, script = _instance_with_script(world, server["instance"])
    if setup is not None and instance is not None and script is not None:
        setup |= {"stage": "sharing", "agentSecret": agent_secret}
        _share(world, instance, script, setup)


def broke(world: World, server: Document) -> None:
    """Fail the set-up of a server whose installation ended without a registration."""
    setup = world.store.get(KIND, server["instance"])
    instance, script = _instance_with_script(world, server["instance"])
    if setup is not None and instance is not None and script is not None:
        _fail(world, instance, script, setup, "install", str(server["reason"]))


def _go_round(world: World) -> None:
    booted = set()
    for instance in world.estate.instances():
        if instance.state == "running":
            script = own_script(world, instance)
            if script is not None:
                booted.add(instance.id)
                _visit(world, instance, script)
        elif instance.state != "terminated":
            booted.add(instance.id)
            _will_try_at_boot(world, instance)
    for key in world.store.keys(KIND):
        setup = world.store.peek(KIND, key)
        if setup is not None and setup["instance"] not in booted:
            world.store.delete(KIND, key)


def _will_try_at_boot(world: World, instance: Instance) -> None:
    setup = world.store.peek(KIND, instance.id)
    if setup is not None and setup["again"] is not None:
        world.store.put(KIND, instance.id, {**setup, "again": None})


def _visit(world: World, instance: Instance, script: ServerScript) -> None:
    known = world.store.peek(KIND, instance.id)
    if known is None or (known["digest"] != script.digest and known["stage"] == "failed"):
        setup = _new(instance, script)
        if not script.problem:
            _signal(world, instance, script, setup, "starting", "start", "The set-up begins.")
        _try(world, instance, script, setup)
        return
    if known["stage"] in ("succeeded", "installing", "registering"):
        return
    again = known["again"]
    if again is not None and world.now < datetime.fromisoformat(again):
        return
    setup = dict(known)
    if setup["stage"] == "waiting":
        _sign_in(world, instance, script, setup)
    elif setup["stage"] == "sharing":
        _share(world, instance, script, setup)
    else:
        _try(world, instance, script, setup)


def _try(world: World, instance: Instance, script: ServerScript, setup: Document) -> None:
    if script.problem:
        # It ends before it can signal anything.
        _note(world, setup, "failed", script.problem)
        return
    reason = _ROLES[script.role].refusal(world, instance) or _lacking_disks(instance, script)
    if reason is not None:
        message = f"This machine cannot be the server: {reason}."
        _fail(world, instance, script, setup, "prerequisites", message)
    elif script.role == server_script.CONFIGURATION_SERVER:
        _install_server(world, instance, script, setup)
    else:
        _install_appliance(world, instance, script, setup)


def _install_server(
    world: World, instance: Instance, script: ServerScript, setup: Document
) -> None:
    try:
        credential = world.estate.secret(instance.id, script.credential_secret_id)
        problem = server_script.installer_problem(script)
        if problem is not None:
            raise InstallationRefused(
                f"UNIFIEDSETUP.EXE ended with exit code 1. "
                f"ASRUnifiedSetupInstaller.log: The installer reports: {problem}."
            )
        vault = vault_of(world, credential)
        name = _computer_name(instance, script)
        configuration_server.ROLE.install(world, instance.id, vault, name=name)
    except (AccessRefused, InstallationRefused) as refusal:
        _fail(world, instance, script, setup, "install", str(refusal))
        return
    except ArmError as refusal:
        message = (
            f"UNIFIEDSETUP.EXE ended with exit code 1. ASRUnifiedSetupInstaller.log: {refusal}"
        )
        _fail(world, instance, script, setup, "install", message)
        return
    _signal(world, instance, script, setup, "installing", "install", "Unified Setup runs.")
    _note(world, setup, "installing")


def _install_appliance(
    world: World, instance: Instance, script: ServerScript, setup: Document
) -> None:
    problem = server_script.installer_problem(script)
    if problem is not None:
        _fail(world, instance, script, setup, "install", f"powershell.exe: {problem}.")
        return
    _signal(world, instance, script, setup, "installing", "install", "DRInstaller.ps1 runs.")
    world.schedule(_unattended(world, instance), _WAITS, {"instance": instance.id})
    _note(world, setup, "installing")


def _on_waiting(world: World, payload: Document) -> None:
    setup = world.store.get(KIND, payload["instance"])
    instance, script = _instance_with_script(world, payload["instance"])
    if setup is None or instance is None or script is None:
        return
    if instance.state != "running":
        _note(world, setup, "failed", f"the instance is {instance.state}")
        return
    message = (
        f"The appliance {script.computer_name} is installed. Sign in to it with the appliance key "
        "and a device code."
    )
    _signal(world, instance, script, setup, "waiting", "sign-in", message)
    reason = "a person must sign in to the appliance"
    _note(world, setup, "waiting", reason, again=_PERSON_COMES)


def _on_going_on(world: World, payload: Document) -> None:
    instance, script = _instance_with_script(world, payload["instance"])
    if instance is not None and script is not None and instance.state == "running":
        _visit(world, instance, script)


def _sign_in(world: World, instance: Instance, script: ServerScript, setup: Document) -> None:
    role = replication_appliance.ROLE
    name = _computer_name(instance, script)
    vault = instance.tags.get(VAULT_TAG, "")
    try:
        role.install(world, instance.id, vault, name=name, already=_unattended(world, instance))
    except InstallationRefused as refusal:
        if setup["reason"] != str(refusal):
            _note(world, setup, "waiting", str(refusal))
        return
    _note(world, setup, "registering")


def _share(world: World, instance: Instance, script: ServerScript, setup: Document) -> None:
    """Store the agents' secret, by the server itself or, for an appliance, by the person."""
    itself = script.role == server_script.CONFIGURATION_SERVER
    try:
        if not itself:
            world.estate.put_secret(None, script.agent_secret_id, setup["agentSecret"])
        elif script.shares_passphrase:
            world.estate.put_secret(instance.id, script.agent_secret_id, setup["agentSecret"])
    except AccessRefused as refusal:
        if itself:
            message = str(refusal)
            _fail(world, instance, script, setup, "passphrase", message, stage="sharing")
        else:
            _note(world, setup, "sharing", str(refusal), again=_RETRY)
        return
    if script.signals("succeeded"):
        message = f"{script.computer_name} is registered with its vault."
        _signal(world, instance, script, setup, "succeeded", "done", message)
    _note(world, setup, "succeeded")


def _fail(
    world: World,
    instance: Instance,
    script: ServerScript,
    setup: Document,
    step: str,
    reason: str,
    *,
    stage: str = "failed",
) -> None:
    if instance.state == "running":
        _signal(world, instance, script, setup, "failed", step, reason)
    _note(world, setup, stage, reason, again=_RETRY)


def _signal(
    world: World,
    instance: Instance,
    script: ServerScript,
    setup: Document,
    state: str,
    step: str,
    message: str,
) -> None:
    """Write the status parameter. A script without the permission for it continues."""
    status = {"state": state, "step": step, "message": message}
    setup["status"] = status
    try:
        world.estate.signal(instance.id, script.status_parameter, json.dumps(status))
    except AccessRefused as refusal:
        setup["status"] = {**status, "refused": str(refusal)}


def _note(
    world: World,
    setup: Document,
    stage: str,
    reason: str | None = None,
    again: timedelta | None = None,
) -> None:
    """Store the progress of a set-up; with `again`, schedule it to continue after that time."""
    due = None if again is None else world.now + again
    setup |= {"stage": stage, "reason": reason, "again": due.isoformat() if due else None}
    world.store.put(KIND, setup["instance"], setup)
    if again is not None:
        world.schedule(again, _GOES_ON, {"instance": setup["instance"]})


def _new(instance: Instance, script: ServerScript) -> Document:
    return {
        "instance": instance.id,
        "name": _computer_name(instance, script),
        "role": script.role if script.role in _ROLES else instance.tags.get(ROLE_TAG, ""),
        "digest": script.digest,
        "stage": "starting",
        "reason": None,
        "again": None,
        "status": None,
        "agentSecret": None,
    }


def _computer_name(instance: Instance, script: ServerScript) -> str:
    """The server's name in its vault: Windows generates a name if none is given."""
    generated = f"EC2AMAZ-{instance.id[-7:].upper()}"
    if script.renames and script.computer_name:
        return computer_names.after_renaming(script.computer_name, generated)
    return generated


def _lacking_disks(instance: Instance, script: ServerScript) -> str | None:
    disks = len(instance.disks) - 1
    if script.role != server_script.CONFIGURATION_SERVER or disks >= _DATA_DISKS:
        return None
    return f"{disks} data disks, {_DATA_DISKS} are needed"


def _unattended(world: World, instance: Instance) -> timedelta:
    """The time that an appliance takes until it waits for a person."""
    shortest, longest = replication_appliance.ROLE.takes
    seconds = world.uniform(shortest, longest, "set-up", instance.id) * _UNATTENDED
    return timedelta(seconds=seconds)


def _instance_with_script(
    world: World, instance_id: str
) -> tuple[Instance | None, ServerScript | None]:
    for instance in world.estate.instances():
        if instance.id == instance_id:
            return instance, own_script(world, instance)
    return None, None
