"""Finds the protected item, the source and the virtual machines of a machine in a snapshot.

It also reports contradictions. A wrong match would run an operation on another machine, or run it
on this one a second time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from site_recovery import arm_ids, sources
from site_recovery.declared.tags import TAG_INSTANCE, TAG_MACHINE
from site_recovery.reasons import Reason
from site_recovery.snapshot import (
    TEST_VM_SUFFIX,
    Kind,
    Machine,
    ProtectedItem,
    Snapshot,
    Unreadable,
)
from site_recovery.sources import Source


@dataclass(frozen=True)
class Mismatch:
    """Why a machine must be left alone: the vault or Azure contradicts the config about it.

    Attributes:
        reason: the contradiction.
        what: the same in words, without a full stop.
        way_out: what the user can do about it, without a full stop.
    """

    reason: Reason
    what: str
    way_out: str


@dataclass(frozen=True)
class Identity:
    """The parts of a snapshot that belong to one machine.

    Attributes:
        item: the protected item that replicates this instance with the wanted experience, or None.
        source: the source from which protection is or would be enabled, or None.
        azure_vm_id, test_vm_id: ARM ids of its virtual machines in Azure, or None.
        mismatch: why the machine must be left alone, or None.
        other_at_address: a sentence about another machine that is known at its address while the machine
            itself is not known, or None.
    """

    item: ProtectedItem | None
    source: Source | None
    azure_vm_id: str | None
    test_vm_id: str | None
    mismatch: Mismatch | None
    other_at_address: str | None


def identify(machine: Machine, snapshot: Snapshot) -> Identity:
    """Find what belongs to a machine.

    An item is found by its tag, its source or its name, in this order. An item that replicates
    another instance, or that uses the other experience, is reported and left alone.
    """
    candidates = _candidates(machine, snapshot)
    found = _item(machine, candidates, snapshot)
    source = _source(found, candidates)
    azure_vm_id, test_vm_id = _virtual_machines(machine, snapshot)
    is_own = (
        found is not None
        and _replicates(machine, source, found)
        and not _is_elsewhere(found, snapshot)
    )
    if found is not None:
        mismatch = _contradiction(machine, source, found, snapshot)
    else:
        mismatch = _migrated_without_vm(machine)
    if not is_own:
        # A machine that has a virtual machine but no item is migrated: the vault has no say.
        mismatch = None if azure_vm_id else mismatch or _ambiguity(machine, candidates)
    return Identity(
        item=found if is_own else None,
        source=source,
        azure_vm_id=azure_vm_id,
        test_vm_id=test_vm_id,
        mismatch=mismatch,
        other_at_address=None if is_own else _other_at_address(machine, candidates, snapshot),
    )


def unreadable(machine: Machine, identity: Identity, snapshot: Snapshot) -> Unreadable | None:
    """The entry of a list that may belong to a machine and cannot be read, or None.

    An entry that does not even show whose it is concerns every machine that could have it.
    """
    for entry in snapshot.unreadable:
        known = not entry.marks.isdisjoint(_marks(machine, snapshot, entry.kind))
        if entry.kind is Kind.SOURCE:
            # A machine that has an item, or runs in Azure, needs its source no more.
            concerns = identity.item is None and identity.azure_vm_id is None
            own = known or not entry.marks
        elif entry.kind is Kind.ITEM:
            concerns = True
            own = known or (not entry.marks and identity.item is None)
        elif entry.kind is Kind.VIRTUAL_MACHINE:
            concerns = True
            own = known or (not entry.marks and identity.azure_vm_id is None)
        else:
            concerns = identity.item is not None or identity.azure_vm_id is None
            own = known
        if concerns and own:
            return entry
    return None


def _marks(machine: Machine, snapshot: Snapshot, kind: Kind) -> set[str]:
    """By what an entry of a kind shows that it belongs to a machine; in lower case."""
    texts: list[str] = [machine.instance_id, machine.name]
    if kind is Kind.VIRTUAL_MACHINE:
        texts += [machine.vm_name, f"{machine.vm_name}{TEST_VM_SUFFIX}"]
    if kind is Kind.SOURCE:
        texts += [machine.private_ip, machine.bios_id]
    if kind is Kind.ITEM:
        candidates = _candidates(machine, snapshot)
        texts += [each.id for each in candidates]
        texts += [each.item_id for each in candidates if each.item_id]
    return {text.lower() for text in texts if text}


def _item(
    machine: Machine, candidates: Sequence[Source], snapshot: Snapshot
) -> ProtectedItem | None:
    # The tags of our own items name their instance. An item that someone created in the portal
    # may have any name, so it is found through its source.
    keys: list[tuple[str, str]] = [("tag", machine.instance_id)]
    for each in candidates:
        keys += [("id", each.item_id.lower())] if each.item_id else []
        keys.append(("source", each.id.lower()))
    keys.append(("name", machine.name.lower()))
    return next((item for key in keys for item in snapshot.items_by.get(key, ())), None)


def _candidates(machine: Machine, snapshot: Snapshot) -> tuple[Source, ...]:
    """The sources that may be the machine."""
    address = machine.private_ip
    return sources.at(address, snapshot.sources_by.get(address, ()), machine.bios_id)


def _source(item: ProtectedItem | None, candidates: Sequence[Source]) -> Source | None:
    """The source that the item was made from, or else the first candidate."""
    own = item.source_id if item is not None else None
    of_item = next((each for each in candidates if arm_ids.same(each.id, own)), None)
    return of_item or next(iter(candidates), None)


def _replicates(machine: Machine, source: Source | None, item: ProtectedItem) -> bool:
    """Whether an item replicates this instance, as far as its tags and its source show."""
    instance = item.tags.get(TAG_INSTANCE)
    if instance is not None:
        return instance == machine.instance_id
    return source is None or not item.source_id or arm_ids.same(item.source_id, source.id)


def _is_elsewhere(item: ProtectedItem, snapshot: Snapshot) -> bool:
    """Whether an item is replicated with the other experience."""
    return bool(snapshot.provider) and item.provider not in ("", snapshot.provider)


def _contradiction(
    machine: Machine, source: Source | None, item: ProtectedItem, snapshot: Snapshot
) -> Mismatch | None:
    """Why the item that was found for a machine must be left alone, or None."""
    if not _replicates(machine, source, item):
        whose = item.tags.get(TAG_INSTANCE) or "another machine"
        return Mismatch(
            Reason.ITEM_OF_ANOTHER_INSTANCE,
            f"the vault's protected item {item.name} replicates {whose}, not {machine.instance_id}",
            f"Correct machines.{machine.name}.instanceId, or give the machine another name; to "
            "let another instance have the name, take the machine out of its wave, run pulumi up, "
            "and put it in again",
        )
    if _is_elsewhere(item, snapshot):
        return Mismatch(
            Reason.ITEM_OF_ANOTHER_EXPERIENCE,
            f"it is replicated by {item.provider} as protected item {item.name} of this vault, "
            "and that is left alone",
            "Complete its migration with a stack of that experience; or disable its replication "
            "there, and declare it here afterwards",
        )
    known_as = item.tags.get(TAG_MACHINE, machine.name)
    if known_as != machine.name:
        return Mismatch(
            Reason.ITEM_UNDER_ANOTHER_NAME,
            f"{machine.instance_id} is replicated as machine {known_as!r}, and its records go by "
            "that name",
            f"Call it {known_as!r} until it is migrated; or take it out of its wave, run pulumi "
            "up, and put it in by its new name, which replicates it anew",
        )
    return None


def _other_at_address(
    machine: Machine, candidates: Sequence[Source], snapshot: Snapshot
) -> str | None:
    """A sentence about a source that has the machine's address but another BIOS id.

    None if the machine itself is known, or if no source has its address.
    """
    if candidates:
        return None
    others = snapshot.sources_by.get(machine.private_ip, ())
    return (
        f"{others[0].name}, which is known at its address {machine.private_ip}, has the BIOS id "
        f"{others[0].bios_id}, and {machine.instance_id} has {machine.bios_id}"
        if others
        else None
    )


def _ambiguity(machine: Machine, candidates: Sequence[Source]) -> Mismatch | None:
    """Why the machine cannot be matched with one source for certain, or None."""
    if len(candidates) > 1:
        names = ", ".join(sorted(f"{each.name} ({arm_ids.name(each.id)})" for each in candidates))
        return Mismatch(
            Reason.SEVERAL_SOURCES,
            f"{len(candidates)} known machines have its address {machine.private_ip}: {names}",
            "Remove the stale ones from the server that discovered them, then run pulumi up again",
        )
    not_ec2 = [each for each in candidates if each.bios_id and not sources.of_ec2(each.bios_id)]
    if not_ec2:
        return Mismatch(
            Reason.SOURCE_IS_NOT_EC2,
            f"the known machine {not_ec2[0].name} has its address {machine.private_ip}, and a "
            f"BIOS id that no EC2 instance has ({not_ec2[0].bios_id})",
            "Remove it from the server that discovered it, and install the mobility agent on "
            f"{machine.instance_id}",
        )
    return None


def _migrated_without_vm(machine: Machine) -> Mismatch | None:
    """Why a machine without an item and a virtual machine must not be migrated, or None.

    It was migrated before, and its virtual machine is not found any more.
    """
    if not machine.migrated:
        return None
    return Mismatch(
        Reason.MIGRATED_VM_NOT_FOUND,
        "it was migrated, and no virtual machine of its resource group has the tag "
        f"{TAG_INSTANCE}: {machine.instance_id} any more; a machine is not migrated twice",
        "Give its virtual machine that tag, or move it back into the group; where it is not "
        "needed any more, take the machine out of its wave",
    )


def _virtual_machines(machine: Machine, snapshot: Snapshot) -> tuple[str | None, str | None]:
    """ARM ids of a machine's production and test virtual machines in Azure."""
    test_name = f"{machine.vm_name}{TEST_VM_SUFFIX}".lower()
    named = snapshot.virtual_machines_by.get(("name", test_name), ())
    tagged = snapshot.virtual_machines_by.get(("tag", machine.instance_id), ())
    tests = [each.id for each in named]
    production = [each.id for each in tagged if each.name.lower() != test_name]
    return (production[-1] if production else None), (tests[-1] if tests else None)
