"""The configuration server, and the operator who installs and registers it.

Installing Unified Setup is a person's work in the classic procedure. Here that person is the
operator: they watch for a running instance tagged as a configuration server of a vault that
exists, check what the installer would check, and register it after 9 to 13 minutes.
"""

from __future__ import annotations

from datetime import timedelta

from emulator.guests import machine
from emulator.guests.estate import Instance
from emulator.kernel import resources
from emulator.kernel.store import Document
from emulator.kernel.world import World

KIND = "guest/configuration-server"
REGISTERED = "configuration server registers"
"""The event at the end of an installation; Site Recovery says what it means."""

ROLE_TAG, VAULT_TAG = "site-recovery:role", "site-recovery:vault"
ROLE = "configuration-server"

ACCOUNTS = {"1": ("WindowsAccount", "Windows"), "2": ("LinuxAccount", "Linux")}
"""Run-as accounts that the operator adds: id -> friendly name and the OS type it is good for."""

_LOOKS = "operator looks for configuration servers"
_EVERY = timedelta(seconds=30)
_SUPPORTED = ("windows-server-2012-r2", "windows-server-2016")
_MIN_VCPUS, _MIN_MEMORY_MIB = 8, 16 * 1024
_INSTALL_SECONDS = (540, 780)


def register(world: World) -> None:
    """Let the operator look every half minute from now on."""
    world.on(_LOOKS, _look)
    if world.store.get(KIND, "operator") is None:
        with world.store.transaction():
            world.store.put(KIND, "operator", {"since": world.now.isoformat()})
            world.schedule(timedelta(), _LOOKS, {})


def servers(world: World) -> list[Document]:
    """Every configuration server that the operator has dealt with, oldest first."""
    return [server for server in world.store.list(KIND) if "instance" in server]


def of_fabric(world: World, fabric_id: str) -> Instance | None:
    """The running instance behind a fabric, or None when it is stopped or gone."""
    for server in servers(world):
        if (server.get("fabric") or "").lower() == fabric_id.lower():
            for instance in world.estate.instances():
                if instance.id == server["instance"] and instance.state == "running":
                    return instance
    return None


def registered(world: World, server: Document, fabric_id: str) -> None:
    """Note that the server's fabric is in its vault."""
    server |= {"stage": "registered", "fabric": fabric_id, "reason": None}
    world.store.put(KIND, _key(server["instance"], server["vault"]), server)


def unregistered(world: World, fabric_id: str) -> None:
    """Note that a fabric was removed from its vault; the operator does not register it again."""
    for server in servers(world):
        if (server.get("fabric") or "").lower() == fabric_id.lower():
            server |= {"stage": "unregistered", "reason": "its registration was removed"}
            world.store.put(KIND, _key(server["instance"], server["vault"]), server)


def _look(world: World, payload: Document) -> None:
    # On their round the operator notices which machines stopped, as heartbeats would tell.
    machine.look(world)
    for instance in world.estate.instances():
        vault = instance.tags.get(VAULT_TAG, "")
        if instance.tags.get(ROLE_TAG) == ROLE and instance.state == "running":
            _visit(world, instance, vault)
    # After a long silence nothing is gained by looking at every half minute of it.
    behind = world.clock.now() - world.now
    world.schedule(max(_EVERY, behind), _LOOKS, {})


def _visit(world: World, instance: Instance, vault: str) -> None:
    server = world.store.get(KIND, _key(instance.id, vault))
    if server is None:
        server = {"instance": instance.id, "name": instance.name, "vault": vault, "fabric": None}
        server |= {"stage": "found", "reason": None}
    if server["stage"] not in ("found", "refused"):
        return
    reason = _refusal(world, instance, vault)
    changed: Document
    if reason is not None:
        changed = {"stage": "refused", "reason": reason}
    else:
        shortest, longest = _INSTALL_SECONDS
        seconds = world.random("installation", instance.id, vault).uniform(shortest, longest)
        world.schedule(timedelta(seconds=seconds), REGISTERED, {"server": _key(instance.id, vault)})
        changed = {"stage": "installing", "reason": None}
    if any(server[name] != value for name, value in changed.items()):
        world.store.put(KIND, _key(instance.id, vault), server | changed)


def _refusal(world: World, instance: Instance, vault: str) -> str | None:
    if resources.find(world, vault) is None:
        return f"there is no vault '{vault}'"
    if instance.os not in _SUPPORTED:
        return f"{instance.os} is not supported: Windows Server 2012 R2 or 2016 is needed"
    if instance.vcpus < _MIN_VCPUS or instance.memory_mib < _MIN_MEMORY_MIB:
        return (
            f"{instance.instance_type} has {instance.vcpus} vCPUs and {instance.memory_mib} MiB: "
            f"at least {_MIN_VCPUS} vCPUs and {_MIN_MEMORY_MIB} MiB are needed"
        )
    if not world.estate.allows_out(instance, 443):
        return "it cannot reach the internet on port 443"
    return None


def ready(world: World, server: Document) -> Instance | None:
    """The instance of a server whose installation ends now, or None when it cannot register.

    What is wrong is noted, and the operator begins again once it is right.
    """
    for instance in world.estate.instances():
        if instance.id == server["instance"]:
            reason = _refusal(world, instance, server["vault"])
            if instance.state != "running":
                reason = f"the instance is {instance.state}"
            if reason is None:
                return instance
            server |= {"stage": "refused", "reason": reason}
            world.store.put(KIND, _key(instance.id, server["vault"]), server)
            return None
    world.store.delete(KIND, _key(server["instance"], server["vault"]))
    return None


def _key(instance_id: str, vault: str) -> str:
    return f"{instance_id}|{vault.rstrip('/').lower()}"
