"""The guards of a wave, as a table and as properties."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from site_recovery.declared.guards import Approval, Window
from site_recovery.guards import Budget, Earlier, Guards, guard, reached, too_many
from site_recovery.look_ahead import plan, waits
from site_recovery.observation import Observed, Stage
from site_recovery.operations import Operation
from site_recovery.phases import Phase
from site_recovery.planning import Rules, next_step
from site_recovery.promotion import Forerunner
from site_recovery.reasons import Reason
from site_recovery.steps import Blocked, Do, Wait
from tests.site_recovery.test_planning import (
    DISCOVERED,
    FAILED_OVER,
    MIGRATED,
    PROTECTED,
    PROTECTED_TESTED,
    TEST,
    UNKNOWN,
    observations,
)

WEDNESDAY = datetime(2026, 1, 7, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NIGHTS = Window.model_validate({"from": "22:00", "to": "04:00"})
FRESH = replace(PROTECTED_TESTED, rpo=timedelta(minutes=2))
STALE = replace(PROTECTED_TESTED, rpo=timedelta(minutes=15, seconds=1))


def approved(phase: str) -> Approval:
    return Approval.model_validate({"by": "ada", "ticket": "CHG-7", "for": phase})


def judged(
    guards: Guards,
    operation: Operation,
    observed: Observed = FRESH,
    earlier: Sequence[Earlier] = (),
    now: datetime = WEDNESDAY,
) -> Wait | Blocked | None:
    return guard(guards, earlier, lambda: now)(operation, observed)


FAILOVER, COMPLETION = Operation.UNPLANNED_FAILOVER, Operation.COMPLETE_MIGRATION
REQUIRED = Guards(require_approval=True)
TABLE: list[tuple[Guards, Operation, Observed, Reason | None]] = [
    (Guards(), FAILOVER, FRESH, None),
    (REQUIRED, FAILOVER, FRESH, Reason.NOT_APPROVED),
    (REQUIRED, COMPLETION, FAILED_OVER, Reason.NOT_APPROVED),
    (REQUIRED, Operation.TEST_FAILOVER, FRESH, None),
    (REQUIRED, Operation.DISABLE_PROTECTION, FRESH, None),
    (Guards(approved("failed-over"), True), FAILOVER, FRESH, None),
    (Guards(approved("failed-over"), True), COMPLETION, FAILED_OVER, Reason.NOT_APPROVED),
    # An approval counts where none is required, too.
    (Guards(approved("failed-over")), COMPLETION, FAILED_OVER, Reason.NOT_APPROVED),
    (Guards(approved("migrated")), COMPLETION, FAILED_OVER, None),
    (Guards(approved("migrated")), FAILOVER, FRESH, None),
    (Guards(window=NIGHTS), FAILOVER, FRESH, Reason.WINDOW_CLOSED),
    (Guards(), FAILOVER, replace(FRESH, not_before=WEDNESDAY), None),
    (Guards(), FAILOVER, replace(FRESH, not_before=WEDNESDAY + MINUTE), Reason.NOT_YET),
    (Guards(), Operation.TEST_FAILOVER, replace(FRESH, not_before=WEDNESDAY + MINUTE), None),
    (Guards(), COMPLETION, replace(FAILED_OVER, not_before=WEDNESDAY + MINUTE), None),
    # A cutover that has begun goes on.
    (Guards(), FAILOVER, replace(FRESH, not_before=WEDNESDAY + MINUTE, cut_over=True), None),
    (Guards(window=NIGHTS), COMPLETION, FAILED_OVER, None),
    (Guards(window=NIGHTS), Operation.TEST_FAILOVER, FRESH, None),
    (Guards(max_rpo_minutes=15), FAILOVER, FRESH, None),
    (Guards(max_rpo_minutes=15), FAILOVER, STALE, Reason.RPO_TOO_LARGE),
    (Guards(max_rpo_minutes=15), FAILOVER, replace(FRESH, rpo=None), Reason.RPO_UNKNOWN),
    (Guards(max_rpo_minutes=15), FAILOVER, TEST, None),
    (Guards(max_rpo_minutes=15), Operation.TEST_FAILOVER, STALE, None),
    # What a person has to do comes before what passes by itself.
    (Guards(window=NIGHTS, max_rpo_minutes=15), FAILOVER, STALE, Reason.RPO_TOO_LARGE),
]


@pytest.mark.parametrize(("guards", "operation", "observed", "reason"), TABLE)
def test_a_guard_holds_what_it_is_for(
    guards: Guards, operation: Operation, observed: Observed, reason: Reason | None
) -> None:
    verdict = judged(guards, operation, observed)
    assert (verdict.reason if verdict is not None else None) is reason


class TestTheWindow:
    def test_is_waited_for_and_says_when_it_opens(self) -> None:
        verdict = judged(Guards(window=NIGHTS), FAILOVER)
        assert isinstance(verdict, Wait)
        assert verdict.what == "its window opens Wed 2026-01-07 22:00 UTC"
        assert verdict.until == datetime(2026, 1, 7, 22, tzinfo=UTC)

    def test_lets_the_failover_begin_once_it_is_open(self) -> None:
        night = WEDNESDAY.replace(hour=23)
        assert judged(Guards(window=NIGHTS), FAILOVER, now=night) is None

    def test_is_read_each_time_the_guard_is_asked(self) -> None:
        times = iter([WEDNESDAY.replace(hour=3, minute=59), WEDNESDAY.replace(hour=4)])
        judge = guard(Guards(window=NIGHTS), now=lambda: next(times))
        assert judge(FAILOVER, FRESH) is None
        assert judge(FAILOVER, FRESH) is not None


def wave(phase: Phase, *machines: Observed, ended: bool = False) -> Earlier:
    return Earlier("db", phase, {f"db-{n}": seen for n, seen in enumerate(machines)}, ended)


class TestTheOrderOfWaves:
    @pytest.mark.parametrize(
        ("operation", "observed", "holds"),
        [
            (Operation.DISCOVER, DISCOVERED, True),
            (Operation.ENABLE_PROTECTION, DISCOVERED, True),
            (Operation.ENABLE_PROTECTION, PROTECTED, False),
            (Operation.TEST_FAILOVER, PROTECTED, True),
            (Operation.TEST_FAILOVER, TEST, False),
            (Operation.TEST_FAILOVER, PROTECTED_TESTED, False),
            (Operation.TEST_FAILOVER, FAILED_OVER, False),
            (FAILOVER, PROTECTED_TESTED, True),
            (FAILOVER, FAILED_OVER, False),
            (COMPLETION, FAILED_OVER, True),
            (COMPLETION, MIGRATED, False),
            (Operation.TEST_FAILOVER_CLEANUP, UNKNOWN, False),
            (Operation.UPDATE_TARGET, UNKNOWN, False),
        ],
    )
    def test_a_phase_begins_when_the_other_wave_has_reached_it(
        self, operation: Operation, observed: Observed, holds: bool
    ) -> None:
        earlier = [wave(Phase.MIGRATED, MIGRATED, observed)]
        verdict = judged(Guards(after=("db",)), operation, earlier=earlier)
        assert isinstance(verdict, Wait) is holds
        if isinstance(verdict, Wait):
            assert verdict.reason is Reason.WAITS_FOR_WAVE
            assert "db-1" in verdict.what
            assert "db-0" not in verdict.what

    def test_a_wave_that_is_not_declared_to_get_there_blocks(self) -> None:
        earlier = [wave(Phase.TEST_FAILOVER, TEST)]
        verdict = judged(Guards(after=("db",)), FAILOVER, earlier=earlier)
        assert isinstance(verdict, Blocked)
        assert verdict.reason is Reason.WAVE_STAYS_BEHIND
        assert "wave db to failed-over" in verdict.way_out

    def test_a_wave_whose_run_ended_is_not_waited_for_in_this_run(self) -> None:
        going, ended = (
            judged(Guards(), FAILOVER, earlier=[wave(Phase.MIGRATED, TEST, ended=ended)])
            for ended in (False, True)
        )
        assert isinstance(going, Wait)
        assert going.until is None
        assert isinstance(ended, Wait)
        assert ended.until is not None

    def test_many_machines_are_counted(self) -> None:
        verdict = judged(Guards(), FAILOVER, earlier=[wave(Phase.MIGRATED, *[PROTECTED] * 5)])
        assert isinstance(verdict, Wait)
        assert "db-0, db-1, db-2 and 2 more" in verdict.what

    @given(observations)
    def test_a_later_phase_is_never_reached_before_an_earlier_one(self, observed: Observed) -> None:
        if reached(Phase.MIGRATED, observed):
            assert reached(Phase.FAILED_OVER, observed)
        if reached(Phase.FAILED_OVER, observed):
            assert reached(Phase.TEST_FAILOVER, observed)


class TestThePlan:
    def test_goes_as_far_as_the_guards_let_it(self) -> None:
        rules = Rules(False, guard=guard(REQUIRED))
        operations, blocked = plan(Phase.MIGRATED, UNKNOWN, rules)
        assert operations == [Operation.DISCOVER, Operation.ENABLE_PROTECTION]
        assert blocked is not None
        assert blocked.reason is Reason.NOT_APPROVED

    def test_names_what_is_only_waited_for(self) -> None:
        rules = Rules(False, guard=guard(Guards(window=NIGHTS), now=lambda: WEDNESDAY))
        operations, blocked = plan(Phase.MIGRATED, PROTECTED, rules)
        assert (operations, blocked) == ([FAILOVER, COMPLETION], None)
        assert [wait.reason for wait in waits(operations, PROTECTED, rules)] == [
            Reason.WINDOW_CLOSED
        ]


_guards: st.SearchStrategy[Guards] = st.builds(
    Guards,
    approval=st.sampled_from([None, approved("failed-over"), approved("migrated")]),
    require_approval=st.booleans(),
    window=st.sampled_from([None, NIGHTS]),
    max_rpo_minutes=st.sampled_from([None, 15]),
)
_phases = st.one_of(st.none(), st.sampled_from(Phase))
_earlier: st.SearchStrategy[list[Earlier]] = st.lists(
    st.builds(
        Earlier,
        name=st.just("db"),
        phase=st.sampled_from(Phase),
        machines=st.dictionaries(st.sampled_from(["a", "b"]), observations),
        ended=st.booleans(),
    ),
    max_size=2,
)
_now = st.sampled_from([WEDNESDAY, WEDNESDAY.replace(hour=23)])


class TestProperties:
    @given(_guards, _earlier, _now, _phases, observations)
    def test_a_guard_only_ever_takes_operations_away(
        self,
        guards: Guards,
        earlier: list[Earlier],
        now: datetime,
        desired: Phase | None,
        observed: Observed,
    ) -> None:
        free = Rules(False)
        held = replace(free, guard=guard(guards, earlier, lambda: now))
        step = next_step(desired, observed, held)
        if isinstance(step, Do):
            assert step == next_step(desired, observed, free)
        operations, _ = plan(desired, observed, held)
        all_of_them, _ = plan(desired, observed, free)
        assert operations == all_of_them[: len(operations)]

    @given(_guards, _earlier, _now, observations)
    def test_a_machine_can_always_be_taken_back_and_out(
        self, guards: Guards, earlier: list[Earlier], now: datetime, observed: Observed
    ) -> None:
        judge = guard(guards, earlier, lambda: now)
        for operation in (Operation.DISABLE_PROTECTION, Operation.TEST_FAILOVER_CLEANUP):
            assert judge(operation, observed) is None

    @given(_guards, _now, observations)
    def test_no_failover_begins_without_its_approval_in_a_closed_window_or_with_old_data(
        self, guards: Guards, now: datetime, observed: Observed
    ) -> None:
        rules = Rules(False, guard=guard(guards, now=lambda: now))
        if next_step(Phase.MIGRATED, observed, rules) == Do(FAILOVER):
            assert guards.approval is not None or not guards.require_approval
            assert guards.window is None or now.hour >= 22
            if guards.max_rpo_minutes is not None:
                assert observed.stage is not Stage.PROTECTED or observed.rpo is not None


class TestTheNumberOfFailovers:
    def test_a_machine_counts_once_however_often_it_is_requested(self) -> None:
        budget = Budget(2, "convergence.maxFailoversPerUp", {"i-1", "i-2"})
        assert budget.refusal({"i-1"}) is None
        assert budget.refusal({"i-1", "i-2"}) is None
        refusal = budget.refusal({"i-2", "i-3"})
        assert refusal is not None
        assert "convergence.maxFailoversPerUp" in refusal

    def test_without_a_limit_everything_goes(self) -> None:
        assert Budget(None, "k").refusal({f"i-{n}" for n in range(999)}) is None
        assert too_many(999, None, "k") is None

    @pytest.mark.parametrize(("failovers", "refused"), [(0, False), (3, False), (4, True)])
    def test_a_preview_counts_before_anything_runs(self, failovers: int, refused: bool) -> None:
        assert (too_many(failovers, 3, "waves.web.maxFailoversPerUp") is not None) is refused


CUT_OVER = replace(FRESH, cut_over=True)


class TestTheStackThatGoesFirst:
    @pytest.mark.parametrize(
        ("reached", "operation", "observed", "blocked"),
        [
            (None, Operation.ENABLE_PROTECTION, DISCOVERED, True),
            (Phase.PROTECTED, Operation.ENABLE_PROTECTION, DISCOVERED, False),
            (Phase.PROTECTED, Operation.TEST_FAILOVER, PROTECTED, True),
            (Phase.TEST_FAILOVER, Operation.TEST_FAILOVER, PROTECTED, False),
            (Phase.TEST_FAILOVER, FAILOVER, FRESH, True),
            (Phase.TEST_FAILOVER, FAILOVER, CUT_OVER, False),
            (Phase.FAILED_OVER, FAILOVER, FRESH, False),
            (Phase.FAILED_OVER, COMPLETION, FAILED_OVER, True),
            (Phase.FAILED_OVER, COMPLETION, replace(FAILED_OVER, cut_over=True), True),
            (Phase.MIGRATED, COMPLETION, FAILED_OVER, False),
            (None, Operation.TEST_FAILOVER_CLEANUP, TEST, False),
            (None, Operation.DISABLE_PROTECTION, PROTECTED, False),
        ],
    )
    def test_a_phase_begins_when_that_stack_has_reached_it(
        self, reached: Phase | None, operation: Operation, observed: Observed, blocked: bool
    ) -> None:
        verdict = judged(Guards(promoted=Forerunner("staging", reached)), operation, observed)
        assert isinstance(verdict, Blocked) is blocked
        if isinstance(verdict, Blocked):
            assert verdict.reason is Reason.NOT_PROMOTED
            assert "in stack staging first" in verdict.way_out
            assert f"is {reached} there" in verdict.what or reached is None


def test_a_machine_that_is_fenced_waits_for_no_other_wave_and_one_in_azure_does() -> None:
    earlier = [wave(Phase.MIGRATED, PROTECTED)]
    assert judged(Guards(after=("db",)), FAILOVER, CUT_OVER, earlier) is None
    migrating = replace(FAILED_OVER, cut_over=True)
    assert judged(Guards(after=("db",)), COMPLETION, migrating, earlier) is not None
