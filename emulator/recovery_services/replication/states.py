"""What an experience's table of states and transitions is made of."""

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
        scenario: what `currentScenario` goes on to name while the item rests here.
        becomes: the state that follows by itself after a while (`Experience.rest`).
        begins: the service's own operation that begins then instead.
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
        during: the state while the job runs; None stays in the state it started from.
        target: the state after success; STAYS is the one it started from, GONE is none at all.
        failed: the state after a failure; None goes back to where it started from.
        cancelled: the same, after the job was cancelled.
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
        """The transition by an operation from a state, or None where there is none."""
        for transition in self.transitions:
            if transition.operation == operation and state in transition.sources:
                return transition
        return None


def sources(*names: str) -> frozenset[str]:
    """States that a transition starts from."""
    return frozenset(names)


def every(states: Iterable[str]) -> frozenset[str]:
    """All states of a table."""
    return frozenset(states)
