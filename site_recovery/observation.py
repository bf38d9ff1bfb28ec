"""The observed state of a machine, computed from what the services answer and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from site_recovery import arm_ids, identification, sources
from site_recovery.identification import Mistaken
from site_recovery.jobs import Job, ServiceError, service_error
from site_recovery.snapshot import Machine, Snapshot
from site_recovery.target_settings import DYNAMIC, TargetSettings

IDLE_SCENARIO = "None"
_UNSET_YEARS = (1, 1753)
"""Years by which the service says that a time was never set."""

UPDATE_SCENARIO = "UpdateVmProperties"
"""What the service calls a job that changes an item's target."""


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


def observe(machine: Machine, snapshot: Snapshot, wanted: TargetSettings | None = None) -> Observed:
    """The state of one machine in a snapshot.

    Args:
        machine: what identifies it.
        snapshot: what the services said.
        wanted: what its item should say of its target; None: it is not looked at.
    """
    candidates = sources.at(machine.private_ip, snapshot.sources, machine.bios_id)
    item = identification.item_of(machine, candidates, snapshot)
    source = identification.source_of(item, candidates)
    virtual_machine, test_machine = identification.virtual_machines(machine, snapshot)
    mistaken = (
        identification.mistaken(machine, source, item, snapshot)
        if item
        else identification.lost(machine)
    )
    if item is not None and not identification.is_ours(machine, source, item, snapshot):
        item = None
    if item is None:
        if virtual_machine is not None:
            stage = Stage.MIGRATED
        else:
            stage = Stage.UNKNOWN_TO_VAULT if source is None else Stage.DISCOVERED
            mistaken = mistaken or identification.doubtful(machine, candidates)
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
            unlike=identification.unlike(machine, candidates, snapshot),
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
        source_id=identification.source_id(item),
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


def _running_discovery(machine: Machine, snapshot: Snapshot) -> Job | None:
    for candidate in snapshot.jobs.values():
        if (
            candidate.running
            and candidate.scenario == "DiscoverPhysicalMachine"
            and candidate.target.lower() == machine.name.lower()
        ):
            return candidate
    return None
