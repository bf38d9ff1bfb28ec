"""Computes the observed state of a machine from a snapshot of the services, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypedDict

from site_recovery.declared.cutover import Decision
from site_recovery.identification import Identity, Mismatch, identify, unreadable
from site_recovery.jobs import Job, ServiceError
from site_recovery.operations import Operation
from site_recovery.snapshot import Machine, ProtectedItem, Snapshot, Unreadable
from site_recovery.target_disks import differences as disks_that_differ
from site_recovery.target_interfaces import missing
from site_recovery.target_settings import TargetSettings


class Stage(StrEnum):
    """How far a machine's migration is, as the services show it."""

    UNKNOWN_TO_VAULT = "not discovered"
    DISCOVERED = "discovered"
    REPLICATING = "initial replication"
    PROTECTED = "protected"
    TEST_FAILOVER = "test failover running"
    FAILED_OVER = "failed over"
    MIGRATED = "migrated"
    BROKEN = "protection failed"
    UNREADABLE = "unreadable"


_FAILED_FAILOVER = ("UnplannedFailoverFailed", "UnplannedFailoverCompletionFailed")
"""`protectionState` after a failed failover: modernized, classic."""

_FAILOVER_FAILED_ERROR = "78037"
"""The health error by which a classic item tells of it."""


