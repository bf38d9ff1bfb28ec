"""The observed state of a machine, computed from what the services answer and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from site_recovery import arm_ids, sources, target_settings
from site_recovery.jobs import Job, ServiceError, service_error
from site_recovery.sources import Source
from site_recovery.target_settings import DYNAMIC, TargetSettings

IDLE_SCENARIO = "None"
_UNSET_YEARS = (1, 1753)
"""Years by which the service says that a time was never set."""

UPDATE_SCENARIO = "UpdateVmProperties"
"""What the service calls a job that changes an item's target."""

TEST_VM_SUFFIX = "-test"


class Stage(StrEnum):
    """Where a machine stands."""

    UNKNOWN_TO_VAULT = "not discovered"
    DISCOVERED = "discovered"
    REPLICATING = "initial replication"
    PROTECTED = "protected"
    TEST_FAILOVER = "test failover running"
    FAILED_OVER = "failed over"
    MIGRATED = "migrated"
    BROKEN = "protection failed"


@dataclass(frozen=True)
class Mistaken:
    """Why nothing may be done for a machine: it would be done to another, or once more."""

    reason: str
    way_out: str


@dataclass(frozen=True)
class Observed:
    """One machine as the services see it now.

    Attributes:
        stage: where it stands.
        allowed: the item's `allowedOperations`.
        busy: the scenario that is running on the item, or None.
        progress: percentage of the initial replication where the service gives one.
        last_test_failover: when a test failover last succeeded, or None.
        changed_since_test: whether its target was changed after that.
        azure_vm_id, test_vm_id: ARM ids of the virtual machines in Azure, or None.
        protection_state: the service's own word, for a person to read.
        virtual_machine_id: the service's id of the machine, by which recovery plans name it.
        target: what its virtual machine will be like, as far as the service says it.
        source_problem: why the EC2 instance cannot replicate (any more), or None.
        hold: why its replication may not begin, or None.
        differs: what of its target is not as it should be, in words; of a machine that is not
            protected, what can be said only once it is.
        unlike: who is known at its address and is another machine, while it is not known itself.
        mistaken: that the vault's item is another machine's, or this one's by another name, or
            that all that showed its migration is gone.
    """

    stage: Stage
    allowed: frozenset[str] = frozenset()
    busy: str | None = None
    busy_job: str | None = None
    progress: int | None = None
    health: str = "None"
    health_errors: tuple[ServiceError, ...] = ()
    item_id: str | None = None
    source_id: str | None = None
    azure_vm_id: str | None = None
    test_vm_id: str | None = None
    last_test_failover: datetime | None = None
    protection_state: str = ""
    friendly_name: str = ""
    virtual_machine_id: str = ""
    source_problem: str | None = None
    hold: str | None = None
    differs: tuple[str, ...] = ()
    target: TargetSettings = field(default_factory=TargetSettings)
    changed_since_test: bool = False
    unlike: str | None = None
    mistaken: Mistaken | None = None

    @property
    def in_azure(self) -> bool:
        """Whether it runs in Azure, so that its source is needed no more."""
        return self.stage in (Stage.FAILED_OVER, Stage.MIGRATED)

    @property
    def tested(self) -> bool:
        """Whether a test failover of this machine succeeded, with the target that it has."""
        return self.last_test_failover is not None and not self.changed_since_test


@dataclass(frozen=True)
class Machine:
    """What identifies a machine to the services.

    Attributes:
        name: its key in the config; also the name of its protected item.
        private_ip: by which the service knows it before it is protected.
        vm_name: of the virtual machine that a failover creates.
        source_problem: why its instance cannot replicate (any more), or None.
        hold: why its replication may not begin, or None.
        bios_id: its BIOS id, where it is known.
        migrated: whether it is recorded that it was migrated.
    """

    name: str
    instance_id: str
    private_ip: str
    vm_name: str
    source_problem: str | None = None
    migrated: bool = False
    hold: str | None = None
    bios_id: str = ""


class Gone(StrEnum):
    """What of a vault is not there any more, and with it all that was in it."""

    VAULT = "vault"
    SERVER = "server"


