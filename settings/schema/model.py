"""All settings of a stack."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field

from settings.schema.fleet import MachineSettings, WaveSettings
from settings.schema.places import AwsRegion, AzureLocation, SubscriptionId
from settings.schema.promotion import Promotion
from settings.schema.replication import Convergence, Replication
from settings.schema.source import RegisteredAppliance, Source
from settings.schema.target import Target
from site_recovery.arm_ids import VaultId
from site_recovery.declared.checks import Check
from site_recovery.declared.cutover import AfterFailover, Cutover, Rollback
from site_recovery.declared.hooks import Hooks
from site_recovery.declared.model import Model, defaults_to
from site_recovery.declared.target import TargetSpec
from site_recovery.fleet import ExperienceName
from site_recovery.guards import Guards
from site_recovery.phases import Phase

REGISTRATION_TIMEOUT = {"classic": timedelta(hours=1), "modernized": timedelta(minutes=30)}
"""How long a server may take to appear in the vault, by experience. The hour of a configuration
server includes its installation. The 30 minutes of an appliance are from its deployment page."""


class Settings(Model):
    """The whole declaration of one stack: where, how, which machines, in which phase."""

    aws_region: AwsRegion = Field(alias="aws:region", description="AWS region of the machines.")
    azure_location: AzureLocation = Field(
        alias="azure-native:location", description="Azure region of everything that is created."
    )
    azure_subscription_id: SubscriptionId = Field(
        alias="azure-native:subscriptionId",
        title="GUID",
        description="Azure subscription of the vault, and of everything else unless "
        "`target.machinesSubscriptionId` names another one.",
    )
    experience: ExperienceName = Field(
        default="modernized",
        description="How Site Recovery replicates: through a replication appliance (`modernized`) "
        "or a configuration server (`classic`).",
    )
    # Not strict: the engine passes a plain value as text.
    allow_retired_classic: bool = Field(
        default=False,
        description="Run `classic` against Azure itself, which refuses new classic protection. "
        "For vaults that still accept it.",
    )
    source_infrastructure: Literal["active", "retired"] = Field(
        default="active",
        description="`retired` removes what the migration needed in AWS and in the vault, once "
        "every machine is migrated: [retiring the source side]"
        "(handover.md#retiring-the-source-side).",
    )
    fleet_file: str | None = Field(
        default=None,
        title="path from Pulumi.yaml",
        description="A [fleet file](environments.md#one-fleet-for-several-stacks): what several "
        "stacks declare together. The config of the stack lies over it.",
        json_schema_extra=defaults_to("none"),
    )
    promotion: Promotion = Field(default_factory=Promotion)
    source: Source
    target: Target
    replication: Replication = Field(default_factory=Replication)
    convergence: Convergence = Field(default_factory=Convergence)
    machines: dict[str, MachineSettings] = Field(default_factory=dict)
    waves: dict[str, WaveSettings] = Field(default_factory=dict)

    @property
    def retired(self) -> bool:
        """Whether the source side is to be removed."""
        return self.source_infrastructure == "retired"

    def wave_of(self, machine: str) -> str | None:
        """The wave that a machine is in."""
        return next((w for w, wave in self.waves.items() if machine in wave.machines), None)

    def phase_of(self, machine: str) -> Phase | None:
        """The phase that a machine should be in; None for a machine of no wave."""
        wave = self.wave_of(machine)
        return self.waves[wave].phase if wave else None

    @property
    def registration_timeout(self) -> timedelta:
        """How long one run waits for the server to appear in the vault."""
        return self.replication.registration_timeout or REGISTRATION_TIMEOUT[self.experience]

    def target_of(self, machine: str) -> TargetSpec:
        """The target of a machine: its own values, and those of its wave where it has none."""
        own, wave = self.machines[machine].target, self.wave_of(machine)
        return own.over(self.waves[wave].target) if wave else own

    def cutover_of(self, machine: str) -> Cutover:
        """How a machine fails over: its own keys, and those of its wave where it has none."""
        own, wave = self.machines[machine].cutover, self.wave_of(machine)
        return own.over(self.waves[wave].cutover) if wave else own

    def rollback_of(self, machine: str) -> Rollback | None:
        """The rollback of a machine: its own, or that of its wave."""
        wave = self.wave_of(machine)
        return self.machines[machine].rollback or (self.waves[wave].rollback if wave else None)

    def after_failover_of(self, machine: str) -> AfterFailover | None:
        """What becomes of a machine that stays failed over: its own rule, or that of its wave."""
        wave = self.wave_of(machine)
        own = self.machines[machine].after_failover
        return own or (self.waves[wave].after_failover if wave else None)

    def terminates_after(self, machine: str) -> timedelta | None:
        """How long after its migration the instance of a machine is terminated; None for never."""
        wave = self.wave_of(machine)
        end = self.machines[machine].source or (self.waves[wave].source if wave else None)
        return end.terminate_after if end is not None else None

    def hooks_of(self, machine: str) -> Hooks:
        """What runs around a failover: a machine's own keys, and those of its wave."""
        own, wave = self.machines[machine].hooks, self.wave_of(machine)
        return own.over(self.waves[wave].hooks) if wave else own

    def checks_of(self, machine: str) -> list[Check]:
        """What is checked of a machine in Azure: its own checks, or else those of its wave."""
        own, wave = self.machines[machine], self.wave_of(machine)
        if wave is None or "checks" in own.model_fields_set:
            return own.checks
        return self.waves[wave].checks

    @property
    def fences(self) -> bool:
        """Whether a machine of a wave is fenced before it fails over."""
        return any(
            self.cutover_of(machine).fences
            for wave in self.waves.values()
            for machine in wave.machines
        )

    @property
    def machines_subscription_id(self) -> str:
        """The subscription of the networks and the virtual machines."""
        return self.target.machines_subscription_id or self.azure_subscription_id

    @property
    def adopted_vault_id(self) -> str | None:
        """The ARM id of a vault that exists already; None if the stack creates the vault."""
        if not self.target.adopts("vault"):
            return None
        target = self.target
        return str(VaultId(self.azure_subscription_id, target.resource_group, target.vault))

    @property
    def registered_appliance(self) -> RegisteredAppliance | None:
        """The appliance that is registered already; None for other servers."""
        appliance = self.source.replication_appliance
        if self.experience == "classic" or appliance is None:
            return None
        return appliance.registered

    @property
    def server_group_id(self) -> str | None:
        """The security group of an appliance that is registered already; None for other servers."""
        appliance = self.registered_appliance
        return None if appliance is None else appliance.security_group_id

    def guards_of(self, wave: str) -> Guards:
        """The guards of a wave: its own, and those of the stack where it has none."""
        own, stack = self.waves[wave], self.convergence
        return Guards(
            approval=own.approval,
            require_approval=stack.require_approval,
            window=own.window or stack.window,
            max_rpo_minutes=own.max_rpo_minutes or stack.max_rpo_minutes,
            max_failovers=own.max_failovers_per_up,
            max_failovers_of_stack=stack.max_failovers_per_up,
            after=tuple(own.after),
        )

    def requires_test_failover(self, wave: str) -> bool:
        """Whether the machines of a wave need a successful test failover before the failover."""
        own = self.waves[wave].require_test_failover
        return self.convergence.require_test_failover if own is None else own
