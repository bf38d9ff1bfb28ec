"""The table of an experience: states of a protected item, and transitions between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from emulator.recovery_services.jobs.scenario import Scenario

STAYS = ""
GONE = None


@dataclass(frozen=True)
class State:
    """A protected item at rest.

    Attributes:
        protection_state: `protectionState`.
        description: `protectionStateDescription`.
        allowed: `allowedOperations`, in the service's order; nothing is allowed during a job.
        active_location: `activeLocation`.
        test_state: `testFailoverState` on entering; None leaves it as it was.
        test_description: `testFailoverStateDescription`, with it.
        stage: `protectionStage` of the provider's details.
        scenario: the scenario that `currentScenario` still names while the item is in this state.
        becomes: the state that follows without a request, after `Experience.rest`.
        begins: the service's own operation that starts at that time instead.
    """

    protection_state: str
    description: str
    allowed: tuple[str, ...] = ()
    active_location: str = "Primary"
    test_state: str | None = None
    test_description: str | None = None
    stage: str = "DifferentialSync"
    scenario: str | None = None
    becomes: str | None = None
    begins: str | None = None


@dataclass(frozen=True)
class Transition:
    """One row: an operation from some states runs a scenario that leads to another state.

    Attributes:
        operation: the word in `allowedOperations`; the service's own steps begin with `_`.
        sources: names of the states that it starts from.
        scenario: the job.
        during: the state while the job runs; None keeps the state that it started from.
        target: the state after success; STAYS keeps the state, GONE deletes the item.
        failed: the state after a failure; None returns to the state that it started from.
        cancelled: the state after a cancelled job; None as for `failed`.
    """

    operation: str
    sources: frozenset[str]
    scenario: Scenario
    target: str | None
    during: str | None = None
    failed: str | None = None
    cancelled: str | None = None


@dataclass(frozen=True)
class Table:
    """All states of a model and all transitions between them."""

    states: Mapping[str, State]
    transitions: tuple[Transition, ...]

    def find(self, state: str, operation: str) -> Transition | None:
        """The transition that an operation starts in a state; None if it is not allowed."""
        for transition in self.transitions:
            if transition.operation == operation and state in transition.sources:
                return transition
        return None


def sources(*names: str) -> frozenset[str]:
    """The names of the states that a transition starts from, as a set."""
    return frozenset(names)


def all_of(states: Iterable[str]) -> frozenset[str]:
    """The names of all states of a table, as a set."""
    return frozenset(states)
