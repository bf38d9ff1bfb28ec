"""Checks what AWS knows of the machines against what their migration needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from pydantic import TypeAdapter, ValidationError

from settings.draft import Draft
from settings.preflight import cutover_rules, disk_rules, interface_rules
from settings.schema.fleet import MachineSettings
from site_recovery.aws import (
    images,
    instance_roles,
    inventory,
    managed_instances,
    support_check,
)
from site_recovery.aws.ec2 import MachineFacts
from site_recovery.aws.managed_instances import ManagedInstance
from site_recovery.aws.support_check import Stated
from site_recovery.config_paths import path
from site_recovery.declared.tags import MachineTags
from site_recovery.declared.target import SharedTarget
from site_recovery.declared.wording import said
from site_recovery.fleet import Platform
from site_recovery.problems import Problem

_AGENTS = {
    "classic": r"%ProgramData%\ASR\home\svsystems\pushinstallsvc\repository on the configuration "
    "server",
    "modernized": r"E:\Software\Agents on the replication appliance",
}
"""Where each server keeps the installers of the mobility service."""


def holds(
    facts: Mapping[str, MachineFacts],
    managed: Mapping[str, ManagedInstance],
    roles: Mapping[str, Mapping[str, str]],
) -> Iterator[tuple[str, str]]:
    """Running machines on which Systems Manager cannot install anything, each with the reason.

    Args:
        facts: the facts of the machines.
        managed: what Systems Manager knows of their instances.
        roles: the roles of instance profiles, by ARN of the profile. The agent of a machine without
            one may answer for hours yet, until its credentials end.
    """
    roleless = dict(_roleless(facts, roles))
    for name, why in (dict(unmanaged(facts, managed)) | roleless).items():
        yield name, f"{why}; or set replication.agent.installation to manual"


def kernels(installed: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, str]]:
    """Machines with no kernel that the mobility service takes, each with the reason.

    Args:
        installed: the kernels that the inventory lists, by machine. If one of them is a stock one,
            the machine may run it; the script that installs the agent looks.
    """
    for name, releases in installed.items():
        if releases and all(map(inventory.is_of_a_cloud, releases)):
            yield (
                name,
                f"it has no other kernel than {', '.join(releases)}, by Systems Manager's "
                "inventory, and the mobility service takes stock kernels only. Install "
                "linux-generic or linux-azure and boot it, remove the others, then start "
                "AWS-GatherSoftwareInventory again",
            )


def unmanaged(
    facts: Mapping[str, MachineFacts],
    managed: Mapping[str, ManagedInstance],
    roles: Mapping[str, Mapping[str, str]] | None = None,
) -> Iterator[tuple[str, str]]:
    """Running machines on which Systems Manager runs no command, each with the reason.

    Args:
        facts: the facts of the machines.
        managed: what Systems Manager knows of their instances.
        roles: the roles of instance profiles, by ARN of the profile; None if nobody asked.
    """
    roleless = dict(_roleless(facts, roles or {}))
    for name, found in facts.items():
        if found.state != "running":
            continue
        why = managed_instances.unmanaged_reason(found.instance_id, managed.get(found.instance_id))
        if why:
            yield name, roleless.get(name, why)


def _roleless(
    facts: Mapping[str, MachineFacts], roles: Mapping[str, Mapping[str, str]]
) -> Iterator[tuple[str, str]]:
    for name, found in facts.items():
        profile = found.instance_profile_arn
        if found.state != "running" or profile is None or profile not in roles:
            continue
        why = instance_roles.roleless_reason(profile, roles[profile])
        if why:
            yield name, why


def told_by_agent(facts: MachineFacts, managed: Mapping[str, ManagedInstance]) -> MachineFacts:
    """The facts, with the operating system that the SSM agent reports, if it does.

    The machine may have been upgraded since it was launched, so what runs counts more than the name
    of the image.
    """
    known = managed.get(facts.instance_id)
    if known is None:
        return facts
    reported = images.reported_operating_system(known.platform_name, known.platform_version)
    if reported and reported.startswith("windows") != (facts.platform == "windows"):
        # EC2 knows the platform for certain; such a report is one of an older instance.
        reported = None
    return replace(facts, os=reported or facts.os, reported_os=reported)


def stated(machine: MachineSettings) -> Stated:
    """What the config states about a machine."""
    return Stated(
        os=machine.system,
        drivers=machine.drivers,
        accepted=machine.os is not None and machine.os.unsupported is not None,
    )


def remark(name: str, machine: MachineSettings, facts: MachineFacts, draft: Draft) -> str | None:
    """What a preview says of a machine that is taken although the support matrix lacks its system."""
    if draft.experience is None:
        return None
    return support_check.remark(name, facts, stated(machine), draft.experience)


def problems(
    name: str, machine: MachineSettings, facts: MachineFacts, draft: Draft
) -> list[Problem]:
    """Everything that keeps a machine from being migrated.

    Args:
        name: the machine.
        machine: its settings.
        facts: what AWS knows of it.
        draft: the whole config.
    """
    found: list[Problem] = []
    if draft.experience is not None:
        found = support_check.problems(name, facts, stated(machine), draft.experience)
    if machine.system and machine.system.startswith("windows") != (facts.platform == "windows"):
        found.append(
            Problem(
                path("machines", name, "os"),
                f"it says {machine.system}, and EC2 says that {facts.instance_id} runs "
                f"{facts.platform}",
                "Correct it, or leave it out",
            )
        )
    elif (
        machine.system and facts.reported_os and not images.agree(machine.system, facts.reported_os)
    ):
        found.append(
            Problem(
                path("machines", name, "os"),
                f"it says {machine.system}, and the SSM agent of {facts.instance_id} reports "
                f"{facts.reported_os}",
                "Correct it, or leave it out",
            )
        )
    found += cutover_rules.problems(name, facts, draft)
    if draft.vpc_id and facts.state == "running" and facts.vpc_id != draft.vpc_id:
        found.append(
            Problem(
                path("machines", name, "instanceId"),
                f"instance {facts.instance_id} is in {facts.vpc_id}, not in source.vpcId "
                f"{draft.vpc_id}",
                "The server is in the machines' VPC: migrate this machine with a stack for "
                "its own VPC",
            )
        )
    if facts.server_role is not None or _is_the_appliance(facts, draft):
        found.append(
            Problem(
                path("machines", name, "instanceId"),
                f"{facts.instance_id} is a server of Site Recovery, not a machine to migrate",
                "Remove the machine from the config",
            )
        )
    found += _licence_problems(name, machine, facts)
    found += _tag_problems(name, machine, facts, draft)
    found += interface_rules.problems(name, machine, facts)
    found += disk_rules.problems(name, machine, facts)
    return found


_MACHINE_TAGS: TypeAdapter[dict[str, str]] = TypeAdapter(MachineTags)


def _tag_problems(
    name: str, machine: MachineSettings, facts: MachineFacts, draft: Draft
) -> Iterator[Problem]:
    """Tags of the instance that its virtual machine should get, and that Azure does not take."""
    wave = draft.wave_of(name)
    target = machine.target.over((wave and wave.target) or SharedTarget())
    if target.tags_from_source is None:
        return
    place = path("machines", name, "target", "tagsFromSource")
    carried = target.carried(facts.tags)
    for tag, value in carried.items():
        why = _refused({tag: value})
        if why is not None:
            yield Problem(
                place,
                f"the tag {said(tag)} of instance {facts.instance_id} cannot be carried over: {why}",
                f"Leave it out with the pattern {said(f'!{tag}')}",
            )
    sound = {tag: value for tag, value in carried.items() if _refused({tag: value}) is None}
    why = _refused({**sound, **target.tags})
    if why is not None:
        yield Problem(
            place,
            f"the tags of instance {facts.instance_id} together with those of the config: {why}",
            "Take fewer of them, with narrower patterns or one that begins with !",
        )


def _refused(tags: Mapping[str, str]) -> str | None:
    """Why Azure does not take tags, in words."""
    try:
        _MACHINE_TAGS.validate_python(dict(tags))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        return str(first.get("ctx", {}).get("what") or first["msg"])
    return None


_LICENCES: tuple[tuple[str, str, str, Platform], ...] = (
    ("license_type", "licenseType", "WindowsServer", "windows"),
    ("linux_license_type", "linuxLicenseType", "LinuxServer", "linux"),
)
"""The licences of one platform: field, key, value and platform."""


def _licence_problems(
    name: str, machine: MachineSettings, facts: MachineFacts
) -> Iterator[Problem]:
    """Licences of the other platform that the machine itself states; a wave's do not count for it."""
    for field, key, licence, platform in _LICENCES:
        if getattr(machine.target, field) == licence and facts.platform != platform:
            yield Problem(
                path("machines", name, "target", key),
                f"{licence} is a licence of {platform} machines, and {facts.instance_id} runs "
                f"{facts.platform}",
                "Remove it; a key of its wave counts for the machines of the right platform only",
            )


