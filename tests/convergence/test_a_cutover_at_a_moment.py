"""A fenced failover that begins at a moment: before it, nothing of it touches the source."""

from __future__ import annotations

from datetime import timedelta

from site_recovery.convergence.outcome import Status
from site_recovery.phases import Phase
from site_recovery.reasons import Reason
from tests.convergence.fleet import Fleet
from tests.convergence.test_a_cutover_loses_nothing import (
    LOSSLESS,
    instance,
    is_out_of_the_way,
    protected,
    quiesced,
    serves_as_before,
    sources,
)

__all__ = ["protected"]


def test_the_source_serves_until_then(protected: Fleet) -> None:
    later = protected.site.world.clock.now() + timedelta(hours=20)
    protected.cutovers["db-01"] = LOSSLESS.model_copy(update={"at": later})

    outcomes = protected.drive(Phase.FAILED_OVER)
    assert outcomes["web-01"].status is Status.SATISFIED
    assert (outcomes["db-01"].status, outcomes["db-01"].reason) == (Status.PENDING, Reason.NOT_YET)
    assert serves_as_before(protected, "db-01")
    assert instance(protected, "db-01") not in sources(protected).scripts

    protected.site.pass_time(hours=20)
    assert protected.drive(Phase.FAILED_OVER)["db-01"].status is Status.SATISFIED
    assert is_out_of_the_way(protected, "db-01")
    assert quiesced(protected, "db-01") == 1
