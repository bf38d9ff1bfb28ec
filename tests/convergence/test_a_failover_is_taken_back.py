"""A rollback: the virtual machine goes off, the source serves again and replicates anew."""

from __future__ import annotations

from typing import Any

import pytest

from site_recovery import cutover
from site_recovery.convergence.outcome import Status
from site_recovery.phases import Phase
from site_recovery.reasons import Reason
from tests.convergence.fleet import Fleet
from tests.convergence.sources import Killed
from tests.convergence.test_a_cutover_loses_nothing import (
    FAILOVER,
    VM,
    instance,
    is_killed,
    protected,
    serves_as_before,
    sources,
)
from tests.emulator.recovery_services.site_recovery_support import GROUP

__all__ = ["protected"]
COMPUTE = "2024-07-01"


@pytest.fixture
def failed_over(protected: Fleet) -> Fleet:
    del protected.machines["web-01"]
    outcome = protected.drive(Phase.FAILED_OVER)["db-01"]
    assert outcome.status is Status.SATISFIED, outcome
    protected.rolls_back = {"db-01"}
    return protected


def virtual_machine(fleet: Fleet) -> Any:
    view = fleet.site.call("GET", f"{GROUP}{VM}/db-01/instanceView", version=COMPUTE).body
    shown = fleet.site.call("GET", f"{GROUP}{VM}/db-01", version=COMPUTE).body
    return {"power": view["statuses"][-1]["code"], "tags": shown["tags"]}


def both_serve(fleet: Fleet) -> bool:
    source = sources(fleet).source(instance(fleet, "db-01"))
    open_ = source.state == "running" and source.interfaces[0].groups != (sources(fleet).fence,)
    return open_ and virtual_machine(fleet)["power"] == "PowerState/running"


def test_the_source_serves_and_replicates_again(failed_over: Fleet) -> None:
    outcome = failed_over.drive(Phase.PROTECTED)["db-01"]

    assert outcome.status is Status.SATISFIED, outcome
    assert serves_as_before(failed_over, "db-01")
    kept = virtual_machine(failed_over)
    assert kept["power"] == "PowerState/deallocated"
    assert kept["tags"]["rolled-back-from-instance"] == instance(failed_over, "db-01")
    assert "migrated-from-instance" not in kept["tags"]
    scripts = sources(failed_over).scripts[instance(failed_over, "db-01")]
    assert {"systemctl start nginx", "Start-Service W3SVC"} & {line for s in scripts for line in s}


def test_it_may_fail_over_again(failed_over: Fleet) -> None:
    failed_over.drive(Phase.PROTECTED)
    failed_over.rolls_back = set()

    outcome = failed_over.drive(Phase.FAILED_OVER)["db-01"]

    assert outcome.status is Status.SATISFIED, outcome
    assert failed_over.accepted("db-01").count(FAILOVER) == 2


def test_nothing_happens_twice(failed_over: Fleet) -> None:
    failed_over.drive(Phase.PROTECTED)
    before = len(sources(failed_over).calls), len(failed_over.accepted())

    failed_over.drive(Phase.PROTECTED)

    assert (len(sources(failed_over).calls), len(failed_over.accepted())) == before


def test_without_it_the_way_back_is_refused(failed_over: Fleet) -> None:
    failed_over.rolls_back = set()
    outcome = failed_over.drive(Phase.PROTECTED)["db-01"]
    assert (outcome.status, outcome.reason) == (Status.BLOCKED, Reason.BACKWARD_PHASE)
    assert "rollback" in outcome.message


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("number", range(7))
def test_a_killed_rollback_goes_on_and_never_do_both_serve(
    failed_over: Fleet, number: int, moment: str
) -> None:
    plain, seen = sources(failed_over), 0

    def strike(verb: str, which: str) -> None:
        nonlocal seen
        assert not both_serve(failed_over)
        seen += 1
        if seen == number + 1:
            raise Killed

    setattr(plain, moment, strike)
    try:
        failed_over.drive(Phase.PROTECTED)
    except BaseException as error:
        if not is_killed(error):
            raise
    plain.before = plain.after = lambda verb, which: None
    assert not both_serve(failed_over)

    outcome = failed_over.drive(Phase.PROTECTED)["db-01"]

    assert outcome.status is Status.SATISFIED, outcome
    assert serves_as_before(failed_over, "db-01")
    assert not [
        name for name in plain.source(instance(failed_over, "db-01")).tags if cutover.is_ours(name)
    ]
