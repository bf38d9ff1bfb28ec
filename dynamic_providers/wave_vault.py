"""The vault as a wave's provider uses it: each call opens a connection and ends it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from dynamic_providers import engine
from dynamic_providers.adapter import run
from dynamic_providers.wave_inputs import WaveInputs
from site_recovery import recovery_plan
from site_recovery.azure import Connect, reach
from site_recovery.convergence import Outcome, PlanOrder, converge
from site_recovery.fleet import Assignment
from site_recovery.observation import Snapshot, observe
from site_recovery.recovery_plan import Change, Member
from site_recovery.service import VaultService

_T = TypeVar("_T")


def reach_azure(connect: Connect) -> None:
    """See that Azure answers and takes the credentials.

    Nothing should be made in AWS for a vault that nobody can make in Azure.

    Raises:
        Exception: with the reason in one line.
    """

    async def work() -> None:
        async with connect("") as connection:
            await reach(connection)

    run(work)


class WaveVault:
    """What a wave asks of its vault. Every method raises an exception of one line for the user.

    Args:
        connect: how Azure is reached.
        inputs: the wave's; all known.
    """

    def __init__(self, connect: Connect, inputs: WaveInputs) -> None:
        self._connect = connect
        self._inputs = inputs

    def observe(self) -> Snapshot:
        """All machines of the vault."""
        return self._with(lambda service: service.observe())

    def converge(
        self,
        machines: Sequence[Assignment],
        reporter: engine.RowReporter,
        plan: PlanOrder | None = None,
    ) -> dict[str, Outcome]:
        """Drive machines for as long as the engine is there."""
        pace = replace(self._inputs.convergence.pace(), may_submit=engine.current().alive)
        return self._with(
            lambda service: converge(
                service, machines, self._inputs.rules, pace, reporter, plan=plan
            )
        )

    def plan_change(self, order: PlanOrder, snapshot: Snapshot) -> Change | None:
        """What the service's recovery plan lacks and has too much; None if there is none."""
        members = self._members(snapshot)
        existing = self._with(lambda service: service.plan(order.plan.name))
        if existing is None:
            return None
        return recovery_plan.change(order.plan, members, existing, order.before)

    def plan_differs(self, order: PlanOrder | None, snapshot: Snapshot) -> bool:
        """Whether the service's recovery plan is not as declared; not before machines are in."""
        if order is None or not self._members(snapshot):
            return False
        change = self.plan_change(order, snapshot)
        return change is None or change.differs

    def delete_plan(self, name: str) -> None:
        """Delete a recovery plan, if it is there."""
        poll = self._inputs.convergence.pace().poll
        self._with(lambda service: service.delete_plan(name, poll))

    def _members(self, snapshot: Snapshot) -> Mapping[str, Member]:
        seen = {a.machine.name: observe(a.machine, snapshot) for a in self._inputs.assignments()}
        return {
            name: Member(observed.item_id, observed.virtual_machine_id)
            for name, observed in seen.items()
            if observed.item_id is not None
        }

    def _with(self, use: Callable[[VaultService], Coroutine[Any, Any, _T]]) -> _T:
        site = self._inputs.site

        async def work() -> _T:
            async with self._connect(site.container.vault.subscription) as connection:
                return await use(VaultService(connection, site))

        return run(work)
