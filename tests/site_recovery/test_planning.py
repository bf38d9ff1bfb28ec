"""The next operation of a machine, as a table and as properties."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from site_recovery.declared.cutover import Decision
from site_recovery.jobs import ServiceError
from site_recovery.look_ahead import plan
from site_recovery.observation import Observed, Stage
from site_recovery.operations import Operation
from site_recovery.phases import Phase
from site_recovery.planning import Rules, has_arrived, next_step, satisfies
from site_recovery.reasons import Reason
from site_recovery.steps import Blocked, Do, RollBack, Satisfied, Step, Wait

TESTED = datetime(2026, 1, 5, tzinfo=UTC)
STRICT = Rules(require_test_failover=True)
LENIENT = Rules(require_test_failover=False)

UNKNOWN = Observed(Stage.UNKNOWN_TO_VAULT)
DISCOVERED = Observed(Stage.DISCOVERED, source_id="/p")
REPLICATING = Observed(Stage.REPLICATING, frozenset({"DisableProtection"}), progress=63)
BROKEN = Observed(Stage.BROKEN, frozenset({"DisableProtection"}))
PROTECTED = Observed(
    Stage.PROTECTED, frozenset({"UnplannedFailover", "DisableProtection", "TestFailover"})
)
PROTECTED_TESTED = replace(PROTECTED, last_test_failover=TESTED, test_checked=True)
NOT_LOOKED_AT = replace(PROTECTED_TESTED, test_checked=False)
TEST = Observed(
    Stage.TEST_FAILOVER,
    frozenset({"TestFailoverCleanup"}),
    last_test_failover=TESTED,
    test_checked=True,
)
FAILED_OVER = Observed(
    Stage.FAILED_OVER,
    frozenset({"CompleteMigration", "Commit", "DisableProtection", "ChangePit"}),
    azure_vm_id="/vm",
)
TAKEN_BACK = replace(FAILED_OVER, rolls_back=True)
MIGRATED = Observed(Stage.MIGRATED, azure_vm_id="/vm")
ILL = replace(PROTECTED_TESTED, health="Critical")
UNMANAGED = replace(PROTECTED_TESTED, unmanaged="Systems Manager does not manage it")
CHANGED = ("size",)
CHANGED_SINCE = replace(PROTECTED_TESTED, changed_since_test=True)
"""Settings of the target that differ from the config."""

KEPT = ("/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/web-01",)
"""The virtual machine of a failover that was taken back."""
DUE_TO_COMPLETE = replace(FAILED_OVER, decided=Decision.COMPLETE)
DUE_TO_ROLL_BACK = replace(FAILED_OVER, decided=Decision.ROLLBACK)

BACKWARD = Blocked  # any refusal; its message is tested below
TABLE: list[tuple[Phase | None, Observed, Step | type[Step]]] = [
    (Phase.PROTECTED, UNKNOWN, Do(Operation.DISCOVER)),
    (Phase.PROTECTED, DISCOVERED, Do(Operation.ENABLE_PROTECTION)),
    (Phase.PROTECTED, REPLICATING, Wait(Reason.INITIAL_REPLICATION, "initial replication 63%")),
    (Phase.PROTECTED, BROKEN, Do(Operation.DISABLE_PROTECTION)),
    (Phase.PROTECTED, PROTECTED, Satisfied()),
    (Phase.PROTECTED, TEST, Do(Operation.TEST_FAILOVER_CLEANUP)),
    (
        Phase.PROTECTED,
        replace(REPLICATING, differs=CHANGED),
        Wait(Reason.INITIAL_REPLICATION, "initial replication 63%"),
    ),
    (Phase.PROTECTED, replace(PROTECTED, differs=CHANGED), Do(Operation.UPDATE_TARGET)),
    (Phase.PROTECTED, replace(TEST, differs=CHANGED), Do(Operation.TEST_FAILOVER_CLEANUP)),
    (Phase.PROTECTED, FAILED_OVER, BACKWARD),
    (Phase.PROTECTED, TAKEN_BACK, RollBack()),
    (Phase.PROTECTED, replace(TAKEN_BACK, source_problem="it is gone"), Blocked),
    (Phase.PROTECTED, replace(TAKEN_BACK, azure_vm_id=None), Blocked),
    (Phase.PROTECTED, replace(TAKEN_BACK, kept_vm_ids=KEPT), Do(Operation.DISABLE_PROTECTION)),
    (Phase.TEST_FAILOVER, TAKEN_BACK, BACKWARD),
    (Phase.PROTECTED, replace(MIGRATED, rolls_back=True), BACKWARD),
    (Phase.PROTECTED, MIGRATED, BACKWARD),
    (Phase.TEST_FAILOVER, UNKNOWN, Do(Operation.DISCOVER)),
    (Phase.TEST_FAILOVER, PROTECTED, Do(Operation.TEST_FAILOVER)),
    (Phase.TEST_FAILOVER, replace(PROTECTED, differs=CHANGED), Do(Operation.UPDATE_TARGET)),
    (Phase.TEST_FAILOVER, TEST, Satisfied()),
    (Phase.TEST_FAILOVER, replace(TEST, differs=CHANGED), Do(Operation.TEST_FAILOVER_CLEANUP)),
    (Phase.TEST_FAILOVER, FAILED_OVER, BACKWARD),
    (Phase.TEST_FAILOVER, MIGRATED, BACKWARD),
    (Phase.FAILED_OVER, REPLICATING, Wait(Reason.INITIAL_REPLICATION, "initial replication 63%")),
    (Phase.FAILED_OVER, PROTECTED_TESTED, Do(Operation.UNPLANNED_FAILOVER)),
    (Phase.FAILED_OVER, ILL, Blocked),
    # Its cutover stopped the source, so nothing replicates any more.
    (Phase.FAILED_OVER, replace(ILL, cut_over=True), Do(Operation.UNPLANNED_FAILOVER)),
    (Phase.FAILED_OVER, UNMANAGED, Blocked),
    (Phase.FAILED_OVER, replace(UNMANAGED, cut_over=True), Do(Operation.UNPLANNED_FAILOVER)),
    (Phase.FAILED_OVER, replace(PROTECTED_TESTED, differs=CHANGED), Do(Operation.UPDATE_TARGET)),
    (Phase.FAILED_OVER, replace(FAILED_OVER, differs=CHANGED), Satisfied()),
    (Phase.FAILED_OVER, TEST, Do(Operation.TEST_FAILOVER_CLEANUP)),
    (Phase.FAILED_OVER, FAILED_OVER, Satisfied()),
    (Phase.FAILED_OVER, MIGRATED, BACKWARD),
    # What afterFailover has decided takes the place of the phase failed-over, and of no other.
    (Phase.FAILED_OVER, DUE_TO_COMPLETE, Do(Operation.COMPLETE_MIGRATION)),
    (Phase.FAILED_OVER, replace(MIGRATED, decided=Decision.COMPLETE), Satisfied()),
    (Phase.FAILED_OVER, DUE_TO_ROLL_BACK, RollBack()),
    (
        Phase.FAILED_OVER,
        replace(DUE_TO_ROLL_BACK, kept_vm_ids=KEPT),
        Do(Operation.DISABLE_PROTECTION),
    ),
    (Phase.FAILED_OVER, replace(PROTECTED_TESTED, kept_vm_ids=KEPT, taken_back=True), Blocked),
    (Phase.MIGRATED, DUE_TO_ROLL_BACK, Do(Operation.COMPLETE_MIGRATION)),
    (Phase.PROTECTED, DUE_TO_COMPLETE, BACKWARD),
    (Phase.MIGRATED, PROTECTED_TESTED, Do(Operation.UNPLANNED_FAILOVER)),
    (Phase.MIGRATED, TEST, Do(Operation.TEST_FAILOVER_CLEANUP)),
    (Phase.MIGRATED, FAILED_OVER, Do(Operation.COMPLETE_MIGRATION)),
    (Phase.MIGRATED, replace(FAILED_OVER, azure_vm_id=None), BACKWARD),
    (Phase.MIGRATED, MIGRATED, Satisfied()),
    (None, UNKNOWN, Satisfied()),
    (None, DISCOVERED, Satisfied()),
    (None, REPLICATING, Do(Operation.DISABLE_PROTECTION)),
    (None, BROKEN, Do(Operation.DISABLE_PROTECTION)),
    (None, PROTECTED, Do(Operation.DISABLE_PROTECTION)),
    (None, replace(PROTECTED, differs=CHANGED), Do(Operation.DISABLE_PROTECTION)),
    (None, TEST, Do(Operation.TEST_FAILOVER_CLEANUP)),
    (None, FAILED_OVER, BACKWARD),
    (None, MIGRATED, Satisfied()),
]


@pytest.mark.parametrize(
    ("desired", "observed", "expected"),
    TABLE,
    ids=[
        f"{desired or 'removed'} from {'changed ' if observed.differs else ''}{observed.stage}"
        for desired, observed, _ in TABLE
    ],
)
def test_the_next_step_follows_from_phase_and_observed_state(
    desired: Phase | None, observed: Observed, expected: Step | type[Step]
) -> None:
    step = next_step(desired, observed, STRICT)
    if isinstance(expected, type):
        assert isinstance(step, expected)
    else:
        assert step == expected


class TestGates:
    def test_an_untested_machine_does_not_fail_over(self) -> None:
        step = next_step(Phase.FAILED_OVER, PROTECTED, STRICT)
        assert isinstance(step, Blocked)
        assert step.reason is Reason.NOT_TESTED
        assert "test-failover" in step.way_out

    def test_an_untested_machine_fails_over_where_its_wave_says_so(self) -> None:
        assert next_step(Phase.FAILED_OVER, PROTECTED, LENIENT) == Do(Operation.UNPLANNED_FAILOVER)

    def test_a_target_that_changed_after_the_test_does_not_fail_over_untested(self) -> None:
        step = next_step(Phase.FAILED_OVER, CHANGED_SINCE, STRICT)
        assert isinstance(step, Blocked)
        assert step.reason is Reason.CHANGED_SINCE_TEST
        changing = replace(PROTECTED_TESTED, differs=CHANGED)
        operations, blocked = plan(Phase.FAILED_OVER, changing, STRICT)
        assert operations == [Operation.UPDATE_TARGET]
        assert blocked == step

    @pytest.mark.parametrize("state", [NOT_LOOKED_AT, replace(TEST, test_checked=False)])
    @pytest.mark.parametrize("desired", [Phase.FAILED_OVER, Phase.MIGRATED])
    def test_a_test_that_nobody_looked_at_does_not_count(
        self, state: Observed, desired: Phase
    ) -> None:
        step = next_step(desired, state, STRICT)
        assert isinstance(step, Blocked)
        assert step.reason is Reason.TEST_NOT_CHECKED
        assert "test-failover" in step.way_out
        unknowing = replace(STRICT, knows_checks=False)
        assert isinstance(next_step(desired, state, unknowing), Do)
        assert isinstance(next_step(desired, state, LENIENT), Do)

    def test_a_test_that_nobody_looked_at_is_cleaned_up_for_another_one(self) -> None:
        running = replace(TEST, test_checked=False)
        cleanup = Do(Operation.TEST_FAILOVER_CLEANUP)
        assert next_step(Phase.PROTECTED, running, STRICT) == cleanup
        assert next_step(Phase.FAILED_OVER, replace(running, differs=CHANGED), STRICT) == cleanup

    def test_critical_health_blocks_a_failover_and_says_why(self) -> None:
        ill = replace(
            PROTECTED_TESTED,
            health="Critical",
            health_errors=(ServiceError("no data for 6 hours", "78200"),),
        )
        step = next_step(Phase.MIGRATED, ill, STRICT)
        assert isinstance(step, Blocked)
        assert step.reason is Reason.HEALTH_CRITICAL
        assert "no data for 6 hours" in step.what

    def test_an_operation_that_the_service_does_not_allow_is_not_asked_for(self) -> None:
        odd = replace(PROTECTED, allowed=frozenset({"DisableProtection"}))
        step = next_step(Phase.TEST_FAILOVER, odd, STRICT)
        assert isinstance(step, Blocked)
        assert step.reason is Reason.NOT_ALLOWED
        assert "DisableProtection" in step.what

    def test_an_item_in_transition_allows_nothing_and_is_waited_for(self) -> None:
        moving = replace(PROTECTED, allowed=frozenset())
        assert isinstance(next_step(Phase.TEST_FAILOVER, moving, STRICT), Wait)

    def test_a_machine_may_not_leave_the_config_between_failover_and_migration(self) -> None:
        step = next_step(None, FAILED_OVER, STRICT)
        assert isinstance(step, Blocked)
        assert step.reason is Reason.LEAVES_FAILED_OVER
        assert "phase to migrated" in step.way_out


class TestPlan:
    def test_from_nothing_to_migrated(self) -> None:
        assert plan(Phase.MIGRATED, UNKNOWN, LENIENT) == (
            [
                Operation.DISCOVER,
                Operation.ENABLE_PROTECTION,
                Operation.UNPLANNED_FAILOVER,
                Operation.COMPLETE_MIGRATION,
            ],
            None,
        )

    def test_a_test_is_cleaned_up_before_the_failover(self) -> None:
        assert plan(Phase.FAILED_OVER, TEST, STRICT) == (
            [Operation.TEST_FAILOVER_CLEANUP, Operation.UNPLANNED_FAILOVER],
            None,
        )

    def test_a_machine_that_is_still_replicating_is_planned_to_the_end(self) -> None:
        operations, blocked = plan(Phase.TEST_FAILOVER, REPLICATING, STRICT)
        assert operations == [Operation.TEST_FAILOVER]
        assert blocked is None

    def test_what_will_be_in_the_way_is_known_before_anything_runs(self) -> None:
        operations, blocked = plan(Phase.MIGRATED, UNKNOWN, STRICT)
        assert operations == [Operation.DISCOVER, Operation.ENABLE_PROTECTION]
        assert blocked is not None

    def test_an_address_that_enabling_cannot_set_is_updated_first(self) -> None:
        addressed = replace(UNKNOWN, differs=("private address",))
        assert plan(Phase.TEST_FAILOVER, addressed, STRICT)[0] == [
            Operation.DISCOVER,
            Operation.ENABLE_PROTECTION,
            Operation.UPDATE_TARGET,
            Operation.TEST_FAILOVER,
        ]

    def test_a_changed_target_is_tested_anew(self) -> None:
        assert plan(Phase.TEST_FAILOVER, replace(TEST, differs=CHANGED), STRICT)[0] == [
            Operation.TEST_FAILOVER_CLEANUP,
            Operation.UPDATE_TARGET,
            Operation.TEST_FAILOVER,
        ]

    def test_a_running_failover_is_taken_as_done(self) -> None:
        running = replace(
            PROTECTED_TESTED, allowed=frozenset(), busy="UnplannedFailover", busy_job="j"
        )
        assert plan(Phase.MIGRATED, running, STRICT) == ([Operation.COMPLETE_MIGRATION], None)

    def test_a_broken_protection_starts_over(self) -> None:
        assert plan(Phase.PROTECTED, BROKEN, STRICT) == (
            [Operation.DISABLE_PROTECTION, Operation.ENABLE_PROTECTION],
            None,
        )


phases = st.one_of(st.none(), st.sampled_from(Phase))
observations = st.builds(
    Observed,
    stage=st.sampled_from(Stage),
    allowed=st.frozensets(
        st.sampled_from(
            [
                "TestFailover",
                "TestFailoverCleanup",
                "UnplannedFailover",
                "CompleteMigration",
                "DisableProtection",
                "Commit",
            ]
        )
    ),
    busy=st.one_of(st.none(), st.sampled_from(["TestFailover", "UnplannedFailover", "Other"])),
    health=st.sampled_from(["None", "Normal", "Warning", "Critical"]),
    last_test_failover=st.one_of(st.none(), st.just(TESTED)),
    differs=st.sampled_from([(), CHANGED]),
)
rules = st.builds(Rules, require_test_failover=st.booleans())


class TestProperties:
    @given(phases, observations, rules)
    def test_nothing_is_asked_of_a_busy_machine(
        self, desired: Phase | None, observed: Observed, gates: Rules
    ) -> None:
        if observed.busy is not None:
            assert not isinstance(next_step(desired, observed, gates), Do | Satisfied)

    @given(phases, observations, rules)
    def test_only_what_the_service_allows_is_asked_for(
        self, desired: Phase | None, observed: Observed, gates: Rules
    ) -> None:
        step = next_step(desired, observed, gates)
        if isinstance(step, Do) and step.operation.allowed_by is not None:
            assert step.operation.allowed_by in observed.allowed

    @given(phases, observations, rules)
    def test_satisfied_means_that_nothing_is_left_to_do(
        self, desired: Phase | None, observed: Observed, gates: Rules
    ) -> None:
        satisfied = isinstance(next_step(desired, observed, gates), Satisfied)
        assert satisfied == satisfies(desired, observed)
        if satisfied:
            assert plan(desired, observed, gates) == ([], None)

    @given(phases, observations, rules)
    def test_a_plan_ends_and_never_repeats_an_operation(
        self, desired: Phase | None, observed: Observed, gates: Rules
    ) -> None:
        operations, _ = plan(desired, observed, gates)
        assert len(operations) == len(set(operations))

    @given(st.sampled_from([None, Phase.PROTECTED, Phase.TEST_FAILOVER]), observations, rules)
    def test_nothing_irreversible_runs_unless_the_phase_asks_for_it(
        self, desired: Phase | None, observed: Observed, gates: Rules
    ) -> None:
        operations, _ = plan(desired, observed, gates)
        assert not any(operation.irreversible for operation in operations)

    @given(observations, rules)
    def test_a_machine_in_azure_never_goes_back(self, observed: Observed, gates: Rules) -> None:
        in_azure = replace(observed, stage=Stage.FAILED_OVER)
        for desired in (None, Phase.PROTECTED, Phase.TEST_FAILOVER):
            assert isinstance(next_step(desired, in_azure, gates), Blocked)


@pytest.mark.parametrize(
    ("step", "seen", "arrived"),
    [
        (Satisfied(), FAILED_OVER, True),
        (Satisfied(), TEST, True),
        (Do(Operation.COMPLETE_MIGRATION), FAILED_OVER, True),
        (Wait(Reason.WAITS_FOR_WAVE, "waits for wave data"), FAILED_OVER, True),
        (Wait(Reason.WAITS_FOR_WAVE, "waits for wave data"), PROTECTED, False),
        (Wait(Reason.NOT_ALLOWED_YET, "not yet"), FAILED_OVER, False),
        (Do(Operation.DISABLE_PROTECTION), FAILED_OVER, False),
        (RollBack(), FAILED_OVER, False),
    ],
)
def test_a_machine_has_arrived_when_only_complete_migration_is_left(
    step: Step, seen: Observed, arrived: bool
) -> None:
    assert has_arrived(step, seen) == arrived
