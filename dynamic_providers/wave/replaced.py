"""What a preview says of machines whose name belonged to another instance, here or in Azure.

While an item of the vault replicates the other instance, the machine is refused instead: see
`site_recovery.identification`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from dynamic_providers.wave.inputs import MachineInputs
from site_recovery.convergence.review import MachineReview
from site_recovery.declared.tags import TAG_INSTANCE
from site_recovery.observation import Stage
from site_recovery.snapshot import Snapshot

_NOT_THERE = (Stage.UNKNOWN_TO_VAULT, Stage.DISCOVERED)


def notes(
    before: Mapping[str, MachineInputs], reviews: Iterable[MachineReview], snapshot: Snapshot
) -> Iterator[str]:
    """A sentence for each machine that begins anew under a name that is not new.

    Args:
        before: the machines as the last run recorded them.
        reviews: the machines now.
        snapshot: the services now.
    """
    for each in reviews:
        seen = each.observed
        if seen.stage not in _NOT_THERE or seen.mismatch or each.assignment.desired is None:
            continue
        machine, old = each.assignment.machine, before.get(each.name)
        if old is not None and old.instance_id != machine.instance_id:
            yield (
                f"{each.name} was instance {old.instance_id} and is {machine.instance_id} now: "
                "another machine, which replicates from the beginning, and what is recorded of "
                f"{old.instance_id} is forgotten. If that is not meant, correct its instanceId or "
                "the tag that selects it, or give it a name of its own"
            )
        for there in snapshot.virtual_machines_by.get(("name", machine.vm_name.lower()), ()):
            other = there.tags.get(TAG_INSTANCE)
            if other == machine.instance_id or machine.instance_id in there.tags.values():
                continue
            whose = f"into which instance {other} was migrated" if other else "of somebody else"
            yield (
                f"{each.name}: the resource group has a virtual machine {there.name} already, "
                f"{whose}. Azure gives the one of {machine.instance_id} a longer name: set "
                "target.vmName to choose it"
            )