def wave_licences(draft: Draft, facts: Mapping[str, MachineFacts]) -> Iterator[Problem]:
    """Licences of waves in which no machine is of their platform."""
    for wave_name, wave in draft.waves.items():
        members = [facts[member].platform for _, member in wave.members if member in facts]
        for field, key, licence, platform in _LICENCES:
            if wave.target is None or getattr(wave.target, field) != licence:
                continue
            if len(members) == len(wave.members) and platform not in members:
                yield Problem(
                    path("waves", wave_name, "target", key),
                    f"{licence} is a licence of {platform} machines, and none of the wave runs "
                    f"{platform}",
                    "Remove it",
                )


def _is_the_appliance(facts: MachineFacts, draft: Draft) -> bool:
    """Whether the machine is the appliance that is registered already."""
    appliance = draft.replication_appliance if draft.experience == "modernized" else None
    registered = appliance.registered if appliance else None
    return (
        registered is not None
        and facts.vpc_id == draft.vpc_id
        and facts.private_ip == registered.private_ip
    )


def packages(draft: Draft, facts: Mapping[str, MachineFacts]) -> Iterator[Problem]:
    """Platforms of machines for which no package is set, if Systems Manager installs the agent."""
    if draft.replication is None or draft.replication.agent.installation != "ssm":
        return
    agent = draft.replication.agent
    for platform, package in (("windows", agent.windows), ("linux", agent.linux)):
        having = sorted(name for name, found in facts.items() if found.platform == platform)
        if package is None and having:
            more = f" and {len(having) - 1} more" if len(having) > 1 else ""
            yield Problem(
                path("replication", "agent", platform),
                f"it is missing, and Systems Manager is to install the mobility service on "
                f"{having[0]}{more}",
                f"Add {{url: https://..., sha256: ...}} of the installer from "
                f"{_AGENTS[draft.experience or 'modernized']}, put where the machines can fetch "
                "it; while there is no server yet, make it with waves: {}; or set "
                "replication.agent.installation to manual",
            )
