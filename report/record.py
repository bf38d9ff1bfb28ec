"""What a stack has recorded of its waves, read from its exported state.

It is read from the resources and not from the stack's outputs, because a run that fails does not
update the outputs, not even for the machines that succeeded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from site_recovery.arm_ids import ContainerId
from site_recovery.declared.cutover import AfterFailover
from site_recovery.errors import MigrationError
from site_recovery.fleet import LandingZone, Site
from site_recovery.phases import Phase
from site_recovery.snapshot import Machine

# A record that no newer run has written has the former types.
_WAVE = ("dynamic/asr:Wave", "dynamic/site-recovery:MigrationWave")
_ITEM = ("dynamic/asr:Machine", "dynamic/site-recovery:ProtectedItem")
_UNDER_WAY = ("creating", "updating")


class _Read(BaseModel):
    """A part of a record; it may have been written by another version of the program."""

    model_config = ConfigDict(extra="ignore", frozen=True)


def _said(value: Any) -> Any:
    """What checks said, as texts: it is recorded by the title of each check."""
    if isinstance(value, Mapping):
        return tuple(f"{title}: {text}" for title, text in value.items())
    return value


class Check(_Read):
    """The checks of a machine in Azure: whether they passed, and what they said."""

    passed: bool | None = None
    messages: Annotated[tuple[str, ...], BeforeValidator(_said)] = ()


class Outcome(_Read):
    """How the last run of a wave ended for a machine."""

    status: str = ""
    reason: str = ""
    message: str = ""


class Seen(_Read):
    """Where a machine was at the end of that run, or at the last refresh."""

    stage: str = ""
    health: str = ""
    item_id: str = ""
    azure_vm_id: str = ""
    test_vm_id: str = ""


class ItemRecord(_Read):
    """The record of a machine that reached its phase.

    Attributes:
        private_ips: the private addresses of its virtual machine, the primary interface's first.
        private_ip: the first of them; all that an older version of the program recorded.
    """

    name: str
    observed_phase: str = ""
    health: str = ""
    item_id: str = ""
    azure_vm_id: str = ""
    test_vm_id: str = ""
    last_test_failover: datetime | None = None
    private_ip: str = ""
    private_ips: tuple[str, ...] = ()

    def addresses(self, azure_vm_id: str, test_vm_id: str) -> tuple[str, ...]:
        """The private addresses of the machine's virtual machine, if that is the recorded one."""
        recorded, asked = self.azure_vm_id or self.test_vm_id, azure_vm_id or test_vm_id
        if not asked or asked.lower() != recorded.lower():
            return ()
        return self.private_ips or tuple(filter(None, [self.private_ip]))

    @classmethod
    def of(cls, outputs: Mapping[str, Any]) -> ItemRecord:
        """The record from a resource's outputs, in which a missing value is an empty text."""
        return cls.model_validate({k: v for k, v in outputs.items() if v not in ("", None)})


class _Target(_Read):
    vm_name: str | None = None


class _Machine(_Read):
    instance_id: str
    private_ip: str | None = None
    source_problem: str | None = None
    cut_over: bool | None = None
    rolls_back: bool | None = None
    deletes_kept: bool | None = None
    after_failover: AfterFailover | None = None
    target: _Target = Field(default_factory=_Target)


class _Convergence(_Read):
    require_test_failover: bool = True


class _Plan(_Read):
    name: str


class _WaveOutputs(_Read):
    """What is read of a wave's inputs and outputs; the engine keeps the inputs among the outputs."""

    experience: Literal["classic", "modernized"] = "classic"
    container_id: str
    machines_site_id: str = ""
    landing_zone: LandingZone
    phase: Phase
    machines: dict[str, _Machine]
    holds: dict[str, str] = Field(default_factory=dict)
    bios_ids: dict[str, str] = Field(default_factory=dict)
    convergence: _Convergence = Field(default_factory=_Convergence)
    recovery_plan: _Plan | None = None
    outcomes: dict[str, Outcome] = Field(default_factory=dict)
    results: dict[str, Seen] = Field(default_factory=dict)
    migrated: dict[str, str] = Field(default_factory=dict)
    checks: dict[str, Check] = Field(default_factory=dict)


