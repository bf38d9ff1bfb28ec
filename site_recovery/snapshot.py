"""The state of the services in one round of list calls, parsed once where responses arrive."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any, TypeVar

from site_recovery.declared.cutover import AfterFailover
from site_recovery.declared.tags import TAG_INSTANCE, TAG_ROLLED_BACK
from site_recovery.jobs import Job, ServiceError
from site_recovery.sources import Source
from site_recovery.target_settings import TargetSettings

_T = TypeVar("_T")
_K = TypeVar("_K", bound=Hashable)

TEST_VM_SUFFIX = "-test"


@dataclass(frozen=True)
class Machine:
    """A machine of the config: what identifies it at the services, and what is known about it.

    Attributes:
        name: its key in the config; also the name of its protected item.
        private_ip: identifies it at the service before it is protected.
        vm_name: name of the virtual machine that a failover creates.
        source_problem: why its instance cannot replicate (any more), or None.
        hold: why its replication may not start yet, or None.
        bios_id: its BIOS id; empty if unknown.
        migrated: whether an earlier run recorded that it was migrated.
        rolls_back: whether its failover is to be taken back, while that is possible.
        deletes_kept: whether its virtual machine is deleted once its failover is taken back.
        cut_over: whether its cutover may have stopped it. Its replication may then stall.
        unmanaged: why Systems Manager runs no command on it, although its cutover needs that; or
            None.
        not_before: when its failover may begin (`cutover.at`); None if at any time.
        after_failover: what becomes of it if it stays failed over; None if a person decides.
        checked_test: when all checks of a test failover of it last passed, as its stack recorded
            it; None if they never did.
        item_id: ARM id of its protected item, as its wave recorded it; empty if it recorded none.
            An item that was made by hand may have any name, so a list that lacks it hides it.
    """

    name: str
    instance_id: str
    private_ip: str
    vm_name: str
    source_problem: str | None = None
    migrated: bool = False
    hold: str | None = None
    bios_id: str = ""
    cut_over: bool = False
    unmanaged: str | None = None
    rolls_back: bool = False
    deletes_kept: bool = False
    checked_test: datetime | None = None
    not_before: datetime | None = None
    after_failover: AfterFailover | None = None
    item_id: str = ""


@dataclass(frozen=True)
class ProtectedItem:
    """A replicated machine of the vault (operations ReplicationProtectedItems_List and _Get).

    Attributes:
        id, name: ARM id and name of the item.
        friendly_name: the name under which the service shows the machine.
        provider: the replication provider, such as `InMageRcm`.
        policy_id: ARM id of its replication policy.
        source_id: id of the protectable item, or of the machine of an appliance's site, that it
            was made from.
        virtual_machine_id: the service's id of the machine, which recovery plans use.
        tags: tags of the virtual machine that a failover creates.
        allowed_operations: the operations that the service would accept now.
        active_location: `Primary`, or `Recovery` after a failover.
        protection_state, protection_state_description: the service's own words.
        test_failover_state: likewise.
        scenario, scenario_job: kind and name of the job that runs on it; None when idle.
        progress: percentage of the initial replication; None if the service gives none.
        health, health_errors: health of the replication, with its errors.
        last_test_failover: when a test failover last succeeded, or None.
        last_failover: when the failover that last succeeded began, or None.
        rpo: age of the newest data that a failover would have; None if the service gives none.
        target: the virtual machine that a failover will create, as far as the response shows it.
        complete: whether the response had everything that an update can change. Lists may leave
            out what a single read has.
    """

    id: str
    name: str
    friendly_name: str = ""
    provider: str = ""
    policy_id: str = ""
    source_id: str | None = None
    virtual_machine_id: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    allowed_operations: frozenset[str] = frozenset()
    active_location: str = ""
    protection_state: str = ""
    protection_state_description: str = ""
    test_failover_state: str = ""
    scenario: str | None = None
    scenario_job: str | None = None
    progress: int | None = None
    health: str = "None"
    health_errors: tuple[ServiceError, ...] = ()
    last_test_failover: datetime | None = None
    last_failover: datetime | None = None
    rpo: timedelta | None = None
    target: TargetSettings = field(default_factory=TargetSettings)
    complete: bool = True


@dataclass(frozen=True)
class VirtualMachine:
    """A virtual machine of the target resource group (operation VirtualMachines_List).

    Attributes:
        interfaces: the ids of its network interfaces.
        size: its size, such as `Standard_D2s_v5`; empty if the service does not show it.
    """

    id: str
    name: str
    tags: Mapping[str, str] = field(default_factory=dict)
    interfaces: tuple[str, ...] = ()
    size: str = ""


@dataclass(frozen=True)
class RecoveryPoint:
    """A point in time to which a machine can fail over
    (RecoveryPoints_ListByReplicationProtectedItems)."""

    id: str
    time: datetime
    is_app_consistent: bool


class Kind(StrEnum):
    """What an entry of a list is, in words."""

    ITEM = "protected item"
    SOURCE = "discovered machine"
    VIRTUAL_MACHINE = "virtual machine"
    JOB = "job"
    RECOVERY_POINT = "recovery point"


@dataclass(frozen=True)
class Unreadable:
    """An entry of a list that is not as the service documents it.

    Attributes:
        kind: what it is.
        name: its name; empty if it has none that can be read.
        what: what is odd about it, in words.
        marks: the names, ids and addresses in it that can be read, in lower case. They tell
            which machine it may belong to.
    """

    kind: Kind
    name: str
    what: str
    marks: frozenset[str] = frozenset()


class Gone(StrEnum):
    """The part of a vault that no longer exists. Everything inside it is gone too."""

    VAULT = "vault"
    SERVER = "server"


@dataclass(frozen=True)
class Snapshot:
    """The answers of one round of list calls.

    Attributes:
        items: protected items of the vault.
        provider: the replication provider that they should use; any if empty.
        sources: machines of the container or the appliance's site that can be protected.
        virtual_machines: virtual machines of the target resource group.
        jobs: the vault's jobs by name, the newest first.
        unreadable: the entries of the lists that are in none of the above.
        at: the service's time when it was taken; None if nothing was read.
        gone: whether the vault, or the server in it that machines replicate through, no longer
            exists; None if both exist.
    """

    items: tuple[ProtectedItem, ...] = ()
    provider: str = ""
    sources: tuple[Source, ...] = ()
    virtual_machines: tuple[VirtualMachine, ...] = ()
    jobs: Mapping[str, Job] = field(default_factory=dict)
    unreadable: tuple[Unreadable, ...] = ()
    gone: Gone | None = None
    at: datetime | None = None

    def with_virtual_machine(self, virtual_machine: VirtualMachine | None) -> Snapshot:
        """A copy with a virtual machine as a single read showed it.

        The list may not have shown it yet, or with tags that it has no more.
        """
        if virtual_machine is None:
            return self
        read = virtual_machine.id.lower()
        others = (each for each in self.virtual_machines if each.id.lower() != read)
        return self._changed("virtual_machines_by", virtual_machines=(*others, virtual_machine))

    def with_item(self, item_id: str | None, item: ProtectedItem | None) -> Snapshot:
        """A copy in which one item is replaced by the result of a single read.

        Args:
            item_id: id of the item in this snapshot, or None if it is not in it.
            item: the item as it is now; None if it no longer exists.
        """
        ids = {each.lower() for each in (item_id, item.id if item else None) if each}
        if not ids:
            return self
        others = tuple(each for each in self.items if each.id.lower() not in ids)
        return self._changed("items_by", items=others if item is None else (*others, item))

    def _changed(self, index: str, **changes: Any) -> Snapshot:
        """A copy with changes that concern one of the indexes below. It keeps the others.

        Each machine has such a copy before each operation. If it indexed all jobs of the vault
        again, a fleet that is twice as large would take four times as long.
        """
        copy = replace(self, **changes)
        copy.__dict__.update(
            {name: self.__dict__[name] for name in _INDEXES - {index} if name in self.__dict__}
        )
        return copy

    # All machines of a fleet look for their own in every round, so the lists are indexed.

    @cached_property
    def items_by(self) -> Mapping[tuple[str, str], Sequence[ProtectedItem]]:
        """The items by `("tag", instance id)`, and by `("id", …)`, `("source", …)` and
        `("name", …)` in lower case."""
        return _indexed(
            self.items,
            lambda item: (
                ("tag", item.tags.get(TAG_INSTANCE, "")),
                ("id", item.id.lower()),
                ("source", (item.source_id or "").lower()),
                ("name", item.name.lower()),
            ),
        )

    @cached_property
    def sources_by(self) -> Mapping[str, Sequence[Source]]:
        """The sources by private address."""
        return _indexed(self.sources, lambda source: source.addresses)

    @cached_property
    def virtual_machines_by(self) -> Mapping[tuple[str, str], Sequence[VirtualMachine]]:
        """The virtual machines by `("tag", instance id)`, by `("rolled back", instance id)`, and by
        `("name", …)` in lower case."""
        return _indexed(
            self.virtual_machines,
            lambda each: (
                ("tag", each.tags.get(TAG_INSTANCE, "")),
                ("rolled back", each.tags.get(TAG_ROLLED_BACK, "")),
                ("name", each.name.lower()),
            ),
        )

    @cached_property
    def jobs_by(self) -> Mapping[str, Sequence[Job]]:
        """The jobs by the name of what they work on, in lower case; the newest first."""
        return _indexed(self.jobs.values(), lambda job: (job.target.lower(),))


_INDEXES = frozenset(
    name for name, value in vars(Snapshot).items() if isinstance(value, cached_property)
)


def _indexed(
    entries: Iterable[_T], keys: Callable[[_T], Iterable[_K]]
) -> Mapping[_K, Sequence[_T]]:
    found: dict[_K, list[_T]] = {}
    for entry in entries:
        for key in dict.fromkeys(keys(entry)):
            found.setdefault(key, []).append(entry)
    return found
