"""Servers of Site Recovery, which the operator finds, checks and registers.

A server is a running EC2 instance with the tags of its role and of a vault that exists. The
operator checks what the installer would check, and registers the server after the time of an
installation. An instance with a set-up script in its user data sets itself up. A server whose
registration was removed is not registered again until a person removes its tags and sets them
again, tags it for another vault, or installs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from emulator.estate.machines import Instance
from emulator.guests import operator, server_script
from emulator.guests.server_script import ServerScript
from emulator.kernel import resources
from emulator.kernel.store import Document
from emulator.kernel.world import World

ROLE_TAG, VAULT_TAG = "site-recovery:role", "site-recovery:vault"
_AT_WORK = ("installing", "registered")


class InstallationRefused(Exception):
    """An installer refuses to start on an instance; the text says why."""


@dataclass(frozen=True)
class Role:
    """A kind of server, and what its installer requires.

    Attributes:
        tag: the value of the instance's role tag.
        title: its name in messages.
        systems: the supported operating systems, with their display names.
        vcpus: the least number of virtual processors.
        memory_mib: the least memory in MiB.
        disks_gib: the least sizes of its disks in GiB, the root disk first.
        takes: shortest and longest time of an installation, in seconds of service time.
    """

    tag: str
    title: str
    systems: Mapping[str, str]
    vcpus: int
    memory_mib: int
    takes: tuple[float, float]
    disks_gib: tuple[int, ...] = ()

    @property
    def kind(self) -> str:
        """The kind under which servers of the role are stored."""
        return f"guest/{self.tag}"

    @property
    def registers(self) -> str:
        """The event at the end of an installation, which Site Recovery handles."""
        return f"{self.title} registers"

    def watch(self, world: World) -> None:
        """Register the operator's search for servers of the role, on every round."""
        operator.on_round(world, self._look)

    def servers(self, world: World) -> list[Document]:
        """Every server of the role that the operator has seen, the oldest first."""
        return [server for server in world.store.list(self.kind) if "instance" in server]

    def server(self, world: World, key: str) -> Document | None:
        """The server of the key in the payload of `registers`."""
        return world.store.get(self.kind, key)

    def of_fabric(self, world: World, fabric_id: str) -> list[Instance]:
        """The running instances behind a fabric; empty if all are stopped or gone."""
        behind = {
            server["instance"]
            for server in self.servers(world)
            if (server.get("fabric") or "").lower() == fabric_id.lower()
        }
        return [
            instance
            for instance in (world.instances() if behind else ())
            if instance.id in behind and instance.state == "running"
        ]

    def of_instance(self, world: World, instance_id: str) -> Document | None:
        """The newest server on an instance that has not left its vault."""
        found = [one for one in self.servers(world) if one["instance"] == instance_id]
        at_work = [one for one in found if one["stage"] in _AT_WORK]
        return next(iter([*at_work[::-1], *found[::-1]]), None)

    def registered(self, world: World, server: Document, fabric_id: str) -> None:
        """Record that the server's fabric is in its vault."""
        server |= {"stage": "registered", "fabric": fabric_id, "reason": None}
        world.store.put(self.kind, _key(server["instance"], server["vault"]), server)

    def unregistered(self, world: World, fabric_id: str) -> None:
        """Record that a fabric left its vault; the operator does not register it again."""
        for server in self.servers(world):
            if (server.get("fabric") or "").lower() == fabric_id.lower():
                server |= {"stage": "unregistered", "reason": "its registration was removed"}
                world.store.put(self.kind, _key(server["instance"], server["vault"]), server)

    def ready(self, world: World, server: Document) -> Instance | None:
        """The instance of a server whose installation ends now, or None if it cannot register. The
        problem is recorded, and the operator starts again when it is solved.
        """
        for instance in world.estate.instances():
            if instance.id == server["instance"]:
                reason = self._vault_refusal(world, server["vault"])
                reason = reason or self.refusal(world, instance)
                if instance.state != "running":
                    reason = f"the instance is {instance.state}"
                if reason is None:
                    return instance
                server |= {"stage": "refused", "reason": reason}
                world.store.put(self.kind, _key(instance.id, server["vault"]), server)
                return None
        world.store.delete(self.kind, _key(server["instance"], server["vault"]))
        return None

    def install(
        self,
        world: World,
        instance_id: str,
        vault: str,
        *,
        name: str | None = None,
        already: timedelta = timedelta(),
    ) -> Document:
        """Begin an installation now, whatever the instance's tags: someone started its setup.

        Args:
            world: the world; a transaction must be open.
            instance_id: the instance.
            vault: the id of the vault to register with.
            name: the computer's name; None takes the instance's.
            already: the part of the installation's time that has passed.

        Returns:
            The server as it is now.

        Raises:
            InstallationRefused: the instance is not fit, or is registered already.
        """
        found = [one for one in world.estate.instances() if one.id == instance_id]
        if not found:
            raise InstallationRefused(f"there is no instance '{instance_id}'")
        (instance,) = found
        if instance.state != "running":
            raise InstallationRefused(f"the instance is {instance.state}")
        reason = self._vault_refusal(world, vault) or self.refusal(world, instance)
        if reason is not None:
            raise InstallationRefused(reason)
        for server in self.servers(world):
            if server["instance"] == instance_id and server["stage"] in _AT_WORK:
                raise InstallationRefused(
                    f"'{instance.name}' is {server['stage']} already, with '{server['vault']}'"
                )
        server = _found(instance, vault) | {"name": name or instance.name}
        return self._begin(world, instance, server, already)

    def _look(self, world: World) -> None:
        tagged = set()
        for instance in world.estate.instances():
            if instance.tags.get(ROLE_TAG) == self.tag:
                vault = instance.tags.get(VAULT_TAG, "")
                tagged.add(_key(instance.id, vault))
                if instance.state == "running" and own_script(world, instance) is None:
                    self._visit(world, instance, vault)
        for server in self.servers(world):
            key = _key(server["instance"], server["vault"])
            if server["stage"] == "unregistered" and key not in tagged:
                world.store.delete(self.kind, key)

    def _visit(self, world: World, instance: Instance, vault: str) -> None:
        key = _key(instance.id, vault)
        server = world.store.get(self.kind, key)
        if server is None:
            server = _found(instance, vault)
        if server["stage"] not in ("found", "refused"):
            return
        reason = self._vault_refusal(world, vault) or self.refusal(world, instance)
        if reason is None:
            self._begin(world, instance, server)
        elif server["reason"] != reason:
            world.store.put(self.kind, key, server | {"stage": "refused", "reason": reason})

    def _begin(
        self,
        world: World,
        instance: Instance,
        server: Document,
        already: timedelta = timedelta(),
    ) -> Document:
        vault = server["vault"]
        key = _key(instance.id, vault)
        seconds = world.random("installation", instance.id, vault).uniform(*self.takes)
        rest = max(timedelta(seconds=seconds) - already, timedelta())
        world.schedule(rest, self.registers, {"server": key})
        installing = server | {"stage": "installing", "reason": None}
        world.store.put(self.kind, key, installing)
        return installing

    def _vault_refusal(self, world: World, vault: str) -> str | None:
        return None if resources.find(world, vault) else f"there is no vault '{vault}'"

    def refusal(self, world: World, instance: Instance) -> str | None:
        """The reason why the installer refuses to start on an instance; None if it starts."""
        if instance.os not in self.systems:
            names = " or ".join(self.systems.values())
            return f"{instance.os} is not supported: {names} is needed"
        if instance.vcpus < self.vcpus or instance.memory_mib < self.memory_mib:
            return (
                f"{instance.instance_type} has {instance.vcpus} vCPUs and {instance.memory_mib} "
                f"MiB: at least {self.vcpus} vCPUs and {self.memory_mib} MiB are needed"
            )
        sizes = [disk.size_gib for disk in instance.disks]
        # The root disk is the first; the order of the others does not matter.
        have = sizes[:1] + sorted(sizes[1:], reverse=True)
        needed = self.disks_gib
        if len(have) < len(needed) or any(a < b for a, b in zip(have, needed, strict=False)):
            return (
                f"it has disks of {', '.join(map(str, sizes)) or 'no'} GiB: at least "
                f"{' and '.join(map(str, needed))} GiB are needed"
            )
        return _no_way_out(world, instance)


