"""The resource that drives the machines of a wave."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any

import pulumi
from pulumi.dynamic import CheckFailure, CheckResult, DiffResult

from dynamic_providers import concurrency, engine
from dynamic_providers.adapter import MigrationProvider, resource_name, stack_urn, unknown
from dynamic_providers.as_text import as_text
from dynamic_providers.declared import DeclaredResource
from dynamic_providers.independent import independent
from dynamic_providers.shared import claims, departures, records
from dynamic_providers.wave import checks as wave_checks
from dynamic_providers.wave import (
    difference,
    fleet_review,
    outputs,
    retirement,
    security_groups,
    subscription,
    takeovers,
    tenant,
)
from dynamic_providers.wave import review as wave_review
from dynamic_providers.wave.all_waves import unpacked
from dynamic_providers.wave.checks import awaits_records, lacks_checks, with_checks, with_hooks
from dynamic_providers.wave.inputs import (
    EarlierWave,
    MachineInputs,
    WaveInputs,
    assignments,
    ever_migrated,
    instances_of,
    items,
    leaving,
    of_migrated,
)
from dynamic_providers.wave.inputs import recorded as answerable_for
from dynamic_providers.wave.outputs import Recorded, WaveOutputs
from dynamic_providers.wave.room import MadeSubnets
from dynamic_providers.wave.sizes import Region
from dynamic_providers.wave.vault import WaveVault
from site_recovery import arm_ids
from site_recovery.azure.vault import gone_text
from site_recovery.convergence import review, review_text
from site_recovery.errors import MigrationError
from site_recovery.fleet import Assignment
from site_recovery.observation import observe
from site_recovery.planning import NOT_BEGUN, satisfies
from site_recovery.reasons import Reason
from site_recovery.snapshot import Gone, Snapshot


class MigrationWaveProvider(MigrationProvider[WaveInputs, WaveOutputs]):
    """The reconciler: observes the machines of the wave, drives them, and records the result."""

    only_for_check = (
        "parallel",
        "preview",
        "all_waves",
        "made_subnets",
        "plugin",
        "region",
        "stack",
    )

    async def on_check(
        self, olds: dict[str, Any], news: dict[str, Any], check_only: Mapping[str, Any]
    ) -> CheckResult:
        """Review the wave: print what `up` would do, and refuse what cannot be done.

        Runs in preview for creates and updates alike. Live state is read unless the vault does
        not exist yet or the preview is offline.
        """
        # A retired wave gets none.
        waves = unpacked(text) if (text := check_only["all_waves"]) else {}
        own = resource_name(news["urn"])
        others = {name: wave for name, wave in waves.items() if name != own}
        news["earlier"] = {
            name: EarlierWave(phase=others[name].phase, machines=others[name].machines).wire()
            for name in (news.get("guards") or {}).get("after", ())
        }
        for name, wave in others.items():
            instances = {n: machine.instance_id for n, machine in wave.machines.items()}
            claims.of_this_process.add_wave(name, instances)
        machines = news.get("machines") or {}
        if not unknown(machines):
            instances = {n: machine["instance_id"] for n, machine in machines.items()}
            claims.of_this_process.add_wave(own, instances)
        if (plan := news.get("recovery_plan")) and not unknown(plan):
            # A renamed stack keeps the plan, and what people added to it in the vault.
            plan["name"] = (olds.get("recovery_plan") or plan)["name"]
            claims.of_this_process.add_thing(_plan(plan["name"]))
        preview = bool(check_only["preview"])
        records.of_this_process.planned.add(own)
        records.of_this_process.stack = str(check_only["stack"] or "")
        if not olds:
            # Another wave need not wait until this one is created.
            records.of_this_process.add(own)
        if news.get("retired"):
            news, refusals = retirement.kept(olds, news)
            failures = [CheckFailure("", review.refused(refusals))] if refusals else []
            return CheckResult(news, failures)
        offline = preview and bool(news["convergence"]["offline_preview"])
        plugin = tenant.Plugin.model_validate(check_only["plugin"] or {})
        if not offline and (refusals := await tenant.refusals(self.connect(), plugin)):
            return CheckResult(news, [CheckFailure("", review.refused(refusals))])
        region = Region.model_validate(check_only["region"] or {})
        refusals = (
            []
            if offline
            else await subscription.refusals(
                self.connect(), plugin, region, news.get("landing_zone")
            )
        )
        if refusals:
            return CheckResult(news, [CheckFailure("", review.refused(refusals))])
        ahead = await wave_review.look_ahead(
            self.connect(),
            olds,
            news,
            others,
            preview=preview,
            made=MadeSubnets.model_validate(check_only["made_subnets"] or {}),
            region=region,
        )
        refusals = ahead.refusals
        # As data too, for policies and for whoever reads the preview as JSON.
        news["review"] = ahead.wave.data() if ahead.wave is not None else {}
        if preview:
            self._tell(news["urn"], ahead)
            for line in _waiting(resource_name(news["urn"]), others, check_only["parallel"]):
                self.row(news["urn"]).event(line)
        # Failures name no property, because the engine would print its whole value each time.
        failures = [CheckFailure("", review.refused(refusals))] if refusals else []
        return CheckResult(news, failures)

    def _tell(self, urn: str, ahead: wave_review.LookAhead) -> None:
        """Print the block of the wave on its row, and what sums the stack up on the stack's row."""
        if ahead.untold:
            self.row(urn).event(ahead.untold)
        if ahead.wave is not None and ahead.wave.has_something:
            self.row(urn).event(review_text.wave_block(ahead.wave))
        if ahead.stack is not None:
            self.row(stack_urn(urn)).event(review_text.stack_line(ahead.stack))

    async def on_diff(self, recorded: Recorded, news: dict[str, Any]) -> DiffResult:
        """A difference is a changed input, or a machine that is not in its desired phase.

        A wave is never replaced, so that no config change replaces a replicating machine.
        """
        _tell_records(recorded)
        if unknown(news):
            return DiffResult(changes=True)
        inputs, before = WaveInputs.model_validate(news), recorded.inputs
        ever = ever_migrated(recorded.values)
        migrated_before = of_migrated(inputs, ever.values())
        if inputs.retired:
            retirement.require_migrated(inputs.machines, migrated_before)
            return DiffResult(changes=not before.retired)
        offline = inputs.convergence.offline_preview
        vault = WaveVault(self.connect(), inputs)
        # A refresh compares too: it records that the vault is gone, and `check` refuses to go on.
        snapshot = None
        moved = difference.moved(ever, before, inputs)
        if (migrated_before or moved) and not offline:
            snapshot = await vault.observe(leaving=True)
            if snapshot.gone is None:
                own = [a for a in inputs.assignments(migrated_before) if a.machine.migrated]
                difference.refuse_migrated_without_vm([*own, *moved], inputs, snapshot)
        if not offline and difference.fails_over(inputs):
            snapshot = snapshot or await vault.observe(leaving=True)
            if refusals := await wave_checks.refusals(inputs, before, snapshot):
                raise MigrationError(review.refused(refusals))
        if (
            difference.lasting(inputs) != difference.lasting(before)
            or recorded.outputs.leaving
            or difference.keeps_in_vain(recorded.outputs, inputs)
            # Only tags in EC2 tell: the vault shows its machine as its phase wants it.
            or any(each.gives_source_back for each in inputs.assignments())
        ):
            return DiffResult(changes=True)
        outcomes = recorded.outputs.outcomes
        unfinished = [o for o in outcomes.values() if o["status"] != "satisfied"]
        if unfinished or set(outcomes) != set(inputs.machines):
            # Even if they have reached their phase since: their records need the new outcome.
            return DiffResult(changes=True)
        if offline:
            return DiffResult(changes=False)
        snapshot = snapshot or await vault.observe(leaving=True)
        if snapshot.gone is not None:
            return DiffResult(changes=True)
        satisfied = all(
            satisfies(a.desired, seen := observe(a.machine, snapshot, a.settings))
            and not lacks_checks(a, seen)
            for a in with_checks(inputs.assignments())
        )
        now = fleet_review.seen_at(snapshot)
        due = any(inputs.machines[name].terminates(now) for name in migrated_before)
        order = inputs.plan_order(before)
        satisfied = satisfied and not due
        if satisfied and await security_groups.differ(vault, inputs.assignments(), snapshot):
            satisfied = False
        return DiffResult(changes=not satisfied or await vault.plan_differs(order, snapshot))

    async def on_create(self, inputs: WaveInputs) -> tuple[str, WaveOutputs]:
        """Drive all machines. Jobs that already run are adopted."""
        records.of_this_process.add(resource_name(inputs.urn))
        return resource_name(inputs.urn), await self._drive(inputs, {})

    async def on_update(self, recorded: Recorded, inputs: WaveInputs) -> WaveOutputs:
        """Drive all machines, and take those that left the config out of the vault."""
        _tell_records(recorded)
        if inputs.retired:
            return recorded.outputs
        departing = leaving(answerable_for(recorded.values), inputs)
        return await self._drive(
            inputs,
            departing,
            recorded.inputs,
            ever_migrated(recorded.values),
            recorded.outputs,
            items(recorded.values, inputs),
        )

    async def on_read(self, id_: str, recorded: Recorded) -> tuple[WaveInputs, WaveOutputs] | None:
        """Record where the machines are now.

        A wave is gone with its vault, unless one of its machines is migrated. Nothing but this
        record may tell that, and it keeps the machine from being migrated a second time.
        """
        inputs = recorded.inputs
        vault = WaveVault(self.connect(), inputs)
        ever, before = ever_migrated(recorded.values), recorded.outputs.results
        snapshot = await vault.confirmed(
            inputs.assignments(of_migrated(inputs, ever.values()), items(recorded.values, inputs)),
            {
                name
                for name, result in before.items()
                if result.get("stage", NOT_BEGUN[0]) not in NOT_BEGUN
            },
            await vault.observe(leaving=True),
        )
        results = {
            name: outputs.result(observe(inputs.machine(name), snapshot))
            for name in inputs.machines
        }
        once = {**ever, **ever_migrated({**recorded.values, "results": results})}
        seen = recorded.outputs.model_copy(update={"results": results, "migrated": once})
        if snapshot.gone is not Gone.VAULT:
            return inputs, seen
        migrated_before = of_migrated(inputs, once.values())
        if not migrated_before:
            return None
        where = gone_text(inputs.site.container.vault)
        names = ", ".join(sorted(migrated_before))
        engine.current().log(
            inputs.urn, f"{where}; the record of the migrated machines is kept: {names}"
        )
        # With these outcomes the next `up` drives the wave again.
        pending = {"status": "pending", "reason": str(Reason.VAULT_GONE), "message": where}
        outcomes = dict.fromkeys(inputs.machines, pending)
        gone = {"migrated": migrated_before, "leaving": {}, "outcomes": outcomes}
        return inputs, seen.model_copy(update=gone)

    async def on_delete(self, id_: str, recorded: Recorded) -> None:
        """Take the wave's machines out of the vault, except those that a wave still declares.

        They moved to another wave, or only the record is replaced, which keeps the recovery plan
        too. The others leave all at once; if one is failed over, none is touched.
        """
        inputs = recorded.inputs
        row = self.row(inputs.urn)
        vault = WaveVault(self.connect(), inputs)
        going = assignments(
            None,
            {
                name: machine
                for name, machine in answerable_for(recorded.values).items()
                if machine.instance_id not in claims.of_this_process
            },
        )
        snapshot = await vault.observe(leaving=True, now=True)
        if snapshot.gone is Gone.VAULT:
            _tell_gone(inputs, going, snapshot, row)
            return
        review.raise_if_failed_over(going, snapshot)
        review.raise_unless_gone(await vault.converge(going, row, leaving=True))
        order = inputs.recovery_plan
        if order is not None and not claims.of_this_process.has_thing(_plan(order.name)):
            row.status(f"deleting recovery plan {order.name}")
            await vault.delete_plan(order.name)

    async def _drive(
        self,
        inputs: WaveInputs,
        departing: dict[str, MachineInputs],
        before: WaveInputs | None = None,
        ever: Mapping[str, str] = MappingProxyType({}),
        outputs_before: WaveOutputs | None = None,
        items_before: Mapping[str, str] = MappingProxyType({}),
    ) -> WaveOutputs:
        vault = WaveVault(self.connect(), inputs)
        order = inputs.plan_order(before)
        plan_before = before.recovery_plan if before is not None else None
        if plan_before is not None and (order is None or order.plan.name != plan_before.name):
            await vault.delete_plan(plan_before.name)
        if awaits_records(inputs, before):
            await takeovers.learn(_UNTIL_TOLD)
        once_migrated = of_migrated(inputs, ever.values())
        before_this = outputs_before or WaveOutputs()
        own = with_checks(inputs.assignments(once_migrated, items_before))
        own = takeovers.held(with_hooks(own, before_this.hooks), before)
        machines = own + assignments(None, departing)
        outcomes = await vault.converge(machines, self.row(inputs.urn), order)
        for name, machine in departing.items():
            departures.of_this_process[machine.instance_id] = outcomes[name]
        elsewhere = claims.of_this_process.instances - instances_of(inputs)
        return outputs.after_run(
            inputs, outcomes, before_this, departing, ever, once_migrated, elsewhere
        )


