"""An odd answer about a machine whose source is fenced: looked at again, and never a reason to let
both sides serve.
"""

from __future__ import annotations

from typing import Any

import pytest

from site_recovery.convergence.outcome import Status
from site_recovery.observation import Stage
from site_recovery.phases import Phase
from site_recovery.reasons import Reason
from tests.convergence.cuts import FAIL_OVER, REQUEST, Cut, Strike
from tests.convergence.sources import Killed
from tests.convergence.test_a_cutover_loses_nothing import (
    FENCE,
    instance,
    is_out_of_the_way,
    protected_fleet,
    quiesced,
    serves_as_before,
    sources,
)
from tests.convergence.test_an_odd_answer_fails_one_machine import ITEMS, JOBS, OddFleet
from tests.copies import copied
from tests.emulator.recovery_services.site_recovery_support import Classic


@copied
def odd_fleet(experience: Classic) -> OddFleet:
    fleet = protected_fleet(experience, OddFleet)
    assert isinstance(fleet, OddFleet)
    del fleet.machines["web-01"]
    return fleet


@pytest.fixture
def fleet(experience: Classic) -> OddFleet:
    return odd_fleet(experience)


def is_fenced(fleet: OddFleet) -> bool:
    return sources(fleet).source(instance(fleet, "db-01")).interfaces[0].groups == (FENCE,)


def odd_once_fenced(fleet: OddFleet, looks: int) -> None:
    """Let the item be odd for some looks of the run, from when its source is fenced."""
    seen: list[int] = []

    def change(listed: str, answer: Any) -> Any:
        if listed == ITEMS and is_fenced(fleet) and len(seen) < looks:
            seen.append(1)
            for entry in answer["value"]:
                entry["properties"]["policyId"] = 5
        return answer

    fleet.change = change


@pytest.mark.parametrize("looks", [1, 3])
def test_that_passes_lets_the_cutover_go_on(fleet: OddFleet, looks: int) -> None:
    odd_once_fenced(fleet, looks)
    outcome = fleet.drive(Phase.FAILED_OVER)["db-01"]
    assert outcome.status is Status.SATISFIED, outcome
    assert quiesced(fleet, "db-01") == 1
    assert is_out_of_the_way(fleet, "db-01")


def test_that_stays_gives_the_source_back(fleet: OddFleet) -> None:
    odd_once_fenced(fleet, 1000)
    outcome = fleet.drive(Phase.FAILED_OVER)["db-01"]
    assert (outcome.status, outcome.reason) == (Status.FAILED, Reason.UNREADABLE), outcome
    assert "Its source serves as before" in outcome.message
    assert serves_as_before(fleet, "db-01")


def test_about_the_job_of_its_failover_leaves_the_source_fenced(fleet: OddFleet) -> None:
    """The driver that asked for the failover was killed, and the item does not show it yet."""
    with Strike(fleet, "db-01", Cut(FAIL_OVER, "killed after")), pytest.raises(Killed):
        fleet.drive(Phase.FAILED_OVER)

    def change(listed: str, answer: Any) -> Any:
        if listed == JOBS:
            for entry in answer["value"]:
                if entry["properties"]["scenarioName"] == "UnplannedFailover":
                    entry["properties"]["startTime"] = "yesterday"
        return answer

    fleet.change = change
    outcome = fleet.drive(Phase.FAILED_OVER)["db-01"]

    assert outcome.observed.stage is Stage.UNREADABLE
    assert "it is not certain that nothing was failed over: " in outcome.message
    assert "is not given back yet" in outcome.message
    assert is_out_of_the_way(fleet, "db-01")
    assert fleet.accepted("db-01").count(REQUEST) == 1
