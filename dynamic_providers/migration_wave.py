"""A wave of machines, as the one resource that drives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pulumi
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    UpdateResult,
)

from dynamic_providers import engine
from dynamic_providers.adapter import MigrationProvider, own_urn, run, unknown
from dynamic_providers.wave_inputs import (
    MachineInputs,
    OtherWave,
    WaveInputs,
    assignments,
    leaving,
)
from site_recovery import review
from site_recovery.azure import reach
from site_recovery.convergence import Outcome, converge
from site_recovery.fleet import Assignment
from site_recovery.observation import Observed, Snapshot, observe
from site_recovery.planning import Rules, satisfies
from site_recovery.service import VaultService

_OUTPUTS = ("results", "outcomes", "leaving")


class MigrationWaveProvider(MigrationProvider):
    """The reconciler: observes the wave's machines and drives them, then records."""

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Review the wave: say what `up` would do, refuse what cannot be done.

        Runs in preview for creates and updates alike. Live state is read unless the vault is
        not there yet or the preview is offline.
        """
        preview = bool(news.pop("preview", False))
        others = {
            name: OtherWave.model_validate(wave)
            for name, wave in (news.pop("other_waves", None) or {}).items()
        }
        news["other_machines"] = sorted({m for wave in others.values() for m in wave.machines})
        lines, refusals = self._review(olds, news, others)
        if preview and lines:
            engine.RowReporter(engine.current(), news["urn"]).event("\n".join(lines))
        # Without a property: the engine would print all of its value before each refusal.
        failures = [CheckFailure("", review.refused(refusals))] if refusals else []
        return CheckResult(news, failures)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """A difference is a changed input, or a machine that is not where it should be.

        Nothing replaces a wave: a replicating machine is never replaced by a config change.
        """
        if unknown(news):
            return DiffResult(changes=True)
        inputs = WaveInputs.model_validate(news)
        before = WaveInputs.model_validate(olds)
        if _lasting(inputs) != _lasting(before) or olds.get("leaving"):
            return DiffResult(changes=True)
        if inputs.convergence.offline_preview:
            recorded = olds.get("outcomes") or {}
            unfinished = [o for o in recorded.values() if o["status"] != "satisfied"]
            return DiffResult(changes=bool(unfinished) or set(recorded) != set(inputs.machines))
        snapshot = self._observe(inputs)
        return DiffResult(
            changes=not all(
                satisfies(a.desired, observe(a.machine, snapshot)) for a in inputs.assignments()
            )
        )

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Drive all machines; adopts whatever is under way already."""
        inputs = WaveInputs.model_validate(props)
        return CreateResult(inputs.urn.rsplit("::", 1)[-1], self._drive(inputs, {}))

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Drive all machines, and those that left the config out of the vault."""
        inputs = WaveInputs.model_validate(news)
        return UpdateResult(self._drive(inputs, leaving(_recorded(olds), inputs)))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Record where the machines are now, whatever was recorded before."""
        inputs = WaveInputs.model_validate(props)
        snapshot = self._observe(inputs)
        results = {
            name: _result(observe(machine.machine(name), snapshot))
            for name, machine in inputs.machines.items()
        }
        return ReadResult(id_, {**props, "results": results}, inputs.wire())

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        """Wait for the removals that the deleted protected items asked for.

        A machine that is still protected and idle has moved to another wave, and stays.
        """
        inputs = WaveInputs.model_validate(props)
        reporter = engine.RowReporter(engine.current(), inputs.urn)
        snapshot = self._observe(inputs)
        going = [
            assignment
            for assignment in assignments(None, _recorded(props))
            if observe(assignment.machine, snapshot).busy in review.REMOVAL_SCENARIOS
        ]
        outcomes = self._converge(inputs, going, reporter)
        review.raise_unless_gone(outcomes)

    # -- parts ----------------------------------------------------------------------------------

    def _review(
        self, olds: dict[str, Any], news: dict[str, Any], others: dict[str, OtherWave]
    ) -> tuple[list[str], list[str]]:
        if unknown({k: v for k, v in news.items() if k in ("machines", "phase", "convergence")}):
            return [], []
        if unknown(news):
            if not news["convergence"]["offline_preview"]:
                self._reach_azure()
            # Nothing of this wave can be in a vault that is not there yet.
            news = {**news, **{key: _ASSUMED[key] for key in _ASSUMED if unknown(news.get(key))}}
            inputs, snapshot = WaveInputs.model_validate(news), Snapshot()
        else:
            inputs = WaveInputs.model_validate(news)
            if inputs.convergence.offline_preview:
                return [f"{len(inputs.machines)} machines: offlinePreview, not reviewed"], []
            snapshot = self._observe(inputs)
        machines = inputs.assignments()
        if olds:
            machines += assignments(None, leaving(_recorded(olds), inputs))
        lines, refusals = review.review(machines, snapshot, inputs.rules)
        if refusals:
            # The engine stops at the first wave that is refused; the reader wants all of them.
            for wave in others.values():
                gates = Rules(require_test_failover=wave.require_test_failover)
                its = assignments(wave.phase, wave.machines)
                refusals += review.review(its, snapshot, gates)[1]
        return lines, refusals

    def _reach_azure(self) -> None:
        """Nothing should be made in AWS for a vault that nobody can make in Azure."""

        async def work() -> None:
            async with self.connect()("") as connection:
                await reach(connection)

        run(work)

    def _observe(self, inputs: WaveInputs) -> Snapshot:
        async def work() -> Snapshot:
            async with self.connect()(inputs.site.container.vault.subscription) as connection:
                return await VaultService(connection, inputs.site).observe()

        return run(work)

    def _converge(
        self,
        inputs: WaveInputs,
        machines: Sequence[Assignment],
        reporter: engine.RowReporter,
    ) -> dict[str, Outcome]:
        pace = replace(inputs.convergence.pace(), may_submit=engine.current().alive)

        async def work() -> dict[str, Outcome]:
            async with self.connect()(inputs.site.container.vault.subscription) as connection:
                service = VaultService(connection, inputs.site)
                return await converge(service, machines, inputs.rules, pace, reporter)

        return run(work)

    def _drive(self, inputs: WaveInputs, departing: dict[str, MachineInputs]) -> dict[str, Any]:
        reporter = engine.RowReporter(engine.current(), inputs.urn)
        machines = inputs.assignments() + assignments(None, departing)
        outcomes = self._converge(inputs, machines, reporter)
        staying = {name: outcomes[name] for name in inputs.machines}
        return {
            **inputs.wire(),
            "results": {name: _result(o.observed) for name, o in staying.items()},
            "outcomes": {
                name: {"status": str(o.status), "reason": o.reason} for name, o in staying.items()
            },
            "leaving": {
                name: machine.wire()
                for name, machine in departing.items()
                if not satisfies(None, outcomes[name].observed)
            },
        }


