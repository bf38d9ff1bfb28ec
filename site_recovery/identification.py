"""Which item and which source are a machine's, and what speaks against it.

A wrong answer here would do something to another machine, or once more to this one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from site_recovery import arm_ids, sources, target_settings
from site_recovery.snapshot import TAG_INSTANCE, TAG_MACHINE, TEST_VM_SUFFIX, Machine, Snapshot
from site_recovery.sources import Source


@dataclass(frozen=True)
class Mistaken:
    """Why nothing may be done for a machine: it would be done to another, or once more."""

    reason: str
    way_out: str


def item_of(
    machine: Machine, candidates: Sequence[Source], snapshot: Snapshot
) -> Mapping[str, Any] | None:
    """The protected item that is a machine's: by its tag, its source, or at last its name."""
    # A machine that someone protected in the portal has an item with another name: its source,
    # or the item itself, says which. An item of ours says by its tags whose it is.
    adopted = {each.item_id.lower() for each in candidates if each.item_id}
    known = {each.id.lower() for each in candidates}
    items = snapshot.items
    tagged = [i for i in items if tags_of(i).get(TAG_INSTANCE) == machine.instance_id]
    found = [
        i for i in items if i["id"].lower() in adopted or (source_id(i) or "").lower() in known
    ]
    named = [i for i in items if i["name"].lower() == machine.name.lower()]
    return next(iter((*tagged, *found, *named)), None)


def source_of(item: Mapping[str, Any] | None, candidates: Sequence[Source]) -> Source | None:
    """The machine's source: that of its item, or else the only one that it can be."""
    own = source_id(item) if item is not None else None
    of_item = next((each for each in candidates if arm_ids.same(each.id, own)), None)
    return of_item or next(iter(candidates), None)


def source_id(item: Mapping[str, Any]) -> str | None:
    """What an item was made from: a protectable item, or a machine of an appliance's site."""
    properties = item["properties"]
    details = properties.get("providerSpecificDetails") or {}
    return properties.get("protectableItemId") or details.get("fabricDiscoveryMachineId")


def tags_of(item: Mapping[str, Any]) -> Mapping[str, str]:
    """What an item's virtual machine is tagged with; by this an item of ours is known."""
    return target_settings.tags_of(item["properties"].get("providerSpecificDetails") or {}) or {}


def _provider(item: Mapping[str, Any]) -> str:
    return (item["properties"].get("providerSpecificDetails") or {}).get("instanceType") or ""


def is_ours(
    machine: Machine, source: Source | None, item: Mapping[str, Any], snapshot: Snapshot
) -> bool:
    """Whether an item replicates this instance, by the experience that is asked for."""
    return _is_of(machine, source, item) and not _elsewhere(item, snapshot)


def _elsewhere(item: Mapping[str, Any], snapshot: Snapshot) -> bool:
    """Whether an item is replicated by the other experience."""
    return bool(snapshot.provider) and _provider(item) not in ("", snapshot.provider)


def _is_of(machine: Machine, source: Source | None, item: Mapping[str, Any]) -> bool:
    """Whether an item replicates this very instance, as far as anything tells."""
    instance = tags_of(item).get(TAG_INSTANCE)
    if instance is not None:
        return instance == machine.instance_id
    origin = source_id(item)
    return source is None or not origin or arm_ids.same(origin, source.id)


def mistaken(
    machine: Machine, source: Source | None, item: Mapping[str, Any], snapshot: Snapshot
) -> Mistaken | None:
    """Why an item that seems to be a machine's must be left alone, or None."""
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


def unlike(machine: Machine, candidates: Sequence[Source], snapshot: Snapshot) -> str | None:
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


def doubtful(machine: Machine, candidates: Sequence[Source]) -> Mistaken | None:
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


def lost(machine: Machine) -> Mistaken | None:
    """Why a machine without item and virtual machine must not be migrated, or None."""
    if not machine.migrated:
        return None
    return Mistaken(
        "it was migrated, and no virtual machine of its resource group has the tag "
        f"{TAG_INSTANCE}: {machine.instance_id} any more; a machine is not migrated twice",
        "Give its virtual machine that tag, or move it back into the group; where it is not "
        "needed any more, take the machine out of its wave",
    )


def virtual_machines(machine: Machine, snapshot: Snapshot) -> tuple[str | None, str | None]:
    """ARM ids of a machine's virtual machines in Azure: of production, and of a test."""
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
