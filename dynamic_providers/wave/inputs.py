"""A wave's inputs over the wire, and what they mean to `site_recovery`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal

from pydantic import Field

from dynamic_providers.adapter import Inputs
from dynamic_providers.remembered import of_same_instances
from site_recovery.arm_ids import ContainerId
from site_recovery.azure.experiences.registry import EXPERIENCES
from site_recovery.convergence.interfaces import Pace, PlanOrder
from site_recovery.declared.target import TargetSpec
from site_recovery.fleet import (
    Assignment,
    ExperienceName,
    Hardware,
    LandingZone,
    Platform,
    RecoveryPoint,
    Site,
)
from site_recovery.observation import Stage
from site_recovery.phases import Phase
from site_recovery.planning import Rules
from site_recovery.recovery_plan import Plan
from site_recovery.snapshot import Machine


class MachineInputs(Inputs):
    """One machine of a wave. The instance of a migrated machine may be gone, and so its address.

    Attributes:
        private_ip: the instance's address in AWS.
        source_problem: why the instance cannot replicate (any more).
    """

    instance_id: str
    private_ip: str | None = None
    platform: Platform
    source_problem: str | None = None
    target: TargetSpec = Field(default_factory=TargetSpec)
    hardware: Hardware | None = None

    def machine(self, name: str, hold: str | None = None, bios_id: str = "") -> Machine:
        """What identifies it to the services, and why its replication may not begin."""
        return Machine(
            name,
            self.instance_id,
            self.private_ip or "",
            self.target.vm_name_of(name),
            self.source_problem,
            hold=hold,
            bios_id=bios_id,
        )

    def lasting(self, name: str) -> dict[str, Any]:
        """What makes it another machine when it changes.

        What is read from the instance is no part of this: the instance may be gone by now.
        """
        return {
            **dict(self.target),
            "instance_id": self.instance_id,
            "vm_name": self.target.vm_name_of(name),
        }

    def assignment(self, machine: Machine, phase: Phase | None) -> Assignment:
        """The machine with the phase that it should be in; None: out of the vault."""
        return Assignment(machine, self.platform, self.target, phase, hardware=self.hardware)


class ConvergenceInputs(Inputs):
    """How a run of a wave goes: `wait_seconds` is service time, `poll_seconds` real time."""

    wait_seconds: float
    poll_seconds: float
    on_pending: Literal["fail", "warn"]
    require_test_failover: bool
    offline_preview: bool

    def pace(self) -> Pace:
        """How long a run takes and how often it looks."""
        return Pace(
            wait=timedelta(seconds=self.wait_seconds), poll=timedelta(seconds=self.poll_seconds)
        )


class OtherWave(Inputs):
    """What a wave is told of another wave of its stack."""

    phase: Phase
    machines: dict[str, MachineInputs]
    require_test_failover: bool


class WaveInputs(Inputs):
    """All of a wave.

    Attributes:
        holds: why replication may not begin, by machine.
        bios_ids: by machine, where they are known.
        other_machines: machines of the config's other waves. A machine that left this wave for
            one of them stays protected.
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
    other_machines: list[str] = Field(default_factory=list)
    other_instances: list[str] = Field(default_factory=list)
    convergence: ConvergenceInputs
    recovery_point: RecoveryPoint = RecoveryPoint.LATEST
    recovery_plan: Plan | None = None
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
        """The wave's gates."""
        return Rules(
            require_test_failover=self.convergence.require_test_failover,
            discovers=EXPERIENCES[self.experience].discovers,
        )

    def plan_order(self, before: WaveInputs | None = None) -> PlanOrder | None:
        """The wave's recovery plan, with what it was when the wave ran last."""
        if self.recovery_plan is None:
            return None
        return PlanOrder(self.recovery_plan, before.recovery_plan if before is not None else None)

    def assignments(self, migrated: Collection[str] = ()) -> list[Assignment]:
        """Every machine with the wave's phase; of some it is recorded that they are migrated."""
        return [
            inputs.assignment(
                replace(self.machine(name), migrated=name in migrated), self.phase
            ).placed(self.landing_zone)
            for name, inputs in self.machines.items()
        ]

    def machine(self, name: str) -> Machine:
        """A machine of the wave with all that is known of it."""
        return self.machines[name].machine(name, self.holds.get(name), self.bios_ids.get(name, ""))


def assignments(phase: Phase | None, machines: Mapping[str, MachineInputs]) -> list[Assignment]:
    """Machines with the phase that they should be in; None: out of the vault."""
    return [inputs.assignment(inputs.machine(name), phase) for name, inputs in machines.items()]


def recorded(outputs: dict[str, Any]) -> dict[str, MachineInputs]:
    """The machines a wave is answerable for: its own, and those that did not leave yet."""
    machines = {**(outputs.get("leaving") or {}), **outputs["machines"]}
    return {name: MachineInputs.model_validate(values) for name, values in machines.items()}


def leaving(before: dict[str, MachineInputs], now: WaveInputs) -> dict[str, MachineInputs]:
    """Machines that were in the wave and are in no wave any more, by whatever name."""
    kept = {*now.machines, *now.other_machines}
    instances = {*(m.instance_id for m in now.machines.values()), *now.other_instances}
    return {
        name: inputs
        for name, inputs in before.items()
        if name not in kept and inputs.instance_id not in instances
    }


def migrated(outputs: dict[str, Any], now: WaveInputs) -> dict[str, str]:
    """The instances of the wave that are recorded as migrated, by machine."""
    once: dict[str, str] = dict(outputs.get("migrated") or {})
    for name, result in (outputs.get("results") or {}).items():
        if result.get("stage") == Stage.MIGRATED and name in outputs["machines"]:
            once[name] = outputs["machines"][name]["instance_id"]
    instances = {name: machine.instance_id for name, machine in now.machines.items()}
    return of_same_instances(once, once, instances)
