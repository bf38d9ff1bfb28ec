"""Rules between parts of the config. Each is a small function that yields problems."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from settings import addresses, names, sizing
from settings.draft import Draft
from settings.experience import DEFAULT, SERVER_KEYS, SERVER_NAMES, Experience
from settings.paths import path
from settings.replication import RETENTION_HOURS_MAX
from settings.source import ConfigurationServer, ReplicationAppliance
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


def _machines_or_select(draft: Draft) -> Iterator[Problem]:
    for wave_name, wave in draft.waves.items():
        both = {"machines", "select"} & wave.keys
        if len(both) == 1:
            continue
        yield Problem(
            path("waves", wave_name, "machines"),
            "it stands beside select" if both else "it is missing",
            "List the wave's machines, or select them by their tags: one of the two",
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
    if target is None or target.adopts("resourceGroup"):
        return
    if target.resource_group.lower() == target.machines_resource_group.lower():
        yield Problem(
            "target.machinesResourceGroup",
            f"{target.machines_resource_group!r} is target.resourceGroup, which is deleted with "
            "the stack, migrated machines and all",
            "Name a group of its own, or leave the key out",
        )


_INSIDE = {
    "vault": "resourceGroup",
    "testNetwork": "resourceGroup",
    "cacheStorageAccount": "resourceGroup",
    "network": "machinesResourceGroup",
}
"""The resource group that each part of the Azure side is in."""


def _adopted_parts(draft: Draft) -> Iterator[Problem]:
    target = draft.target
    if target is None:
        return
    for part, group in _INSIDE.items():
        if target.adopts(part) and not target.adopts(group):
            yield Problem(
                "target.adopt",
                f"{part} exists already, so the resource group that it is in does too",
                f"Add {group} to the list",
            )


def _target_subnets(draft: Draft) -> Iterator[Problem]:
    target = draft.target
    if target is None or target.adopts("network"):
        return
    known = target.network.subnet.name
    said = [
        (path("waves", name, "target", "subnet"), wave.target.subnet)
        for name, wave in draft.waves.items()
        if wave.target
    ] + [
        (path("machines", name, "target", "subnet"), machine.settings.target.subnet)
        for name, machine in draft.machines.items()
        if machine.settings
    ]
    for place, subnet in said:
        if subnet is not None and subnet.lower() != known.lower():
            yield Problem(
                place,
                f"target.network has no subnet {subnet!r}",
                f"It is made with {known!r} alone; to use others, adopt a network that has them",
            )


def _target_addresses(draft: Draft) -> Iterator[Problem]:
    users: dict[str, str] = {}
    for name, machine in draft.machines.items():
        address = machine.settings.target.private_ip if machine.settings else None
        if address is None or machine.settings is None:
            continue
        place = path("machines", name, "target", "privateIp")
        other = users.setdefault(address, name)
        if other != name:
            yield Problem(
                place,
                f"{address} is the address of {path('machines', other)} too",
                "Give one of them another target.privateIp",
            )
        wave = draft.wave_of(name)
        common = wave.target.subnet if wave and wave.target else None
        subnet = machine.settings.target.subnet or common
        network = draft.target.network if draft.target else None
        # Only the one subnet that is declared has a prefix; others are of an adopted network.
        if (
            network is None
            or (subnet or network.subnet.name).lower() != network.subnet.name.lower()
        ):
            continue
        prefix = network.subnet.address_prefix
        if not addresses.usable(address, prefix):
            yield Problem(
                place,
                f"{address} is no address that a machine can have in subnet "
                f"{network.subnet.name!r} ({prefix})",
                "Take one inside it; the first four and the last are Azure's own",
            )


def _number_of_machines(draft: Draft) -> Iterator[Problem]:
    count = len(draft.members)
    if count > sizing.MACHINES_MAX:
        server = SERVER_NAMES[draft.experience or DEFAULT]
        yield Problem(
            "waves",
            f"{count} machines are more than the {sizing.MACHINES_MAX} that one {server} serves",
            "Split them into stacks, each with a server and a vault of its own",
        )


def _server_is_declared(draft: Draft) -> Iterator[Problem]:
    kind = draft.experience
    if kind is None or draft.source_keys is None or SERVER_KEYS[kind] in draft.source_keys:
        return
    other: Experience = "classic" if kind == "modernized" else "modernized"
    least = "subnetId, or registered" if kind == "modernized" else "subnetId"
    instead = (
        f"; or set experience: {other}, for which one is declared"
        if SERVER_KEYS[other] in draft.source_keys
        else ""
    )
    yield Problem(
        path("source", SERVER_KEYS[kind]),
        f"it is missing, and experience is {kind}",
        f"Declare the {SERVER_NAMES[kind]} there ({least}){instead}",
    )


def _registered_appliance(draft: Draft) -> Iterator[Problem]:
    if draft.experience != "modernized" or draft.appliance_keys is None:
        return
    place = path("source", SERVER_KEYS["modernized"])
    if "registered" not in draft.appliance_keys:
        if "subnetId" not in draft.appliance_keys:
            yield Problem(
                f"{place}.subnetId",
                "it is missing",
                "Add the subnet of the appliance; or name one that is there already with "
                "registered: {name, securityGroupId}",
            )
        return
    others = sorted(draft.appliance_keys - {"registered"})
    if others:
        yield Problem(
            f"{place}.registered",
            f"it stands beside {', '.join(others)}, which would make another appliance",
            f"Remove {', '.join(others)}, or remove registered",
        )
    if draft.target is not None and not draft.target.adopts("vault"):
        yield Problem(
            "target.adopt",
            "an appliance that is registered belongs to a vault that exists",
            "Name that vault in target.vault, and adopt it: "
            "adopt: [resourceGroup, vault], beside what else exists",
        )


def _server_size(draft: Draft) -> Iterator[Problem]:
    kind, server = draft.experience, draft.server
    if kind is None or server is None or _is_registered(server):
        return
    count = len(draft.members)
    churn = _churn(server)
    place = path("source", SERVER_KEYS[kind])
    if churn > sizing.CHURN_GIB_PER_DAY_MAX:
        yield Problem(
            f"{place}.churnGiBPerDay",
            f"{churn} GiB a day are more than the {sizing.CHURN_GIB_PER_DAY_MAX} that one "
            f"{SERVER_NAMES[kind]} takes",
            "Split the machines into stacks, each with a server and a vault of its own",
        )
    size = sizing.needed(kind, count, churn)
    fleet = f"{count} machines" + (f" and {churn} GiB of churn a day" if churn else "")
    if server.instance_type is not None:
        problem = sizing.too_small(server.instance_type, size, SERVER_NAMES[kind], fleet)
        if problem:
            yield Problem(f"{place}.instanceType", *problem)
    if server.cache_gib is not None and server.cache_gib < size.cache_gib:
        yield Problem(
            f"{place}.cacheGiB",
            f"{server.cache_gib} GiB of cache are too few for {fleet}",
            f"Use at least {size.cache_gib}, or leave the key out",
        )


def _is_registered(server: ConfigurationServer | ReplicationAppliance) -> bool:
    return isinstance(server, ReplicationAppliance) and server.registered is not None


def _churn(server: ConfigurationServer | ReplicationAppliance) -> int:
    return (server.churn_gib_per_day or 0) if isinstance(server, ConfigurationServer) else 0


def _agent(draft: Draft) -> Iterator[Problem]:
    if (
        draft.experience == "modernized"
        and draft.replication
        and draft.replication.agent.installation == "push"
    ):
        yield Problem(
            "replication.agent.installation",
            "push installation is the configuration server's, and experience is modernized",
            "Use ssm, or manual",
        )


def _retention(draft: Draft) -> Iterator[Problem]:
    kind, policy = draft.experience, draft.replication
    if kind and policy and policy.recovery_point_retention_hours > RETENTION_HOURS_MAX[kind]:
        yield Problem(
            "replication.recoveryPointRetentionHours",
            f"{policy.recovery_point_retention_hours} is out of bounds for experience {kind}",
            f"Use at most {RETENTION_HOURS_MAX[kind]}",
        )


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
    _machines_or_select,
    _members,
    _instances,
    _virtual_machine_names,
    _recovery_plans,
    _recovery_plan_names,
    _networks,
    _resource_groups,
    _adopted_parts,
    _target_addresses,
    _target_subnets,
    _number_of_machines,
    _server_is_declared,
    _registered_appliance,
    _server_size,
    _agent,
    _retention,
    _frequencies,
    _patience,
)
