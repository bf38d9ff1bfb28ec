"""Which item, source and virtual machines of a snapshot are a machine's, and what contradicts it.

A wrong answer here would run an operation on another machine, or a second time on this one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from site_recovery import arm_ids, sources
from site_recovery.reasons import Reason
from site_recovery.snapshot import (
    TAG_INSTANCE,
    TAG_MACHINE,
    TEST_VM_SUFFIX,
    Machine,
    ProtectedItem,
    Snapshot,
)
from site_recovery.sources import Source


@dataclass(frozen=True)
class Mistaken:
    """Why nothing may be done for a machine: it would be done to another, or a second time.

    `what` and `way_out` are sentences without a full stop.
    """

    reason: Reason
    what: str
    way_out: str


@dataclass(frozen=True)
class Identity:
    """What in a snapshot belongs to one machine.

    Attributes:
        item: the protected item that replicates this instance by the wanted experience, or None.
        source: what protection is, or would be, enabled from, or None.
        azure_vm_id, test_vm_id: ARM ids of its virtual machines in Azure, or None.
        mistaken: why the machine must be left alone, or None.
        unlike: who else is known at its address while the machine itself is not known, or None.
    """

    item: ProtectedItem | None
    source: Source | None
    azure_vm_id: str | None
    test_vm_id: str | None
    mistaken: Mistaken | None
    unlike: str | None


def identify(machine: Machine, snapshot: Snapshot) -> Identity:
    """Find what belongs to a machine.

    An item is found by its tag, its source or its name, in this order. One that turns out to
    replicate another instance, or to use the other experience, is reported and left alone.
    """
    candidates = sources.at(machine.private_ip, snapshot.sources, machine.bios_id)
    found = _item(machine, candidates, snapshot)
    source = _source(found, candidates)
    azure_vm_id, test_vm_id = _virtual_machines(machine, snapshot)
    is_own = (
        found is not None
        and _replicates(machine, source, found)
        and not _is_elsewhere(found, snapshot)
    )
    if found is not None:
        mistaken = _contradiction(machine, source, found, snapshot)
    else:
        mistaken = _lost(machine)
    if not is_own:
        # A machine with a virtual machine and no item is migrated: nothing is asked of the vault.
        mistaken = None if azure_vm_id else mistaken or _doubt(machine, candidates)
    return Identity(
        item=found if is_own else None,
        source=source,
        azure_vm_id=azure_vm_id,
        test_vm_id=test_vm_id,
        mistaken=mistaken,
        unlike=None if is_own else _unlike(machine, candidates, snapshot),
    )


def _item(
    machine: Machine, candidates: Sequence[Source], snapshot: Snapshot
) -> ProtectedItem | None:
    # A machine that someone protected in the portal has an item with another name: its source,
    # or the item itself, says which. An item of ours says by its tags whose it is.
    item_ids = {each.item_id.lower() for each in candidates if each.item_id}
    source_ids = {each.id.lower() for each in candidates}
    items = snapshot.items
    tagged = [i for i in items if i.tags.get(TAG_INSTANCE) == machine.instance_id]
    by_source = [
        i for i in items if i.id.lower() in item_ids or (i.source_id or "").lower() in source_ids
    ]
    named = [i for i in items if i.name.lower() == machine.name.lower()]
    return next(iter((*tagged, *by_source, *named)), None)


def _source(item: ProtectedItem | None, candidates: Sequence[Source]) -> Source | None:
    """The source of its item, or else the only one that it can be."""
    own = item.source_id if item is not None else None
    of_item = next((each for each in candidates if arm_ids.same(each.id, own)), None)
    return of_item or next(iter(candidates), None)


def _replicates(machine: Machine, source: Source | None, item: ProtectedItem) -> bool:
    """Whether an item replicates this very instance, as far as anything tells."""
    instance = item.tags.get(TAG_INSTANCE)
    if instance is not None:
        return instance == machine.instance_id
    return source is None or not item.source_id or arm_ids.same(item.source_id, source.id)


def _is_elsewhere(item: ProtectedItem, snapshot: Snapshot) -> bool:
    """Whether an item is replicated by the other experience."""
    return bool(snapshot.provider) and item.provider not in ("", snapshot.provider)


def _contradiction(
    machine: Machine, source: Source | None, item: ProtectedItem, snapshot: Snapshot
) -> Mistaken | None:
    """Why an item that seems to be a machine's must be left alone, or None."""
    if not _replicates(machine, source, item):
        whose = item.tags.get(TAG_INSTANCE) or "another machine"
        return Mistaken(
            Reason.ITEM_OF_ANOTHER_INSTANCE,
            f"the vault's protected item {item.name} replicates {whose}, not {machine.instance_id}",
            f"Correct machines.{machine.name}.instanceId, or give the machine another name; to "
            "let another instance have the name, take the machine out of its wave, run pulumi up, "
            "and put it in again",
        )
    if _is_elsewhere(item, snapshot):
        return Mistaken(
            Reason.ITEM_OF_ANOTHER_EXPERIENCE,
            f"it is replicated by {item.provider} as protected item {item.name} of this vault, "
            "and that is left alone",
            "Complete its migration with a stack of that experience; or disable its replication "
            "there, and declare it here afterwards",
        )
    known_as = item.tags.get(TAG_MACHINE, machine.name)
    if known_as != machine.name:
        return Mistaken(
            Reason.ITEM_UNDER_ANOTHER_NAME,
            f"{machine.instance_id} is replicated as machine {known_as!r}, and its records go by "
            "that name",
            f"Call it {known_as!r} until it is migrated; or take it out of its wave, run pulumi "
            "up, and put it in by its new name, which replicates it anew",
        )
    return None


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


