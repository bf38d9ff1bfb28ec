"""The preview of addresses: what machines of all waves would need in Azure, and what is left."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import replace

from dynamic_providers.adapter import Inputs
from dynamic_providers.wave.inputs import OtherWave, WaveInputs, assignments
from site_recovery.convergence import room
from site_recovery.convergence.room import Demand
from site_recovery.operations import Operation
from site_recovery.phases import Phase
from site_recovery.snapshot import Snapshot
from site_recovery.subnets import Network

_TAKING = frozenset(Phase) - {Phase.PROTECTED}
"""The phases on whose way a machine gets an address in Azure."""
Read = Callable[[Mapping[str, Collection[str]]], Awaitable[dict[str, Network]]]
"""Reads networks by id, each with the addresses to ask about."""


class MadeSubnet(Inputs):
    """A subnet that the program makes, with its name and prefix in the config."""

    name: str
    prefix: str


class MadeSubnets(Inputs):
    """The subnets that the program makes; None where the network is an adopted one."""

    production: MadeSubnet | None = None
    test: MadeSubnet | None = None

    def of(self, operation: Operation) -> MadeSubnet | None:
        """The subnet that machines of an operation get into."""
        return self.test if operation is Operation.TEST_FAILOVER else self.production


async def refusals(
    inputs: WaveInputs,
    others: Collection[OtherWave],
    snapshot: Snapshot,
    made: MadeSubnets,
    read: Read,
) -> list[str]:
    """A line for each machine of the stack for which this run would find no address.

    Args:
        inputs: the wave. An empty id in its landing zone is not known yet.
        others: the other waves; they drive their machines at the same time.
        snapshot: the services now.
        made: the subnets that exist, or have another prefix, only after the run.
        read: reads what there is in Azure.

    Raises:
        MigrationError: Azure did not answer, or refused.
    """
    if not {inputs.phase, *(wave.phase for wave in others)} & _TAKING:
        return []
    known = (_placed(demand, made) for demand in _demands(inputs, others, snapshot))
    wanted = sorted(filter(None, known), key=lambda demand: demand.machine)
    asked = room.asked(wanted)
    networks = await read({id_: asked[id_] for id_ in asked if id_.startswith("/")})
    for demand in wanted:
        subnet = made.of(demand.operation)
        if demand.now and subnet is not None:
            present = networks.get(demand.network_id) or Network(demand.network_id)
            networks[demand.network_id] = room.made(present, subnet.name, subnet.prefix)
    found = room.problems(wanted, networks, room.owners(snapshot))
    return [f"{machine}: {why}" for machine, why in found.items()]


def _demands(
    inputs: WaveInputs, others: Iterable[OtherWave], snapshot: Snapshot
) -> Iterable[Demand]:
    zone = inputs.landing_zone
    yield from room.demands(inputs.assignments(), snapshot, inputs.rules)
    for wave in others:
        machines = [each.placed(zone) for each in assignments(wave.phase, wave.machines)]
        rules = replace(inputs.rules, require_test_failover=wave.require_test_failover)
        yield from room.demands(machines, snapshot, rules)


def _placed(demand: Demand, made: MadeSubnets) -> Demand | None:
    """A demand with a name for its network even if that does not exist yet.

    None if nothing is known of the network.
    """
    if demand.network_id:
        return demand
    subnet = made.of(demand.operation)
    if subnet is None:
        return None
    return replace(
        demand,
        network_id=f"made for {demand.operation}",
        subnets=demand.subnets or (subnet.name,),
    )
