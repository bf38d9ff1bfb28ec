"""Reads what AWS knows of the machines and their server, and reports what blocks a migration."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from settings.draft import Draft
from settings.preflight import (
    causes,
    group_rules,
    machine_rules,
    retirement,
    script_rules,
    server_plan,
    unusual,
)
from settings.preflight.server_plan import ServerPlan, ServerReader
from settings.reading import Reading
from settings.schema.fleet import MachineSettings
from site_recovery import authorities
from site_recovery.aws import (
    ec2,
    instance_roles,
    inventory,
    managed_instances,
    quotas,
    service_endpoints,
    support_check,
)
from site_recovery.aws.client import AWS_PLACE
from site_recovery.aws.ec2 import MachineFacts
from site_recovery.aws.inventory import Driver
from site_recovery.aws.managed_instances import ManagedInstance
from site_recovery.aws.server_facts import server_facts
from site_recovery.aws.service_endpoints import ManagementEndpoints
from site_recovery.azure import clouds, connection
from site_recovery.azure.errors import ENDPOINT_VARIABLE
from site_recovery.config_paths import path
from site_recovery.declared.cutover import Mode
from site_recovery.errors import MigrationError
from site_recovery.phases import Phase
from site_recovery.problems import Problem

FactsReader: TypeAlias = Callable[
    [Mapping[str, str], str], tuple[dict[str, MachineFacts], list[Problem]]
]
ManagedReader: TypeAlias = Callable[
    [Iterable[str], str], tuple[dict[str, ManagedInstance], list[Problem]]
]
DriversReader: TypeAlias = Callable[
    [Iterable[str], str], tuple[dict[str, tuple[Driver, ...]], list[Problem]]
]
KernelsReader: TypeAlias = Callable[
    [Iterable[str], str], tuple[dict[str, tuple[str, ...]], list[Problem]]
]
EndpointsReader: TypeAlias = Callable[[str, str], tuple[ManagementEndpoints, list[Problem]]]
QuotaReader: TypeAlias = Callable[[str], tuple[int, list[Problem]]]
RolesReader: TypeAlias = Callable[
    [Iterable[str], str], tuple[dict[str, dict[str, str]], list[Problem]]
]

_SOURCE_MAY_BE_GONE = (Phase.FAILED_OVER, Phase.MIGRATED)
"""Phases in which the source may be gone, because the machine may run in Azure already. The wave
checks that in the vault."""


@dataclass(frozen=True)
class Aws:
    """The functions that read from AWS."""

    machine_facts: FactsReader = ec2.machine_facts
    server_facts: ServerReader = server_facts
    managed_instances: ManagedReader = managed_instances.managed_instances
    profile_roles: RolesReader = instance_roles.profile_roles
    installed_drivers: DriversReader = inventory.installed_drivers
    installed_kernels: KernelsReader = inventory.installed_kernels
    management_endpoints: EndpointsReader = service_endpoints.management_endpoints
    groups_of_an_interface: QuotaReader = quotas.groups_of_an_interface


@dataclass(frozen=True)
class Preflight:
    """The machines and their server as AWS knows them.

    Attributes:
        facts: the facts of each machine that EC2 knows, by name.
        gone: why the source cannot replicate, by name of the machine. Only machines whose phase
            allows that are listed, and those that their cutover stopped.
        unmanaged: why Systems Manager runs no command on a machine whose cutover needs that, by
            name.
        holds: why the replication of a machine may not begin, by name: no agent can be installed
            on it, or none that works with its kernel. A machine that replicates already is not affected.
        server: what the server is created from; None if the server exists already outside this
            stack, or if it cannot be determined.
        agent_roles: the roles with which the agents read their secret, if Systems Manager installs
            them: by ARN, their unique ids.
        problems: what prevents the migration of machines.
        remarks: what a preview says of machines that are taken nevertheless, a line each.
        plugin_tenant: the tenant in which `pulumi-azure-native` works; empty if it is not known.
            It is not read here.
        management: how the machines reach Systems Manager; read only if one of them is fenced.
    """

    facts: dict[str, MachineFacts] = field(default_factory=dict)
    gone: dict[str, str] = field(default_factory=dict)
    holds: dict[str, str] = field(default_factory=dict)
    unmanaged: dict[str, str] = field(default_factory=dict)
    server: ServerPlan | None = None
    agent_roles: dict[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    remarks: tuple[str, ...] = ()
    plugin_tenant: str = ""
    management: ManagementEndpoints = field(default_factory=ManagementEndpoints)


def examine(
    reading: Reading,
    prefix: str = "",
    aws: Aws | None = None,
    endpoint: Callable[[], str] = connection.endpoint,
) -> Preflight:
    """Check the Azure endpoint, the machines and their server.

    AWS is asked even if the config is wrong elsewhere, so that one report has everything.

    Args:
        reading: the config as read.
        prefix: the prefix of the names of the stack's security groups, `<project>-<stack>`.
            Without it, the number of a machine's security groups is not checked.
        aws: the functions that read from AWS; boto3 by default.
        endpoint: returns the Resource Manager endpoint that the run will use.
    """
    untrusted = authorities.problems()
    if untrusted:
        # Nothing can be asked.
        return Preflight(problems=tuple(untrusted))
    aws = aws or Aws()
    elsewhere: list[Problem] = []
    try:
        # A forbidden endpoint is a problem in both experiences.
        host = endpoint()
        if reading.draft.experience == "classic":
            allowed = reading.draft.allow_retired_classic
            elsewhere = retirement.problems(endpoint=host, allowed=allowed)
    except clouds.UnknownCloudError as error:
        elsewhere = [Problem(error.variable, str(error), "Nothing was changed")]
    except MigrationError as error:
        elsewhere = [Problem(ENDPOINT_VARIABLE, str(error), "Nothing was changed")]
    if reading.draft.retired:
        # Nothing runs in AWS for this stack any more, and its machines need no source.
        return Preflight(problems=tuple(elsewhere))
    draft, preflight = _machines(_without_refused_vpc(reading), prefix, aws)
    if not _unanswered(preflight.problems):
        server, problems = server_plan.planned(draft, aws.server_facts, preflight.facts)
        silent = bool(_unanswered(problems))
        management, unread = (ManagementEndpoints(), []) if silent else _management(draft, aws)
        found = (*preflight.problems, *problems, *unread)
        preflight = replace(preflight, server=server, management=management, problems=found)
    return replace(preflight, problems=(*elsewhere, *preflight.problems))


def _without_refused_vpc(reading: Reading) -> Draft:
    """The draft, without a VPC that is reported already: what is not in it is no problem of its own."""
    if any(problem.path.endswith("source.vpcId") for problem in reading.problems):
        return replace(reading.draft, vpc_id=None)
    return reading.draft


def _management(draft: Draft, aws: Aws) -> tuple[ManagementEndpoints, list[Problem]]:
    """How the machines reach Systems Manager, if one of them is fenced."""
    cutovers = (draft.cutover_of(machine) for machine in draft.members)
    fences = any(cutover is not None and cutover.fences for cutover in cutovers)
    if not fences or draft.region is None or draft.vpc_id is None:
        return ManagementEndpoints(), []
    return aws.management_endpoints(draft.vpc_id, draft.region)


def _unanswered(problems: Iterable[Problem]) -> list[Problem]:
    """Problems that do not belong to a machine: AWS did not answer at all, or not in the region."""
    return [problem for problem in problems if problem.path in (AWS_PLACE, "aws:region")]


def _machines(draft: Draft, prefix: str, aws: Aws) -> tuple[Draft, Preflight]:
    """Check every machine that is in a wave and whose settings are valid.

    Returns:
        The draft, with the VPC that the machines are in if that is not the declared one, so that
        what follows from it is not reported again; and what was found.
    """
    machines = {
        name: declared.settings
        for name, declared in draft.machines.items()
        if declared.settings is not None and name in draft.members
    }
    region = draft.region
    if region is None or not machines:
        return draft, Preflight()
    ids = {name: machine.instance_id for name, machine in machines.items()}
    facts, unread = aws.machine_facts(ids, region)
    if _unanswered(unread):
        # Nothing is known of the machines in this case.
        return draft, Preflight(problems=tuple(unread))
    problems = {problem.path: problem for problem in unread}
    gone = dict(_gone(draft, machines, facts, problems))
    nowhere = causes.other_region(draft, facts, problems)
    if nowhere is not None:
        return draft, Preflight(gone=gone, problems=(nowhere,))
    here = {name: found for name, found in facts.items() if name not in gone}
    elsewhere = causes.other_vpc(draft, here)
    if elsewhere is not None:
        vpc, problem = elsewhere
        problems[problem.path] = problem
        draft = replace(draft, vpc_id=vpc)
    holds: dict[str, str] = {}
    roles: dict[str, str] = {}
    installs = draft.replication is not None and draft.replication.agent.installation == "ssm"
    proving = {name: found for name, found in here.items() if _proves(draft, name)}
    unmanaged: dict[str, str] = {}
    if proving and not installs:
        to_ask = [found.instance_id for found in proving.values() if found.state == "running"]
        known, unread = aws.managed_instances(to_ask, region)
        if unread:
            return draft, Preflight(facts, gone, problems=(*problems.values(), *unread))
        unmanaged = dict(machine_rules.unmanaged(proving, known))
    if installs and (here or any(found.cut_over for found in facts.values())):
        running = [found.instance_id for found in here.values() if found.state == "running"]
        managed, unread = aws.managed_instances(running, region)
        if unread:
            return draft, Preflight(facts, gone, problems=(*problems.values(), *unread))
        here = {name: machine_rules.told_by_agent(found, managed) for name, found in here.items()}
        facts = {**facts, **here}
        # A machine that its cutover stopped may still be given back, with its agent.
        read = [f for name, f in facts.items() if name in here or f.cut_over]
        profiles = [f.instance_profile_arn for f in read if f.instance_profile_arn]
        by_profile, unread = aws.profile_roles(profiles, region)
        if unread:
            return draft, Preflight(facts, gone, problems=(*problems.values(), *unread))
        holds = dict(machine_rules.holds(here, managed, by_profile))
        unmanaged = dict(machine_rules.unmanaged(proving, managed, by_profile))
        roles = {arn: its for one in by_profile.values() for arn, its in one.items()}
    kernels, unread = _kernels(here, region, aws)
    if unread:
        return draft, Preflight(facts, gone, problems=(*problems.values(), *unread))
    holds = {**dict(machine_rules.kernels(kernels)), **holds}
    drivers, unread = _drivers(draft, machines, here, aws)
    if unread:
        return draft, Preflight(facts, gone, problems=(*problems.values(), *unread))
    here = {name: replace(found, drivers=drivers.get(name, ())) for name, found in here.items()}
    facts = {**facts, **here}
    judged = [
        *(
            problem
            for name, found in here.items()
            for problem in machine_rules.problems(name, machines[name], found, draft)
        ),
        *machine_rules.packages(draft, here),
        *machine_rules.wave_licences(draft, here),
        *script_rules.problems(draft, here),
        *group_rules.problems(here, prefix, lambda: aws.groups_of_an_interface(region)),
    ]
    found = (*problems.values(), *judged)
    remarks = (
        *(
            remark
            for name, each in here.items()
            if (remark := machine_rules.remark(name, machines[name], each, draft)) is not None
        ),
        *unusual.remarks(here),
    )
    return draft, Preflight(facts, gone, holds, unmanaged, None, roles, found, remarks)


def _proves(draft: Draft, machine: str) -> bool:
    """Whether the cutover of a machine runs commands on it."""
    cutover = draft.cutover_of(machine)
    return cutover is not None and cutover.mode is Mode.LOSSLESS


def _drivers(
    draft: Draft,
    machines: Mapping[str, MachineSettings],
    facts: Mapping[str, MachineFacts],
    aws: Aws,
) -> tuple[dict[str, tuple[Driver, ...]], list[Problem]]:
    """The drivers that the inventory lists, by machine, for machines whose support depends on them.

    Machines that Systems Manager does not manage are asked for too: they have no inventory.
    """
    if draft.experience is None or draft.region is None:
        return {}, []
    ids = {
        name: found.instance_id
        for name, found in facts.items()
        if support_check.drivers_matter(
            found, machine_rules.stated(machines[name]), draft.experience
        )
    }
    if not ids:
        return {}, []
    listed, unread = aws.installed_drivers(ids.values(), draft.region)
    return {name: listed[which] for name, which in ids.items() if which in listed}, unread


def _kernels(
    facts: Mapping[str, MachineFacts], region: str, aws: Aws
) -> tuple[dict[str, tuple[str, ...]], list[Problem]]:
    """The kernels that the inventory lists, by machine, of running Ubuntu machines.

    The images of other distributions in EC2 run stock kernels.
    """
    ids = {
        name: found.instance_id
        for name, found in facts.items()
        if found.state == "running" and (found.os or "").startswith("ubuntu")
    }
    if not ids:
        return {}, []
    listed, unread = aws.installed_kernels(ids.values(), region)
    return {name: listed[which] for name, which in ids.items() if which in listed}, unread


def _gone(
    draft: Draft,
    machines: Iterable[str],
    facts: Mapping[str, MachineFacts],
    problems: dict[str, Problem],
) -> Iterator[tuple[str, str]]:
    """Machines whose source does not run and is not needed; their problems are removed from
    `problems`. Those that a cutover stopped are among them, in any phase."""
    for name in machines:
        stopped = facts.get(name)
        if stopped is not None and stopped.cut_over and stopped.state != "running":
            yield name, f"the cutover of instance {stopped.instance_id} stopped it"
            continue
        if draft.phase_of(name) not in _SOURCE_MAY_BE_GONE:
            continue
        place = path("machines", name, "instanceId")
        found = facts.get(name)
        if found is None and place in problems:
            yield name, problems.pop(place).what
        elif found is not None and found.state != "running":
            yield name, f"instance {found.instance_id} is {found.state}"
