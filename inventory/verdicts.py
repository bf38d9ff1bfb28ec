"""Whether a machine can be migrated, by the same rules as a preview."""

from __future__ import annotations

from dataclasses import dataclass, replace

from inventory.found import Found
from site_recovery.aws import support_check
from site_recovery.aws.support_check import Stated
from site_recovery.fleet import ExperienceName
from site_recovery.problems import Problem

_STATED = (".os", ".drivers")
"""Endings of the config paths whose values a person can state."""


@dataclass(frozen=True)
class Verdict:
    """What stands in the way of a machine.

    Attributes:
        never: why it cannot be migrated as it is. Each needs a change of the machine.
        first: what a person can do before its migration: start it, state a value, let Systems
            Manager manage it.
    """

    never: tuple[Problem, ...] = ()
    first: tuple[Problem, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether it can be put into a wave."""
        return not self.never and not self.first


def judge(name: str, machine: Found, experience: ExperienceName) -> Verdict:
    """Judge a machine.

    Args:
        name: its name in the config.
        machine: what AWS knows of it.
        experience: how it would be replicated.
    """
    # A stopped machine is judged like a running one, so that nobody starts it in vain.
    running = replace(machine.facts, state="running")
    problems = support_check.problems(name, running, Stated(), experience)
    known = support_check.operating_system(machine.facts, Stated()) is not None
    first = [p for p in problems if p.path.endswith(_STATED) and (not known or _drivers(p))]
    never = [p for p in problems if p not in first]
    if machine.facts.state != "running":
        first += [
            p
            for p in support_check.problems(name, machine.facts, Stated(), experience)
            if p not in problems
        ]
    elif machine.unmanaged:
        first.append(Problem(f"machines.{name}", machine.unmanaged, "Or install the agent by hand"))
    # What comes first does not matter to a machine that cannot be migrated.
    return Verdict(tuple(never)) if never else Verdict((), tuple(first))


def _drivers(problem: Problem) -> bool:
    return problem.path.endswith(".drivers")
