"""Parses and compares ARM resource ids. ARM ignores their case."""

from __future__ import annotations

from dataclasses import dataclass


def same(left: str | None, right: str | None) -> bool:
    """Whether two ids name the same resource.

    The service may answer `/Subscriptions/` for `/subscriptions/`, and it changes the case of
    other segments too.
    """
    return bool(left) and bool(right) and str(left).lower() == str(right).lower()


def segment(resource_id: str, collection: str) -> str:
    """The name that follows a collection in an id, such as the vault's name after `vaults`.

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
    """The id of a vault, in its parts."""

    subscription: str
    resource_group: str
    vault: str

    @classmethod
    def parse(cls, resource_id: str) -> VaultId:
        """Parse the id of a vault, or of anything inside a vault.

        Raises:
            ValueError: it is not such an id.
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
    """The id of a protection container, in its parts."""

    vault: VaultId
    fabric: str
    container: str

    @classmethod
    def parse(cls, resource_id: str) -> ContainerId:
        """Parse the id of a container, or of anything inside a container.

        Raises:
            ValueError: it is not such an id.
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
