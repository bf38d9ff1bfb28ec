"""One machine of a wave, recorded on its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, UpdateResult

from dynamic_providers import departures, engine, shared_observation
from dynamic_providers.adapter import Inputs, MigrationProvider, own_urn, run, unknown
from dynamic_providers.migration_wave import MigrationWave
from dynamic_providers.wave_inputs import ConvergenceInputs, MachineInputs, TargetInputs
from site_recovery.arm_ids import ContainerId
from site_recovery.azure.service import VaultService
from site_recovery.azure.vault import gone_error, in_words
from site_recovery.convergence.outcome import Outcome, Status
from site_recovery.errors import MigrationError
from site_recovery.fleet import ExperienceName, Site
from site_recovery.observation import Observed, Stage, observe
from site_recovery.phases import Phase
from site_recovery.planning import NOT_BEGUN, Rules, next_step, satisfies
from site_recovery.snapshot import Gone, Snapshot


class OutcomeInputs(Inputs):
    """What the wave's last run said of the machine."""

    status: Literal["satisfied", "pending", "failed", "blocked"]
    reason: str = ""
    message: str = ""


class ProtectedItemInputs(Inputs):
    """Wire inputs; all but the machine's name and the phase come from the wave's outputs."""

    name: str
    phase: Phase
    experience: ExperienceName = "classic"
    container_id: str
    machines_site_id: str = ""
    target: TargetInputs
    machine: MachineInputs
    convergence: ConvergenceInputs
    outcome: OutcomeInputs
    urn: str

    @property
    def site(self) -> Site:
        """Where the machine is; enough to observe it and to remove it."""
        return Site(
            container=ContainerId.parse(self.container_id),
            policy_id="",
            process_server_id="",
            master_target_id="",
            run_as_accounts={},
            resource_group_id=self.target.resource_group_id,
            network_id=self.target.network_id,
            subnet_name=self.target.subnet_name,
            test_network_id=self.target.test_network_id,
            storage_account_id=self.target.storage_account_id,
            experience=self.experience,
            machines_site_id=self.machines_site_id,
        )


