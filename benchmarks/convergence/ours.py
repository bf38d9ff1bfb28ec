"""This program's convergence: all machines of all vaults at the same time, over one connection."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
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
from site_recovery.convergence.interfaces import Pace, PlanOrder
from site_recovery.convergence.outcome import Status
from site_recovery.convergence.run import converge
from site_recovery.declared.cutover import Cutover, Mode
from site_recovery.declared.target import TargetSpec
from site_recovery.fleet import Assignment, Hardware, LandingZone, Site
from site_recovery.phases import Phase
from site_recovery.planning import Rules
from site_recovery.recovery_plan import MACHINES_MAX, Group, Plan
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


def migrate(estate: Estate, latency: float, *, in_plans: bool = False) -> Meter:
    """Take all machines through all transitions.

    Args:
        estate: the estate.
        latency: the seconds that each request needs on its way.
        in_plans: whether the machines of each vault are in waves with recovery plans, as large as
            they may be, and not in one wave without.

    Returns:
        What was measured.

    Raises:
        RuntimeError: a machine did not get where it should.
    """
    waves = [wave for vault in estate.vaults for wave in _waves(vault, in_plans=in_plans)]
    meter = Meter(estate, plans=sum(wave.plan is not None for wave in waves))
    connect = connector(
        credential=lambda: AsyncCredential(estate.token),
        transport=lambda: _Transport(estate.world, latency),
    )

    async def work(phase: Phase) -> None:
        async with connect(SUBSCRIPTION) as connection:
            await asyncio.gather(*(_drive(connection, estate, wave, phase) for wave in waves))

    for name, phase in _PHASES.items():
        with meter.transition(name):
            virtual_time.run(estate.world.clock, work(phase))
    return meter


@dataclass(frozen=True)
class _Wave:
    """Machines of one vault that are driven together, and the recovery plan that they are in."""

    vault: Vault
    machines: Sequence[Instance]
    plan: PlanOrder | None = None


def _waves(vault: Vault, *, in_plans: bool) -> list[_Wave]:
    if not in_plans:
        return [_Wave(vault, vault.machines)]
    waves = []
    for at in range(0, len(vault.machines), MACHINES_MAX):
        machines = vault.machines[at : at + MACHINES_MAX]
        group = Group(tuple(machine.name for machine in machines))
        waves.append(_Wave(vault, machines, PlanOrder(Plan(f"wave-{at}", (group,)))))
    return waves


async def _drive(connection: Connection, estate: Estate, wave: _Wave, phase: Phase) -> None:
    site = _site(estate, wave.vault)
    outcomes = await converge(
        VaultService(connection, site, "bench"),
        [_assignment(machine, phase, site) for machine in wave.machines],
        Rules(discovers=site.experience == "classic", knows_checks=False),
        Pace(_WAIT, _POLL),
        _Silent(),
        wave.plan,
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
