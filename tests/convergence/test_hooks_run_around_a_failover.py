"""Hooks run once in an attempt, in their order, and one that fails holds its machine alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from site_recovery.convergence.outcome import Outcome, Status
from site_recovery.convergence.review import review
from site_recovery.convergence.review_data import wave_review
from site_recovery.convergence.sources import Ran
from site_recovery.declared.cutover import Cutover, Mode
from site_recovery.declared.hooks import Webhook
from site_recovery.hooks import HookRecord, Told
from site_recovery.observation import Stage
from site_recovery.phases import Phase
from site_recovery.planning import Rules
from site_recovery.reasons import Reason
from site_recovery.usual_durations import History
from tests.convergence.fleet import Fleet
from tests.convergence.sources import EstateSources, Killed

WEB, OTHER, DB = "web-01", "web-02", "db-01"
HOOKS = {
    "beforeFailover": [
        {"command": ["drain"]},
        {"webhook": {"url": "https://x.example", "secretEnv": "S"}},
    ],
    "afterFailover": [{"command": ["switch-dns"]}],
    "beforeCompletion": [{"command": ["ask"]}],
}
FAILOVER = "ReplicationProtectedItems_UnplannedFailover"


class Runner:
    """A `HookRunner` that notes what it was asked for.

    Attributes:
        wrong: what is wrong with hooks, by machine and hook, the next time they run.
    """

    wave = "pilot"

    def __init__(self, fleet: Fleet) -> None:
        self.told: list[Told] = []
        self.ran: list[str] = []
        self.accepted: list[int] = []
        self.wrong: dict[tuple[str, str], str] = {}
        self._fleet = fleet

    async def command(self, command: Sequence[str], told: Told, within: timedelta) -> str:
        return self._run(" ".join(command), told)

    async def webhook(self, webhook: Webhook, told: Told, within: timedelta) -> str:
        return self._run(webhook.url, told)

    def _run(self, what: str, told: Told) -> str:
        self.told.append(told)
        self.ran.append(what)
        self.accepted.append(self._fleet.accepted(told.machine).count(FAILOVER))
        return self.wrong.pop((told.machine, told.hook), "")

    def of(self, machine: str) -> list[str]:
        return [told.hook for told in self.told if told.machine == machine]


@pytest.fixture
def runner(quiet_fleet: Fleet) -> Runner:
    quiet_fleet.hooks = dict.fromkeys(quiet_fleet.machines, HOOKS)
    quiet_fleet.runner = made = Runner(quiet_fleet)
    return made


def satisfied(outcomes: dict[str, Outcome]) -> list[str]:
    return [name for name, each in outcomes.items() if each.status is Status.SATISFIED]


def test_hooks_run_once_in_their_order_around_the_failover(
    quiet_fleet: Fleet, runner: Runner
) -> None:
    assert satisfied(quiet_fleet.drive(Phase.MIGRATED)) == list(quiet_fleet.machines)
    for machine in quiet_fleet.machines:
        assert runner.of(machine) == [
            "beforeFailover 1",
            "beforeFailover 2",
            "afterFailover 1",
            "beforeCompletion 1",
        ]
    one = [(told, n) for told, n in zip(runner.told, runner.accepted, strict=True)]
    mine = [(told.hook, n, bool(told.azure_vm)) for told, n in one if told.machine == WEB]
    assert mine == [
        ("beforeFailover 1", 0, False),
        ("beforeFailover 2", 0, False),
        ("afterFailover 1", 1, True),
        ("beforeCompletion 1", 1, True),
    ]
    assert {told.wave for told in runner.told} == {"pilot"}
    assert len({told.attempt for told in runner.told}) == len(quiet_fleet.machines)


def test_what_has_run_is_not_run_again_by_the_next_phase(
    quiet_fleet: Fleet, runner: Runner
) -> None:
    quiet_fleet.drive(Phase.FAILED_OVER)
    assert runner.of(WEB) == ["beforeFailover 1", "beforeFailover 2", "afterFailover 1"]
    quiet_fleet.drive(Phase.FAILED_OVER)
    quiet_fleet.drive(Phase.MIGRATED)
    assert runner.of(WEB)[3:] == ["beforeCompletion 1"]


def test_a_hook_that_fails_before_the_failover_keeps_its_machine_alone_from_it(
    quiet_fleet: Fleet, runner: Runner
) -> None:
    runner.wrong[WEB, "beforeFailover 2"] = "https://x.example answered 500: not today"
    outcomes = quiet_fleet.drive(Phase.FAILED_OVER)
    assert satisfied(outcomes) == [OTHER, DB]
    failed = outcomes[WEB]
    assert (failed.status, failed.reason) == (Status.FAILED, Reason.HOOK_FAILED)
    assert "not today" in failed.message
    assert failed.observed.stage is Stage.PROTECTED
    assert FAILOVER not in quiet_fleet.accepted(WEB)
    first = runner.told[0].attempt
    assert satisfied(quiet_fleet.drive(Phase.FAILED_OVER)) == list(quiet_fleet.machines)
    assert runner.of(WEB).count("beforeFailover 1") == 2
    attempts = [told.attempt for told in runner.told if told.machine == WEB]
    assert len(set(attempts)) == 2, "another attempt has another id"
    assert first in {told.attempt for told in runner.told}


def test_a_hook_that_fails_after_the_failover_fails_its_machine_and_runs_again_alone(
    quiet_fleet: Fleet, runner: Runner
) -> None:
    runner.wrong[WEB, "afterFailover 1"] = "switch-dns ended with 2: no such zone"
    outcomes = quiet_fleet.drive(Phase.MIGRATED)
    assert satisfied(outcomes) == [OTHER, DB]
    assert "no such zone" in outcomes[WEB].message
    assert outcomes[WEB].observed.stage is Stage.FAILED_OVER
    assert satisfied(quiet_fleet.drive(Phase.MIGRATED)) == list(quiet_fleet.machines)
    assert runner.of(WEB) == [
        "beforeFailover 1",
        "beforeFailover 2",
        "afterFailover 1",
        "afterFailover 1",
        "beforeCompletion 1",
    ]
    assert len({told.attempt for told in runner.told if told.machine == WEB}) == 1


def test_a_failover_that_fails_ends_the_attempt(quiet_fleet: Fleet, runner: Runner) -> None:
    quiet_fleet.drive(Phase.PROTECTED)
    quiet_fleet.fault(
        operation="UnplannedFailover",
        match=WEB,
        job={
            "errorCode": "1",
            "errorMessage": "no",
            "possibleCauses": "-",
            "recommendedAction": "-",
        },
    )
    assert satisfied(quiet_fleet.drive(Phase.FAILED_OVER)) == [OTHER, DB]
    quiet_fleet.drive(Phase.FAILED_OVER)
    assert runner.of(WEB).count("beforeFailover 1") == 2
    assert runner.of(OTHER).count("beforeFailover 1") == 1


def test_a_run_that_ends_during_the_failover_goes_on_in_the_same_attempt(
    quiet_fleet: Fleet, runner: Runner
) -> None:
    quiet_fleet.drive(Phase.PROTECTED)
    outcomes = quiet_fleet.drive(Phase.FAILED_OVER, wait=timedelta(seconds=1))
    assert outcomes[WEB].status is Status.PENDING
    quiet_fleet.drive(Phase.FAILED_OVER)
    assert runner.of(WEB) == ["beforeFailover 1", "beforeFailover 2", "afterFailover 1"]


def test_a_hook_on_the_source_runs_there_once(quiet_fleet: Fleet) -> None:
    quiet_fleet.sources = sources = EstateSources(quiet_fleet.site)
    script = {"ssm": {"windows": ["Stop-Service W3SVC"], "linux": ["service nginx stop"]}}
    quiet_fleet.hooks = {WEB: {"beforeFailover": [script]}}
    assert satisfied(quiet_fleet.drive(Phase.FAILED_OVER)) == list(quiet_fleet.machines)
    scripts = sources.scripts[quiet_fleet.machines[WEB].id]
    assert sum("Stop-Service W3SVC" in lines for lines in scripts) == 1


def test_a_hook_on_the_source_that_fails_is_told_with_its_output(quiet_fleet: Fleet) -> None:
    quiet_fleet.sources = sources = EstateSources(quiet_fleet.site)
    instance = quiet_fleet.machines[WEB].id
    sources.results[instance, "Stop-Service"] = Ran("Failed", err="the service hangs")
    script = {"ssm": {"windows": ["Stop-Service W3SVC"]}}
    quiet_fleet.hooks = {WEB: {"beforeFailover": [script]}}
    outcomes = quiet_fleet.drive(Phase.FAILED_OVER)
    assert outcomes[WEB].reason is Reason.HOOK_FAILED
    assert "the service hangs" in outcomes[WEB].message


def test_a_hook_that_fails_during_a_cutover_gives_the_source_back(
    quiet_fleet: Fleet, runner: Runner
) -> None:
    """A run that was killed had fenced it already, and its record of the hooks is lost."""
    quiet_fleet.sources = sources = EstateSources(quiet_fleet.site)
    quiet_fleet.cutovers = {WEB: Cutover(mode=Mode.STOP_FIRST)}
    quiet_fleet.drive({WEB: Phase.PROTECTED})
    instance = quiet_fleet.machines[WEB].id
    own = sources.source(instance).interfaces[0].groups
    killed = iter([True] * 6)
    quiet_fleet.drive({WEB: Phase.FAILED_OVER}, may_submit=lambda: next(killed, False))
    quiet_fleet.hooked.clear()
    assert sources.source(instance).memory.began is not None
    runner.wrong[WEB, "beforeFailover 1"] = "not today"
    outcomes = quiet_fleet.drive({WEB: Phase.FAILED_OVER})
    assert "not today" in outcomes[WEB].message
    source = sources.source(instance)
    assert (source.state, source.interfaces[0].groups) == ("running", own)
    assert source.memory.began is None
    assert "Its source serves as before" in outcomes[WEB].message


def test_a_hook_that_fails_during_a_cutover_that_is_held_leaves_the_source_as_it_is(
    quiet_fleet: Fleet, runner: Runner
) -> None:
    quiet_fleet.sources = sources = EstateSources(quiet_fleet.site)
    held = {"mode": "stop-first", "onFailure": "hold"}
    quiet_fleet.cutovers = {WEB: Cutover.model_validate(held)}
    quiet_fleet.drive({WEB: Phase.PROTECTED})
    killed = iter([True] * 6)
    quiet_fleet.drive({WEB: Phase.FAILED_OVER}, may_submit=lambda: next(killed, False))
    quiet_fleet.hooked.clear()
    instance = quiet_fleet.machines[WEB].id
    before = sources.source(instance)
    assert before.memory.began is not None
    runner.wrong[WEB, "beforeFailover 1"] = "not today"
    outcomes = quiet_fleet.drive({WEB: Phase.FAILED_OVER})
    assert outcomes[WEB].reason is Reason.HOOK_FAILED
    assert "cutover.onFailure is hold" in outcomes[WEB].message
    assert sources.source(instance) == before
    assert satisfied(quiet_fleet.drive({WEB: Phase.FAILED_OVER})) == [WEB]


def test_a_script_on_the_source_that_failed_after_the_failover_is_sent_again(
    quiet_fleet: Fleet,
) -> None:
    """The attempt stays the same, and the failed command is still in the list of commands."""
    quiet_fleet.sources = sources = EstateSources(quiet_fleet.site)
    instance = quiet_fleet.machines[WEB].id
    sources.results[instance, "Stop-Service"] = Ran("Failed", err="the service hangs")
    script = {"ssm": {"windows": ["Stop-Service W3SVC"]}}
    quiet_fleet.hooks = {WEB: {"afterFailover": [script]}}
    assert quiet_fleet.drive({WEB: Phase.FAILED_OVER})[WEB].reason is Reason.HOOK_FAILED
    del sources.results[instance, "Stop-Service"]
    assert satisfied(quiet_fleet.drive({WEB: Phase.FAILED_OVER})) == [WEB]
    sent = [lines for lines in sources.scripts[instance] if "Stop-Service W3SVC" in lines]
    assert len(sent) == 2


class TestAnAttemptWhoseEndIsNotRecorded:
    """The run that gave the source back was killed then, or the record of the wave is lost."""

    @pytest.mark.parametrize("is_lost", [True, False])
    def test_is_over_all_the_same(
        self, quiet_fleet: Fleet, runner: Runner, *, is_lost: bool
    ) -> None:
        quiet_fleet.sources = sources = EstateSources(quiet_fleet.site)
        quiet_fleet.cutovers = {WEB: Cutover(mode=Mode.STOP_FIRST)}
        script = {"ssm": {"windows": ["Stop-Service W3SVC"]}}
        quiet_fleet.hooks = {WEB: {"beforeFailover": [script, {"command": ["drain"]}]}}
        only: dict[str, Phase | None] = {WEB: Phase.FAILED_OVER}
        instance = quiet_fleet.machines[WEB].id
        sources.stops = {instance: "running"}
        assert quiet_fleet.drive(only)[WEB].reason is Reason.SOURCE_DOES_NOT_STOP
        ran = HookRecord(instance, 1, ("beforeFailover 1", "beforeFailover 2"))
        quiet_fleet.hooked = {} if is_lost else {WEB: ran}
        sources.stops = {}

        assert satisfied(quiet_fleet.drive(only)) == [WEB]

        scripts = sources.scripts[instance]
        assert sum("Stop-Service W3SVC" in lines for lines in scripts) == 2
        assert runner.of(WEB) == ["beforeFailover 2"] * 2
        assert len({told.attempt for told in runner.told}) == 2

    def test_runs_no_hook_before_the_source_is_given_back(
        self, quiet_fleet: Fleet, runner: Runner
    ) -> None:
        quiet_fleet.sources = sources = EstateSources(quiet_fleet.site)
        quiet_fleet.cutovers = {WEB: Cutover(mode=Mode.STOP_FIRST)}
        quiet_fleet.hooks = {WEB: {"beforeFailover": [{"command": ["drain"]}]}}
        instance = quiet_fleet.machines[WEB].id

        def kill(verb: str, which: str) -> None:
            if sources.source(instance).memory.restoring:
                raise Killed

        sources.stops, sources.after = {instance: "running"}, kill
        with pytest.raises(Killed):
            quiet_fleet.drive({WEB: Phase.FAILED_OVER})
        sources.stops, sources.after = {}, lambda *_: None

        assert satisfied(quiet_fleet.drive({WEB: Phase.FAILED_OVER})) == [WEB]

        assert runner.of(WEB) == ["beforeFailover 1"] * 2
        assert len({told.attempt for told in runner.told}) == 2


class Slow(Runner):
    """Hooks that end when they are let go."""

    def __init__(self, fleet: Fleet, ends: int) -> None:
        super().__init__(fleet)
        self.left = ends

    async def command(self, command: Sequence[str], told: Told, within: timedelta) -> str:
        wrong = self._run(" ".join(command), told)
        for _ in range(self.left):
            await asyncio.sleep(0)
        return wrong


def test_a_hook_that_is_running_when_its_run_ends_is_run_again(quiet_fleet: Fleet) -> None:
    quiet_fleet.hooks = {WEB: {"beforeFailover": [{"command": ["drain"]}]}}
    quiet_fleet.drive({WEB: Phase.PROTECTED})
    quiet_fleet.runner = slow = Slow(quiet_fleet, 10**6)
    outcomes = quiet_fleet.drive({WEB: Phase.FAILED_OVER}, wait=timedelta(seconds=1))
    assert outcomes[WEB].reason is Reason.HOOK_RUNNING
    assert FAILOVER not in quiet_fleet.accepted(WEB)
    slow.left = 0
    assert satisfied(quiet_fleet.drive({WEB: Phase.FAILED_OVER})) == [WEB]
    assert slow.of(WEB) == ["beforeFailover 1"] * 2
    assert len({told.attempt for told in slow.told}) == 1


def test_no_hook_starts_once_the_engine_is_gone(quiet_fleet: Fleet, runner: Runner) -> None:
    quiet_fleet.drive({WEB: Phase.PROTECTED})
    alive = iter([True])
    quiet_fleet.drive({WEB: Phase.FAILED_OVER}, may_submit=lambda: next(alive, False))
    assert runner.told == []


def test_a_preview_names_the_hooks_without_their_arguments(quiet_fleet: Fleet) -> None:
    quiet_fleet.hooks = {
        WEB: {
            "beforeFailover": [{"command": ["./drain.sh", "--token=hunter2"]}],
            "afterFailover": [
                {"ssm": {"linux": ["date"]}},
                {"webhook": {"url": "https://x.example:8443/hunter2", "secretEnv": "S"}},
            ],
            "beforeCompletion": [{"command": ["ask"]}],
        }
    }
    quiet_fleet.drive(Phase.PROTECTED)
    [reviewed] = [
        each
        for each in review(
            quiet_fleet.assignments({WEB: Phase.MIGRATED}),
            quiet_fleet.snapshot(),
            Rules(require_test_failover=False),
        )
        if each.name == WEB
    ]
    rows = wave_review("pilot", "migrated", [reviewed], History("modernized", [])).machines
    failover, completion = rows[0].operations
    assert failover.detail.startswith("first hooks command ./drain.sh")
    assert failover.detail.endswith("then hooks ssm, webhook x.example:8443")
    assert completion.detail == "first hooks command ask"
    assert "hunter2" not in str(rows)
