"""A wave of machines, as the one resource that drives them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
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

from dynamic_providers import claims, departures, engine, wave_review
from dynamic_providers.adapter import MigrationProvider, own_urn, unknown
from dynamic_providers.wave_inputs import (
    MachineInputs,
    OtherWave,
    WaveInputs,
    assignments,
    leaving,
    migrated,
    recorded,
)
from dynamic_providers.wave_vault import WaveVault
from site_recovery import arm_ids
from site_recovery.azure.vault import in_words
from site_recovery.convergence import review
from site_recovery.errors import MigrationError
from site_recovery.fleet import Assignment
from site_recovery.observation import Observed, Stage, observe
from site_recovery.planning import satisfies
from site_recovery.reasons import Reason
from site_recovery.snapshot import Gone, Snapshot

_OUTPUTS = ("results", "outcomes", "leaving", "migrated")


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
        elsewhere = {n: m for wave in others.values() for n, m in wave.machines.items()}
        news["other_machines"] = sorted(elsewhere)
        news["other_instances"] = sorted({m.instance_id for m in elsewhere.values()})
        claims.of_this_process.add(news["other_instances"])
        if not unknown(news.get("machines")):
            claims.of_this_process.add(m["instance_id"] for m in news["machines"].values())
        lines, refusals = wave_review.look_ahead(
            self.connect(), olds, news, others, preview=preview
        )
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
        once = migrated(olds, inputs)
        offline = inputs.convergence.offline_preview
        vault = WaveVault(self.connect(), inputs)
        # A refresh compares, too: it records that the vault is gone, and `check` refuses to go on.
        snapshot = vault.observe(leaving=True) if once and not offline else None
        if snapshot is not None and snapshot.gone is None:
            _refuse_lost(inputs, once, snapshot)
        if _lasting(inputs) != _lasting(before) or olds.get("leaving"):
            return DiffResult(changes=True)
        outcomes = olds.get("outcomes") or {}
        unfinished = [o for o in outcomes.values() if o["status"] != "satisfied"]
        if unfinished or set(outcomes) != set(inputs.machines):
            # Also when they got there since by themselves: their own records wait for an outcome.
            return DiffResult(changes=True)
        if offline:
            return DiffResult(changes=False)
        snapshot = snapshot or vault.observe(leaving=True)
        if snapshot.gone is not None:
            return DiffResult(changes=True)
        satisfied = all(
            satisfies(a.desired, observe(a.machine, snapshot, a.settings))
            for a in inputs.assignments()
        )
        differs = not satisfied or vault.plan_differs(inputs.plan_order(before), snapshot)
        return DiffResult(changes=differs)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Drive all machines; adopts whatever is under way already."""
        inputs = WaveInputs.model_validate(props)
        return CreateResult(inputs.urn.rsplit("::", 1)[-1], self._drive(inputs, {}))

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Drive all machines, and those that left the config out of the vault."""
        inputs = WaveInputs.model_validate(news)
        before = WaveInputs.model_validate(olds)
        departing = leaving(recorded(olds), inputs)
        return UpdateResult(self._drive(inputs, departing, before, migrated(olds, inputs)))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Record where the machines are now, whatever was recorded before.

        A wave goes with its vault, unless one of its machines is migrated: that nothing but this
        record may tell, and it keeps the machine from being migrated a second time.
        """
        inputs = WaveInputs.model_validate(props)
        snapshot = WaveVault(self.connect(), inputs).observe(leaving=True)
        results = {
            name: _result(observe(inputs.machine(name), snapshot)) for name in inputs.machines
        }
        outputs = {**props, "results": results}
        if snapshot.gone is Gone.VAULT:
            once = migrated(outputs, inputs)
            if not once:
                return ReadResult("", {})
            where = in_words(inputs.site.container.vault)
            outputs |= {"migrated": once, "leaving": {}, "outcomes": _gone(inputs, where)}
            engine.current().log(
                inputs.urn, f"{where}; kept is the record of what was migrated: {_names(once)}"
            )
        return ReadResult(id_, outputs, inputs.wire())

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        """Take the wave's machines out of the vault, but for those that moved to another wave.

        All of them at once; where one is failed over, none is touched.
        """
        inputs = WaveInputs.model_validate(props)
        reporter = engine.RowReporter(engine.current(), inputs.urn)
        vault = WaveVault(self.connect(), inputs)
        going = assignments(
            None,
            {
                name: machine
                for name, machine in recorded(props).items()
                if machine.instance_id not in claims.of_this_process
            },
        )
        snapshot = vault.observe(leaving=True)
        if snapshot.gone is Gone.VAULT:
            _tell_gone(inputs, going, snapshot, reporter)
            return
        review.raise_if_failed_over(going, snapshot)
        review.raise_unless_gone(vault.converge(going, reporter, leaving=True))
        if inputs.recovery_plan is not None:
            reporter.status(f"deleting recovery plan {inputs.recovery_plan.name}")
            vault.delete_plan(inputs.recovery_plan.name)

    def _drive(
        self,
        inputs: WaveInputs,
        departing: dict[str, MachineInputs],
        before: WaveInputs | None = None,
        once_migrated: Mapping[str, str] = MappingProxyType({}),
    ) -> dict[str, Any]:
        vault = WaveVault(self.connect(), inputs)
        order = inputs.plan_order(before)
        once = before.recovery_plan if before is not None else None
        if once is not None and (order is None or order.plan.name != once.name):
            vault.delete_plan(once.name)
        reporter = engine.RowReporter(engine.current(), inputs.urn)
        machines = inputs.assignments(once_migrated) + assignments(None, departing)
        outcomes = vault.converge(machines, reporter, order)
        for name, machine in departing.items():
            departures.of_this_process.add(machine.instance_id, outcomes[name])
        staying = {name: outcomes[name] for name in inputs.machines}
        return {
            **inputs.wire(),
            "results": {name: _result(o.observed) for name, o in staying.items()},
            "outcomes": {
                name: {"status": str(o.status), "reason": str(o.reason or ""), "message": o.message}
                for name, o in staying.items()
            },
            "migrated": {
                name: machine.instance_id
                for name, machine in inputs.machines.items()
                if name in once_migrated or staying[name].observed.stage is Stage.MIGRATED
            },
            "leaving": {
                name: machine.wire()
                for name, machine in departing.items()
                if not satisfies(None, outcomes[name].observed)
            },
        }


