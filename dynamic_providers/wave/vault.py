"""The vault as a wave's provider uses it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from dynamic_providers import engine
from dynamic_providers.adapter import resource_name, stack_of
from dynamic_providers.shared import runs
from dynamic_providers.wave.inputs import WaveInputs
from site_recovery import arm_ids, recovery_plan
from site_recovery.arm_ids import VaultId
from site_recovery.azure import networks, vault_observation
from site_recovery.azure.connection import Connect, check_access
from site_recovery.azure.service import VaultService
from site_recovery.convergence import single_reads, sizing
from site_recovery.convergence.interfaces import PlanOrder
from site_recovery.convergence.outcome import Outcome, Status
from site_recovery.convergence.run import converge
from site_recovery.fleet import Assignment, ExperienceName
from site_recovery.local_hooks import LocalHooks
from site_recovery.locks import Lock
from site_recovery.observation import observe
from site_recovery.recovery_plan import Change, Member
from site_recovery.snapshot import Snapshot
from site_recovery.steps import Blocked
from site_recovery.subnets import Network

_T = TypeVar("_T")


async def observe_known(
    connect: Connect, vault_id: str | None, group_id: str | None, experience: ExperienceName
) -> Snapshot:
    """Observe in a preview in which some of the wave's inputs are not known yet.

    Azure is always called: nothing should be created in AWS if the vault cannot be created.

    Args:
        connect: connects to Azure.
        vault_id: the vault, if it is known.
        group_id: the machines' resource group, if it is known.
        experience: how machines should be replicated.

    Raises:
        MigrationError: Azure did not answer, or refused.
    """
    vault = VaultId.parse(vault_id) if vault_id is not None else None
    known = vault_id or group_id
    subscription = arm_ids.segment(known, "subscriptions") if known is not None else ""
    async with connect(subscription) as connection:
        if known is None:
            await check_access(connection)
        return await vault_observation.observe_known(connection, vault, group_id, experience)


async def networks_of(
    connect: Connect, wanted: Mapping[str, Collection[str]]
) -> dict[str, Network]:
    """The networks with these ids that exist; see `site_recovery.azure.networks.read`."""
    if not wanted:
        return {}
    subscription = arm_ids.segment(next(iter(wanted)), "subscriptions")
    async with connect(subscription) as connection:
        return await networks.read(connection, wanted)


class WaveVault:
    """The operations of a wave on its vault. Every method may raise a `MigrationError`.

    Args:
        connect: connects to Azure.
        inputs: the inputs of the wave; all must be known.
    """

    def __init__(self, connect: Connect, inputs: WaveInputs) -> None:
        self._connect = connect
        self._inputs = inputs

    async def observe(self, *, leaving: bool = False, now: bool = False) -> Snapshot:
        """All machines of the vault.

        Args:
            leaving: whether the vault may be gone, so that only what is left of them is seen.
            now: whether it must not be what another wave or record saw a few seconds ago.
        """

        def look(vault: VaultService) -> Coroutine[Any, Any, Snapshot]:
            return vault.observe() if now else vault.recent(lambda _: True)

        return await self._with(look, leaving=leaving)

    async def confirmed(
        self, machines: Sequence[Assignment], begun: Collection[str], snapshot: Snapshot
    ) -> Snapshot:
        """The vault, with single reads of machines before the lists are believed.

        Args:
            machines: the machines, with whether they are recorded as migrated.
            begun: those whose replication had begun when they were recorded.
            snapshot: the vault as the lists show it.
        """

        async def look(vault: VaultService) -> Snapshot:
            alone = snapshot
            for each in machines:
                name, migrated = each.machine.name, each.machine.migrated
                observed = observe(each.machine, alone)
                if single_reads.is_doubtful(observed, begun=name in begun, migrated=migrated):
                    alone = await single_reads.read_alone(vault, alone, each, observed)
            return alone

        return await self._with(look, leaving=True)

    async def converge(
        self,
        machines: Sequence[Assignment],
        reporter: engine.RowReporter,
        plan: PlanOrder | None = None,
        *,
        leaving: bool = False,
    ) -> dict[str, Outcome]:
        """Drive machines as long as the engine runs."""
        wave, gave_up = resource_name(self._inputs.urn), runs.of_this_process.gave_up
        gave_up.discard(wave)
        sources = self._inputs.source.sources() if self._inputs.source is not None else None
        pace = replace(self._inputs.convergence.pace(), may_submit=engine.current().alive)
        outcomes: dict[str, Outcome] = {}
        try:
            outcomes = await self._with(
                lambda vault: converge(
                    vault,
                    machines,
                    self._inputs.rules,
                    pace,
                    reporter,
                    plan=plan,
                    sources=sources,
                    guarding=self._inputs.guarding,
                    hooks=LocalHooks(wave),
                ),
                leaving=leaving,
            )
        finally:
            statuses = {outcome.status for outcome in outcomes.values()}
            if statuses != {Status.SATISFIED}:
                gave_up.add(wave)
        return outcomes

    async def sized(
        self, machines: Sequence[Assignment], snapshot: Snapshot
    ) -> tuple[list[Assignment], dict[str, Blocked]]:
        """The machines with their future sizes, or why a machine cannot have one."""
        due = sizing.due(machines, snapshot)
        if not due:
            return list(machines), {}
        decided = await self._with(lambda vault: sizing.look_ahead(vault, due))
        blocked = {name: why for name, why in decided.items() if isinstance(why, Blocked)}
        own = {name: each for name, each in decided.items() if isinstance(each, Assignment)}
        return [own.get(each.machine.name, each) for each in machines], blocked

    async def read_only_locks(self, assignment: Assignment) -> Sequence[Lock]:
        """The locks that let nothing be made in the vault or in the machine's group."""
        return await self._with(lambda vault: vault.read_only_locks(assignment))

    async def security_groups(self, interfaces: Collection[str]) -> Mapping[str, str]:
        """The network security group of each interface, by its id; empty if it has none."""
        return await self._with(lambda vault: vault.interfaces.security_groups(interfaces))

    async def plan_change(self, order: PlanOrder, snapshot: Snapshot) -> Change | None:
        """How the service's recovery plan differs from the declared one; None if there is none."""
        members = self._members(snapshot)
        existing = await self._with(lambda vault: vault.plan(order.plan.name))
        if existing is None:
            return None
        return recovery_plan.change(order.plan, members, existing, order.before)

    async def plan_differs(self, order: PlanOrder | None, snapshot: Snapshot) -> bool:
        """Whether the service's recovery plan is not as declared; False before it can have machines."""
        if order is None or not self._members(snapshot):
            return False
        change = await self.plan_change(order, snapshot)
        return change is None or change.differs

    async def delete_plan(self, name: str) -> None:
        """Delete a recovery plan, if it exists."""
        interval = self._inputs.convergence.pace().longest_pause
        await self._with(lambda vault: vault.delete_plan(name, interval))

    def _members(self, snapshot: Snapshot) -> Mapping[str, Member]:
        seen = {a.machine.name: observe(a.machine, snapshot) for a in self._inputs.assignments()}
        return {
            name: Member(observed.item_id, observed.virtual_machine_id)
            for name, observed in seen.items()
            if observed.item_id is not None
        }

    async def _with(
        self, use: Callable[[VaultService], Coroutine[Any, Any, _T]], *, leaving: bool = False
    ) -> _T:
        site = self._inputs.site
        async with self._connect(site.container.vault.subscription) as connection:
            stack = stack_of(self._inputs.urn)
            return await use(VaultService(connection, site, stack, leaving=leaving))
