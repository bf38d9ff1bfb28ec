"""Rules between parts of the config. Each is a small function that yields problems."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from settings import addresses, names, sizing
from settings.draft import Draft
from settings.paths import path
from settings.translation import suggestion
from site_recovery import recovery_plan
from site_recovery.problems import Problem

TEST_SUFFIX = "-test"
"""Site Recovery names the virtual machine of a test failover like the machine's, with this."""


def broken(draft: Draft) -> list[Problem]:
    """Every rule that the config breaks."""
    return [problem for check in _RULES for problem in check(draft)]


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


def _members(draft: Draft) -> Iterator[Problem]:
    first: dict[str, tuple[str, str]] = {}
    for wave_name, wave in draft.waves.items():
        for index, machine in wave.members:
            place = path("waves", wave_name, "machines", index)
            if machine not in draft.machines:
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
                    place, f"{machine!r} stands at {other_place} already", "Remove one of the two"
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
            yield Problem(
                path("machines", machine, "target", "vmName"),
                f"{path('machines', machines[0])} becomes a virtual machine {name!r} too",
                "Give one of them another target.vmName",
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
        why = f"{word!r} is a reserved word" if word else "it is no virtual machine name"
        yield Problem(
            path("machines", machine),
            f"Azure refuses a virtual machine of this name: {why}",
            "Set target.vmName: 1 to 63 letters, digits and hyphens, no hyphen first or last",
        )


def _networks(draft: Draft) -> Iterator[Problem]:
    if draft.target is None:
        return
    networks = (("network", draft.target.network), ("testNetwork", draft.target.test_network))
    for key, network in networks:
        if not addresses.inside(network.subnet.address_prefix, network.address_space):
            yield Problem(
                path("target", key, "subnet", "addressPrefix"),
                f"{network.subnet.address_prefix} is not inside {network.address_space}",
                "Take a part of the network's addressSpace",
            )
    production, test = draft.target.network, draft.target.test_network
    if production.name.lower() == test.name.lower():
        yield Problem(
            "target.testNetwork.name",
            f"{test.name!r} is the production network",
            "A test runs apart from production: name another network",
        )
    if addresses.overlap(production.address_space, test.address_space):
        yield Problem(
            "target.testNetwork.addressSpace",
            f"{test.address_space} overlaps with {production.address_space} of target.network",
            "Choose addresses of its own, so that no route can join the two",
        )


def _resource_groups(draft: Draft) -> Iterator[Problem]:
    target = draft.target
    if target and target.resource_group.lower() == target.machines_resource_group.lower():
        yield Problem(
            "target.machinesResourceGroup",
            f"{target.machines_resource_group!r} is target.resourceGroup, which is deleted with "
            "the stack, migrated machines and all",
            "Name a group of its own, or leave the key out",
        )


def _configuration_server(draft: Draft) -> Iterator[Problem]:
    machines = {name for wave in draft.waves.values() for _, name in wave.members}
    count = len(machines)
    if count > sizing.MACHINES_MAX:
        yield Problem(
            "waves",
            f"{count} machines are more than the {sizing.MACHINES_MAX} that one configuration "
            "server serves",
            "Split them into stacks, each with a server and a vault of its own",
        )
    server = draft.configuration_server
    if server is None:
        return
    size, kind = sizing.needed(count), server.instance_type
    place = "source.configurationServer.instanceType"
    capacity = sizing.capacity(kind)
    if sizing.is_arm(kind):
        yield Problem(
            place, f"{kind} is an Arm type, and the server is a Windows one", _types(size)
        )
    elif capacity and (capacity[0] < size.vcpus or capacity[1] < size.memory_gib):
        yield Problem(
            place,
            f"{kind} has {capacity[0]} vCPUs and {capacity[1]} GiB; a configuration server for "
            f"{count} machines needs {size.vcpus} vCPUs and {size.memory_gib} GiB",
            _types(size),
        )
    if server.cache_gib < size.cache_gib:
        yield Problem(
            "source.configurationServer.cacheGiB",
            f"{server.cache_gib} GiB of cache are too few for {count} machines",
            f"Use at least {size.cache_gib}",
        )


def _types(size: sizing.Size) -> str:
    return f"Use one such as {', '.join(sizing.types_for(size)[:4])}"


def _frequencies(draft: Draft) -> Iterator[Problem]:
    policy = draft.replication
    if policy is None:
        return
    minutes = policy.recovery_point_retention_hours * 60
    if policy.app_consistent_frequency_minutes > minutes:
        yield Problem(
            "replication.appConsistentFrequencyMinutes",
            f"{policy.app_consistent_frequency_minutes} is longer than recovery points are kept "
            f"({policy.recovery_point_retention_hours} h)",
            f"Use at most {minutes}, or 0 for none, or keep recovery points longer",
        )


def _patience(draft: Draft) -> Iterator[Problem]:
    convergence = draft.convergence
    if convergence and convergence.poll > convergence.wait:
        yield Problem(
            "convergence.poll",
            "it is longer than convergence.wait, so a run would never look again",
            "Poll more often, or wait longer",
        )


def _recovery_plans(draft: Draft) -> Iterator[Problem]:
    for wave_name, wave in draft.waves.items():
        if wave.plan is None:
            continue
        place = path("waves", wave_name, "recoveryPlan", "groups")
        members = {machine for _, machine in wave.members}
        seen: dict[str, int] = {}
        for number, group in enumerate(wave.plan):
            for machine in group:
                here = path("waves", wave_name, "recoveryPlan", "groups", number)
                if machine not in members:
                    yield Problem(
                        here,
                        f"{machine!r} is no machine of wave {wave_name!r}",
                        suggestion(machine, members),
                    )
                if seen.setdefault(machine, number) != number or group.count(machine) > 1:
                    yield Problem(
                        here,
                        f"{machine!r} stands in the plan more than once",
                        "Name it in one group",
                    )
        for machine in sorted(members - set(seen)):
            yield Problem(
                place, f"no group names {machine!r}", "Add it to the group that it belongs to"
            )
        if len(members) > recovery_plan.MACHINES_MAX:
            yield Problem(
                place,
                f"a recovery plan holds {recovery_plan.MACHINES_MAX} machines, this has "
                f"{len(members)}",
                "Split the wave",
            )
        if len(wave.plan) > recovery_plan.GROUPS_MAX:
            yield Problem(
                place,
                f"a recovery plan has {recovery_plan.GROUPS_MAX} groups at most, this has "
                f"{len(wave.plan)}",
                "Join groups, or split the wave",
            )


def _recovery_plan_names(draft: Draft) -> Iterator[Problem]:
    names_of: dict[str, list[str]] = defaultdict(list)
    for wave_name in draft.waves:
        # The service does not tell names apart that differ in case only.
        names_of[recovery_plan.name_of("", wave_name).lower()].append(wave_name)
    for alike in names_of.values():
        for wave_name in alike if len(alike) > 1 else ():
            if draft.waves[wave_name].plan is not None:
                others = " and ".join(repr(other) for other in alike if other != wave_name)
                yield Problem(
                    path("waves", wave_name, "recoveryPlan"),
                    f"Azure would not tell the plan of this wave from that of {others}",
                    "Rename one of the waves: a plan's name has letters, digits and hyphens only, "
                    "and its case does not count",
                )


_RULES = (
    _machine_names,
    _wave_names,
    _members,
    _instances,
    _virtual_machine_names,
    _recovery_plans,
    _recovery_plan_names,
    _networks,
    _resource_groups,
    _configuration_server,
    _frequencies,
    _patience,
)