@dataclass(frozen=True)
class Observed:
    """One machine as the services see it now.

    Attributes:
        stage: how far its migration is.
        allowed: the item's `allowedOperations`.
        busy: the scenario of the job that runs on it, or None.
        busy_job: the name of that job, or None.
        progress: percentage of the initial replication; None if the service gives none.
        last_test_failover: when a test failover last succeeded, or None.
        rpo: age of the newest data that a failover would have; None if the service gives none.
        changed_since_test: whether its target was changed after that.
        azure_vm_id, test_vm_id: ARM ids of the virtual machines in Azure, or None.
        protection_state: the service's own description, for people to read.
        virtual_machine_id: the service's id of the machine, which recovery plans use.
        target: the virtual machine that a failover would create, as far as the service shows it.
        source_problem: why the EC2 instance cannot replicate (any more), or None.
        hold: why its replication may not start yet, or None.
        differs: the settings of its target that are not as declared, in words. For a machine
            without an item: the settings that cannot be given when protection is enabled.
        lacks: the interfaces that its config names and its item does not have, by their keys.
        disks_differ: the disks of its item that are not as declared, in words.
        other_at_address: a sentence about another machine that is known at its address while the machine
            itself is not known, or None.
        mismatch: why the machine must be left alone, or None.
        cut_over, unmanaged, rolls_back, deletes_kept, not_before: see `Machine`.
        decides: what its config decides about its failover: when, and what then; None if a person
            decides, or Azure does not show when the failover was.
        decided: what that is by now; None before its time.
        kept_vm_ids: ARM ids of its virtual machines of failovers that were taken back.
        taken_back: whether such a one is there, and its config would take its next failover back
            too.
        test_checked: whether the checks of a test failover passed, and its target was not changed
            after that.
        failover_failed: whether its last failover failed, so that it may be repeated.
        unreadable: what Azure answers about it that cannot be read, in words; empty unless its
            stage is `UNREADABLE`.
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
    rpo: timedelta | None = None
    protection_state: str = ""
    friendly_name: str = ""
    virtual_machine_id: str = ""
    source_problem: str | None = None
    hold: str | None = None
    differs: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    disks_differ: tuple[str, ...] = ()
    target: TargetSettings = field(default_factory=TargetSettings)
    changed_since_test: bool = False
    other_at_address: str | None = None
    mismatch: Mismatch | None = None
    failover_failed: bool = False
    cut_over: bool = False
    unmanaged: str | None = None
    rolls_back: bool = False
    deletes_kept: bool = False
    decides: tuple[datetime, Decision] | None = None
    decided: Decision | None = None
    kept_vm_ids: tuple[str, ...] = ()
    taken_back: bool = False
    test_checked: bool = False
    not_before: datetime | None = None
    unreadable: str = ""

    @property
    def endangered(self) -> bool:
        """Whether a failover could lose data because the replication is ill.

        After its cutover has stopped the source, nothing replicates any more, and nothing has to.
        A failed failover turns the health Critical by itself. That alone must not keep the
        failover from being repeated.
        """
        if self.health != "Critical" or self.cut_over:
            return False
        others = [
            error
            for error in self.health_errors
            if error.level != "Warning" and error.code != _FAILOVER_FAILED_ERROR
        ]
        return bool(others) or not self.failover_failed

    @property
    def in_azure(self) -> bool:
        """Whether it runs in Azure. Its source is then no longer needed."""
        return self.stage in (Stage.FAILED_OVER, Stage.MIGRATED)

    @property
    def rolled_back(self) -> bool:
        """Whether a virtual machine of it says that its failover was taken back."""
        return bool(self.kept_vm_ids)

    @property
    def tested(self) -> bool:
        """Whether a test failover succeeded with the target that the machine has now.

        Whether anybody looked at the virtual machine of that test is `test_checked`.
        """
        return self.last_test_failover is not None and not self.changed_since_test


def observe(machine: Machine, snapshot: Snapshot, wanted: TargetSettings | None = None) -> Observed:
    """The state of one machine in a snapshot.

    Args:
        machine: the machine to find.
        snapshot: one round of answers from the services.
        wanted: the target that its item should show; None to skip the comparison.
    """
    identity = identify(machine, snapshot)
    odd = unreadable(machine, identity, snapshot) if snapshot.unreadable else None
    if odd is not None:
        return _unreadable(odd, identity)
    if identity.item is None:
        return _without_item(machine, identity, snapshot, wanted)
    return _with_item(machine, identity, identity.item, snapshot, wanted)


def _unreadable(odd: Unreadable, identity: Identity) -> Observed:
    # Nothing is decided from the rest: it may contradict what cannot be read.
    named = f"the {odd.kind} {odd.name}" if odd.name else f"a {odd.kind} without a name"
    return Observed(
        stage=Stage.UNREADABLE,
        item_id=identity.item.id if identity.item is not None else None,
        unreadable=f"what Azure answers about {named} cannot be read: {odd.what}",
    )


def _without_item(
    machine: Machine, identity: Identity, snapshot: Snapshot, wanted: TargetSettings | None
) -> Observed:
    source = identity.source
    if identity.azure_vm_id is not None:
        stage = Stage.MIGRATED
    else:
        stage = Stage.UNKNOWN_TO_VAULT if source is None else Stage.DISCOVERED
    discovery = _running_discovery(machine, snapshot) if source is None else None
    return Observed(
        stage=stage,
        source_id=source.id if source else None,
        azure_vm_id=identity.azure_vm_id,
        test_vm_id=identity.test_vm_id,
        busy=discovery.scenario if discovery else None,
        busy_job=discovery.name if discovery else None,
        source_problem=machine.source_problem,
        hold=machine.hold,
        cut_over=machine.cut_over,
        unmanaged=machine.unmanaged,
        not_before=machine.not_before,
        deletes_kept=machine.deletes_kept,
        decided=_of_migrated(machine) if stage is Stage.MIGRATED else None,
        **_kept(machine, snapshot),
        differs=wanted.after_enabling if wanted is not None else (),
        other_at_address=identity.other_at_address,
        mismatch=identity.mismatch,
    )


def _with_item(
    machine: Machine,
    identity: Identity,
    item: ProtectedItem,
    snapshot: Snapshot,
    wanted: TargetSettings | None,
) -> Observed:
    busy = not _is_idle(item)
    decides = _decides(machine, item)
    due = decides is not None and snapshot.at is not None and snapshot.at >= decides[0]
    return Observed(
        stage=_stage(item),
        allowed=item.allowed_operations,
        busy=item.scenario if busy else None,
        busy_job=item.scenario_job if busy else None,
        progress=item.progress,
        health=item.health,
        health_errors=item.health_errors,
        item_id=item.id,
        source_id=item.source_id,
        azure_vm_id=identity.azure_vm_id,
        test_vm_id=identity.test_vm_id,
        last_test_failover=item.last_test_failover,
        rpo=item.rpo,
        protection_state=item.protection_state_description,
        friendly_name=item.friendly_name,
        virtual_machine_id=item.virtual_machine_id,
        source_problem=machine.source_problem,
        hold=machine.hold,
        differs=_differences(wanted, item.target),
        lacks=_lacks(wanted, item),
        disks_differ=_disks_differ(wanted, item),
        target=item.target,
        changed_since_test=_changed_since(item.last_test_failover, machine, item, snapshot),
        test_checked=machine.checked_test is not None
        and not _changed_since(machine.checked_test, machine, item, snapshot),
        failover_failed=item.protection_state in _FAILED_FAILOVER,
        cut_over=machine.cut_over,
        unmanaged=machine.unmanaged,
        not_before=machine.not_before,
        rolls_back=machine.rolls_back,
        deletes_kept=machine.deletes_kept,
        decides=decides,
        decided=decides[1] if decides is not None and due else None,
        **_kept(machine, snapshot),
        mismatch=identity.mismatch,
    )


def _decides(machine: Machine, item: ProtectedItem) -> tuple[datetime, Decision] | None:
    """What the config decides about the failover of a machine, and when."""
    declared = machine.after_failover
    if declared is None or declared.do is Decision.WAIT or _stage(item) is not Stage.FAILED_OVER:
        return None
    if item.last_failover is None:
        return None
    return item.last_failover + declared.after, declared.do


def _of_migrated(machine: Machine) -> Decision | None:
    """The decision by which a machine may be migrated: its item, with the times, is gone."""
    declared = machine.after_failover
    completes = declared is not None and declared.do is Decision.COMPLETE
    return Decision.COMPLETE if completes else None


class _Kept(TypedDict):
    kept_vm_ids: tuple[str, ...]
    taken_back: bool


def _kept(machine: Machine, snapshot: Snapshot) -> _Kept:
    """What is left of failovers that were taken back."""
    kept = snapshot.virtual_machines_by.get(("rolled back", machine.instance_id), ())
    declared = machine.after_failover
    again = declared is not None and declared.do is Decision.ROLLBACK
    return {"kept_vm_ids": tuple(each.id for each in kept), "taken_back": again and bool(kept)}


def _differences(wanted: TargetSettings | None, shown: TargetSettings) -> tuple[str, ...]:
    # While protection is being enabled an item shows no target yet, but a list of tags that is empty.
    if wanted is None or shown.vm_name is None:
        return ()
    return wanted.differences(shown)


def _lacks(wanted: TargetSettings | None, item: ProtectedItem) -> tuple[str, ...]:
    # An item shows its interfaces once its initial replication is done, and only in full.
    shows = item.complete and _stage(item) in (Stage.PROTECTED, Stage.TEST_FAILOVER)
    if wanted is None or not shows:
        return ()
    return tuple(each.key for each in missing(wanted.others, item.target.others))


def _disks_differ(wanted: TargetSettings | None, item: ProtectedItem) -> tuple[str, ...]:
    # Once it failed over they are disks of a virtual machine, which its owner may change.
    if wanted is None or _stage(item) in (Stage.FAILED_OVER, Stage.BROKEN):
        return ()
    return disks_that_differ(wanted.disks, item.target.disks)


def _is_idle(item: ProtectedItem) -> bool:
    # A test failover stays the item's scenario until its cleanup, and a failed enable protection
    # until protection is disabled. While a job runs, the service allows no operation.
    waits_for = {"TestFailover": "TestFailoverCleanup", "EnableProtection": "DisableProtection"}
    return item.scenario is None or waits_for.get(item.scenario) in item.allowed_operations


def _stage(item: ProtectedItem) -> Stage:
    # allowedOperations first: the service also uses state strings that are not documented.
    allowed = item.allowed_operations
    if "CompleteMigration" in allowed or item.active_location == "Recovery":
        return Stage.FAILED_OVER
    if "TestFailoverCleanup" in allowed or item.test_failover_state == "WaitingForCompletion":
        return Stage.TEST_FAILOVER
    if allowed & {"UnplannedFailover", "TestFailover"} or item.protection_state == "Protected":
        return Stage.PROTECTED
    if "Failed" in item.protection_state:
        return Stage.BROKEN
    return Stage.REPLICATING


def _changed_since(
    moment: datetime | None, machine: Machine, item: ProtectedItem, snapshot: Snapshot
) -> bool:
    """Whether a job changed the target after a moment, as far back as the vault keeps jobs."""
    names = {name.lower() for name in (machine.name, item.name, item.friendly_name)}
    return moment is not None and any(
        job.scenario == Operation.UPDATE_TARGET.scenario
        and not job.failed
        and job.started is not None
        and job.started > moment
        for name in names
        for job in snapshot.jobs_by.get(name, ())
    )


def _running_discovery(machine: Machine, snapshot: Snapshot) -> Job | None:
    for candidate in snapshot.jobs_by.get(machine.name.lower(), ()):
        if candidate.running and candidate.scenario == Operation.DISCOVER.scenario:
            return candidate
    return None