class MigrationWave(Resource, module="site-recovery", name="MigrationWave"):
    """Machines that share a phase, driven together.

    `outcomes` holds, by machine, the status (`satisfied`, `pending`, `failed`, `blocked`) and
    reason of the last run; `results` what was observed at its end. The wave itself does not
    fail because a machine failed: that machine's `ProtectedItem` does.
    """

    vault_id: pulumi.Output[str]
    container_id: pulumi.Output[str]
    target: pulumi.Output[Mapping[str, str]]
    machines: pulumi.Output[Mapping[str, Any]]
    convergence: pulumi.Output[Mapping[str, Any]]
    results: pulumi.Output[Mapping[str, Any]]
    outcomes: pulumi.Output[Mapping[str, Any]]
    leaving: pulumi.Output[Mapping[str, Any]]

    def __init__(
        self,
        name: str,
        *,
        vault_id: pulumi.Input[str],
        container_id: pulumi.Input[str],
        policy_id: pulumi.Input[str],
        process_server_id: pulumi.Input[str],
        master_target_id: pulumi.Input[str],
        run_as_accounts: pulumi.Input[Mapping[str, Any]],
        target: pulumi.Input[Mapping[str, Any]],
        phase: pulumi.Input[str],
        machines: pulumi.Input[Mapping[str, Any]],
        other_waves: Mapping[str, Any],
        convergence: pulumi.Input[Mapping[str, Any]],
        recovery_point: pulumi.Input[str] = "latest",
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(
            MigrationWaveProvider(),
            name,
            {
                "vault_id": vault_id,
                "container_id": container_id,
                "policy_id": policy_id,
                "process_server_id": process_server_id,
                "master_target_id": master_target_id,
                "run_as_accounts": run_as_accounts,
                "target": target,
                "phase": phase,
                "machines": machines,
                "convergence": convergence,
                "recovery_point": recovery_point,
                "urn": own_urn(MigrationWave, name, opts),
                # Told to `check`, which takes them out again: they are no part of the wave.
                "preview": pulumi.runtime.is_dry_run(),
                "other_waves": other_waves,
                **dict.fromkeys(_OUTPUTS),
            },
            opts,
        )


_ASSUMED: dict[str, Any] = {
    "vault_id": "",
    "container_id": "",
    "policy_id": "",
    "process_server_id": "",
    "master_target_id": "",
    "run_as_accounts": {},
    "urn": "",
    "target": {
        "resource_group_id": "",
        "network_id": "",
        "subnet_name": "",
        "test_network_id": "",
        "storage_account_id": "",
    },
}
"""Stands for what is not known before the landing zone and the vault are there."""


def _recorded(outputs: dict[str, Any]) -> dict[str, MachineInputs]:
    """The machines a wave is answerable for: its own, and those that did not leave yet."""
    machines = {**(outputs.get("leaving") or {}), **outputs["machines"]}
    return {name: MachineInputs.model_validate(values) for name, values in machines.items()}


def _lasting(inputs: WaveInputs) -> dict[str, Any]:
    """What makes a wave another wave: not how a run goes, nor who is in other waves."""
    return {
        **inputs.model_dump(exclude={"convergence", "other_machines", "urn", "machines"}),
        "machines": {name: machine.lasting() for name, machine in inputs.machines.items()},
    }


def _result(observed: Observed) -> dict[str, Any]:
    values = {
        "stage": str(observed.stage),
        "item_id": observed.item_id,
        "azure_vm_id": observed.azure_vm_id,
        "test_vm_id": observed.test_vm_id,
        "health": observed.health,
    }
    return {name: value for name, value in values.items() if value is not None}
