"""The experiences that the service offers: what differs between replication providers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError
from emulator.kernel.world import World
from emulator.recovery_services.experiences.classic import Classic
from emulator.recovery_services.experiences.modernized import Modernized
from emulator.recovery_services.replication.states import Table
from emulator.recovery_services.wire.bodies import (
    EnableProperties,
    ProviderPart,
    RecoveryPointInput,
    UpdateProperties,
)


class Experience(Protocol):
    """One replication provider.

    Attributes:
        instance_type: its `instanceType`.
        fabric_provider: `primaryFabricProvider` of its items.
        server: the name that people use for the server behind its fabrics.
        table: its states and transitions.
        test_failover_input: the provider's part of a test failover's body.
        failover_input: the provider's part of an unplanned failover's body.
        change_point_input: the provider's part of the body that changes the recovery point.
        looked_at_after: how long after the protection the service sees that a machine was never
            tested.
        tells_missing_points: whether a machine that sends no data gets errors for missing points.
        tells_failed_failover: whether a failed failover adds a health error.
        lists_recovery_point: whether a list names the recovery points of an item.
    """

    instance_type: str
    fabric_provider: str
    server: str
    table: Table
    test_failover_input: type[RecoveryPointInput]
    failover_input: type[RecoveryPointInput]
    change_point_input: type[RecoveryPointInput]
    looked_at_after: timedelta
    tells_missing_points: bool
    tells_failed_failover: bool
    lists_recovery_point: bool

    def register(self, world: World) -> None:
        """Register the event handlers that create its fabrics."""

    def fabric(self, world: World, document: Document, *, full: bool) -> Document:
        """A fabric as GET returns it now; `full` for a get, fewer properties for a list."""

    def connected(self, world: World, fabric_id: str) -> bool:
        """Whether the server or the appliances behind a fabric are connected."""

    def forget(self, world: World, fabric_id: str) -> None:
        """Forget a fabric that was removed from its vault."""

    def policy_details(self, part: ProviderPart, at: str) -> Document:
        """A policy's `providerSpecificDetails` from the part at path `at` of the body.

        Raises:
            ArmError: 400.
        """

    def mapping_details(self, part: ProviderPart | None, at: str) -> Document | None:
        """A mapping's `providerSpecificDetails` from the part at path `at` of the body.

        Raises:
            ArmError: 400.
        """

    def provider_name(self, container: Document) -> str:
        """The last part of its items' `recoveryServicesProviderId`."""

    def admit(self, world: World, container: Document, asked: EnableProperties) -> Document:
        """Validate all references in the body and return the private part of a new item.

        Raises:
            ArmError: 400 or 409.
        """

    def claim(self, world: World, item: Document) -> None:
        """Reserve the item's machine, so that no other item can protect it."""

    def rest(self, world: World, item: Document, state: str) -> timedelta:
        """The time that an item stays in a state before the service moves it on."""

    def enable(self, world: World, item: Document) -> None:
        """Enable protection on the machine and record its properties in the item.

        Raises:
            JobError: the machine cannot be protected.
        """

    def release(self, world: World, item: Document, *, clean: bool) -> None:
        """End the replication of an item. `clean` also cleans up the source; a purge does not."""

    def change(self, world: World, item: Document, asked: UpdateProperties) -> Document:
        """The private target of an item after an update.

        Raises:
            ArmError: 400.
        """

    def protected_item_details(
        self, item: Document, vm_name: str, subnet: str, *, tests: bool
    ) -> Document | None:
        """The entry of a finished job's `protectedItemDetails` for a machine; None leaves it out.

        Args:
            item: the protected item.
            vm_name: the virtual machine that was made.
            subnet: the id of its subnet.
            tests: whether it is a test failover, and not a failover.
        """

    def details(self, world: World, item: Document, *, full: bool) -> Document:
        """An item's `providerSpecificDetails`; a list has fewer properties than a get."""


@dataclass(frozen=True)
class _Registry:
    known: dict[str, Experience]


_registry = _Registry({Classic.instance_type: Classic(), Modernized.instance_type: Modernized()})


def offered() -> tuple[str, ...]:
    """The `instanceType` of every experience that is offered here."""
    return tuple(_registry.known)


def of(instance_type: str) -> Experience:
    """The experience of an `instanceType`.

    Raises:
        ArmError: 400 for one that is not offered here.
    """
    experience = _registry.known.get(instance_type)
    if experience is None:
        raise ArmError(
            400,
            "InvalidReplicationProvider",
            f"The replication provider '{instance_type}' is not supported; supported: "
            f"{', '.join(_registry.known)}.",
        )
    return experience


def register(world: World) -> None:
    """Register the event handlers of every experience that create its fabrics."""
    for experience in _registry.known.values():
        experience.register(world)
