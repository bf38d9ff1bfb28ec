"""What of a resource group is used from outside it, so that Resource Manager cannot delete it.

Source: "Azure Resource Manager resource group and resource deletion": a group with a resource that
cannot be deleted stays. The codes of the details are those of the resources' own deletions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError
from emulator.kernel.world import World

_USERS = (
    "microsoft.compute/virtualmachines",
    "microsoft.compute/disks",
    "microsoft.compute/availabilitysets",
    "microsoft.network/networkinterfaces",
    "microsoft.network/virtualnetworks",
)
_CODES = {
    "microsoft.network/virtualnetworks": "InUseSubnetCannotBeDeleted",
    "microsoft.network/networksecuritygroups": "InUseNetworkSecurityGroupCannotBeDeleted",
    "microsoft.network/networkinterfaces": "NicInUse",
    "microsoft.network/publicipaddresses": "PublicIPAddressCannotBeDeleted",
}
_HELD_BY = frozenset({"virtualMachine", "virtualMachines"})
"""Members that name what uses a resource, not what it uses."""


def from_outside(world: World, group: str, held: list[Document]) -> list[tuple[str, ArmError]]:
    """The resources of a group that others use, each with the refusal of its deletion.

    Args:
        world: the world.
        group: the id of the group.
        held: what it holds.
    """
    inside = f"{group.lower()}/"
    users: dict[str, str] = {}
    for kind in _USERS:
        for user in world.store.peeks(kind):
            if not str(user["id"]).lower().startswith(inside):
                for used in _named(user["properties"]):
                    if used.lower().startswith(inside):
                        users.setdefault(used.lower(), str(user["id"]))
    found = []
    for document in held:
        own = str(document.get("id", "")).lower()
        # A part of a resource, such as a subnet, goes with it.
        by = next((by for used, by in users.items() if f"{used}/".startswith(f"{own}/")), None)
        if own and by is not None:
            found.append((str(document["id"]), _refusal(document, by)))
    return found


def _named(value: Any) -> Iterator[str]:
    """The ids of other resources in the properties of a resource."""
    if isinstance(value, list):
        for one in value:
            yield from _named(one)
    elif isinstance(value, dict):
        for name, one in value.items():
            if name in ("id", "diskEncryptionSetId") and isinstance(one, str):
                yield one
            elif name not in _HELD_BY:
                yield from _named(one)


def _refusal(document: Document, by: str) -> ArmError:
    return ArmError(
        400,
        _CODES.get(str(document["type"]).lower(), "OperationNotAllowed"),
        f"{document['id']} is in use by {by} and cannot be deleted.",
    )
