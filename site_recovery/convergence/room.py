"""Whether subnets have the addresses that machines will need in Azure.

Azure gives a machine the lowest free address of its subnet, unless its target names one. A failover
whose address is taken, or whose subnet is full, fails after the failovers of its siblings: so the
addresses of all machines are looked at together, before the first of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from site_recovery import arm_ids
from site_recovery.config_paths import path
from site_recovery.fleet import Assignment
from site_recovery.look_ahead import plan
from site_recovery.observation import Observed, observe
from site_recovery.operations import Operation
from site_recovery.planning import Rules
from site_recovery.reasons import Reason
from site_recovery.snapshot import Snapshot
from site_recovery.steps import Blocked
from site_recovery.subnets import Network, Subnet
from site_recovery.target_interfaces import InterfaceSettings
from site_recovery.target_settings import TargetSettings

TAKING = (Operation.TEST_FAILOVER, Operation.UNPLANNED_FAILOVER)
"""The operations that give a machine an address in Azure."""
_ADDRESS_KEYS = ("privateIp", "testPrivateIp")
_NAMED = 5
"""The most machines that a message names."""


@dataclass(frozen=True)
class Demand:
    """An address that a machine will need.

    Attributes:
        machine: its name.
        operation: the failover that takes it, test or not.
        network_id: the virtual network.
        subnets: names of the subnet, the first one that exists counts. For a test, the network's
            first subnet is taken if none does, as Site Recovery does.
        address: the one that its target names; None if Azure chooses.
        now: whether the failover is planned. If not, the address is only kept free.
        releases: ids of interfaces, in lower case, that are deleted before.
        interface: the key of a further interface in the machine's target; empty for the first one.
    """

    machine: str
    operation: Operation
    network_id: str
    subnets: tuple[str, ...]
    address: str | None = None
    now: bool = True
    releases: frozenset[str] = frozenset()
    interface: str = ""

    def key(self, *, subnet: bool = False) -> tuple[str, ...]:
        """The keys to the address in the machine's target, or to its subnet."""
        test = self.operation is Operation.TEST_FAILOVER
        last = ("testSubnet" if test else "subnet") if subnet else _ADDRESS_KEYS[test]
        return ("interfaces", self.interface, last) if self.interface else (last,)


def demands(
    assignments: Iterable[Assignment], snapshot: Snapshot, rules: Rules
) -> Iterator[Demand]:
    """The addresses that machines will need before they are in their phases.

    Args:
        assignments: the machines, each with its `settings`.
        snapshot: the services now.
        rules: the rules of their wave.
    """
    for assignment in assignments:
        settings, name = assignment.settings, assignment.machine.name
        if settings is None or assignment.desired is None:
            continue
        observed = observe(assignment.machine, snapshot, settings)
        if observed.in_azure:
            continue
        planned, _ = plan(assignment.desired, observed, rules)
        tests = Operation.TEST_FAILOVER in planned
        fails_over = Operation.UNPLANNED_FAILOVER in planned
        released = _interfaces(observed, snapshot) if tests else frozenset()
        for each in _every_interface(assignment, settings, observed):
            key = each.key or each.mac
            if tests:
                yield Demand(
                    name,
                    Operation.TEST_FAILOVER,
                    settings.test_network_id or "",
                    tuple(filter(None, (each.test_subnet, each.subnet))),
                    each.test_private_ip or None,
                    releases=released,
                    interface=key,
                )
            if fails_over or each.private_ip:
                yield Demand(
                    name,
                    Operation.UNPLANNED_FAILOVER,
                    settings.network_id or "",
                    tuple(filter(None, (each.subnet,))),
                    each.private_ip or None,
                    fails_over,
                    interface=key,
                )


def _every_interface(
    assignment: Assignment, settings: TargetSettings, observed: Observed
) -> list[InterfaceSettings]:
    """The interfaces that a failover of a machine makes.

    A machine without an item has those of its instance. They begin in the subnet of the first one.
    """
    first, *others = settings.every_interface(observed.target)
    if observed.item_id is None:
        has = assignment.hardware.interfaces if assignment.hardware is not None else 1
        beginning = replace(first, private_ip="", test_private_ip="")
        named = [each.over(beginning) for each in settings.others]
        unnamed = max(0, has - 1 - len(named))
        others = [*named, *([beginning] * unnamed)]
    return [first, *(each for each in others if each.is_made)]


def asked(wanted: Iterable[Demand]) -> dict[str, set[str]]:
    """The networks that have to be read, each with the addresses to ask about."""
    due = [demand for demand in wanted if demand.now]
    networks: dict[str, set[str]] = {demand.network_id: set() for demand in due}
    for demand in due:
        if demand.address is not None:
            networks[demand.network_id].add(demand.address)
    return networks


def problems(
    wanted: Iterable[Demand], networks: Mapping[str, Network], owners: Mapping[str, str]
) -> dict[str, Blocked]:
    """Why machines cannot get their addresses, by the name of the machine.

    Args:
        wanted: what the machines need, in the order in which they should be served.
        networks: by ARM id; one that is not in it does not exist.
        owners: by the id of an interface in lower case, the name of its virtual machine.
    """
    found: dict[str, Blocked] = {}
    in_subnets: dict[tuple[str, str], tuple[Network, Subnet, list[Demand]]] = {}
    for demand in wanted:
        network = networks.get(demand.network_id)
        subnet = _subnet(demand, network) if network is not None else None
        if network is not None and subnet is not None:
            key = (demand.network_id.lower(), subnet.name.lower())
            in_subnets.setdefault(key, (network, subnet, []))[2].append(demand)
        elif demand.now:
            found[demand.machine] = _no_subnet(demand, network)
    for network, subnet, here in in_subnets.values():
        if any(demand.now for demand in here):
            found |= _in_subnet(network, subnet, here, owners)
    return found


