"""The resource that records one machine of a wave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Literal, TypeAlias

import pulumi
from pulumi.dynamic import CheckFailure, CheckResult, DiffResult
from pydantic import TypeAdapter

from dynamic_providers import adapter, engine
from dynamic_providers.adapter import Inputs, MigrationProvider, Outputs, is_unknown, unknown
from dynamic_providers.as_text import AsText, as_text
from dynamic_providers.declared import DeclaredResource
from dynamic_providers.migration_wave import MigrationWave
from dynamic_providers.shared import claims, departures
from dynamic_providers.wave.inputs import ConvergenceInputs, MachineInputs
from site_recovery.arm_ids import ContainerId
from site_recovery.azure.guests import AzureGuests
from site_recovery.azure.service import VaultService
from site_recovery.azure.vault import gone_error, gone_text
from site_recovery.convergence.outcome import Outcome, Status
from site_recovery.convergence.single_reads import is_doubtful, read_alone
from site_recovery.errors import MigrationError
from site_recovery.fleet import ExperienceName, LandingZone, Site
from site_recovery.observation import Observed, Stage, observe
from site_recovery.phases import Phase
from site_recovery.planning import NOT_BEGUN, Rules, next_step, satisfies
from site_recovery.snapshot import Gone, Snapshot
from site_recovery.steps import Blocked


class OutcomeInputs(Inputs):
    """The outcome of the machine in the last run of its wave.

    Attributes:
        decided: the phase that `afterFailover` has decided on; None if that is the declared one.
    """

    status: Literal["satisfied", "pending", "failed", "blocked"]
    decided: str | None = None
    reason: str = ""
    message: str = ""


class ProtectedItemInputs(Inputs):
    """The inputs. All except the machine's name and the phase come from outputs of the wave.

    Attributes:
        phase: the declared phase. A refresh records where the machine was found instead, which
            may be between two phases (`initial replication`).
        wave: the name of its wave.
        wave_phase: the phase in the wave's own inputs. It is not the declared one if the wave is
            not part of this command. Empty in records of older versions of this program.
    """

    name: str
    phase: str
    experience: ExperienceName = "classic"
    container_id: str
    machines_site_id: str = ""
    landing_zone: AsText[LandingZone]
    machine: AsText[MachineInputs]
    convergence: AsText[ConvergenceInputs]
    outcome: OutcomeInputs
    wave: str = ""
    wave_phase: str = ""
    urn: str

    @property
    def site(self) -> Site:
        """The parts of the site that are needed to observe the machine."""
        return Site(
            container=ContainerId.parse(self.container_id),
            landing_zone=self.landing_zone,
            experience=self.experience,
            machines_site_id=self.machines_site_id,
        )


class ProtectedItemOutputs(Outputs):
    """The outputs: the observed state of the machine.

    A missing value is an empty text, because the engine treats a missing output as not known yet.

    Attributes:
        observed_phase: the phase that the machine is really in. It is the declared one, unless the
            machine is pending and `onPending` is `warn`.
        item_id: the protected item; empty once the machine is migrated.
        azure_vm_id: empty before the failover.
        test_vm_id: empty unless a test failover is running.
        last_test_failover: the end of the last successful one (ISO 8601); empty before it.
        power_state: of the machine in Azure, or of the test machine while there is one, such as
            `running`; empty if there is neither.
        private_ips: the private addresses of all network interfaces of the same machine, the
            primary one's first. A record of an older version of this program has none.
        private_ip: the first of them; empty if there is none.
    """

    observed_phase: str = ""
    item_id: str = ""
    azure_vm_id: str = ""
    test_vm_id: str = ""
    health: str = ""
    last_test_failover: str = ""
    power_state: str = ""
    private_ip: str = ""
    private_ips: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, observed: Observed, power_state: str = "", private_ips: tuple[str, ...] = ()
    ) -> ProtectedItemOutputs:
        """The outputs for an observed machine, and for what is known of it in Azure."""
        last_test = observed.last_test_failover
        return cls(
            observed_phase=_phase(observed),
            item_id=observed.item_id or "",
            azure_vm_id=observed.azure_vm_id or "",
            test_vm_id=observed.test_vm_id or "",
            health=observed.health,
            last_test_failover=last_test.isoformat() if last_test else "",
            power_state=power_state,
            private_ip=next(iter(private_ips), ""),
            private_ips=private_ips,
        )

    def remembering(self, before: ProtectedItemOutputs) -> ProtectedItemOutputs:
        """A copy that keeps the last test, which the service deletes together with the item."""
        last_test = self.last_test_failover or before.last_test_failover
        return self.model_copy(update={"last_test_failover": last_test})


_MACHINE: TypeAdapter[MachineInputs] = TypeAdapter(AsText[MachineInputs])
Recorded: TypeAlias = adapter.Recorded[ProtectedItemInputs, ProtectedItemOutputs]


class ProtectedItemProvider(MigrationProvider[ProtectedItemInputs, ProtectedItemOutputs]):
    """Verifies the machine's live state and records it. It never submits an operation."""

    async def on_check(
        self, olds: dict[str, Any], news: dict[str, Any], check_only: Mapping[str, Any]
    ) -> CheckResult:
        """Refuse a new machine whose wave is left out of the command: nothing would drive it."""
        if _left_out(news) and (news.get("machine") is None or not olds):
            way_out = (
                f"{_not_part_of(news)}, and nothing else takes a new machine to its phase. Add the "
                f"wave (--target '**:Wave::{news['wave']}'), or leave out its machines too "
                "(--exclude-dependents)."
            )
            return CheckResult(news, [CheckFailure("", way_out)])
        return CheckResult(news, [])

    async def on_diff(self, recorded: Recorded, news: dict[str, Any]) -> DiffResult:
        """A difference is another phase, another outcome of the wave, or drift.

        In a preview in which the wave will run, its outcome is not known yet. The wave's own row
        says then what happens; the machine is not shown as changed for it.

        A wave that is left out of the command (`--target`, `--exclude`) leaves its records alone.

        Raises:
            MigrationError: it is migrated, its wave has another name now, and its virtual machine is
                not found: the wave by the other name would migrate it again.
        """
        if _lost_its_wave(recorded):
            await self._refuse_without_vm(recorded.inputs)
        # A refresh compares too, and checks nothing.
        if _left_out(news) and claims.of_this_process.program_runs:
            engine.current().log(news["urn"], f"{_not_part_of(news)}: it stays where it is")
            return DiffResult(changes=False)
        changed = any(
            not unknown(news.get(key)) and news.get(key) != recorded.values.get(key)
            for key in ("phase", "outcome")
        )
        if not unknown(news.get("machine")):
            machine = _MACHINE.validate_python(news["machine"])
            before = _MACHINE.validate_python(recorded.values["machine"])
            name = recorded.inputs.name
            changed |= machine.lasting(name) != before.lasting(name)
        observed_phase = recorded.outputs.observed_phase
        outcome = news.get("outcome")
        decided = None if unknown(outcome) else (outcome or {}).get("decided")
        drifted = bool(observed_phase) and observed_phase != (decided or news.get("phase"))
        return DiffResult(changes=changed or drifted)

    async def on_create(self, inputs: ProtectedItemInputs) -> tuple[str, ProtectedItemOutputs]:
        """Record the machine, or fail with its reason from the wave's run."""
        return inputs.name, await self._verified(inputs)

    async def on_update(
        self, recorded: Recorded, inputs: ProtectedItemInputs
    ) -> ProtectedItemOutputs:
        """Record the machine again, or fail with its reason from the wave's run."""
        return (await self._verified(inputs)).remembering(recorded.outputs)

    async def on_read(
        self, id_: str, recorded: Recorded
    ) -> tuple[ProtectedItemInputs, ProtectedItemOutputs] | None:
        """Read the machine's state; None if neither the vault nor Azure has anything of it."""
        inputs = recorded.inputs
        before = recorded.outputs
        observed = await self._confirmed(
            inputs,
            await self._look(inputs, lambda _: True),
            migrated=before.observed_phase == Phase.MIGRATED,
            item_id=before.item_id,
        )
        _raise_if_unreadable(inputs, observed)
        if observed.stage in NOT_BEGUN:
            return None
        found = inputs.model_copy(update={"phase": _phase(observed)})
        outputs = await self._outputs(inputs, observed)
        return found, outputs.remembering(before)

    async def on_delete(self, id_: str, recorded: Recorded) -> None:
        """Make sure that the machine is out of the vault, or that its wave can take it out.

        The wave has removed a machine that left it, or has not finished yet. On destroy, items go
        first; then the delete of the wave takes all its machines out at once, unless one of them
        refuses here, before any is touched.
        """
        inputs = recorded.inputs
        if inputs.machine.instance_id in claims.of_this_process:
            # The record is replaced, or the machine has another name now.
            return
        left = departures.of_this_process.get(inputs.machine.instance_id)
        # For a machine that left, the outcome of the wave is newer than the shared observation.
        snapshot = await self._look(inputs, lambda shared: left is None)
        observed = self._of(inputs, snapshot)
        if snapshot.gone is Gone.VAULT:
            where = gone_text(inputs.site.container.vault)
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
            inputs.urn,
            f"{inputs.name}: its replication goes on until its wave is destroyed, which takes all "
            "its machines out of the vault",
        )

    async def _refuse_without_vm(self, inputs: ProtectedItemInputs) -> None:
        """Refuse to go on with a migrated machine whose virtual machine is not found."""
        snapshot = await self._look(inputs, lambda _: True)
        machine = replace(inputs.machine.machine(inputs.name), migrated=True)
        step = next_step(Phase.MIGRATED, observe(machine, snapshot), Rules())
        if snapshot.gone is None and isinstance(step, Blocked):
            raise MigrationError(f"{inputs.name}: {step}")

    def _tell_departure(self, inputs: ProtectedItemInputs, left: Outcome) -> None:
        what = f"{inputs.name}: its replication is not removed yet: {left.message}"
        if left.status is not Status.PENDING or inputs.convergence.on_pending == "fail":
            raise MigrationError(f"{what}. Run pulumi up again to go on.")
        engine.current().log(inputs.urn, what, warning=True)

    async def _verified(self, inputs: ProtectedItemInputs) -> ProtectedItemOutputs:
        outcome = inputs.outcome
        tolerated = outcome.status == "pending" and inputs.convergence.on_pending == "warn"
        if outcome.status == "pending" and not tolerated:
            raise MigrationError(
                f"{inputs.name}: still on its way to {inputs.phase}: {outcome.message}. Run pulumi "
                "up again to go on waiting (or set convergence.onPending: warn)."
            )
        if outcome.status in ("failed", "blocked"):
            raise MigrationError(f"{inputs.name}: {outcome.message}")
        phase = Phase(inputs.phase)
        snapshot = await self._look(
            inputs, lambda shared: satisfies(phase, self._of(inputs, shared))
        )
        reached = outcome.decided or phase
        migrated = not tolerated and reached == Phase.MIGRATED
        observed = await self._confirmed(inputs, snapshot, migrated=migrated)
        _raise_if_unreadable(inputs, observed)
        if not tolerated and not satisfies(phase, observed):
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
        return await self._outputs(inputs, observed)

    async def _outputs(
        self, inputs: ProtectedItemInputs, observed: Observed
    ) -> ProtectedItemOutputs:
        """What is observed of the machine, and where it answers in Azure.

        The second is for people only: a run goes on without it.
        """
        vm_id = observed.azure_vm_id or observed.test_vm_id
        if not vm_id:
            return ProtectedItemOutputs.of(observed)
        try:
            async with self.azure(inputs.site.container.vault) as connection:
                guests = AzureGuests(connection)
                health, addresses = await asyncio.gather(
                    guests.health(vm_id), guests.addresses(vm_id)
                )
        except MigrationError as error:
            engine.current().log(inputs.urn, f"{inputs.name}: its address is not known: {error}")
            return ProtectedItemOutputs.of(observed)
        return ProtectedItemOutputs.of(observed, health.power if health else "", addresses)

    def _of(self, inputs: ProtectedItemInputs, snapshot: Snapshot) -> Observed:
        return observe(inputs.machine.machine(inputs.name), snapshot)

    async def _look(
        self, inputs: ProtectedItemInputs, good: Callable[[Snapshot], bool]
    ) -> Snapshot:
        async with self._vault(inputs) as vault:
            return await vault.recent(good)

    async def _confirmed(
        self, inputs: ProtectedItemInputs, snapshot: Snapshot, *, migrated: bool, item_id: str = ""
    ) -> Observed:
        """What the lists show of the machine, with single reads of it before they are believed.

        Args:
            inputs: the machine.
            snapshot: what the lists show.
            migrated: whether it is known to be migrated.
            item_id: its protected item as it was recorded; empty if none was.
        """
        observed = self._of(inputs, snapshot)
        if not is_doubtful(observed, begun=True, migrated=migrated):
            return observed
        machine = replace(inputs.machine.machine(inputs.name), item_id=item_id)
        assignment = inputs.machine.assignment(machine, None)
        async with self._vault(inputs) as vault:
            return self._of(inputs, await read_alone(vault, snapshot, assignment, observed))

    @asynccontextmanager
    async def _vault(self, inputs: ProtectedItemInputs) -> AsyncIterator[VaultService]:
        site = inputs.site
        async with self.azure(site.container.vault) as connection:
            yield VaultService(connection, site, adapter.stack_of(inputs.urn), leaving=True)


