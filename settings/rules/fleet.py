"""Rules about machines, their names and their waves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from settings.draft import Draft
from settings.translation import suggestion
from site_recovery.config_paths import path
from site_recovery.declared import names, own_names
from site_recovery.phases import Phase
from site_recovery.problems import Problem

TEST_SUFFIX = "-test"
"""Site Recovery appends this to the name of the virtual machine of a test failover."""


def _machine_names(draft: Draft) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for machine in draft.machines:
        place = path("machines", machine)
        if not names.MACHINE.fullmatch(machine):
            yield Problem(
                place,
                f"{machine!r} cannot name a machine",
                "Use 1 to 63 letters, digits, hyphens, underscores and full stops, a letter or "
                "digit first and last",
            )
        other = seen.setdefault(machine.lower(), machine)
        if other != machine:
            yield Problem(
                place,
                f"it differs from {path('machines', other)} in case only, and Azure does not "
                "tell them apart",
                "Rename one of them",
            )


def _wave_names(draft: Draft) -> Iterator[Problem]:
    for wave in draft.waves:
        if not names.MACHINE.fullmatch(wave):
            yield Problem(
                path("waves", wave),
                f"{wave!r} cannot name a wave",
                "Use 1 to 63 letters, digits, hyphens, underscores and full stops, a letter or "
                "digit first and last",
            )


def _machines_or_select(draft: Draft) -> Iterator[Problem]:
    for wave_name, wave in draft.waves.items():
        both = {"machines", "select"} & wave.keys
        if len(both) == 1:
            continue
        yield Problem(
            path("waves", wave_name, "machines"),
            "it is set together with select" if both else "it is missing",
            "List the wave's machines, or select them by their tags: one of the two",
        )


def _members(draft: Draft) -> Iterator[Problem]:
    first: dict[str, tuple[str, str]] = {}
    for wave_name, wave in draft.waves.items():
        for index, machine in wave.members:
            place = path("waves", wave_name, "machines", index)
            if machine not in draft.machines and "machines" not in draft.unread:
                yield Problem(
                    place,
                    f"there is no machine {machine!r}",
                    f"{suggestion(machine, draft.machines)}; or declare it under machines",
                )
            if machine not in first:
                first[machine] = (wave_name, place)
                continue
            other_wave, other_place = first[machine]
            if other_wave == wave_name:
                yield Problem(
                    place,
                    f"{machine!r} is listed at {other_place} already",
                    "Remove one of the two",
                )
            else:
                yield Problem(
                    place,
                    f"{machine!r} is in wave {other_wave!r} already ({other_place})",
                    "A machine has one phase: leave it in one wave",
                )


def _instances(draft: Draft) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for machine, declared in draft.machines.items():
        if declared.instance_id is None or not names.is_instance_id(declared.instance_id):
            continue
        other = seen.setdefault(declared.instance_id, machine)
        if other != machine:
            yield Problem(
                path("machines", machine, "instanceId"),
                f"{declared.instance_id} is {path('machines', other)} already",
                "Correct the id of one, or remove it",
            )


def _virtual_machine_names(draft: Draft) -> Iterator[Problem]:
    users: dict[str, list[str]] = defaultdict(list)
    for machine, declared in draft.machines.items():
        if declared.vm_name is None:
            yield from _default_name(machine)
        users[(declared.vm_name or machine).lower()].append(machine)
    for name, machines in users.items():
        for machine in machines[1:]:
            if draft.machines[machine].vm_name is None and machine.lower() == machines[0].lower():
                continue  # Their names are refused already.
            yield Problem(
                path("machines", machine, "target", "vmName"),
                f"{path('machines', machines[0])} becomes a virtual machine {name!r} too",
                "Give one of them another target.vmName",
            )
        too_long = len(name) + len(TEST_SUFFIX) > own_names.VIRTUAL_MACHINE_MAX
        if too_long and names.VIRTUAL_MACHINE.fullmatch(name):
            yield Problem(
                path("machines", machines[0], "target", "vmName"),
                f"a test failover makes a virtual machine of this name with {TEST_SUFFIX} behind "
                f"it, and Azure takes {own_names.VIRTUAL_MACHINE_MAX} characters",
                "Use a target.vmName of at most "
                f"{own_names.VIRTUAL_MACHINE_MAX - len(TEST_SUFFIX)} characters",
            )
        for machine in users.get(f"{name}{TEST_SUFFIX}", []):
            yield Problem(
                path("machines", machine, "target", "vmName"),
                f"'{name}{TEST_SUFFIX}' is also the virtual machine of a test failover of "
                f"{path('machines', machines[0])}",
                f"Choose a target.vmName that does not end in {TEST_SUFFIX}",
            )


def _default_name(machine: str) -> Iterator[Problem]:
    if not names.MACHINE.fullmatch(machine):
        return
    word = names.reserved(machine)
    if word or not names.VIRTUAL_MACHINE.fullmatch(machine):
        why = f"{word!r} is a reserved word" if word else "it is not a valid virtual machine name"
        yield Problem(
            path("machines", machine),
            f"Azure refuses a virtual machine of this name: {why}",
            "Set target.vmName: 1 to 63 letters, digits and hyphens, no hyphen first or last",
        )


def _retired_before_the_end(draft: Draft) -> Iterator[Problem]:
    """The source side serves every machine that is not migrated."""
    if not draft.retired:
        return
    for name, wave in draft.waves.items():
        if wave.phase is not None and wave.phase is not Phase.MIGRATED:
            yield Problem(
                "sourceInfrastructure",
                f"it is retired, and the phase of wave {name} is {wave.phase}",
                "Migrate its machines first, or remove the key",
            )


RULES = (
    _retired_before_the_end,
    _machine_names,
    _wave_names,
    _machines_or_select,
    _members,
    _instances,
    _virtual_machine_names,
)
