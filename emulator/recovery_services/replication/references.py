"""Check what a request body refers to. Errors name the path of the property."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Mapping

from emulator.arm import machine_sizes
from emulator.arm import tags as arm_tags
from emulator.kernel import resources
from emulator.kernel.wire import ArmError
from emulator.kernel.world import World
from emulator.recovery_services.replication import azure_machines

INPUT = "properties.providerSpecificDetails"
"""The path of the provider-specific part in an item's body."""


def known(value: str | None, name: str, among: Collection[str], to: str) -> str:
    """The value, if it is among those that `to` (such as "the configuration server") knows.

    Raises:
        ArmError: 400.
    """
    if not value:
        raise missing(name)
    if value not in among:
        raise invalid(name, f"'{value}' is not known to {to}.")
    return value


def existing(world: World, identifier: str | None, name: str) -> str:
    """The given id, if the resource exists.

    Raises:
        ArmError: 400.
    """
    if not identifier:
        raise missing(name)
    if resources.find(world, identifier) is None:
        raise invalid(name, f"The resource '{identifier}' was not found.")
    return identifier


def existing_if_given(world: World, identifier: str | None, name: str) -> str | None:
    """The given id, if the resource exists; None if no id was given.

    Raises:
        ArmError: 400.
    """
    return existing(world, identifier, name) if identifier else None


def machine_name(value: str, name: str, at: str = INPUT) -> str:
    """The given name, if Azure accepts it for a virtual machine.

    Raises:
        ArmError: 400.
    """
    problem = azure_machines.name_problem(value)
    if problem:
        raise invalid(name, problem, at=at)
    return value


def size(value: str, name: str, at: str = INPUT) -> str:
    """The canonical spelling of a virtual machine size that is offered.

    Raises:
        ArmError: 400.
    """
    offered = machine_sizes.named(value)
    if offered is None:
        raise invalid(name, f"The size '{value}' is not offered.", at=at)
    return offered.name


def address(value: str, name: str, at: str = INPUT) -> str:
    """The canonical form of an IPv4 address. A failover checks it against the subnet [inferred].

    Raises:
        ArmError: 400.
    """
    try:
        return str(ipaddress.IPv4Address(value))
    except ValueError:
        raise invalid(name, f"'{value}' is not an IPv4 address.", at=at) from None


def tags(
    given: Mapping[str, str] | Iterable[tuple[str, str]] | None, name: str, at: str = INPUT
) -> dict[str, str] | None:
    """The tags of a resource that a failover creates; None if none are given.

    Whether the service refuses them here or only at the failover is [inferred].

    Raises:
        ArmError: 400.
    """
    if given is None:
        return None
    pairs = list(given.items() if isinstance(given, Mapping) else given)
    refused = arm_tags.problem(pairs)
    if refused is not None:
        raise invalid(name, refused[1], at=at)
    return dict(pairs)


def missing(name: str, at: str = INPUT) -> ArmError:
    """The error for a required property that is missing."""
    return invalid(name, f"The property '{name}' is required.", at=at)


def invalid(name: str, message: str, at: str = INPUT) -> ArmError:
    """The error for an invalid value of a property."""
    target = f"{at}.{name}"
    detail = {"code": "InvalidParameter", "target": target, "message": message}
    return ArmError(400, "InvalidParameter", f"{target}: {message}", details=[detail])
