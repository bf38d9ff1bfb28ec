"""The inputs of a wave as the engine sends them, and their conversion to types of the domain."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal

from pydantic import Field, field_serializer

from dynamic_providers.adapter import Inputs, resource_name
from dynamic_providers.remembered import of_same_instances
from dynamic_providers.shared import claims, records, runs
from site_recovery.arm_ids import ContainerId
from site_recovery.aws.cutover_source import Ec2Sources
from site_recovery.azure.experiences.registry import EXPERIENCES
from site_recovery.convergence.guarding import Guarding, OrderedWave
from site_recovery.convergence.interfaces import Pace, PlanOrder
from site_recovery.declared.checks import Check, effective
from site_recovery.declared.cutover import AfterFailover, Cutover
from site_recovery.declared.disks import DiskOrder
from site_recovery.declared.hooks import Hooks
from site_recovery.declared.interfaces import SourceInterface
from site_recovery.declared.target import TargetSpec
from site_recovery.fencing import Fencing
from site_recovery.fleet import (
    Assignment,
    ExperienceName,
    Hardware,
    LandingZone,
    Platform,
    RecoveryPointKind,
    Site,
)
from site_recovery.guards import PER_UP, Budget, Guards
from site_recovery.observation import Stage
from site_recovery.phases import Phase
from site_recovery.planning import Rules
from site_recovery.recovery_plan import Plan
from site_recovery.snapshot import Machine


class MachineInputs(Inputs):
    """One machine of a wave.

    Attributes:
        private_ip: the address of the instance in AWS; None if the instance is gone.
        source_problem: why the instance cannot replicate, or None.
        hardware: None if it is not known.
        cutover: how its failover is made.
        checks: what is declared to be checked of it in Azure; None for `running` alone.
        hooks: what runs around its failover; None for nothing.
        cut_over: whether its instance carries the tags of a cutover; None if not. Recorded as it was
            before the last run.
        unmanaged: why Systems Manager runs no command on it, although its cutover needs that.
        rolls_back: whether its failover is to be taken back; None if not.
        deletes_kept: whether the virtual machine of a failover that was taken back is deleted.
        after_failover: what becomes of it if it stays failed over; None if a person decides.
        terminate_after_seconds: how long after its migration its instance is terminated, in
            service time; None for never.
        terminates_at: when that is, if it is known.
        interfaces: those of the instance, if its target names further ones; else None.
        disks: what is declared of the disks of each size; None if nothing is.
        item_id: its protected item, of a machine that leaves the wave; else None.
    """

    instance_id: str
    private_ip: str | None = None
    platform: Platform
    source_problem: str | None = None
    target: TargetSpec = Field(default_factory=TargetSpec)
    hardware: Hardware | None = None
    cutover: Cutover = Field(default_factory=Cutover)
    cut_over: Literal[True] | None = None
    unmanaged: str | None = None
    rolls_back: Literal[True] | None = None
    deletes_kept: Literal[True] | None = None
    after_failover: AfterFailover | None = None
    terminate_after_seconds: float | None = None
    terminates_at: datetime | None = None
    checks: list[Check] | None = None
    hooks: Hooks | None = None
    interfaces: list[SourceInterface] | None = None
    disks: list[DiskOrder] | None = None
    item_id: str | None = None

    @field_serializer("hooks")
    def _as_said(self, hooks: Hooks | None) -> dict[str, Any] | None:
        return None if hooks is None else hooks.model_dump(mode="json", exclude_defaults=True)

    @field_serializer("checks")
    def _as_declared(self, checks: list[Check] | None) -> list[dict[str, Any]] | None:
        if checks is None:
            return None
        return [check.model_dump(mode="json", exclude_defaults=True) for check in checks]

    @field_serializer("cutover")
    def _without_defaults(self, cutover: Cutover) -> dict[str, Any]:
        return cutover.model_dump(mode="json", exclude_defaults=True)

    def machine(self, name: str, hold: str | None = None, bios_id: str = "") -> Machine:
        """What identifies the machine to the services.

        Args:
            name: the name of the machine.
            hold: why its replication may not begin, or None.
            bios_id: its BIOS id, if that is known.
        """
        return Machine(
            name,
            self.instance_id,
            self.private_ip or "",
            self.target.vm_name_of(name),
            self.source_problem,
            hold=hold,
            bios_id=bios_id,
            cut_over=bool(self.cut_over),
            rolls_back=bool(self.rolls_back),
            deletes_kept=bool(self.deletes_kept),
            unmanaged=self.unmanaged,
            not_before=self.cutover.at,
            after_failover=self.after_failover,
            item_id=self.item_id or "",
        )

    def terminates(self, now: datetime) -> bool:
        """Whether the time has come to terminate its instance."""
        return self.terminates_at is not None and self.terminates_at <= now

    def lasting(self, name: str) -> dict[str, Any]:
        """The values whose change is a difference for the wave.

        What is read from the instance is left out, because the instance may be gone by now.
        """
        return {
            **dict(self.target),
            "instance_id": self.instance_id,
            "vm_name": self.target.vm_name_of(name),
        }

    def assignment(self, machine: Machine, phase: Phase | None) -> Assignment:
        """The machine with its desired phase; None means out of the vault."""
        return Assignment(
            machine,
            self.platform,
            self.target,
            phase,
            hardware=self.hardware,
            cutover=self.cutover,
            terminate_after=None
            if self.terminate_after_seconds is None
            else timedelta(seconds=self.terminate_after_seconds),
            checks=effective(self.checks or []),
            hooks=self.hooks or Hooks(),
            interfaces=tuple(self.interfaces or ()),
            disks=tuple(self.disks or ()),
        )


class SourceInputs(Inputs):
    """The AWS side of a wave.

    Attributes:
        region: the region of the machines.
        fence_id: the security group that fences a machine; empty if none is needed.
        own_groups: the security groups that the stack gives its machines.
        servers: addresses of the server that the machines replicate to.
    """

    region: str
    fence_id: str = ""
    own_groups: list[str] = Field(default_factory=list)
    servers: list[str] = Field(default_factory=list)

    def sources(self) -> Ec2Sources:
        """The instances of the region."""
        fencing = Fencing(self.fence_id, frozenset(self.own_groups))
        return Ec2Sources(self.region, fencing, self.servers)


def last_source(olds: Mapping[str, Any], now: WaveInputs) -> SourceInputs | None:
    """The AWS side of a wave; as it was recorded if it is not known yet."""
    if now.source is not None or not olds.get("source"):
        return now.source
    return SourceInputs.model_validate(olds["source"])


class ConvergenceInputs(Inputs):
    """How a wave is run. `wait_seconds` is service time, `poll_seconds` is real time."""

    wait_seconds: float
    poll_seconds: float
    on_pending: Literal["fail", "warn"]
    require_test_failover: bool
    offline_preview: bool

    def pace(self) -> Pace:
        """How long a run waits, and how long it pauses at most."""
        return Pace(
            wait=timedelta(seconds=self.wait_seconds),
            longest_pause=timedelta(seconds=self.poll_seconds),
        )


class EarlierWave(Inputs):
    """A wave of `guards.after`, with what a run needs to see how far it is."""

    phase: Phase
    machines: dict[str, MachineInputs]

    @property
    def ordered(self) -> OrderedWave:
        """The wave as convergence knows it."""
        return OrderedWave(self.phase, [its.machine(name) for name, its in self.machines.items()])


class OtherWave(Inputs):
    """The parts of another wave of the stack that a wave needs."""

    phase: Phase
    machines: dict[str, MachineInputs]
    require_test_failover: bool
    guards: Guards = Field(default_factory=Guards)


class WaveInputs(Inputs):
    """The inputs of a wave.

    Attributes:
        holds: why the replication of a machine may not begin, by name of the machine.
        bios_ids: the BIOS ids that are known, by name of the machine.
        guards: what has to hold before its failovers.
        earlier: the waves of `guards.after`, by name.
        source: None for a wave that an older version of the program recorded.
        retired: whether the source side is removed, and the wave only a record; None if not.
    """

    experience: ExperienceName = "classic"
    vault_id: str
    container_id: str
    machines_site_id: str = ""
    policy_id: str
    process_server_id: str
    master_target_id: str
    run_as_accounts: dict[str, str]
    landing_zone: LandingZone
    phase: Phase
    machines: dict[str, MachineInputs]
    holds: dict[str, str] = Field(default_factory=dict)
    bios_ids: dict[str, str] = Field(default_factory=dict)
    convergence: ConvergenceInputs
    recovery_point: RecoveryPointKind = RecoveryPointKind.LATEST
    recovery_plan: Plan | None = None
    guards: Guards = Field(default_factory=Guards)
    earlier: dict[str, EarlierWave] = Field(default_factory=dict)
    source: SourceInputs | None = None
    retired: Literal[True] | None = None
    urn: str

    @property
    def site(self) -> Site:
        """Where machines are replicated from and to."""
        return Site(
            container=ContainerId.parse(self.container_id),
            landing_zone=self.landing_zone,
            experience=self.experience,
            machines_site_id=self.machines_site_id,
            policy_id=self.policy_id,
            process_server_id=self.process_server_id,
            master_target_id=self.master_target_id,
            run_as_accounts=self.run_as_accounts,
            recovery_point=self.recovery_point,
        )

    @property
    def rules(self) -> Rules:
        """The rules of the wave."""
        return Rules(
            require_test_failover=self.convergence.require_test_failover,
            discovers=EXPERIENCES[self.experience].discovers,
        )

    @property
    def own_wave(self) -> OtherWave:
        """The wave as another wave of the stack sees it."""
        return OtherWave(
            phase=self.phase,
            machines=self.machines,
            require_test_failover=self.convergence.require_test_failover,
            guards=self.guards,
        )

    @property
    def guarding(self) -> Guarding:
        """The guards of the wave in a run of this process."""
        wave, run, guards = resource_name(self.urn), runs.of_this_process, self.guards
        return Guarding(
            guards,
            {name: its.ordered for name, its in self.earlier.items()},
            run.gave_up,
            (
                Budget(guards.max_failovers, f"waves.{wave}.{PER_UP}"),
                Budget(guards.max_failovers_of_stack, f"convergence.{PER_UP}", run.failed_over),
            ),
        )

    def plan_order(self, before: WaveInputs | None = None) -> PlanOrder | None:
        """The recovery plan of the wave, and the plan of the wave's last run (`before`)."""
        if self.recovery_plan is None:
            return None
        return PlanOrder(self.recovery_plan, before.recovery_plan if before is not None else None)

    def assignments(
        self, migrated: Collection[str] = (), items: Mapping[str, str] = MappingProxyType({})
    ) -> list[Assignment]:
        """Every machine with the wave's phase.

        Args:
            migrated: the machines that are recorded as migrated.
            items: the recorded protected items by machine.
        """
        return [
            inputs.assignment(
                replace(self.machine(name), migrated=name in migrated, item_id=items.get(name, "")),
                self.phase,
            ).placed(self.landing_zone)
            for name, inputs in self.machines.items()
        ]

    def machine(self, name: str) -> Machine:
        """A machine of the wave, with its hold and its BIOS id."""
        return self.machines[name].machine(name, self.holds.get(name), self.bios_ids.get(name, ""))


