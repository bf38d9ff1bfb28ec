"""The disks of a machine that a request replicates, and their target disk types."""

from __future__ import annotations

from emulator.kernel.store import Document
from emulator.kernel.world import World
from emulator.recovery_services.experiences.modernized.bodies import EnableInput
from emulator.recovery_services.replication import references

_GIB = 1024**3


def chosen_disks(world: World, discovered: list[Document], given: EnableInput) -> list[Document]:
    """The disks of an item: `id`, `name`, `sizeGib`, `type` and `logStorage`.

    `disksToInclude` names disks one by one, `disksDefault` speaks for all others. A disk of which
    neither speaks would be left out, which physical machines do not support (azure-docs).

    Raises:
        ArmError: 400.
    """
    named = {disk.disk_id.lower(): disk for disk in given.disks_to_include or ()}
    unknown = named.keys() - {disk["id"].lower() for disk in discovered}
    if unknown:
        raise references.invalid(
            "disksToInclude", f"The machine has no disk '{sorted(unknown)[0]}'."
        )
    if not named and given.disks_default is None:
        raise references.missing("disksDefault")
    chosen = []
    for disk in discovered:
        asked = named.get(disk["id"].lower()) or given.disks_default
        if asked is None:
            raise references.invalid(
                "disksToInclude",
                f"The disk '{disk['id']}' is left out; excluding disks of physical machines is "
                "not supported.",
            )
        references.existing(world, asked.log_storage_account_id, "logStorageAccountId")
        chosen.append(
            {
                "id": disk["id"],
                "name": disk["name"],
                "sizeGib": disk["maxSizeInBytes"] // _GIB,
                "type": asked.disk_type,
                "logStorage": asked.log_storage_account_id,
                "encryptionSet": asked.disk_encryption_set_id,
            }
        )
    return chosen
