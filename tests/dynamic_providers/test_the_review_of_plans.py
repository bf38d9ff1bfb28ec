"""What a preview says of machines that fail over without the recovery plan of their wave."""

from __future__ import annotations

import pytest

from dynamic_providers.wave.plan_review import machines_without_it
from site_recovery.convergence.interfaces import PlanOrder
from site_recovery.convergence.review import MachineReview, review
from site_recovery.declared.cutover import Cutover
from site_recovery.phases import Phase
from site_recovery.recovery_plan import Group, Plan
from tests.convergence.fleet import LENIENT, PORTALS_WAY, Fleet
from tests.convergence.test_a_cutover_loses_nothing import LOSSLESS, protected_fleet
from tests.emulator.recovery_services.site_recovery_support import CLASSIC

ORDER = PlanOrder(Plan("dev-all", (Group(("web-01",)), Group(("db-01",)))))


def reviews(cutovers: dict[str, Cutover], phase: Phase) -> list[MachineReview]:
    fleet: Fleet = protected_fleet(CLASSIC)
    fleet.cutovers = cutovers
    return review(fleet.assignments(phase), fleet.snapshot(), LENIENT)


def test_all_of_them_are_named_if_one_is_fenced() -> None:
    modes = {"web-01": PORTALS_WAY, "db-01": LOSSLESS}
    [told] = machines_without_it(ORDER, reviews(modes, Phase.FAILED_OVER))
    assert told == (
        "recovery plan dev-all cannot fail machines over to recovery points of their own (db-01): "
        "db-01, web-01 fail over without it, in the order of its groups"
    )


@pytest.mark.parametrize(
    ("mode", "phase"), [(PORTALS_WAY, Phase.FAILED_OVER), (LOSSLESS, Phase.PROTECTED)]
)
def test_nothing_is_said_where_the_plan_runs_or_nothing_fails_over(
    mode: Cutover, phase: Phase
) -> None:
    modes = dict.fromkeys(("web-01", "db-01"), mode)
    assert machines_without_it(ORDER, reviews(modes, phase)) == []
