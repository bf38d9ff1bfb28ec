"""The machines and their waves."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StrictBool,
    StrictInt,
    model_validator,
)

from settings.schema.ec2_tags import TagKey, TagValue
from settings.schema.recovery_plan import RecoveryPlanSettings
from site_recovery.aws.inventory import Driver
from site_recovery.declared.checks import Checks
from site_recovery.declared.cutover import AfterFailover, Cutover, Rollback, SourceEnd
from site_recovery.declared.guards import Approval, Window
from site_recovery.declared.hooks import Hooks
from site_recovery.declared.model import DISTINCT, Model, broken, defaults_to
from site_recovery.declared.names import InstanceId
from site_recovery.declared.target import SharedTarget, TargetSpec
from site_recovery.declared.wording import another_kind
from site_recovery.fleet import RecoveryPointKind
from site_recovery.phases import Phase

INSTANCE_ID = "instance-id"
"""A wave's `selectName` with which machines are named after their instances."""


def _system(name: str) -> str:
    if not name.strip():
        raise broken("it is empty", "Name the system, such as rhel-8.4, or remove the key")
    return name.lower()


class OperatingSystem(Model):
    """The operating system of a machine, where AWS does not tell it or the table does not have it."""

    name: Annotated[str, AfterValidator(_system)] | None = Field(
        default=None,
        title="key of the [table of operating systems](#what-can-be-migrated)",
        description="Its name, if neither the name of the image nor the SSM Agent tells it.",
        json_schema_extra=defaults_to("read from AWS"),
    )
    unsupported: Literal["accepted"] | None = Field(
        default=None,
        title="`accepted`",
        description="Takes a system that is newer than the table. Preview marks the machine.",
    )

    @model_validator(mode="after")
    def _says_something(self) -> OperatingSystem:
        if not self.model_fields_set:
            raise broken("it is empty", "Give it a name, unsupported: accepted, or both")
        return self


def _named(value: Any) -> Any:
    if isinstance(value, bool | int | float):
        raise broken(*another_kind(value, "text"))
    return {"name": value} if isinstance(value, str) else value


class MachineSettings(Model):
    """One EC2 instance to migrate."""

    instance_id: InstanceId = Field(
        description="The EC2 instance. Its platform, address, disks and state are read from AWS."
    )
    os: Annotated[OperatingSystem, BeforeValidator(_named)] | None = Field(
        default=None,
        description="Operating system. A text such as `rhel-8.4` is short for a mapping with this "
        "`name`.",
        json_schema_extra=defaults_to("read from AWS"),
    )
    drivers: Driver | None = Field(
        default=None,
        description="Paravirtual drivers. Required for Windows Server 2008 R2 SP1 with `classic`, "
        "unless the inventory of Systems Manager (`AWS-GatherSoftwareInventory`) lists them. The "
        "two must not contradict each other.",
        json_schema_extra=defaults_to("read from the inventory"),
    )
    target: TargetSpec = Field(
        default_factory=TargetSpec,
        description="What the machine becomes in Azure. A key that is left out follows the "
        "`target` of its wave.",
    )
    cutover: Cutover = Field(
        default_factory=Cutover,
        description="How its failover is made. A key that is left out follows the `cutover` of its "
        "wave.",
    )
    source: SourceEnd | None = Field(
        default=None,
        description="What happens to its instance once it is migrated: `keep-stopped`, or a "
        "mapping.",
        json_schema_extra=defaults_to("that of its wave"),
    )
    rollback: Rollback | None = Field(
        default=None,
        description="Takes its failover back, with the phase `protected`. See "
        "[taking a failover back](cutover.md#taking-a-failover-back).",
        json_schema_extra=defaults_to("that of its wave"),
    )
    after_failover: AfterFailover | None = Field(
        default=None,
        description="What becomes of it if it stays failed over. "
        "See [when nobody decides](cutover.md#when-nobody-decides).",
        json_schema_extra=defaults_to("that of its wave"),
    )
    hooks: Hooks = Field(
        default_factory=Hooks,
        description="What runs around its failover. A key that is left out follows the `hooks` of "
        "its wave. See [hooks](cutover.md#hooks).",
    )
    checks: Checks = Field(
        default_factory=list,
        description="What is checked of the machine in Azure, after its test failover and after its "
        "failover. See [checks](cutover.md#checks).",
        json_schema_extra=defaults_to("the `checks` of its wave"),
    )

    @property
    def system(self) -> str | None:
        """The key of the operating system that the config states."""
        return self.os.name if self.os is not None else None