@dataclass(frozen=True)
class Snapshot:
    """What one round of list calls said, as wire objects.

    Attributes:
        items: protected items of the vault.
        provider: the replication provider by which they should be replicated; any, if empty.
        sources: machines of the container or the appliance's site that can be protected.
        virtual_machines: of the target resource group.
        jobs: by name, newest state.
        settings: what items say of their targets, by item id in lower case.
        gone: the vault itself, or the server in it through which machines replicate, if that is
            not there any more.
    """

    items: tuple[Mapping[str, Any], ...] = ()
    provider: str = ""
    sources: tuple[Source, ...] = ()
    virtual_machines: tuple[Mapping[str, Any], ...] = ()
    jobs: Mapping[str, Job] = field(default_factory=dict)
    gone: Gone | None = None
    settings: Mapping[str, TargetSettings] = field(default_factory=dict)


TAG_INSTANCE = "migrated-from-instance"
TAG_MACHINE = "migrated-from-machine"
"""Tags that a failover puts on the virtual machine: after Complete Migration removed the item,
they are the evidence that the machine is migrated."""


def observe(machine: Machine, snapshot: Snapshot, wanted: TargetSettings | None = None) -> Observed:
    """The state of one machine in a snapshot.

    Args:
        machine: what identifies it.
        snapshot: what the services said.
        wanted: what its item should say of its target; None: it is not looked at.
    """
    candidates = sources.at(machine.private_ip, snapshot.sources, machine.bios_id)
    item = _item(machine, candidates, snapshot)
    source = _source(item, candidates)
    virtual_machine, test_machine = _virtual_machines(machine, snapshot)
    mistaken = _mistaken(machine, source, item, snapshot) if item else _lost(machine)
    if item is not None and not _is_ours(machine, source, item, snapshot):
        item = None
    if item is None:
        if virtual_machine is not None:
            stage = Stage.MIGRATED
        else:
            stage = Stage.UNKNOWN_TO_VAULT if source is None else Stage.DISCOVERED
            mistaken = mistaken or _doubtful(machine, candidates)
        discovery = _running_discovery(machine, snapshot) if source is None else None
        return Observed(
            stage=stage,
            source_id=source.id if source else None,
            azure_vm_id=virtual_machine,
            test_vm_id=test_machine,
            busy=discovery.scenario if discovery else None,
            busy_job=discovery.name if discovery else None,
            source_problem=machine.source_problem,
            hold=machine.hold,
            differs=_SAID_LATER.differences(wanted) if wanted is not None else (),
            unlike=_unlike(machine, candidates, snapshot),
            mistaken=mistaken if virtual_machine is None else None,
        )
    properties = item["properties"]
    details = properties.get("providerSpecificDetails") or {}
    allowed = frozenset(properties.get("allowedOperations") or ())
    scenario = properties.get("currentScenario") or {}
    busy = scenario.get("scenarioName") or IDLE_SCENARIO
    job_name = arm_ids.name(scenario.get("jobId") or IDLE_SCENARIO)
    last_test = moment(properties.get("lastSuccessfulTestFailoverTime"))
    present = snapshot.settings.get(item["id"].lower(), TargetSettings())
    idle = busy == IDLE_SCENARIO or (busy == "TestFailover" and "TestFailoverCleanup" in allowed)
    return Observed(
        stage=_stage(properties, allowed),
        allowed=allowed,
        busy=None if idle else busy,
        busy_job=None if idle else job_name,
        progress=_progress(details),
        health=properties.get("replicationHealth") or "None",
        health_errors=tuple(service_error(e) for e in properties.get("healthErrors") or ()),
        item_id=item["id"],
        source_id=_source_id(item),
        azure_vm_id=virtual_machine,
        test_vm_id=test_machine,
        last_test_failover=last_test,
        protection_state=properties.get("protectionStateDescription") or "",
        friendly_name=properties.get("friendlyName") or "",
        virtual_machine_id=details.get("vmId") or details.get("internalIdentifier") or "",
        source_problem=machine.source_problem,
        hold=machine.hold,
        differs=wanted.differences(present) if wanted is not None else (),
        target=present,
        changed_since_test=_changed_since(last_test, machine, item, snapshot),
        mistaken=mistaken,
    )


