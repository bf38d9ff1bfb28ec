"""The valid parts of a config that may be wrong in other places.

The rules between parts of the config work on a draft. So one run reports what breaks a rule
together with what is wrong inside a part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from settings.schema.experience import DEFAULT
from settings.schema.fleet import MachineSettings
from settings.schema.places import AwsRegion, AzureLocation
from settings.schema.promotion import Promotion
from settings.schema.proxy import Proxy
from settings.schema.recovery_plan import RecoveryPlanSettings
from settings.schema.replication import Convergence, Replication
from settings.schema.source import ConfigurationServer, ReplicationAppliance, Server
from settings.schema.target import Target
from site_recovery.declared.checks import Check, Checks
from site_recovery.declared.cutover import AfterFailover, Cutover
from site_recovery.declared.guards import Approval
from site_recovery.declared.hooks import Hooks
from site_recovery.declared.target import SharedTarget
from site_recovery.fleet import ExperienceName, RecoveryPointKind
from site_recovery.phases import Phase

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")

_EXPERIENCE: TypeAdapter[ExperienceName] = TypeAdapter(ExperienceName)
_FLAG = TypeAdapter(bool)
_AWS_REGION: TypeAdapter[str] = TypeAdapter(AwsRegion)
_AZURE_LOCATION: TypeAdapter[str] = TypeAdapter(AzureLocation)
_POINT = TypeAdapter(RecoveryPointKind)
_CHECKS: TypeAdapter[list[Check]] = TypeAdapter(Checks)


@dataclass(frozen=True)
class DraftMachine:
    """A machine, as far as it can be read. `settings` is None unless all of them are valid."""

    instance_id: str | None
    vm_name: str | None
    settings: MachineSettings | None


@dataclass(frozen=True)
class DraftWave:
    """A wave, as far as it can be read. A part that is not valid is None.

    Attributes:
        members: its machines, each with its index in the list.
        plan: the machines of each group of its recovery plan.
        target: what its machines share.
        cutover: how its machines fail over.
        hooks: what runs around their failovers.
        checks: what is checked of them in Azure.
        recovery_point: which recovery point its machines take without a fence.
        rolls_back: whether the failovers of its machines are taken back.
        after_failover: what becomes of its machines if they stay failed over.
        approval: who approved what.
        plan_acts: whether its recovery plan has actions between the machines.
        keys: all keys that it has, valid or not.
        after: the waves that go first, each with its index in the list.
        members_unread: whether something in place of its machines, or of one of them, cannot be read.
    """

    members: tuple[tuple[int, str], ...]
    phase: Phase | None
    plan: tuple[tuple[str, ...], ...] | None = None
    target: SharedTarget | None = None
    cutover: Cutover | None = None
    hooks: Hooks | None = None
    checks: list[Check] | None = None
    recovery_point: RecoveryPointKind | None = None
    plan_acts: bool = False
    rolls_back: bool = False
    after_failover: AfterFailover | None = None
    approval: Approval | None = None
    keys: frozenset[str] = frozenset()
    after: tuple[tuple[int, str], ...] = ()
    members_unread: bool = False


@dataclass(frozen=True)
class Draft:
    """The parts of a config that can be read; a part that is wrong or absent is None.

    Attributes:
        machines: every machine under `machines`.
        waves: every wave that is written as a mapping.
        wave_names: the names of all waves, whatever is written there.
        unread: `machines` and `waves`, if something else than a mapping is written there: what
            names one of theirs is not wrong because of that.
        region: the AWS region.
        vpc_id: the VPC of the machines.
        experience: None for a value other than the two.
        allow_retired_classic: false if it cannot be read.
        source_keys: the keys of `source`; None if it is not a mapping.
        appliance_keys: the keys of `source.replicationAppliance` that have a value; None if it is
            not a mapping.
        retired: whether the source side is to be removed.
        subscription_id: the Azure subscription.
        location: the Azure region.
        proxy: the proxy of the source side.
    """

    configuration_server: ConfigurationServer | None
    replication_appliance: ReplicationAppliance | None
    target: Target | None
    replication: Replication | None
    convergence: Convergence | None
    promotion: Promotion | None
    region: str | None
    vpc_id: str | None
    experience: ExperienceName | None = DEFAULT
    allow_retired_classic: bool = False
    source_keys: frozenset[str] | None = None
    appliance_keys: frozenset[str] | None = None
    retired: bool = False
    subscription_id: str | None = None
    location: str | None = None
    proxy: Proxy | None = None
    machines: dict[str, DraftMachine] = field(default_factory=dict)
    waves: dict[str, DraftWave] = field(default_factory=dict)
    wave_names: frozenset[str] = frozenset()
    unread: frozenset[str] = frozenset()

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Draft:
        """Read the valid parts of a config."""
        source = _mapping(raw.get("source"))
        appliance = source.get("replicationAppliance")
        return cls(
            configuration_server=_valid(ConfigurationServer, source.get("configurationServer")),
            replication_appliance=_valid(ReplicationAppliance, appliance),
            target=_valid(Target, raw.get("target")),
            replication=_valid(Replication, raw.get("replication", {})),
            convergence=_valid(Convergence, raw.get("convergence", {})),
            promotion=_valid(Promotion, raw.get("promotion", {})),
            region=region_of(raw),
            location=_read(_AZURE_LOCATION, raw.get("azure-native:location")),
            vpc_id=_text(source.get("vpcId")),
            proxy=_valid(Proxy, source.get("proxy")),
            experience=_read(_EXPERIENCE, raw.get("experience", DEFAULT)),
            allow_retired_classic=_flag(raw.get("allowRetiredClassic")),
            source_keys=frozenset(source) if isinstance(raw.get("source"), dict) else None,
            appliance_keys=(
                frozenset(key for key, value in appliance.items() if value is not None)
                if isinstance(appliance, dict)
                else None
            ),
            retired=raw.get("sourceInfrastructure") == "retired",
            subscription_id=_text(raw.get("azure-native:subscriptionId")),
            machines={
                name: _machine(machine) for name, machine in _mapping(raw.get("machines")).items()
            },
            waves={
                name: _wave(wave)
                for name, wave in _mapping(raw.get("waves")).items()
                if isinstance(wave, dict)
            },
            wave_names=frozenset(_mapping(raw.get("waves"))),
            unread=frozenset(
                part
                for part in ("machines", "waves")
                if part in raw and not isinstance(raw[part], dict)
            ),
        )

    @property
    def server(self) -> Server | None:
        """The server of the experience; None if it cannot be read."""
        match self.experience:
            case "classic":
                return self.configuration_server
            case "modernized":
                return self.replication_appliance
            case _:
                return None

    @property
    def members(self) -> frozenset[str]:
        """The names of all machines that are in a wave."""
        return frozenset(name for wave in self.waves.values() for _, name in wave.members)

    def wave_name_of(self, machine: str) -> str | None:
        """The name of the first wave that names a machine."""
        for name, wave in self.waves.items():
            if any(member == machine for _, member in wave.members):
                return name
        return None

    def wave_of(self, machine: str) -> DraftWave | None:
        """The first wave that names a machine."""
        name = self.wave_name_of(machine)
        return self.waves[name] if name is not None else None

    def cutover_of(self, machine: str) -> Cutover | None:
        """How a machine fails over; None if that cannot be read."""
        declared, wave = self.machines.get(machine), self.wave_of(machine)
        own = declared.settings.cutover if declared and declared.settings else None
        if own is None or wave is None or wave.cutover is None:
            return None
        return own.over(wave.cutover)

    def phase_of(self, machine: str) -> Phase | None:
        """The phase of the first wave that names a machine."""
        wave = self.wave_of(machine)
        return wave.phase if wave else None


def region_of(raw: Mapping[str, Any]) -> str | None:
    """The AWS region of a config; None if there is no such region, so that nobody asks there."""
    return _read(_AWS_REGION, raw.get("aws:region"))


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def _valid(model: type[M], value: Any) -> M | None:
    try:
        return model.model_validate(value)
    except ValidationError:
        return None


def _read(kind: TypeAdapter[T], value: Any) -> T | None:
    try:
        return kind.validate_python(value)
    except ValidationError:
        return None


def _flag(value: Any) -> bool:
    try:
        # As in the settings: the engine passes a plain value as text.
        return _FLAG.validate_python(value)
    except ValidationError:
        return False


def _machine(raw: Any) -> DraftMachine:
    machine = _mapping(raw)
    return DraftMachine(
        instance_id=_text(machine.get("instanceId")),
        vm_name=_text(_mapping(machine.get("target")).get("vmName")),
        settings=_valid(MachineSettings, raw),
    )


def _wave(raw: dict[str, Any]) -> DraftWave:
    phase = raw.get("phase")
    plan = _valid(RecoveryPlanSettings, raw.get("recoveryPlan"))
    return DraftWave(
        members=_names(raw.get("machines")),
        phase=Phase(phase) if phase in list(Phase) else None,
        plan=tuple(tuple(group.machines) for group in plan.groups) if plan else None,
        target=_valid(SharedTarget, raw.get("target", {})),
        cutover=_valid(Cutover, raw.get("cutover", {})),
        hooks=_valid(Hooks, raw.get("hooks", {})),
        checks=_read(_CHECKS, raw.get("checks", [])),
        recovery_point=_read(_POINT, raw.get("recoveryPoint", RecoveryPointKind.LATEST)),
        plan_acts=any(group.pre or group.post for group in plan.groups) if plan else False,
        rolls_back=raw.get("rollback") is not None,
        after_failover=_valid(AfterFailover, raw.get("afterFailover")),
        approval=_valid(Approval, raw.get("approval")),
        keys=frozenset(raw),
        after=_names(raw.get("after")),
        members_unread=len(_names(raw.get("machines"))) != _length(raw.get("machines", [])),
    )


def _length(value: Any) -> int | None:
    return (len(value) or None) if isinstance(value, list) else None


def _names(value: Any) -> tuple[tuple[int, str], ...]:
    """The names in a list, each with its index."""
    entries = enumerate(value) if isinstance(value, list) else ()
    return tuple((index, name) for index, name in entries if isinstance(name, str))
