"""What AWS knows of the machines and of their server, and what of it stands in the way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from settings.draft import Draft
from settings.preflight import machine_rules, retirement, server_plan
from settings.preflight.server_plan import ServerPlan, ServerReader
from settings.reading import Reading
from settings.schema.fleet import MachineSettings
from site_recovery.aws import ec2, instance_roles, inventory, managed_instances, support_check
from site_recovery.aws.client import AWS_PLACE
from site_recovery.aws.ec2 import MachineFacts
from site_recovery.aws.inventory import Driver
from site_recovery.aws.managed_instances import ManagedInstance
from site_recovery.aws.server_facts import server_facts
from site_recovery.azure import connection
from site_recovery.azure.errors import ENDPOINT_VARIABLE
from site_recovery.config_paths import path
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
RolesReader: TypeAlias = Callable[[Iterable[str], str], tuple[tuple[str, ...], list[Problem]]]

_SOURCE_MAY_BE_GONE = (Phase.FAILED_OVER, Phase.MIGRATED)
"""A machine that runs in Azure needs its source no more. Whether it does so already is for the
wave to see in the vault, so a source that is gone is not judged here for these phases."""


@dataclass(frozen=True)
class Aws:
    """How AWS is asked."""

    machine_facts: FactsReader = ec2.machine_facts
    server_facts: ServerReader = server_facts
    managed_instances: ManagedReader = managed_instances.managed_instances
    role_arns: RolesReader = instance_roles.role_arns
    installed_drivers: DriversReader = inventory.installed_drivers


@dataclass(frozen=True)
class Preflight:
    """The machines and their server as AWS sees them.

    Attributes:
        facts: by machine, for those that EC2 knows.
        gone: why a source cannot replicate, by machine, for those that may do without because
            they should run in Azure.
        holds: why replication may not be begun, by machine, for those that nothing can be
            installed on. What replicates already is none the worse for it.
        server: what the experience's server is made from; None where it is there already by
            another's hand, or where that cannot be said.
        agent_roles: ARNs of the roles with which agents read their secret, where they are
            installed through Systems Manager.
        problems: what keeps machines from being migrated.
    """

    facts: dict[str, MachineFacts] = field(default_factory=dict)
    gone: dict[str, str] = field(default_factory=dict)
    holds: dict[str, str] = field(default_factory=dict)
    server: ServerPlan | None = None
    agent_roles: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


def examine(
    reading: Reading,
    prefix: str = "",
    aws: Aws | None = None,
    endpoint: Callable[[], str] = connection.endpoint,
) -> Preflight:
    """Look at where the run goes to, at the machines and at their server.

    AWS is asked even for a config that is wrong elsewhere, so that one report has it all.

    Args:
        reading: the config as read.
        prefix: what the names of the stack's security groups begin with, `<project>-<stack>`;
            without it nobody knows which are the stack's, and their number is not judged.
        aws: how AWS is asked; by default with boto3.
        endpoint: the resource manager that the run will talk to.
    """
    aws = aws or Aws()
    elsewhere: list[Problem] = []
    try:
        # An endpoint that nothing may be sent to is a problem in either experience.
        host = endpoint()
        if reading.draft.experience == "classic":
            allowed = reading.draft.allow_retired_classic
            elsewhere = retirement.problems(endpoint=host, allowed=allowed)
    except MigrationError as error:
        elsewhere = [Problem(ENDPOINT_VARIABLE, str(error), "Nothing was changed")]
    preflight = _machines(reading.draft, prefix, aws)
    if not _unanswered(preflight.problems):
        server, problems = server_plan.planned(reading.draft, aws.server_facts)
        preflight = replace(preflight, server=server, problems=(*preflight.problems, *problems))
    return replace(preflight, problems=(*elsewhere, *preflight.problems))


def _unanswered(problems: Iterable[Problem]) -> list[Problem]:
    """Problems that are of no machine: AWS could not be asked at all."""
    return [problem for problem in problems if problem.path == AWS_PLACE]


def _machines(draft: Draft, prefix: str, aws: Aws) -> Preflight:
    """Judge every machine of a wave whose own settings can be read."""
    machines = {
        name: declared.settings
        for name, declared in draft.machines.items()
        if declared.settings is not None and name in draft.members
    }
    if draft.region is None or not machines:
        return Preflight()
    ids = {name: machine.instance_id for name, machine in machines.items()}
    facts, unread = aws.machine_facts(ids, draft.region)
    if _unanswered(unread):
        # What it would have said of machines is not known.
        return Preflight(problems=tuple(unread))
    problems = {problem.path: problem for problem in unread}
    gone = dict(_gone(draft, machines, facts, problems))
    here = {name: found for name, found in facts.items() if name not in gone}
    holds: dict[str, str] = {}
    roles: tuple[str, ...] = ()
    if draft.replication and draft.replication.agent.installation == "ssm" and here:
        running = [found.instance_id for found in here.values() if found.state == "running"]
        managed, unread = aws.managed_instances(running, draft.region)
        if unread:
            return Preflight(facts, gone, problems=(*problems.values(), *unread))
        holds = dict(machine_rules.holds(here, managed))
        here = {name: machine_rules.told_by_agent(found, managed) for name, found in here.items()}
        facts = {**facts, **here}
        profiles = [f.instance_profile_arn for f in here.values() if f.instance_profile_arn]
        roles, unread = aws.role_arns(profiles, draft.region)
        if unread:
            return Preflight(facts, gone, problems=(*problems.values(), *unread))
    drivers, unread = _drivers(draft, machines, here, aws)
    if unread:
        return Preflight(facts, gone, problems=(*problems.values(), *unread))
    here = {name: replace(found, drivers=drivers.get(name, ())) for name, found in here.items()}
    facts = {**facts, **here}
    judged = [
        *(
            problem
            for name, found in here.items()
            for problem in machine_rules.problems(name, machines[name], found, draft, prefix)
        ),
        *machine_rules.packages(draft, here),
    ]
    return Preflight(facts, gone, holds, None, roles, (*problems.values(), *judged))


def _drivers(
    draft: Draft,
    machines: Mapping[str, MachineSettings],
    facts: Mapping[str, MachineFacts],
    aws: Aws,
) -> tuple[dict[str, tuple[Driver, ...]], list[Problem]]:
    """The drivers that the inventory lists, by machine, of those that may be refused for them.

    Which of these Systems Manager manages is not asked first: of others it has no inventory.
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


def _gone(
    draft: Draft,
    machines: Iterable[str],
    facts: Mapping[str, MachineFacts],
    problems: dict[str, Problem],
) -> Iterator[tuple[str, str]]:
    """Machines that may do without their source and have none; taken out of the problems."""
    for name in machines:
        if draft.phase_of(name) not in _SOURCE_MAY_BE_GONE:
            continue
        place = path("machines", name, "instanceId")
        found = facts.get(name)
        if found is None and place in problems:
            yield name, problems.pop(place).what
        elif found is not None and found.state != "running":
            yield name, f"instance {found.instance_id} is {found.state}"
