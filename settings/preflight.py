"""What EC2 knows of the machines, and what of it stands in the way of a migration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from settings import retirement
from settings.fleet import MachineSettings
from settings.paths import path
from settings.reading import Reading
from site_recovery import azure, ec2, support_matrix
from site_recovery.azure import MigrationError
from site_recovery.ec2 import MachineFacts
from site_recovery.phases import Phase
from site_recovery.problems import Problem

FactsReader: TypeAlias = Callable[
    [Mapping[str, str], str], tuple[dict[str, MachineFacts], list[Problem]]
]

_SOURCE_MAY_BE_GONE = (Phase.FAILED_OVER, Phase.MIGRATED)
"""A machine that runs in Azure needs its source no more. Whether it does so already is for the
wave to see in the vault, so a source that is gone is not judged here for these phases."""


@dataclass(frozen=True)
class Preflight:
    """The machines as EC2 sees them.

    Attributes:
        facts: by machine, for those that EC2 knows.
        gone: why a source cannot replicate, by machine, for those that may do without because
            they should run in Azure.
        problems: what keeps machines from being migrated.
    """

    facts: dict[str, MachineFacts] = field(default_factory=dict)
    gone: dict[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


def examine(
    reading: Reading,
    machine_facts: FactsReader = ec2.machine_facts,
    endpoint: Callable[[], str] = azure.endpoint,
) -> Preflight:
    """Look at where the run goes to, and at the machines; see `_machines` for these."""
    try:
        allowed = reading.settings is not None and reading.settings.allow_retired_classic
        elsewhere = retirement.problems(endpoint=endpoint(), allowed=allowed)
    except MigrationError as error:
        elsewhere = [Problem(azure.ENDPOINT_VARIABLE, str(error), "Nothing was changed")]
    preflight = _machines(reading, machine_facts)
    return replace(preflight, problems=(*elsewhere, *preflight.problems))


def _machines(reading: Reading, machine_facts: FactsReader) -> Preflight:
    """Ask EC2 for every machine of a wave that can be read, even of a config that is wrong
    elsewhere, so that one report has it all.

    Args:
        reading: the config as read.
        machine_facts: how EC2 is asked.
    """
    draft = reading.draft
    members = {name for wave in draft.waves.values() for _, name in wave.members}
    machines = {
        name: declared.settings
        for name, declared in draft.machines.items()
        if declared.settings is not None and name in members
    }
    if draft.region is None or not machines:
        return Preflight()
    ids = {name: machine.instance_id for name, machine in machines.items()}
    facts, unread = machine_facts(ids, draft.region)
    if any(not problem.path.startswith("machines") for problem in unread):
        # AWS could not be asked at all; what it would have said of machines is not known.
        return Preflight(problems=tuple(unread))
    problems = {problem.path: problem for problem in unread}
    gone: dict[str, str] = {}
    for name in machines:
        place = path("machines", name, "instanceId")
        found = facts.get(name)
        if draft.phase_of(name) not in _SOURCE_MAY_BE_GONE:
            continue
        if found is None and place in problems:
            gone[name] = problems.pop(place).what
        elif found is not None and found.state != "running":
            gone[name] = f"instance {found.instance_id} is {found.state}"
    judged = [
        problem
        for name, found in facts.items()
        if name not in gone
        for problem in _problems(name, machines[name], found, draft.vpc_id)
    ]
    return Preflight(facts, gone, (*problems.values(), *judged))


def _problems(
    name: str, machine: MachineSettings, facts: MachineFacts, vpc: str | None
) -> list[Problem]:
    stated = support_matrix.Stated(os=machine.os, drivers=machine.drivers)
    problems = support_matrix.problems(name, facts, stated)
    if vpc and facts.state == "running" and facts.vpc_id != vpc:
        problems.append(
            Problem(
                path("machines", name, "instanceId"),
                f"instance {facts.instance_id} is in {facts.vpc_id}, not in source.vpcId {vpc}",
                "The configuration server stands in the machines' VPC: migrate this machine "
                "with a stack of its own VPC",
            )
        )
    return problems