class MigrationWave(
    DeclaredResource, name="Wave", former="MigrationWave", provider=MigrationWaveProvider
):
    """Machines that share a phase, driven together; see `WaveOutputs`.

    The wave itself does not fail because a machine failed: that machine's `ProtectedItem` does.
    """

    experience: pulumi.Output[str]
    phase: pulumi.Output[str]
    container_id: pulumi.Output[str]
    machines_site_id: pulumi.Output[str]
    landing_zone: pulumi.Output[Mapping[str, str]]
    machines: pulumi.Output[Mapping[str, Any]]
    convergence: pulumi.Output[Mapping[str, Any]]
    results: pulumi.Output[Mapping[str, Any]]
    outcomes: pulumi.Output[Mapping[str, Any]]
    leaving: pulumi.Output[Mapping[str, Any]]
    migrated: pulumi.Output[Mapping[str, Any]]
    checks: pulumi.Output[Mapping[str, Any]]
    hooks: pulumi.Output[Mapping[str, Any]]

    @cached_property
    def independent(self) -> dict[str, pulumi.Output[Any]]:
        """What the record of each machine takes from its wave besides its outcome."""
        taken = {name: independent(getattr(self, name)) for name in _TAKEN_BY_RECORDS}
        return taken | {name: taken[name].apply(as_text) for name in _TAKEN_AS_TEXT}