def _lost_its_wave(recorded: Recorded) -> bool:
    """Whether a migrated machine is in a wave that may be new, and whose record is another's.

    A wave by another name is created before the old one is deleted, so it cannot have that record.
    """
    inputs, claimed = recorded.inputs, claims.of_this_process
    return (
        recorded.outputs.observed_phase == Phase.MIGRATED
        and bool(inputs.wave)
        and inputs.wave not in claimed.waves
        and inputs.machine.instance_id in claimed.instances
        and not inputs.convergence.offline_preview
    )


def _left_out(news: Mapping[str, Any]) -> bool:
    """Whether the wave is not part of this command: its inputs are those of its last run."""
    phase = news.get("wave_phase")
    if is_unknown(phase) or is_unknown(news.get("machine")):
        return False
    return phase != news["phase"] or news.get("machine") is None


def _not_part_of(news: Mapping[str, Any]) -> str:
    return f"{news['name']}: its wave {news['wave']} is not part of this command"


def _raise_if_unreadable(inputs: ProtectedItemInputs, observed: Observed) -> None:
    """Keep what is recorded of a machine if what Azure answers about it cannot be read."""
    if observed.stage is Stage.UNREADABLE:
        raise MigrationError(f"{inputs.name}: {next_step(None, observed, Rules())}")