class WaveSettings(Model):
    """Machines that share a phase. `machines` is read from EC2 where `select` is given."""

    phase: Phase = Field(
        description="The [phase](../README.md#phases) that the machines of the wave should be in."
    )
    machines: Annotated[list[str], Field(min_length=1, validate_default=False)] = Field(
        default_factory=list,
        description="Names of machines. A machine is in at most one wave. A machine in no wave is "
        "left alone.",
        json_schema_extra=defaults_to("required, unless `select`"),
    )
    select: Annotated[dict[TagKey, TagValue], Field(min_length=1)] | None = Field(
        default=None,
        description="In place of `machines`: every instance of the VPC that has all these tags and "
        "is not terminated. See [by tags](#a-wave-by-tags).",
    )
    select_name: TagKey = Field(
        default="Name",
        title=f"key of a tag, or `{INSTANCE_ID}`",
        description="What names the machines that `select` finds: this tag of theirs, or their "
        "instance ids.",
    )
    target: SharedTarget = Field(
        default_factory=SharedTarget,
        description="What the Azure virtual machines of the wave have in common. A machine's own "
        "`target` wins.",
    )
    require_test_failover: StrictBool | None = Field(
        default=None,
        description="Overrides `convergence.requireTestFailover` for this wave.",
        json_schema_extra=defaults_to("`convergence.requireTestFailover`"),
    )
    recovery_point: RecoveryPointKind = Field(
        default=RecoveryPointKind.LATEST,
        description="Recovery point that a failover with `cutover.mode: latest` uses. The other modes "
        "choose one by `cutover.consistency`.",
    )
    cutover: Cutover = Field(
        default_factory=Cutover,
        description="How the machines of the wave fail over. A machine's own `cutover` wins, key "
        "by key.",
    )
    source: SourceEnd | None = Field(
        default=None,
        description="What happens to the instances of the wave once they are migrated: "
        "`keep-stopped`, or a mapping.",
        json_schema_extra=defaults_to("`keep-stopped`"),
    )
    rollback: Rollback | None = Field(
        default=None,
        description="Takes the failovers of the wave back, with the phase `protected`. See "
        "[taking a failover back](cutover.md#taking-a-failover-back).",
        json_schema_extra=defaults_to("no failover is taken back"),
    )
    after_failover: AfterFailover | None = Field(
        default=None,
        description="What becomes of a machine of the wave that stays failed over."
        " See [when nobody decides](cutover.md#when-nobody-decides).",
        json_schema_extra=defaults_to("a person decides"),
    )
    approval: Approval | None = Field(
        default=None,
        description="Who approved what cannot be undone. See [guards](guards.md).",
    )
    window: Window | None = Field(
        default=None,
        description="When a failover of the wave may begin.",
        json_schema_extra=defaults_to("`convergence.window`"),
    )
    max_failovers_per_up: StrictInt | None = Field(
        default=None,
        ge=1,
        description="How many machines of the wave may fail over in one `up`.",
        json_schema_extra=defaults_to("no limit but that of the stack"),
    )
    max_rpo_minutes: StrictInt | None = Field(
        default=None,
        ge=1,
        description="The largest RPO with which a failover of the wave may begin: the age of the "
        "newest data that the vault has.",
        json_schema_extra=defaults_to("`convergence.maxRpoMinutes`"),
    )
    after: Annotated[list[str], DISTINCT] = Field(
        default_factory=list,
        description="Names of waves. A machine of this wave begins a phase only when all their "
        "machines have reached it.",
    )
    hooks: Hooks = Field(
        default_factory=Hooks,
        description="What runs around the failover of each machine of the wave. See "
        "[hooks](cutover.md#hooks).",
    )
    checks: Checks = Field(
        default_factory=list,
        description="What is checked of each machine of the wave in Azure, one after the other. See "
        "[checks](cutover.md#checks).",
        json_schema_extra=defaults_to("`running` alone"),
    )
    recovery_plan: RecoveryPlanSettings | None = Field(
        default=None,
        description="Runs test failover, cleanup and failover of the whole wave as one "
        "[recovery plan](recovery-plans.md), group after group.",
        json_schema_extra=defaults_to("machines go side by side"),
    )
