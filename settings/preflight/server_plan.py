"""Decides what the server is created from, where the config does not say it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from settings.draft import Draft
from settings.rules import sizing
from settings.schema.experience import SERVER_KEYS
from settings.schema.source import ConfigurationServer, Server
from site_recovery.aws import images
from site_recovery.aws.ec2 import MachineFacts
from site_recovery.aws.server_facts import ServerFacts, ServerQuestion, Subnet
from site_recovery.config_paths import path
from site_recovery.declared import addresses
from site_recovery.declared.wording import said
from site_recovery.fleet import ExperienceName
from site_recovery.problems import Problem
from site_recovery.server_names import SERVER_NAMES

ServerReader: TypeAlias = Callable[[ServerQuestion, str], tuple[ServerFacts | None, list[Problem]]]

IMAGES: dict[ExperienceName, dict[str, str]] = {
    "classic": {
        "windows-server-2012-r2": "Windows Server 2012 R2",
        "windows-server-2016": "Windows Server 2016",
    },
    "modernized": {
        "windows-server-2019": "Windows Server 2019",
        "windows-server-2022": "Windows Server 2022",
    },
}
"""The operating systems that each server runs on. Sources: "Configuration server requirements for disaster recovery of
physical servers to Azure" and "Support matrix for Azure Site Recovery replication appliance"."""


@dataclass(frozen=True)
class ServerPlan:
    """What a server is created from; sizes in GiB."""

    ami_id: str
    instance_type: str
    cache_gib: int


def planned(
    draft: Draft, ask: ServerReader, machines: Mapping[str, MachineFacts] | None = None
) -> tuple[ServerPlan | None, list[Problem]]:
    """Plan the server of the experience, and check its image and its size.

    A server that exists keeps its image, and its type unless the config sets one: it is not stopped
    because the fleet grew. It is only checked.

    Args:
        draft: the config.
        ask: reads what AWS knows of the server.
        machines: the facts of the machines, whose addresses the server cannot have.

    Returns:
        The plan and the problems. The plan is None if the appliance is registered already, if the
        config is wrong about the server, or if AWS does not answer.
    """
    kind, server = draft.experience, draft.server
    if kind is None or server is None or draft.region is None or draft.vpc_id is None:
        return None, []
    if server.subnet_id is None:
        # Either the appliance is registered already, or the rules report the missing subnet.
        return None, []
    question = ServerQuestion(
        kind,
        draft.vpc_id,
        server.name,
        _vault_id(draft),
        server.ami_id,
        server.subnet_id,
        server.instance_type,
    )
    facts, problems = ask(question, draft.region)
    if facts is None:
        return None, problems
    place = path("source", SERVER_KEYS[kind])
    problems += _subnet_problems(place, server, draft.vpc_id, facts.subnet)
    problems += _address_problems(place, server, machines or {})
    churn = server.churn_gib_per_day if isinstance(server, ConfigurationServer) else None
    size = sizing.needed(kind, len(draft.members), churn or 0)
    fleet = f"{len(draft.members)} machines"
    problems += _type_problems(
        f"{place}.instanceType", server.instance_type, facts, size, kind, fleet, draft.region
    )
    if server.instance_type is None and facts.instance_type is not None:
        wrong = sizing.too_small(facts.instance_type, size, SERVER_NAMES[kind], fleet)
        if wrong:
            what, way_out = wrong
            problems.append(
                Problem(
                    f"{place}.instanceType",
                    f"the server that is there is too small: {what}",
                    f"{way_out}; the server is stopped and started for it",
                )
            )
    else:
        problems += _image_problems(place, kind, facts)
    plan = ServerPlan(
        facts.image_id,
        server.instance_type or facts.instance_type or size.default_type,
        server.cache_gib or size.default_cache_gib,
    )
    return plan, problems


def _subnet_problems(
    place: str, server: Server, vpc_id: str, subnet: Subnet | None
) -> Iterator[Problem]:
    if subnet is None or subnet.vpc_id != vpc_id:
        where = "does not exist here" if subnet is None else f"is in {subnet.vpc_id}"
        yield Problem(
            f"{place}.subnetId",
            f"{server.subnet_id} {where}, and the server must be in source.vpcId {vpc_id}",
            "Name a subnet of that VPC",
        )
    elif server.private_ip is not None and not addresses.usable(server.private_ip, subnet.cidr):
        yield Problem(
            f"{place}.privateIp",
            f"{server.private_ip} is not an address that an instance can have in {server.subnet_id} "
            f"({subnet.cidr})",
            "Take one inside it; AWS keeps the first four and the last",
        )


def _address_problems(
    place: str, server: Server, machines: Mapping[str, MachineFacts]
) -> Iterator[Problem]:
    for name, found in machines.items():
        if server.private_ip is not None and found.private_ip == server.private_ip:
            yield Problem(
                f"{place}.privateIp",
                f"{server.private_ip} is the address of {path('machines', name)} "
                f"({found.instance_id})",
                "Take a free one of the subnet, or leave the key out",
            )


def _type_problems(
    place: str,
    declared: str | None,
    facts: ServerFacts,
    size: sizing.Size,
    kind: ExperienceName,
    fleet: str,
    region: str,
) -> Iterator[Problem]:
    """What EC2 says of the type in the config. The rules judge the types that they list."""
    if declared is None:
        return
    described = facts.declared_type
    if described is None:
        yield Problem(
            place,
            f"EC2 offers no instance type {said(declared)} in {region}",
            f"Use one such as {', '.join(sizing.types_for(size)[:4])}",
        )
    elif sizing.capacity(declared) is None and not sizing.is_arm(declared):
        gib = described.memory_mib / 1024
        wrong = sizing.too_small(declared, size, SERVER_NAMES[kind], fleet, (described.vcpus, gib))
        if wrong:
            yield Problem(place, *wrong)


def _image_problems(place: str, kind: ExperienceName, facts: ServerFacts) -> Iterator[Problem]:
    allowed = IMAGES[kind]
    way_out = (
        f"Use an image of {' or '.join(allowed.values())}, or leave the key out for the newest "
        "public one"
    )
    if not facts.image_seen:
        yield Problem(
            f"{place}.amiId", f"there is no image {facts.image_id} that can be used here", way_out
        )
        return
    # The name of a custom image does not tell its operating system.
    found = images.operating_system(facts.image_name) if facts.image_name else None
    if found is not None and found not in allowed:
        yield Problem(
            f"{place}.amiId",
            f"{facts.image_id} ({facts.image_name}) holds {found}, on which no "
            f"{SERVER_NAMES[kind]} runs",
            way_out,
        )


def _vault_id(draft: Draft) -> str | None:
    if draft.target is None or draft.subscription_id is None:
        return None
    return (
        f"/subscriptions/{draft.subscription_id}/resourceGroups/{draft.target.resource_group}"
        f"/providers/Microsoft.RecoveryServices/vaults/{draft.target.vault}"
    )