def owners(snapshot: Snapshot) -> dict[str, str]:
    """The name of the virtual machine of each interface, by its id in lower case."""
    return {
        interface.lower(): machine.name
        for machine in snapshot.virtual_machines
        for interface in machine.interfaces
    }


def made(network: Network, name: str, prefix: str) -> Network:
    """A network after the run has made or changed a subnet of it."""
    present = network.subnet(name) or Subnet(name, ())
    others = tuple(each for each in network.subnets if each.name.lower() != name.lower())
    return replace(network, subnets=(replace(present, prefixes=(prefix,)), *others))


def _interfaces(observed: Observed, snapshot: Snapshot) -> frozenset[str]:
    """The interfaces of a machine's test."""
    test = (observed.test_vm_id or "").lower()
    return frozenset(
        interface.lower()
        for machine in snapshot.virtual_machines
        if machine.id.lower() == test
        for interface in machine.interfaces
    )


def _subnet(demand: Demand, network: Network) -> Subnet | None:
    named = filter(None, map(network.subnet, demand.subnets))
    tests = demand.operation is Operation.TEST_FAILOVER
    return next(named, next(iter(network.subnets), None) if tests else None)


def _no_subnet(demand: Demand, network: Network | None) -> Blocked:
    name, test = arm_ids.name(demand.network_id), demand.operation is Operation.TEST_FAILOVER
    if network is None:
        return _blocked(
            f"virtual network {name}, into which its {demand.operation} goes, does not exist",
            "Run pulumi refresh and then pulumi up, which make it again; if it is an adopted one, "
            "correct its name",
        )
    subnet = next(iter(demand.subnets), "")
    place = path("machines", demand.machine, "target", *demand.key(subnet=True))
    if test and not demand.interface:
        place = "target.testNetwork"
    return _blocked(
        f"virtual network {name} has no subnet {subnet!r}",
        f"Make it there, or name another one in {place}",
    )


def _in_subnet(
    network: Network, subnet: Subnet, here: Sequence[Demand], owners: Mapping[str, str]
) -> dict[str, Blocked]:
    released = frozenset(each for demand in here for each in demand.releases)
    due = [demand for demand in here if demand.now]
    named = [demand for demand in due if demand.address is not None]
    others = [demand for demand in due if demand.address is None]
    # Any order is possible. In the worst one, those without an address come first.
    lowest = list(islice(subnet.free(released), len(others)))
    kept = {demand.address for demand in here}
    offer = next((each for each in subnet.free(released) if each not in {*kept, *lowest}), None)
    found: dict[str, Blocked] = {}
    for demand in named:
        why = _unusable(demand, network, subnet, released, owners)
        if why is not None:
            found[demand.machine] = _blocked(why, _another(demand, offer))
    for demand in here:
        if demand.address in lowest and demand.machine not in found:
            found[demand.machine] = _blocked(
                f"Azure may give {demand.address}, its {_named(demand)}, to "
                f"{_list(dict.fromkeys(each.machine for each in others))}: an interface without an "
                f"address of its own gets the lowest free one of subnet {subnet.name!r}",
                f"{_another(demand, offer)}; or name an address for each of the others too",
            )
    fitting = [demand for demand in (*named, *others) if demand.machine not in found]
    room = subnet.room(released)
    for demand in fitting[room:]:
        found[demand.machine] = _blocked(
            f"no address is left for its {demand.operation} in subnet {subnet.name!r} "
            f"({', '.join(subnet.prefixes)}) of {arm_ids.name(network.resource_id)}: {room} are "
            f"free, and {len(fitting)} are needed",
            "Put it into a wave that goes later, free some addresses, or take a larger subnet",
        )
    return found


def _unusable(
    demand: Demand,
    network: Network,
    subnet: Subnet,
    released: Collection[str],
    owners: Mapping[str, str],
) -> str | None:
    address, ranges = demand.address or "", ", ".join(subnet.prefixes)
    named = f"{address}, its {_named(demand)},"
    if not subnet.takes(address):
        return (
            f"{named} is not an address that a machine can have in subnet "
            f"{subnet.name!r} ({ranges}); Azure keeps the first four and the last"
        )
    holder = subnet.holder(address, released)
    if holder is not None:
        machine = owners.get(holder.lower())
        held = f"virtual machine {machine}" if machine else arm_ids.name(holder)
        return f"{named} is the address of {held} in Azure"
    if address in network.unavailable:
        return f"{named} is in use in subnet {subnet.name!r}, says Azure"
    return None


def _another(demand: Demand, offer: str | None) -> str:
    place = path("machines", demand.machine, "target", *demand.key())
    example = f", such as {offer}" if offer else ""
    return f"Take another address in {place}{example}, or `dynamic`"


def _named(demand: Demand) -> str:
    return path("target", *demand.key())


def _list(names: Iterable[str]) -> str:
    all_names = list(names)
    more = len(all_names) - _NAMED
    return ", ".join(all_names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _blocked(what: str, way_out: str) -> Blocked:
    return Blocked(Reason.NO_ADDRESS, what, way_out)