@dataclass(frozen=True)
class MachineRecord:
    """A machine of a wave as recorded.

    Attributes:
        machine: what identifies it at the services.
        outcome: how the last run of its wave ended for it.
        seen: where it was then.
        item: its own record; None if it never reached a phase.
        check: the result of its checks; None if there were none.
    """

    machine: Machine
    outcome: Outcome
    seen: Seen
    item: ItemRecord | None
    check: Check | None


@dataclass(frozen=True)
class WaveRecord:
    """A wave as recorded.

    Attributes:
        site: where its machines are replicated from and to.
        plan: the name of its recovery plan; empty if it has none.
    """

    name: str
    phase: Phase
    site: Site
    require_test_failover: bool
    plan: str
    machines: tuple[MachineRecord, ...]


@dataclass(frozen=True)
class StackRecord:
    """What a stack has recorded.

    Attributes:
        time: when the record was last written; None if it does not say.
    """

    stack: str
    time: datetime | None = None
    waves: tuple[WaveRecord, ...] = field(default=())


def read(stack: str, deployment: Mapping[str, Any]) -> StackRecord:
    """The record of a stack.

    Args:
        stack: its name.
        deployment: `deployment` of `pulumi stack export`.

    Raises:
        MigrationError: a resource was recorded by a version of the program that wrote it otherwise.
    """
    resources = deployment.get("resources") or ()
    try:
        items = {
            item.name: item
            for item in (
                ItemRecord.of(resource.get("outputs") or {})
                for resource in resources
                if resource["type"].endswith(_ITEM)
            )
        }
        waves = tuple(
            _wave(_last(urn, "::"), outputs, items) for urn, outputs in _waves(deployment).items()
        )
    except ValidationError as error:
        raise MigrationError(
            f"stack {stack}: its record cannot be read ({error.errors()[0]['msg']} at "
            f"{'.'.join(map(str, error.errors()[0]['loc']))}). Run pulumi refresh, which writes "
            "it anew."
        ) from error
    written = (deployment.get("manifest") or {}).get("time")
    return StackRecord(stack, datetime.fromisoformat(written) if written else None, waves)


def _waves(deployment: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """What is recorded of each wave by its URN, and what a run that is under way declares of it."""
    found: dict[str, Mapping[str, Any]] = {
        resource["urn"]: resource["outputs"]
        for resource in deployment.get("resources") or ()
        if resource["type"].endswith(_WAVE) and resource.get("outputs")
    }
    for operation in deployment.get("pending_operations") or ():
        resource = operation["resource"]
        if resource["type"].endswith(_WAVE) and operation["type"] in _UNDER_WAY:
            before = found.get(resource["urn"], {})
            found[resource["urn"]] = {**before, **(resource.get("inputs") or {})}
    return found


def _wave(name: str, outputs: Mapping[str, Any], items: Mapping[str, ItemRecord]) -> WaveRecord:
    read = _WaveOutputs.model_validate(outputs)
    site = Site(
        container=ContainerId.parse(read.container_id),
        landing_zone=read.landing_zone,
        experience=read.experience,
        machines_site_id=read.machines_site_id,
    )
    machines = tuple(
        MachineRecord(
            Machine(
                machine,
                declared.instance_id,
                declared.private_ip or "",
                declared.target.vm_name or machine,
                declared.source_problem,
                migrated=machine in read.migrated,
                hold=read.holds.get(machine),
                bios_id=read.bios_ids.get(machine, ""),
                cut_over=bool(declared.cut_over),
                rolls_back=bool(declared.rolls_back),
                deletes_kept=bool(declared.deletes_kept),
                after_failover=declared.after_failover,
            ),
            read.outcomes.get(machine, Outcome()),
            read.results.get(machine, Seen()),
            items.get(machine),
            read.checks.get(machine),
        )
        for machine, declared in sorted(read.machines.items())
    )
    plan = read.recovery_plan.name if read.recovery_plan else ""
    return WaveRecord(
        name, read.phase, site, read.convergence.require_test_failover, plan, machines
    )


def _last(text: str, separator: str) -> str:
    return text.rsplit(separator, 1)[-1]