class ProtectedItemProvider(MigrationProvider):
    """Verifies against live state and records; drives nothing."""

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """A difference is another phase, another outcome of the wave, or drift.

        While the wave's outcome is not known yet, in a preview in which the wave will run, the
        wave's own row tells what happens; the machine is not shown as changed for it.
        """
        changed = [
            key
            for key in ("phase", "outcome")
            if not unknown(news.get(key)) and news.get(key) != olds.get(key)
        ]
        if not unknown(news.get("machine")) and _lasting(news) != _lasting(olds):
            changed.append("machine")
        recorded = olds.get("observed_phase")
        drifted = recorded is not None and recorded != news.get("phase")
        return DiffResult(changes=bool(changed) or drifted)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Record the machine, or fail with what the wave's run met."""
        inputs = ProtectedItemInputs.model_validate(props)
        return CreateResult(inputs.name, self._record(inputs))

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Record the machine anew, or fail with what the wave's run met."""
        recorded = self._record(ProtectedItemInputs.model_validate(news))
        return UpdateResult(_remembering(olds, recorded))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Say where the machine is now; gone if the vault and Azure have nothing of it."""
        inputs = ProtectedItemInputs.model_validate(props)
        observed = self._of(inputs, self._look(inputs, lambda _: True))
        if observed.stage in NOT_BEGUN:
            return ReadResult("", {})
        phase = _phase(observed)
        outputs = {**inputs.wire(), **_outputs(observed), "phase": phase}
        return ReadResult(id_, _remembering(props, outputs), {**inputs.wire(), "phase": phase})

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        """See that the machine is out of the vault, or that nothing keeps its wave from that.

        A machine that left its wave was removed by the wave, or not yet. On destroy, where items
        go first, the wave's own delete takes all its machines out at once, unless one of them
        refuses here, before any is touched.
        """
        inputs = ProtectedItemInputs.model_validate(props)
        left = departures.of_this_process.of(inputs.machine.instance_id)
        # What the wave did to a machine that left is newer than what is shared.
        snapshot = self._look(inputs, lambda shared: left is None)
        observed = self._of(inputs, snapshot)
        if snapshot.gone is Gone.VAULT:
            where = in_words(inputs.site.container.vault)
            engine.current().log(inputs.urn, f"{where}, and with it {inputs.name}'s replication")
            return
        if satisfies(None, observed):
            return
        if left is not None:
            self._tell_departure(inputs, left)
            return
        if observed.stage is Stage.FAILED_OVER:
            raise MigrationError(f"{inputs.name}: {next_step(None, observed, Rules())}")
        engine.current().log(
            inputs.urn, "its wave takes it out of the vault, with all its machines", ephemeral=True
        )

    def _tell_departure(self, inputs: ProtectedItemInputs, left: Outcome) -> None:
        what = f"{inputs.name}: its replication is not removed yet: {left.message}"
        if left.status is not Status.PENDING or inputs.convergence.on_pending == "fail":
            raise MigrationError(f"{what}. Run pulumi up again to go on.")
        engine.current().log(inputs.urn, what, warning=True)

    def _record(self, inputs: ProtectedItemInputs) -> dict[str, Any]:
        outcome = inputs.outcome
        tolerated = outcome.status == "pending" and inputs.convergence.on_pending == "warn"
        if outcome.status == "pending" and not tolerated:
            raise MigrationError(
                f"{inputs.name}: still on its way to {inputs.phase}: {outcome.message}. Run pulumi "
                "up again to go on waiting (or set convergence.onPending: warn)."
            )
        if outcome.status in ("failed", "blocked"):
            raise MigrationError(f"{inputs.name}: {outcome.message}")
        snapshot = self._look(
            inputs, lambda shared: satisfies(inputs.phase, self._of(inputs, shared))
        )
        observed = self._of(inputs, snapshot)
        if not tolerated and not satisfies(inputs.phase, observed):
            if snapshot.gone is not None:
                raise gone_error(inputs.site.container.vault, snapshot.gone)
            raise MigrationError(
                f"{inputs.name}: it reached {inputs.phase} and is {observed.stage} now. Someone "
                "else is changing it; find out who, then run pulumi up again."
            )
        if tolerated:
            engine.current().log(
                inputs.urn,
                f"{inputs.name}: still on its way to {inputs.phase}: {outcome.message}",
                warning=True,
            )
        return {**inputs.wire(), **_outputs(observed)}

    def _of(self, inputs: ProtectedItemInputs, snapshot: Snapshot) -> Observed:
        return observe(inputs.machine.machine(inputs.name), snapshot)

    def _look(self, inputs: ProtectedItemInputs, good: Callable[[Snapshot], bool]) -> Snapshot:
        def take() -> Snapshot:
            async def work() -> Snapshot:
                site = inputs.site
                async with self.connect()(site.container.vault.subscription) as connection:
                    return await VaultService(connection, site, leaving=True).observe()

            return run(work)

        key = (inputs.container_id, inputs.target.resource_group_id)
        return shared_observation.of_this_process.look(key, take, good)


class ProtectedItem(Resource, module="site-recovery", name="ProtectedItem"):
    """One machine as the services have it: what to look at after an `up`.

    `observed_phase` is where it really is (equal to `phase` unless it is pending and that is
    tolerated). What there is not, is an empty text: `item_id` once the machine is migrated,
    `azure_vm_id` before it failed over, `last_test_failover` before a test succeeded.
    """

    phase: pulumi.Output[str]
    observed_phase: pulumi.Output[str]
    item_id: pulumi.Output[str]
    azure_vm_id: pulumi.Output[str]
    test_vm_id: pulumi.Output[str]
    health: pulumi.Output[str]
    last_test_failover: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        wave: MigrationWave,
        machine: str,
        phase: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(
            ProtectedItemProvider(),
            name,
            {
                "name": machine,
                "phase": phase,
                "experience": wave.experience,
                "container_id": wave.container_id,
                "machines_site_id": wave.machines_site_id,
                "target": wave.target,
                "machine": wave.machines.apply(lambda machines: machines[machine]),
                "convergence": wave.convergence,
                "outcome": wave.outcomes.apply(lambda outcomes: outcomes[machine]),
                "urn": own_urn(ProtectedItem, name, opts),
                "observed_phase": None,
                "item_id": None,
                "azure_vm_id": None,
                "test_vm_id": None,
                "health": None,
                "last_test_failover": None,
            },
            opts,
        )


_PHASES = {
    Stage.PROTECTED: Phase.PROTECTED,
    Stage.TEST_FAILOVER: Phase.TEST_FAILOVER,
    Stage.FAILED_OVER: Phase.FAILED_OVER,
    Stage.MIGRATED: Phase.MIGRATED,
}


def _lasting(props: dict[str, Any]) -> dict[str, Any]:
    return MachineInputs.model_validate(props["machine"]).lasting()


def _phase(observed: Observed) -> str:
    """The phase a machine is in; between two, the stage in the service's terms."""
    return str(_PHASES.get(observed.stage, observed.stage))


def _remembering(olds: dict[str, Any], outputs: dict[str, Any]) -> dict[str, Any]:
    """Outputs with what the service forgets with the item, and a person still wants to know."""
    last_test = outputs["last_test_failover"] or olds.get("last_test_failover", "")
    return {**outputs, "last_test_failover": last_test}


def _outputs(observed: Observed) -> dict[str, Any]:
    last_test = observed.last_test_failover
    # What is not there is an empty text: the engine calls an output that is missing unknown.
    return {
        "observed_phase": _phase(observed),
        "item_id": observed.item_id or "",
        "azure_vm_id": observed.azure_vm_id or "",
        "test_vm_id": observed.test_vm_id or "",
        "health": observed.health,
        "last_test_failover": last_test.isoformat() if last_test else "",
    }