def _doubt(machine: Machine, candidates: Sequence[Source]) -> Mistaken | None:
    """Why it cannot be told which of the known machines it is, or whether it is one of them."""
    if len(candidates) > 1:
        names = ", ".join(sorted(f"{each.name} ({arm_ids.name(each.id)})" for each in candidates))
        return Mistaken(
            Reason.SEVERAL_SOURCES,
            f"{len(candidates)} known machines have its address {machine.private_ip}: {names}",
            "Remove the stale ones from the server that discovered them, then run pulumi up again",
        )
    not_ec2 = [each for each in candidates if each.bios_id and not sources.of_ec2(each.bios_id)]
    if not_ec2:
        return Mistaken(
            Reason.SOURCE_IS_NOT_EC2,
            f"the known machine {not_ec2[0].name} has its address {machine.private_ip}, and a "
            f"BIOS id that no EC2 instance has ({not_ec2[0].bios_id})",
            "Remove it from the server that discovered it, and install the mobility agent on "
            f"{machine.instance_id}",
        )
    return None


def _lost(machine: Machine) -> Mistaken | None:
    """Why a machine without item and virtual machine must not be migrated, or None."""
    if not machine.migrated:
        return None
    return Mistaken(
        Reason.MIGRATED_VM_NOT_FOUND,
        "it was migrated, and no virtual machine of its resource group has the tag "
        f"{TAG_INSTANCE}: {machine.instance_id} any more; a machine is not migrated twice",
        "Give its virtual machine that tag, or move it back into the group; where it is not "
        "needed any more, take the machine out of its wave",
    )


def _virtual_machines(machine: Machine, snapshot: Snapshot) -> tuple[str | None, str | None]:
    """ARM ids of a machine's virtual machines in Azure: of production, and of a test."""
    production = test = None
    test_name = f"{machine.vm_name}{TEST_VM_SUFFIX}".lower()
    for virtual_machine in snapshot.virtual_machines:
        if virtual_machine.name.lower() == test_name:
            test = virtual_machine.id
        elif virtual_machine.tags.get(TAG_INSTANCE) == machine.instance_id:
            production = virtual_machine.id
    return production, test
