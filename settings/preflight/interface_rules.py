"""Checks the interfaces that the config names against those of the instances."""

from __future__ import annotations

from collections.abc import Iterator

from settings.rules.interfaces import first_interface, is_first
from settings.schema.fleet import MachineSettings
from site_recovery.aws.ec2 import MachineFacts
from site_recovery.config_paths import path
from site_recovery.declared.interfaces import SourceInterface, named
from site_recovery.problems import Problem


def problems(name: str, machine: MachineSettings, facts: MachineFacts) -> Iterator[Problem]:
    """Interfaces that a machine does not have, that are its first one, or that are named twice."""
    known: dict[str, str] = {}
    for key in machine.target.interfaces or {}:
        place = path("machines", name, "target", "interfaces", key)
        found = named(key, facts.interfaces)
        if found is None:
            yield Problem(
                place,
                f"instance {facts.instance_id} has no such network interface",
                f"It has {'; '.join(map(_told, facts.interfaces)) or 'none'}",
            )
        elif found.index == 0:
            if not is_first(key):
                yield first_interface(place)
        elif known.setdefault(found.id, key) != key:
            yield Problem(
                place,
                f"it is the interface that {known[found.id]} names too",
                "Remove one of the two",
            )


def _told(interface: SourceInterface) -> str:
    address = f", {interface.address}" if interface.address else ""
    return f"{interface.index} ({interface.id}{address})"
