"""Rules about the further network interfaces of machines."""

from __future__ import annotations

from collections.abc import Iterator

from settings.draft import Draft
from site_recovery.config_paths import path
from site_recovery.declared.interfaces import InterfaceSpec
from site_recovery.problems import Problem


def declared(draft: Draft) -> Iterator[tuple[str, str, InterfaceSpec]]:
    """Every interface that the config names: its place, its key and what is said of it."""
    for name, machine in draft.machines.items():
        if machine.settings is None:
            continue
        for key, spec in (machine.settings.target.interfaces or {}).items():
            yield path("machines", name, "target", "interfaces", key), key, spec


def is_first(key: str) -> bool:
    """Whether a key is the device index of the first interface."""
    return key.strip("0") == ""


def first_interface(place: str) -> Problem:
    """The problem of a key that names the first interface of a machine."""
    return Problem(
        place,
        "it is the first network interface, which the machine is reached by",
        "Remove it: subnet, privateIp and testPrivateIp of the target itself are those of the first "
        "interface",
    )


def _first_interfaces(draft: Draft) -> Iterator[Problem]:
    for place, key, spec in declared(draft):
        if is_first(key):
            yield first_interface(place)
        elif spec.leave_out and spec.model_fields_set != {"leave_out"}:
            yield Problem(
                place,
                "leaveOut is true, and the rest says where the interface goes",
                "Remove one of the two",
            )


def _subnets(draft: Draft) -> Iterator[Problem]:
    target = draft.target
    if target is None:
        return
    parts = (
        ("network", target.network, "subnet"),
        ("testNetwork", target.test_network, "testSubnet"),
    )
    for part, network, key in parts:
        if target.adopts(part):
            continue
        known = network.subnet.name
        for place, _, spec in declared(draft):
            wanted = spec.subnet if key == "subnet" else spec.test_subnet
            if wanted is not None and wanted.lower() != known.lower():
                yield Problem(
                    f"{place}.{key}",
                    f"target.{part} has no subnet {wanted!r}",
                    f"It is made with {known!r} alone; to use others, adopt a network that has them",
                )


RULES = (_first_interfaces, _subnets)
