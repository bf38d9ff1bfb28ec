"""ARM resource ids, taken apart and compared as ARM does: without regard to case."""

from __future__ import annotations

from dataclasses import dataclass


def same(left: str | None, right: str | None) -> bool:
    """Whether two ids name one resource.

    The service answers `/Subscriptions/` for `/subscriptions/`, and other segments' case
    changes too.
    """
    return bool(left) and bool(right) and str(left).lower() == str(right).lower()


def segment(resource_id: str, collection: str) -> str:
    """The name that follows a collection in an id, such as the vault's after `vaults`.

    Raises:
        ValueError: the id has no such collection.
    """
    parts = resource_id.strip("/").split("/")
    for index, part in enumerate(parts[:-1]):
        if part.lower() == collection.lower():
            return parts[index + 1]
    raise ValueError(f"{resource_id!r} is no id with a {collection} in it")


def name(resource_id: str) -> str:
    """The last segment of an id."""
    return resource_id.rstrip("/").rsplit("/", 1)[-1]


@dataclass(frozen=True)
class VaultId:
    """Where a vault is."""

    subscription: str
    resource_group: str
    vault: str

    @classmethod
    def parse(cls, resource_id: str) -> VaultId:
        """Take a vault's id, or that of anything inside a vault, apart.

        Raises:
            ValueError: it is no such id.
        """
        return cls(
            segment(resource_id, "subscriptions"),
            segment(resource_id, "resourceGroups"),
            segment(resource_id, "vaults"),
        )

    def __str__(self) -> str:
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.RecoveryServices/vaults/{self.vault}"
        )


@dataclass(frozen=True)
class ContainerId:
    """Where a protection container is inside its vault."""

    vault: VaultId
    fabric: str
    container: str

    @classmethod
    def parse(cls, resource_id: str) -> ContainerId:
        """Take a container's id, or that of anything inside one, apart.

        Raises:
            ValueError: it is no such id.
        """
        return cls(
            VaultId.parse(resource_id),
            segment(resource_id, "replicationFabrics"),
            segment(resource_id, "replicationProtectionContainers"),
        )

    def __str__(self) -> str:
        return (
            f"{self.vault}/replicationFabrics/{self.fabric}"
            f"/replicationProtectionContainers/{self.container}"
        )