class ProtectedItem(
    DeclaredResource, name="Machine", former="ProtectedItem", provider=ProtectedItemProvider
):
    """The record of one machine, which shows its state after an `up`.

    Args:
        name: the name of the resource.
        wave: the wave that drives the machine.
        machine: the machine's name in the config.
        phase: the phase that the wave is declared to be in.
        opts: the resource's options.
    """

    phase: pulumi.Output[str]
    observed_phase: pulumi.Output[str]
    item_id: pulumi.Output[str]
    azure_vm_id: pulumi.Output[str]
    test_vm_id: pulumi.Output[str]
    health: pulumi.Output[str]
    last_test_failover: pulumi.Output[str]
    power_state: pulumi.Output[str]
    private_ip: pulumi.Output[str]
    private_ips: pulumi.Output[list[str]]

    def __init__(
        self,
        name: str,
        /,
        *,
        wave: MigrationWave,
        machine: str,
        phase: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        told = wave.independent
        super().__init__(
            name,
            opts=opts,
            name=machine,
            phase=phase,
            experience=told["experience"],
            container_id=told["container_id"],
            machines_site_id=told["machines_site_id"],
            landing_zone=told["landing_zone"],
            # If the wave is left out of the command, these are of its last run, without new machines.
            machine=told["machines"].apply(lambda machines: as_text((machines or {}).get(machine))),
            convergence=told["convergence"],
            # This one makes the record depend on the wave.
            outcome=wave.outcomes.apply(lambda outcomes: (outcomes or {}).get(machine)),
            wave=wave.pulumi_resource_name,
            wave_phase=told["phase"],
        )


_PHASES = {
    Stage.PROTECTED: Phase.PROTECTED,
    Stage.TEST_FAILOVER: Phase.TEST_FAILOVER,
    Stage.FAILED_OVER: Phase.FAILED_OVER,
    Stage.MIGRATED: Phase.MIGRATED,
}


def _phase(observed: Observed) -> str:
    """The phase that a machine is in, or its stage if it is between two phases."""
    return str(_PHASES.get(observed.stage, observed.stage))
