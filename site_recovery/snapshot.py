"""What one round of observing sees of the services: parsed once, where the wire ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from site_recovery.jobs import Job, ServiceError
from site_recovery.sources import Source
from site_recovery.target_settings import TargetSettings

TEST_VM_SUFFIX = "-test"

TAG_INSTANCE = "migrated-from-instance"
TAG_MACHINE = "migrated-from-machine"
"""Tags that a failover puts on the virtual machine. After Complete Migration has removed the item
they are the evidence that the machine is migrated."""


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


@dataclass(frozen=True)
class ProtectedItem:
    """A replicated machine of the vault (operations ReplicationProtectedItems_List and _Get).

    Attributes:
        id, name: of the item.
        friendly_name: how the service shows the machine.
        provider: the replication provider, such as `InMageRcm`.
        policy_id: ARM id of the policy by which it replicates.
        source_id: what it was made from: a protectable item, or a machine of an appliance's site.
        virtual_machine_id: the service's id of the machine, by which recovery plans name it.
        tags: of the virtual machine that a failover creates.
        allowed_operations: what the service would accept now.
        active_location: `Primary`, or `Recovery` after a failover.
        protection_state, protection_state_description: the service's own words.
        test_failover_state: likewise.
        scenario, scenario_job: what is running on it, and the name of the job; None when idle.
        progress: percentage of the initial replication, where the service gives one.
        health, health_errors: of the replication.
        last_test_failover: when a test failover last succeeded, or None.
        target: what a failover will make of it, as far as the answer shows it.
        complete: whether the answer had all that an update can change. Lists may leave out what
            a single read has.
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
    target: TargetSettings = field(default_factory=TargetSettings)
    complete: bool = True


@dataclass(frozen=True)
class VirtualMachine:
    """A virtual machine of the target resource group (operation VirtualMachines_List)."""

    id: str
    name: str
    tags: Mapping[str, str] = field(default_factory=dict)


class Gone(StrEnum):
    """What of a vault no longer exists, and with it all that was in it."""

    VAULT = "vault"
    SERVER = "server"


@dataclass(frozen=True)
class Snapshot:
    """What one round of list calls said.

    Attributes:
        items: protected items of the vault.
        provider: the replication provider by which they should be replicated; any, if empty.
        sources: machines of the container or the appliance's site that can be protected.
        virtual_machines: of the target resource group.
        jobs: by name, newest state.
        gone: the vault itself, or the server in it through which machines replicate, if that no
            longer exists.
    """

    items: tuple[ProtectedItem, ...] = ()
    provider: str = ""
    sources: tuple[Source, ...] = ()
    virtual_machines: tuple[VirtualMachine, ...] = ()
    jobs: Mapping[str, Job] = field(default_factory=dict)
    gone: Gone | None = None

    def with_virtual_machine(self, virtual_machine: VirtualMachine | None) -> Snapshot:
        """This snapshot with one virtual machine that its list may not have yet."""
        if virtual_machine is None:
            return self
        return replace(self, virtual_machines=(*self.virtual_machines, virtual_machine))

    def with_item(self, item_id: str | None, item: ProtectedItem | None) -> Snapshot:
        """This snapshot with one item as a single read of it answered.

        Args:
            item_id: of the item in this snapshot, if it is there.
            item: as it is now; None if it is not there any more.
        """
        ids = {each.lower() for each in (item_id, item.id if item else None) if each}
        others = tuple(each for each in self.items if each.id.lower() not in ids)
        return replace(self, items=others if item is None else (*others, item))
