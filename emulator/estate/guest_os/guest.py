"""One machine from the inside, at one moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from emulator.estate import services
from emulator.estate.guest_os import peers, periods, systems, writes
from emulator.estate.guest_os.peers import Chance
from emulator.estate.machines import Instance
from emulator.estate.network import Flow, Network
from emulator.estate.services import Running, Service

RUNNING = frozenset({"running", "stopping"})
"""The states of an instance in which its operating system runs. One that is stopping still does."""

_EPHEMERAL = {"windows": (49152, 65535), "linux": (32768, 60999)}


@dataclass(frozen=True)
class Connection:
    """An established TCP connection, as the machine's own commands show it."""

    local: str
    local_port: int
    address: str
    port: int
    process: str
    pid: int
    descriptor: int
    tracked: bool


@dataclass
class _Services(Running):
    """The services of a machine, which starts and stops them."""

    switch: Callable[[str, bool], bool] = lambda name, active: True

    def start(self, service: Service) -> None:
        """Start a service."""
        super().start(service)
        self.switch(service.name, True)

    def stop(self, service: Service) -> bool:
        """Stop a service, if it stops."""
        return self.switch(service.name, False) and super().stop(service)


def new(instance: Instance, network: Network, chance: Chance) -> dict[str, Any]:
    """The inside of a machine that is first seen: `services` (whether each is active, the one
    that takes writes first), `peers`, `writes`; `replicated`, the periods in which its mobility agent
    reaches its server; `stopped`, the moment since which the operating system does not run, or None;
    `faults`, what goes wrong in it.
    """
    return {
        "services": {
            one.name: True for one in services.installed(instance.platform, instance.tags)
        },
        "peers": peers.of(
            instance, network.interfaces_of(instance.id), chance, _managed_at(network, instance)
        ),
        "writes": writes.new(),
        "replicated": [],
        "stopped": None,
        "faults": {},
    }


def _managed_at(network: Network, instance: Instance) -> str | None:
    """The private address at which the SSM agent finds its service, if there is one."""
    found = network.private(instance.vpc_id, "ssmmessages")
    return found[0].address if found else None


