"""This program's convergence: all machines of all vaults at the same time, over one connection."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from azure.core.rest import AsyncHttpResponse, HttpRequest

from benchmarks.convergence.estate import Estate, Vault
from benchmarks.convergence.measure import Meter
from emulator.arm.subscriptions import SUBSCRIPTION
from emulator.estate.machines import Instance
from emulator.in_process import AsyncWorldTransport
from emulator.kernel.world import World
from settings.schema.replication import Convergence
from site_recovery.arm_ids import ContainerId
from site_recovery.azure.connection import Connection, connector
from site_recovery.azure.service import VaultService
from site_recovery.convergence.interfaces import Pace
from site_recovery.convergence.outcome import Status
from site_recovery.convergence.run import converge
from site_recovery.declared.cutover import Cutover, Mode
from site_recovery.declared.target import TargetSpec
from site_recovery.fleet import Assignment, Hardware, LandingZone, Site
from site_recovery.phases import Phase
from site_recovery.planning import Rules
from site_recovery.snapshot import Machine
from tests.convergence import virtual_time
from tests.emulator.recovery_services.site_recovery_support import AsyncCredential

_PHASES = {
    "protect": Phase.PROTECTED,
    "test failover": Phase.TEST_FAILOVER,
    "cleanup": Phase.PROTECTED,
    "failover": Phase.FAILED_OVER,
    "completion": Phase.MIGRATED,
}
_POLL = Convergence().poll
_WAIT = timedelta(hours=72)


@dataclass(frozen=True)
class _Silent:
    """A reporter that reports nothing."""

    def status(self, text: str) -> None:
        """Nothing to do."""

    def event(self, text: str) -> None:
        """Nothing to do."""


class _Transport(AsyncWorldTransport):
    """Reaches a world after the time that a request needs on its way."""

    def __init__(self, world: World, latency: float) -> None:
        super().__init__(world, steps=False)
        self._latency = latency

    async def send(self, request: HttpRequest, **kwargs: Any) -> AsyncHttpResponse:
        await asyncio.sleep(self._latency)
        return await super().send(request, **kwargs)


def migrate(estate: Estate, latency: float) -> Meter:
    """Take all machines through all transitions.

    Args:
        estate: the estate.
        latency: the seconds that each request needs on its way.

    Returns:
        What was measured.

    Raises:
        RuntimeError: a machine did not get where it should.
    """
    meter = Meter(estate)
    connect = connector(
        credential=lambda: AsyncCredential(estate.token),
        transport=lambda: _Transport(estate.world, latency),
    )

    async def work(phase: Phase) -> None:
        async with connect(SUBSCRIPTION) as connection:
            await asyncio.gather(
                *(_drive(connection, estate, vault, phase) for vault in estate.vaults)
            )

    for name, phase in _PHASES.items():
        with meter.transition(name):
            virtual_time.run(estate.world.clock, work(phase))
    return meter


async def _drive(connection: Connection, estate: Estate, vault: Vault, phase: Phase) -> None:
    site = _site(estate, vault)
    outcomes = await converge(
        VaultService(connection, site, "bench"),
        [_assignment(machine, phase, site) for machine in vault.machines],
        Rules(discovers=site.experience == "classic", knows_checks=False),
        Pace(_WAIT, _POLL),
        _Silent(),
    )
    for name, outcome in outcomes.items():
        if outcome.status is not Status.SATISFIED:
            raise RuntimeError(f"{name} did not get to {phase}: {outcome}")


def _assignment(machine: Instance, phase: Phase, site: Site) -> Assignment:
    # The baselines look at no virtual machine, so nothing is checked here either.
    return Assignment(
        Machine(machine.name, machine.id, machine.private_ip, machine.name),
        "windows" if machine.platform == "windows" else "linux",
        TargetSpec(),
        phase,
        hardware=Hardware(machine.vcpus, machine.memory_mib / 1024, len(machine.disks) - 1),
        cutover=Cutover(mode=Mode.LATEST),
        checks=(),
    ).placed(site.landing_zone)


def _site(estate: Estate, vault: Vault) -> Site:
    return Site(
        experience="classic" if estate.experience.name == "classic" else "modernized",
        machines_site_id=vault.site,
        container=ContainerId.parse(vault.container),
        policy_id=vault.policy,
        process_server_id=vault.server,
        master_target_id=vault.server,
        run_as_accounts={"windows": "1", "linux": "2"},
        landing_zone=LandingZone(
            vault.group, vault.network, "servers", vault.test_network, vault.storage, "servers"
        ),
    )