_SAID_LATER = TargetSettings(private_ip=DYNAMIC)
"""What a machine has when its protection was just enabled, and enabling cannot say otherwise."""


def moment(text: str | None) -> datetime | None:
    """A time of the service, or None where it says by year 1 or 1753 that there is none."""
    if not text:
        return None
    parsed = datetime.fromisoformat(text)
    return None if parsed.year in _UNSET_YEARS else parsed


def _stage(properties: Mapping[str, Any], allowed: frozenset[str]) -> Stage:
    # allowedOperations first: the state strings that are documented are not all there are.
    state = properties.get("protectionState") or ""
    if "CompleteMigration" in allowed or properties.get("activeLocation") == "Recovery":
        return Stage.FAILED_OVER
    if (
        "TestFailoverCleanup" in allowed
        or properties.get("testFailoverState") == "WaitingForCompletion"
    ):
        return Stage.TEST_FAILOVER
    if allowed & {"UnplannedFailover", "TestFailover"} or state == "Protected":
        return Stage.PROTECTED
    if "Failed" in state:
        return Stage.BROKEN
    return Stage.REPLICATING


def _progress(details: Mapping[str, Any]) -> int | None:
    for field_name in (
        "initialReplicationProgressPercentage",
        "resyncProgressPercentage",
    ):
        value = details.get(field_name)
        if value is not None:
            return int(value)
    return None


def _item(
    machine: Machine, candidates: Sequence[Source], snapshot: Snapshot
) -> Mapping[str, Any] | None:
    # A machine that someone protected in the portal has an item with another name: its source,
    # or the item itself, says which. An item of ours says by its tags whose it is.
    adopted = {each.item_id.lower() for each in candidates if each.item_id}
    known = {each.id.lower() for each in candidates}
    items = snapshot.items
    tagged = [i for i in items if tags_of(i).get(TAG_INSTANCE) == machine.instance_id]
    found = [
        i for i in items if i["id"].lower() in adopted or (_source_id(i) or "").lower() in known
    ]
    named = [i for i in items if i["name"].lower() == machine.name.lower()]
    return next(iter((*tagged, *found, *named)), None)


def _source(item: Mapping[str, Any] | None, candidates: Sequence[Source]) -> Source | None:
    """The machine's source: that of its item, or else the only one that it can be."""
    own = _source_id(item) if item is not None else None
    of_item = next((each for each in candidates if arm_ids.same(each.id, own)), None)
    return of_item or next(iter(candidates), None)


def _source_id(item: Mapping[str, Any]) -> str | None:
    """What an item was made from: a protectable item, or a machine of an appliance's site."""
    properties = item["properties"]
    details = properties.get("providerSpecificDetails") or {}
    return properties.get("protectableItemId") or details.get("fabricDiscoveryMachineId")


def tags_of(item: Mapping[str, Any]) -> Mapping[str, str]:
    """What an item's virtual machine is tagged with; by this an item of ours is known."""
    return target_settings.tags_of(item["properties"].get("providerSpecificDetails") or {}) or {}


def _provider(item: Mapping[str, Any]) -> str:
    return (item["properties"].get("providerSpecificDetails") or {}).get("instanceType") or ""


def _is_ours(
    machine: Machine, source: Source | None, item: Mapping[str, Any], snapshot: Snapshot
) -> bool:
    return _is_of(machine, source, item) and not _elsewhere(item, snapshot)


def _elsewhere(item: Mapping[str, Any], snapshot: Snapshot) -> bool:
    """Whether an item is replicated by the other experience."""
    return bool(snapshot.provider) and _provider(item) not in ("", snapshot.provider)


def _is_of(machine: Machine, source: Source | None, item: Mapping[str, Any]) -> bool:
    """Whether an item replicates this very instance, as far as anything tells."""
    instance = tags_of(item).get(TAG_INSTANCE)
    if instance is not None:
        return instance == machine.instance_id
    origin = _source_id(item)
    return source is None or not origin or arm_ids.same(origin, source.id)