class Guest:
    """A machine's inside, which is changed in place.

    Args:
        inside: the document that `new` made.
        instance: the machine as EC2 describes it.
        network: the network around it.
        now: the present time.
        chance: the source of what is random.
    """

    def __init__(
        self,
        inside: dict[str, Any],
        instance: Instance,
        network: Network,
        now: datetime,
        chance: Chance,
    ) -> None:
        self._inside = inside
        self._instance = instance
        self._network = network
        self._chance = chance
        self._faults: dict[str, Any] = inside["faults"]
        self.now = now

    # -- what happens around it -------------------------------------------------------------

    def look(self) -> None:
        """Meet the instance and the network as they are now.

        What was admitted until now connects first: the change is of this moment. Security groups do
        not interrupt the connections that they track; those that they do not track end when the
        rules that let them through are gone. Network ACLs and routes interrupt at once.
        """
        self._connect()
        self._power()
        for peer in self._inside["peers"]:
            flow = self._flow(peer)
            peer["admitted"] = self._runs and self._network.permits(flow)
            peer["tracked"] = self._network.tracks(flow)
            connection = peer["connection"]
            if connection is not None and not self._survives(connection, flow):
                peer["connection"] = None
        self._settle()

    def replicate_to(self, server: str | None) -> None:
        """Let a mobility agent talk to the server at an address; None ends that."""
        kept = [one for one in self._inside["peers"] if not peers.replicates(one)]
        more = peers.replication(self._instance, server, self._chance) if server else []
        self._inside["peers"] = [*kept, *more]
        self.look()

    # -- what its own commands do -----------------------------------------------------------

    @property
    def system(self) -> str:
        """Its operating system, as `operating_systems` names it."""
        return self._instance.os

    @property
    def clock(self) -> datetime:
        """What its own clock shows."""
        return self.now + timedelta(seconds=self._faults.get("clockSkewSeconds", 0))

    @property
    def services(self) -> Running:
        """Its services."""
        installed = services.installed(self._instance.platform, self._instance.tags)
        up = {name for name, active in self._inside["services"].items() if active}
        return _Services(self._instance.name, installed, up, self._switch)

    @property
    def serves(self) -> bool:
        """Whether the service that takes writes is active."""
        return bool(next(iter(self._inside["services"].values()), False))

    def connects(self, host: str, port: int) -> bool:
        """Whether a connection to a host's port would be established."""
        return self._network.connects(self._instance.id, host, port)

    def connections(self) -> list[Connection]:
        """Its established connections."""
        self._connect()
        return [connection for _, connection in self._established()]

    def end(self, address: str, port: int | None = None) -> list[Connection]:
        """End the connections with an address, and a port of it if one is given.

        Returns:
            Those that were ended. A peer that is still admitted connects again.
        """
        if not systems.ends_connections(self.system):
            return []
        ended = []
        for peer, connection in list(self._established()):
            if connection.address != address or port not in (None, connection.port):
                continue
            if not self._keeps(connection):
                peer["connection"] = None
                ended.append(connection)
        self._settle()
        return ended

    def flush(self) -> None:
        """Write everything that is in memory to the disks."""
        writes.flush(self._inside["writes"], self.now)

    def _switch(self, name: str, active: bool) -> bool:
        """Start or stop a service, and with it its connections; False if it does not stop."""
        if not active and self._faults.get("serviceStops") is False:
            return False
        self._inside["services"][name] = active
        if not self.serves:
            for peer in self._inside["peers"]:
                if peer["writes"]:
                    peer["connection"] = None
        self._settle()
        return True

    # -- its connections --------------------------------------------------------------------

    @property
    def _runs(self) -> bool:
        return self._inside["stopped"] is None

    def _power(self) -> None:
        runs = self._instance.state in RUNNING
        if runs and not self._runs:
            self._inside["stopped"] = None
            self._inside["services"] = dict.fromkeys(self._inside["services"], True)
        elif not runs and self._runs:
            # An operating system that is shut down flushes its disks.
            self.flush()
            self._inside["stopped"] = self.now.isoformat()

    def _settle(self) -> None:
        self._connect()
        writers = [one for one in self._inside["peers"] if one["writes"]]
        until: datetime | None = self.now
        if self._runs and self.serves:
            ends = [_end(one) for one in writers if one["connection"] is not None]
            open_ = any(one["admitted"] for one in writers) or None in ends
            until = None if open_ else max((one for one in ends if one), default=self.now)
        writes.goes_on(self._inside["writes"], self.now, until)
        periods.goes_on(self._inside["replicated"], self.now, self._replicates_until())

    def _replicates_until(self) -> datetime | None:
        """Until when the agent reaches its server on every port; None for no end that is known."""
        ways = [one for one in self._inside["peers"] if peers.replicates(one)]
        if not self._runs or not ways:
            return self.now
        ends = [
            self.now if one["connection"] is None else _end(one)
            for one in ways
            if not one["admitted"]
        ]
        return min((end for end in ends if end is not None), default=None)

    def _connect(self) -> None:
        """Let connections end whose time is over, and every peer connect that may."""
        for peer in self._inside["peers"]:
            if peer["connection"] is not None:
                end = _end(peer)
                if end is not None and end <= self.now:
                    peer["connection"] = None
            may = peer["admitted"] and self._runs and (self.serves or not peer["writes"])
            if peer["connection"] is None and may:
                peer["connection"] = self._new_connection(peer)

    def _new_connection(self, peer: dict[str, Any]) -> dict[str, Any]:
        peer["made"] += 1
        draw = self._chance("connection", self._instance.id, peer["name"], peer["made"])
        caller = "linux" if peer["inbound"] else self._instance.platform
        end = None
        if peer["stays"] is not None:
            end = self.now + timedelta(seconds=draw.uniform(*peer["stays"]))
        return {
            "port": draw.randint(*_EPHEMERAL[caller]),
            "descriptor": draw.randint(5, 60),
            "ends": None if end is None else end.isoformat(),
            "tracked": peer["tracked"],
        }

    def _survives(self, connection: dict[str, Any], flow: Flow) -> bool:
        if not self._runs or not self._network.carries(flow):
            return False
        if connection["tracked"]:
            return True
        return self._network.permits(flow) and not self._network.tracks(flow)

    def _flow(self, peer: dict[str, Any]) -> Flow:
        return Flow(
            self._instance.id, peer["local"], peer["address"], peer["port"], peer["inbound"]
        )

    def _established(self) -> Iterator[tuple[dict[str, Any], Connection]]:
        for peer in self._inside["peers"]:
            made = peer["connection"]
            if made is None:
                continue
            ports = (peer["port"], made["port"])
            local_port, port = ports if peer["inbound"] else ports[::-1]
            yield (
                peer,
                Connection(
                    peer["local"],
                    local_port,
                    peer["address"],
                    port,
                    peer["process"],
                    peer["pid"],
                    made["descriptor"],
                    made["tracked"],
                ),
            )

    def _keeps(self, connection: Connection) -> bool:
        kept = self._faults.get("keepsConnections", False)
        return connection.address in kept if isinstance(kept, list) else bool(kept)


def _end(peer: dict[str, Any]) -> datetime | None:
    ends = peer["connection"]["ends"]
    return None if ends is None else datetime.fromisoformat(ends)