class MigrationWave(Resource, module="site-recovery", name="MigrationWave"):
    """Machines that share a phase, driven together.

    `outcomes` holds, by machine, the status (`satisfied`, `pending`, `failed`, `blocked`), the
    reason (a name, see `site_recovery.reasons`) and the message of the last run; `results` what was observed at its end; `migrated` the instance of
    each machine that ever was seen migrated, which a refresh does not forget. The wave itself does not
    fail because a machine failed: that machine's `ProtectedItem` does.
    """

    experience: pulumi.Output[str]
    vault_id: pulumi.Output[str]
    container_id: pulumi.Output[str]
    machines_site_id: pulumi.Output[str]
    target: pulumi.Output[Mapping[str, str]]
    machines: pulumi.Output[Mapping[str, Any]]
    convergence: pulumi.Output[Mapping[str, Any]]
    results: pulumi.Output[Mapping[str, Any]]
    outcomes: pulumi.Output[Mapping[str, Any]]
    leaving: pulumi.Output[Mapping[str, Any]]
    migrated: pulumi.Output[Mapping[str, Any]]

    def __init__(
        self,
        name: str,
        *,
        experience: pulumi.Input[str],
        vault_id: pulumi.Input[str],
        container_id: pulumi.Input[str],
        machines_site_id: pulumi.Input[str],
        policy_id: pulumi.Input[str],
        process_server_id: pulumi.Input[str],
        master_target_id: pulumi.Input[str],
        run_as_accounts: pulumi.Input[Mapping[str, Any]],
        target: pulumi.Input[Mapping[str, Any]],
        phase: pulumi.Input[str],
        machines: pulumi.Input[Mapping[str, Any]],
        holds: pulumi.Input[Mapping[str, str]],
        bios_ids: pulumi.Input[Mapping[str, str]],
        other_waves: Mapping[str, Any],
        convergence: pulumi.Input[Mapping[str, Any]],
        recovery_point: pulumi.Input[str] = "latest",
        recovery_plan: pulumi.Input[Mapping[str, Any]] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(
            MigrationWaveProvider(),
            name,
            {
                "experience": experience,
                "vault_id": vault_id,
                "container_id": container_id,
                "machines_site_id": machines_site_id,
                "policy_id": policy_id,
                "process_server_id": process_server_id,
                "master_target_id": master_target_id,
                "run_as_accounts": run_as_accounts,
                "target": target,
                "phase": phase,
                "machines": machines,
                "holds": holds,
                "bios_ids": bios_ids,
                "convergence": convergence,
                "recovery_point": recovery_point,
                "recovery_plan": recovery_plan,
                "urn": own_urn(MigrationWave, name, opts),
                # Told to `check`, which takes them out again: they are no part of the wave.
                "preview": pulumi.runtime.is_dry_run(),
                "other_waves": other_waves,
                **dict.fromkeys(_OUTPUTS),
            },
            opts,
        )


_PASSING = {
    *("convergence", "holds", "bios_ids", "other_machines", "other_instances", "urn", "machines"),
}


def _lasting(inputs: WaveInputs) -> dict[str, Any]:
    """What makes a wave another wave: not how a run goes, nor who is in other waves."""
    return {
        **inputs.model_dump(exclude=_PASSING),
        "machines": {name: machine.lasting() for name, machine in inputs.machines.items()},
    }


def _refuse_lost(inputs: WaveInputs, once: Mapping[str, str], snapshot: Snapshot) -> None:
    """Refuse, in preview too, what `up` would not do: migrate a machine again.

    `check` cannot, because it is not told what is recorded.

    Raises:
        MigrationError: naming each machine.
    """
    machines = [a for a in inputs.assignments(once) if a.machine.name in once]
    _, refusals = review.review(machines, snapshot, inputs.rules)
    if refusals:
        raise MigrationError(review.refused(refusals))


def _gone(inputs: WaveInputs, where: str) -> dict[str, dict[str, str]]:
    """Outcomes by which the next `up` drives the wave anew."""
    return {
        name: {"status": "pending", "reason": str(Reason.VAULT_GONE), "message": where}
        for name in inputs.machines
    }


def _tell_gone(
    inputs: WaveInputs,
    going: Iterable[Assignment],
    snapshot: Snapshot,
    reporter: engine.RowReporter,
) -> None:
    seen = [observe(each.machine, snapshot) for each in going]
    where = in_words(inputs.site.container.vault)
    reporter.event(f"{where}, and with it the replication of this wave's machines")
    tests = sorted(arm_ids.name(each.test_vm_id) for each in seen if each.test_vm_id)
    if tests:
        reporter.event(
            f"the virtual machines {', '.join(tests)} of tests are left, which only the vault "
            "could clean up: delete them with their disks and network interfaces"
        )


def _names(machines: Iterable[str]) -> str:
    return ", ".join(sorted(machines))


def _result(observed: Observed) -> dict[str, Any]:
    values = {
        "stage": str(observed.stage),
        "item_id": observed.item_id,
        "azure_vm_id": observed.azure_vm_id,
        "test_vm_id": observed.test_vm_id,
        "health": observed.health,
    }
    return {name: value for name, value in values.items() if value is not None}