def _mistaken(
    machine: Machine, source: Source | None, item: Mapping[str, Any], snapshot: Snapshot
) -> Mistaken | None:
    tags = tags_of(item)
    if not _is_of(machine, source, item):
        whose = tags.get(TAG_INSTANCE) or "another machine"
        return Mistaken(
            f"the vault's protected item {item['name']} replicates {whose}, not "
            f"{machine.instance_id}",
            f"Correct machines.{machine.name}.instanceId, or give the machine another name; to "
            "let another instance have the name, take the machine out of its wave, run pulumi up, "
            "and put it in again",
        )
    if _elsewhere(item, snapshot):
        return Mistaken(
            f"it is replicated by {_provider(item)} as protected item {item['name']} of this "
            "vault, and that is left alone",
            "Complete its migration with a stack of that experience; or disable its replication "
            "there, and declare it here afterwards",
        )
    once = tags.get(TAG_MACHINE, machine.name)
    if once != machine.name:
        return Mistaken(
            f"{machine.instance_id} is replicated as machine {once!r}, and its records go by "
            "that name",
            f"Call it {once!r} until it is migrated; or take it out of its wave, run pulumi up, "
            "and put it in by its new name, which replicates it anew",
        )
    return None


def _changed_since(
    test: datetime | None, machine: Machine, item: Mapping[str, Any], snapshot: Snapshot
) -> bool:
    """Whether a job changed an item's target after a test, as far as the vault's jobs go back."""
    names = {machine.name, item["name"], item["properties"].get("friendlyName") or ""}
    called = {name.lower() for name in names}
    return test is not None and any(
        job.scenario == UPDATE_SCENARIO
        and job.target.lower() in called
        and not job.failed
        and job.started is not None
        and job.started > test
        for job in snapshot.jobs.values()
    )


def _unlike(machine: Machine, candidates: Sequence[Source], snapshot: Snapshot) -> str | None:
    """Who is known at a machine's address and has another BIOS id, while it is not known yet."""
    if candidates:
        return None
    others = sources.at(machine.private_ip, snapshot.sources)
    return (
        f"{others[0].name}, which is known at its address {machine.private_ip}, has the BIOS id "
        f"{others[0].bios_id}, and {machine.instance_id} has {machine.bios_id}"
        if others
        else None
    )


def _doubtful(machine: Machine, candidates: Sequence[Source]) -> Mistaken | None:
    """Why it cannot be told which of the known machines it is, or that it is one of them."""
    if len(candidates) > 1:
        names = ", ".join(sorted(f"{each.name} ({arm_ids.name(each.id)})" for each in candidates))
        return Mistaken(
            f"{len(candidates)} known machines have its address {machine.private_ip}: {names}",
            "Remove the stale ones from the server that discovered them, then run pulumi up again",
        )
    strangers = [each for each in candidates if each.bios_id and not sources.of_ec2(each.bios_id)]
    if strangers:
        return Mistaken(
            f"the known machine {strangers[0].name} has its address {machine.private_ip}, and a "
            f"BIOS id that no EC2 instance has ({strangers[0].bios_id})",
            "Remove it from the server that discovered it, and install the mobility agent on "
            f"{machine.instance_id}",
        )
    return None


def _lost(machine: Machine) -> Mistaken | None:
    if not machine.migrated:
        return None
    return Mistaken(
        "it was migrated, and no virtual machine of its resource group has the tag "
        f"{TAG_INSTANCE}: {machine.instance_id} any more; a machine is not migrated twice",
        "Give its virtual machine that tag, or move it back into the group; where it is not "
        "needed any more, take the machine out of its wave",
    )


def _virtual_machines(machine: Machine, snapshot: Snapshot) -> tuple[str | None, str | None]:
    production = test = None
    test_name = f"{machine.vm_name}{TEST_VM_SUFFIX}".lower()
    for virtual_machine in snapshot.virtual_machines:
        name = virtual_machine["name"].lower()
        tags = virtual_machine.get("tags") or {}
        if name == test_name:
            test = virtual_machine["id"]
        elif tags.get(TAG_INSTANCE) == machine.instance_id:
            production = virtual_machine["id"]
    return production, test


def _running_discovery(machine: Machine, snapshot: Snapshot) -> Job | None:
    for candidate in snapshot.jobs.values():
        if (
            candidate.running
            and candidate.scenario == "DiscoverPhysicalMachine"
            and candidate.target.lower() == machine.name.lower()
        ):
            return candidate
    return None