_UNTIL_TOLD = 30.0
"""Seconds to wait for the records of other waves, if that of the stack cannot be read."""
_TAKEN_BY_RECORDS = (
    "experience",
    "phase",
    "container_id",
    "machines_site_id",
    "landing_zone",
    "machines",
    "convergence",
)
_TAKEN_AS_TEXT = ("landing_zone", "convergence")


def _tell_records(recorded: Recorded) -> None:
    records.of_this_process.add(
        resource_name(recorded.inputs.urn),
        recorded.outputs.records.values(),
        ever_migrated(recorded.values).values(),
    )


def _waiting(wave: str, others: Collection[str], parallel: float | None) -> list[str]:
    """A line for a stack whose waves do not all run at a time. Only the first wave says it."""
    if any(other < wave for other in others):
        return []
    line = concurrency.shortage(
        len(others) + 1, concurrency.lift(), None if parallel is None else int(parallel)
    )
    return [line] if line else []


def _plan(name: str) -> Hashable:
    """A recovery plan as a thing that a wave declares."""
    return ("recovery plan", name.lower())


def _tell_gone(
    inputs: WaveInputs,
    going: Iterable[Assignment],
    snapshot: Snapshot,
    reporter: engine.RowReporter,
) -> None:
    seen = [observe(each.machine, snapshot) for each in going]
    where = gone_text(inputs.site.container.vault)
    reporter.event(f"{where}, and with it the replication of this wave's machines")
    tests = sorted(arm_ids.name(each.test_vm_id) for each in seen if each.test_vm_id)
    if tests:
        reporter.event(
            f"the virtual machines {', '.join(tests)} of test failovers are left, which only the "
            "vault could clean up: delete them with their disks and network interfaces"
        )
