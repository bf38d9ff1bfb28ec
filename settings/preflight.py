"""What AWS knows of the machines and of their server, and what of it stands in the way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from settings import retirement, server_plan
from settings.draft import Draft
from settings.fleet import MachineSettings
from settings.paths import path
from settings.reading import Reading
from settings.server_plan import ServerPlan, ServerReader
from site_recovery import azure, ec2, images, managed_instances, support_matrix
from site_recovery.aws import PLACE as AWS_PLACE
from site_recovery.azure import MigrationError
from site_recovery.ec2 import MachineFacts
from site_recovery.managed_instances import ManagedInstance
from site_recovery.phases import Phase
from site_recovery.problems import Problem
from site_recovery.server_facts import server_facts

FactsReader: TypeAlias = Callable[
    [Mapping[str, str], str], tuple[dict[str, MachineFacts], list[Problem]]
]
ManagedReader: TypeAlias = Callable[
    [Iterable[str], str], tuple[dict[str, ManagedInstance], list[Problem]]
]

GROUPS_OF_AN_INTERFACE_MAX = 5
"""Security groups of a network interface, unless the account's quota was raised ("Amazon VPC
quotas")."""

_SOURCE_MAY_BE_GONE = (Phase.FAILED_OVER, Phase.MIGRATED)
"""A machine that runs in Azure needs its source no more. Whether it does so already is for the
wave to see in the vault, so a source that is gone is not judged here for these phases."""

_AGENTS = {
    "classic": r"%ProgramData%\ASR\home\svsystems\pushinstallsvc\repository on the configuration "
    "server",
    "modernized": r"E:\Software\Agents on the replication appliance",
}
"""Where a server keeps the installers of the mobility service."""


@dataclass(frozen=True)
class Aws:
    """How AWS is asked."""

    machine_facts: FactsReader = ec2.machine_facts
    server_facts: ServerReader = server_facts
    managed_instances: ManagedReader = managed_instances.managed_instances


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
        problems: what keeps machines from being migrated.
    """

    facts: dict[str, MachineFacts] = field(default_factory=dict)
    gone: dict[str, str] = field(default_factory=dict)
    holds: dict[str, str] = field(default_factory=dict)
    server: ServerPlan | None = None
    problems: tuple[Problem, ...] = ()


def examine(
    reading: Reading,
    prefix: str = "",
    aws: Aws | None = None,
    endpoint: Callable[[], str] = azure.endpoint,
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
        elsewhere = [Problem(azure.ENDPOINT_VARIABLE, str(error), "Nothing was changed")]
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
    if draft.replication and draft.replication.agent.installation == "ssm" and here:
        running = [found.instance_id for found in here.values() if found.state == "running"]
        managed, unread = aws.managed_instances(running, draft.region)
        if unread:
            return Preflight(facts, gone, problems=(*problems.values(), *unread))
        holds = dict(_holds(here, managed))
        here = {name: _told_by_agent(found, managed) for name, found in here.items()}
        facts = {**facts, **here}
    judged = [
        *(
            problem
            for name, found in here.items()
            for problem in _problems(name, machines[name], found, draft, prefix)
        ),
        *_packages(draft, here),
    ]
    return Preflight(facts, gone, holds, None, (*problems.values(), *judged))


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


def _holds(
    facts: Mapping[str, MachineFacts], managed: Mapping[str, ManagedInstance]
) -> Iterator[tuple[str, str]]:
    for name, found in facts.items():
        if found.state != "running":
            continue
        why = managed_instances.why_not(found.instance_id, managed.get(found.instance_id))
        if why:
            yield name, f"{why}; or set replication.agent.installation to manual"


def _told_by_agent(facts: MachineFacts, managed: Mapping[str, ManagedInstance]) -> MachineFacts:
    """The facts with the operating system that the SSM agent reports, where no image tells it."""
    known = managed.get(facts.instance_id)
    if facts.os is not None or known is None:
        return facts
    reported = images.reported_operating_system(known.platform_name, known.platform_version)
    return replace(facts, os=reported)


def _problems(
    name: str, machine: MachineSettings, facts: MachineFacts, draft: Draft, prefix: str
) -> list[Problem]:
    problems: list[Problem] = []
    if draft.experience is not None:
        stated = support_matrix.Stated(os=machine.os, drivers=machine.drivers)
        problems = support_matrix.problems(name, facts, stated, draft.experience)
    if draft.vpc_id and facts.state == "running" and facts.vpc_id != draft.vpc_id:
        problems.append(
            Problem(
                path("machines", name, "instanceId"),
                f"instance {facts.instance_id} is in {facts.vpc_id}, not in source.vpcId "
                f"{draft.vpc_id}",
                "The server stands in the machines' VPC: migrate this machine with a stack of "
                "its own VPC",
            )
        )
    groups = facts.security_group_names
    ours = any(group.startswith(f"{prefix}-") for group in groups)
    if prefix and len(groups) >= GROUPS_OF_AN_INTERFACE_MAX and not ours:
        problems.append(
            Problem(
                path("machines", name),
                f"its network interface {facts.network_interface_id} has {len(groups)} security "
                f"groups ({', '.join(groups)}), and one more is needed to reach the server",
                f"Join two of them: an interface holds {GROUPS_OF_AN_INTERFACE_MAX}",
            )
        )
    return problems


def _packages(draft: Draft, facts: Mapping[str, MachineFacts]) -> Iterator[Problem]:
    """Platforms that machines have and no package is given for, where SSM installs it."""
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
                "it; or set replication.agent.installation to manual",
            )