def _no_way_out(world: World, instance: Instance) -> str | None:
    """Why a server does not reach Azure, directly or through the proxy of its set-up script."""
    script = own_script(world, instance)
    if script is None or not script.proxy:
        direct = world.estate.allows_out(instance, 443)
        return None if direct else "it cannot reach the internet on port 443"
    proxy = urlsplit(script.proxy)
    port = proxy.port or 80
    if not world.estate.connects(instance, proxy.hostname or "", port):
        return f"it cannot reach the proxy {proxy.netloc}"
    for one in world.estate.instances():
        is_proxy = one.private_ip == proxy.hostname and world.estate.allows(instance, one, port)
        if is_proxy and not world.estate.allows_out(one, 443):
            return f"the proxy {proxy.netloc} cannot reach the internet on port 443"
    return None


def own_script(world: World, instance: Instance) -> ServerScript | None:
    """The script with which an instance sets itself up, or None."""
    user_data = world.estate.user_data(instance.id) if instance.platform == "windows" else None
    return server_script.read(user_data) if user_data else None


def _found(instance: Instance, vault: str) -> Document:
    server: Document = {"instance": instance.id, "name": instance.name, "vault": vault}
    return server | {"fabric": None, "stage": "found", "reason": None}


def _key(instance_id: str, vault: str) -> str:
    return f"{instance_id}|{vault.rstrip('/').lower()}"
