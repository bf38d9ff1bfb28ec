"""A copy of a fleet goes the way of its original, and neither notices the other."""

from __future__ import annotations

from site_recovery.convergence.outcome import Status
from site_recovery.phases import Phase
from tests.convergence.fleet import Fleet
from tests.convergence.sources import EstateSources
from tests.convergence.test_a_cutover_loses_nothing import instance, protected, sources

__all__ = ["protected"]


def test_it_goes_the_same_way_in_the_same_time(protected: Fleet) -> None:
    copy = protected.copy()
    ways = []
    for fleet in (protected, copy):
        outcomes = fleet.drive(Phase.FAILED_OVER)
        assert {each.status for each in outcomes.values()} == {Status.SATISFIED}
        ways.append((fleet.site.world.audited(), fleet.site.world.now, sources(fleet).calls))
    assert ways[0] == ways[1]
    assert ways[0][2]


def test_what_happens_to_one_does_not_happen_to_the_other(protected: Fleet) -> None:
    copy = protected.copy()
    began = protected.site.world.now
    copy.drive(Phase.FAILED_OVER)
    copy.targets["web-01"] = {"vm_size": "Standard_D4s_v5"}
    del copy.machines["db-01"]

    assert protected.site.world.now == protected.site.world.clock.now() == began
    assert sources(protected).calls == []
    assert protected.targets == {}
    assert isinstance(protected.sources, EstateSources)
    assert protected.sources.instance(instance(protected, "db-01")).state == "running"
    assert not protected.snapshot().virtual_machines
