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
from site_recovery.fleet import (
    Assignment,
    ExperienceName,
    Hardware,
    RecoveryPoint,
    Site,
    Target,
    placed,
)
from site_recovery.observation import Stage
from site_recovery.phases import Phase
from site_recovery.planning import Rules
from site_recovery.recovery_plan import Action, Group, ManualAction, Plan, RunbookAction
from site_recovery.snapshot import Machine


class HardwareInputs(Inputs):
    """What a machine has, as EC2 tells it; memory in GiB."""

    vcpus: int
    memory_gib: float
    data_disks: int


class MachineInputs(Inputs):
    """One machine of a wave. A migrated machine's instance may be gone, and its address too."""

    instance_id: str
    private_ip: str | None = None
    os_type: Literal["Windows", "Linux"]
    source_problem: str | None = None
    vm_name: str
    vm_size: str | None = None
    disk_type: str | None = None
    availability_zone: str | None = None
    license_type: str | None = None
    tags: dict[str, str] = Field(default_factory=dict)
    subnet: str | None = None
    target_ip: str | None = None
    hardware: HardwareInputs | None = None

    def machine(self, name: str, hold: str | None = None, bios_id: str = "") -> Machine:
        """What identifies it to the services, and why its replication may not begin."""
        return Machine(
            name,
            self.instance_id,
            self.private_ip or "",
            self.vm_name,
            self.source_problem,
            hold=hold,
            bios_id=bios_id,
        )

    def lasting(self) -> dict[str, Any]:
        """What makes a difference to a machine whose instance may be gone by now."""
        return self.model_dump(exclude={"private_ip", "os_type", "source_problem", "hardware"})

    def target(self) -> Target:
        """The virtual machine that its failover creates."""
        return Target(
            self.os_type,
            self.vm_size,
            self.disk_type,
            self.availability_zone,
            self.license_type,
            self.tags,
            self.subnet,
            self.target_ip,
        )

    def assignment(self, machine: Machine, phase: Phase | None) -> Assignment:
        """The machine with the phase that it should be in; None: out of the vault."""
        hardware = None if self.hardware is None else Hardware(**self.hardware.model_dump())
        return Assignment(machine, self.target(), phase, hardware=hardware)


class TargetInputs(Inputs):
    """Where failed-over machines live; ARM ids."""

    resource_group_id: str
    network_id: str
    subnet_name: str
    test_network_id: str
    test_subnet_name: str | None = None
    storage_account_id: str

    def placed(self, assignment: Assignment) -> Assignment:
        """A machine with what its protected item should say of its target."""
        return placed(assignment, **self.model_dump(exclude={"storage_account_id"}))


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


class RunbookInputs(Inputs):
    """An Automation runbook."""

    id: str
    timeout_seconds: float


class ActionInputs(Inputs):
    """One of the two."""

    manual: str | None = None
    runbook: RunbookInputs | None = None

    def action(self) -> Action:
        """As `site_recovery` has it."""
        if self.runbook is not None:
            return RunbookAction(self.runbook.id, int(self.runbook.timeout_seconds))
        return ManualAction(self.manual or "")


class GroupInputs(Inputs):
    """Machines that fail over together."""

    machines: list[str]
    pre: list[ActionInputs] = Field(default_factory=list)
    post: list[ActionInputs] = Field(default_factory=list)


class PlanInputs(Inputs):
    """A wave's recovery plan."""

    name: str
    groups: list[GroupInputs]

    def plan(self) -> Plan:
        """As `site_recovery` has it."""
        return Plan(
            self.name,
            tuple(
                Group(
                    tuple(group.machines),
                    tuple(each.action() for each in group.pre),
                    tuple(each.action() for each in group.post),
                )
                for group in self.groups
            ),
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
    target: TargetInputs
    phase: Phase
    machines: dict[str, MachineInputs]
    holds: dict[str, str] = Field(default_factory=dict)
    bios_ids: dict[str, str] = Field(default_factory=dict)
    other_machines: list[str] = Field(default_factory=list)
    other_instances: list[str] = Field(default_factory=list)
    convergence: ConvergenceInputs
    recovery_point: RecoveryPoint = RecoveryPoint.LATEST
    recovery_plan: PlanInputs | None = None
    urn: str

    @property
    def site(self) -> Site:
        """Where machines are replicated from and to."""
        return Site(
            container=ContainerId.parse(self.container_id),
            policy_id=self.policy_id,
            process_server_id=self.process_server_id,
            master_target_id=self.master_target_id,
            run_as_accounts=self.run_as_accounts,
            resource_group_id=self.target.resource_group_id,
            network_id=self.target.network_id,
            subnet_name=self.target.subnet_name,
            test_network_id=self.target.test_network_id,
            storage_account_id=self.target.storage_account_id,
            recovery_point=self.recovery_point,
            experience=self.experience,
            machines_site_id=self.machines_site_id,
            test_subnet_name=self.target.test_subnet_name,
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
        last = before.recovery_plan if before is not None else None
        return PlanOrder(self.recovery_plan.plan(), last.plan() if last else None)

    def assignments(self, migrated: Collection[str] = ()) -> list[Assignment]:
        """Every machine with the wave's phase; of some it is recorded that they are migrated."""
        return [
            self.target.placed(
                inputs.assignment(
                    replace(self.machine(name), migrated=name in migrated),
                    self.phase,
                )
            )
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