def assignments(phase: Phase | None, machines: Mapping[str, MachineInputs]) -> list[Assignment]:
    """Machines with their desired phase; None means out of the vault."""
    return [inputs.assignment(inputs.machine(name), phase) for name, inputs in machines.items()]


def recorded(outputs: dict[str, Any]) -> dict[str, MachineInputs]:
    """The machines that a wave is responsible for: its own, and those that are still leaving."""
    items = _items(outputs)
    own = {name: {**its, "item_id": items.get(name)} for name, its in outputs["machines"].items()}
    machines = {**(outputs.get("leaving") or {}), **own}
    return {name: MachineInputs.model_validate(values) for name, values in machines.items()}


def instances_of(wave: WaveInputs | None) -> set[str]:
    """The instances of a wave's machines; none without a wave."""
    return set() if wave is None else {each.instance_id for each in wave.machines.values()}


def items(outputs: dict[str, Any], now: WaveInputs) -> dict[str, str]:
    """The protected items of the wave's machines as its last run recorded them, by machine."""
    before = {name: its["instance_id"] for name, its in outputs["machines"].items()}
    instances = {name: machine.instance_id for name, machine in now.machines.items()}
    return of_same_instances(_items(outputs), before, instances)


def _items(outputs: dict[str, Any]) -> dict[str, str]:
    results = (outputs.get("results") or {}).items()
    return {name: result["item_id"] for name, result in results if result.get("item_id")}


def leaving(before: dict[str, MachineInputs], now: WaveInputs) -> dict[str, MachineInputs]:
    """Machines that were in the wave and that no wave of this run declares any more.

    One that moved to another wave stays protected.
    """
    claimed = claims.of_this_process
    kept = {*now.machines, *claimed.machines}
    instances = instances_of(now) | claimed.instances
    return {
        name: inputs
        for name, inputs in before.items()
        if name not in kept and inputs.instance_id not in instances
    }


def of_migrated(now: WaveInputs, instances: Iterable[str] = ()) -> dict[str, str]:
    """Those of the wave's machines that are these instances, or that the run knows as migrated."""
    known = {*instances, *records.of_this_process.migrated}
    return {
        name: machine.instance_id
        for name, machine in now.machines.items()
        if machine.instance_id in known
    }


def ever_migrated(outputs: Mapping[str, Any]) -> dict[str, str]:
    """The instances that a wave has recorded as migrated, also of machines that moved elsewhere."""
    once: dict[str, str] = dict(outputs.get("migrated") or {})
    for name, result in (outputs.get("results") or {}).items():
        if result.get("stage") == Stage.MIGRATED and name in outputs["machines"]:
            once[name] = outputs["machines"][name]["instance_id"]
    return once
