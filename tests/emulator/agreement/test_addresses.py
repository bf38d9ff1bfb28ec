"""Addresses that preview lets through the emulator gives, and those that it refuses it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Network
from typing import Any

import pytest
from hypothesis import strategies as st

from emulator import front
from emulator.arm.identity import issue
from emulator.arm.subscriptions import SUBSCRIPTION as SUBSCRIPTION_ID
from emulator.estate.static import StaticEstate
from emulator.in_process import AsyncWorldTransport
from emulator.kernel.clock import Clock
from emulator.kernel.store import Store
from site_recovery.azure import networks
from site_recovery.azure.connection import connector
from site_recovery.convergence import room
from site_recovery.convergence.room import Demand
from site_recovery.operations import Operation
from site_recovery.steps import Blocked
from tests.emulator.agreement.effort import EACH_WAY, accepted, both_ways, tried_on
from tests.emulator.conftest import GROUP, Arm
from tests.emulator.recovery_services.site_recovery_support import AsyncCredential

NETWORK = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet"
SUBNET = f"{NETWORK}/subnets/servers"
NICS = f"{GROUP}/providers/Microsoft.Network/networkInterfaces"


@dataclass(frozen=True)
class Case:
    """A subnet, the addresses that others hold, and what machines want: an address, or any (None).

    Attributes:
        order: the order in which Azure makes the machines.
    """

    prefixes: tuple[str, ...]
    held: tuple[str, ...]
    wanted: tuple[str | None, ...]
    order: tuple[int, ...]


@st.composite
def cases_of_a_subnet(draw: st.DrawFn) -> Case:
    prefixes = draw(
        st.sampled_from(
            [
                ("10.20.1.0/29",),
                ("10.20.1.8/29",),
                ("10.20.1.0/28",),
                ("10.20.1.0/29", "10.20.2.8/29"),
            ]
        )
    )
    inside = [str(each) for prefix in prefixes for each in IPv4Network(prefix)]
    outside = ["10.20.3.4", "10.9.0.4", "10.20.1.77"]
    good = [each for prefix in prefixes for each in map(str, list(IPv4Network(prefix))[4:-1])]
    held = draw(st.lists(st.sampled_from(good), unique=True, max_size=len(good)))
    free = [each for each in good if each not in held]
    named = st.lists(st.sampled_from(inside + outside), unique=True, max_size=3)
    if free:
        # Most names of a config are right; so are most of these.
        named |= st.lists(st.sampled_from(free), unique=True, max_size=3)
    others = draw(st.integers(0, 4))
    wanted = (*draw(named), *[None] * others)
    order = draw(st.permutations(range(len(wanted))))
    return Case(prefixes, tuple(held), wanted, tuple(order))


class Cloud:
    """A subnet in the emulator, as a case has it."""

    def __init__(self, case: Case) -> None:
        self.store = Store()
        self.arm = Arm(front.create(self.store, Clock(), seed=7, estate=StaticEstate()))
        self.arm.put(GROUP, {"location": "westeurope"})
        subnet = {"name": "servers", "properties": {"addressPrefixes": list(case.prefixes)}}
        space = {"addressSpace": {"addressPrefixes": ["10.20.0.0/16"]}, "subnets": [subnet]}
        self.arm.put(NETWORK, {"location": "westeurope", "properties": space})
        for number, address in enumerate(case.held):
            assert self.takes(f"held-{number}", address)

    def takes(self, name: str, address: str | None) -> bool:
        """Whether Azure makes an interface with an address, or with any."""
        static = {"privateIPAddress": address, "privateIPAllocationMethod": "Static"}
        properties: dict[str, Any] = {"subnet": {"id": SUBNET}, **(static if address else {})}
        configurations = [{"name": "one", "properties": properties}]
        body = {"location": "westeurope", "properties": {"ipConfigurations": configurations}}
        return accepted(self.arm.call("PUT", f"{NICS}/{name}", body).status)

    def takes_all(self, case: Case) -> bool:
        """Whether all machines of a case get their addresses, in its order."""
        return all(self.takes(f"web-{each}", case.wanted[each]) for each in case.order)

    def preview(self, case: Case) -> dict[str, Blocked]:
        """What a preview refuses, by machine."""
        wanted = [
            Demand(f"web-{n}", Operation.UNPLANNED_FAILOVER, NETWORK, ("servers",), address)
            for n, address in enumerate(case.wanted)
        ]
        connect = connector(
            credential=lambda: AsyncCredential(issue(self.arm.world)),
            transport=lambda: AsyncWorldTransport(self.arm.world),
            limited=False,
        )

        async def look() -> dict[str, Blocked]:
            async with connect(SUBSCRIPTION_ID) as connection:
                seen = await networks.read(connection, room.asked(wanted))
            return room.problems(wanted, seen, {})

        return asyncio.run(look())


@pytest.fixture
def clouds() -> Iterator[list[Cloud]]:
    made: list[Cloud] = []
    yield made
    for cloud in made:
        cloud.store.close()


def opened(clouds: list[Cloud], case: Case) -> Cloud:
    while clouds:
        clouds.pop().store.close()
    clouds.append(Cloud(case))
    return clouds[0]


def test_machines_get_the_addresses_that_preview_lets_through_and_no_others(
    clouds: list[Cloud],
) -> None:
    def answers(case: Case) -> tuple[bool, bool]:
        cloud = opened(clouds, case)
        refused = cloud.preview(case)
        if not refused:
            # In any order.
            return True, cloud.takes_all(case)
        # In the worst order: Azure chooses first, and takes what others are to have.
        last = sorted(range(len(case.wanted)), key=lambda n: case.wanted[n] is not None)
        return False, cloud.takes_all(replace(case, order=tuple(last)))

    both_ways(cases_of_a_subnet(), answers)


def test_those_that_preview_does_not_refuse_are_right_without_the_others(
    clouds: list[Cloud],
) -> None:
    def agree(case: Case) -> None:
        cloud = opened(clouds, case)
        refused = cloud.preview(case)
        kept = tuple(w for n, w in enumerate(case.wanted) if f"web-{n}" not in refused)
        rest = replace(case, wanted=kept, order=tuple(range(len(kept)))[::-1])
        assert cloud.preview(rest) == {}
        assert cloud.takes_all(rest)

    tried_on(EACH_WAY // 2, cases_of_a_subnet(), agree)
