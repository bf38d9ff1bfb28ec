"""An error of the program fails the machine that meets it: no source stays fenced, the others go on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from site_recovery.azure.service import VaultService
from site_recovery.convergence import run
from site_recovery.convergence.interfaces import PlanOrder
from site_recovery.convergence.machine_run import MachineRun
from site_recovery.convergence.outcome import Outcome, Status
from site_recovery.convergence.plan_run import PlanRun
from site_recovery.convergence.security_groups import SecurityGroups
from site_recovery.declared.cutover import Cutover, Mode
from site_recovery.observation import Stage, observe
from site_recovery.phases import Phase
from site_recovery.reasons import Reason
from site_recovery.recovery_plan import Group, Plan
from tests.convergence.fleet import PORTALS_WAY, Fleet
from tests.convergence.test_a_cutover_loses_nothing import (
    FAILOVER,
    FENCE,
    LOSSLESS,
    instance,
    is_out_of_the_way,
    protected,
    serves_as_before,
    sources,
)

__all__ = ["protected"]


def raises(fleet: Fleet, machine: str, *verbs: str) -> None:
    """Let the program meet an error of its own whenever it does this to a source."""
    own = instance(fleet, machine)

    def before(verb: str, which: str) -> None:
        if which == own and verb in verbs:
            raise ZeroDivisionError("division by zero")

    sources(fleet).before = before


def failed_alone(outcomes: dict[str, Outcome], machine: str) -> Outcome:
    failed = outcomes[machine]
    assert (failed.status, failed.reason) == (Status.FAILED, Reason.UNEXPECTED), failed
    others = {o.status for name, o in outcomes.items() if name != machine}
    assert others == {Status.SATISFIED}, [(n, o.message) for n, o in outcomes.items()]
    return failed


def test_its_source_is_given_back_and_the_others_go_on(protected: Fleet) -> None:
    raises(protected, "db-01", "stop")
    failed = failed_alone(protected.drive(Phase.FAILED_OVER), "db-01")
    assert "ZeroDivisionError: division by zero; test_an_error_of_the_program.py" in failed.message
    assert "Its source serves as before, and nothing was failed over" in failed.message
    assert serves_as_before(protected, "db-01")
    assert FAILOVER not in protected.accepted("db-01")


def test_a_source_that_was_asked_to_stop_before_it_is_started_again(protected: Fleet) -> None:
    """The round in which it stops has seen it run, and no application has to be waited for."""
    protected.cutovers["db-01"] = Cutover(mode=Mode.LOSSLESS)
    own = instance(protected, "db-01")

    def after(verb: str, which: str) -> None:
        if (verb, which) == ("stop", own):
            raise ZeroDivisionError("division by zero")

    sources(protected).after = after
    failed = failed_alone(protected.drive(Phase.FAILED_OVER), "db-01")
    assert "Its source serves as before, and nothing was failed over" in failed.message
    protected.site.pass_time(minutes=5)
    assert serves_as_before(protected, "db-01")


def test_the_next_run_fails_it_over(protected: Fleet) -> None:
    raises(protected, "db-01", "stop")
    protected.drive(Phase.FAILED_OVER)
    sources(protected).before = lambda *_: None
    outcomes = protected.drive(Phase.FAILED_OVER)
    assert {o.status for o in outcomes.values()} == {Status.SATISFIED}, outcomes


def test_a_machine_without_a_cutover_fails_with_the_way_out(
    protected: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the cutover of another machine is under way."""
    takes = SecurityGroups.takes

    async def taking(groups: SecurityGroups, machine: MachineRun, *more: Any) -> bool:
        if machine.name == "web-01" and is_fenced(protected, "db-01"):
            raise ValueError("min() arg is an empty sequence")
        return await takes(groups, machine, *more)

    monkeypatch.setattr(SecurityGroups, "takes", taking)
    now = protected.site.world.clock.now()
    protected.cutovers["web-01"] = Cutover(mode=Mode.LATEST, at=now + timedelta(minutes=2))
    failed = failed_alone(protected.drive(Phase.FAILED_OVER), "web-01")
    assert "ValueError: min() arg is an empty sequence" in failed.message
    assert failed.message.endswith("Run pulumi up again, and report the error if it comes again")
    assert is_out_of_the_way(protected, "db-01")


def test_a_source_is_held_if_its_config_says_so(protected: Fleet) -> None:
    protected.cutovers["db-01"] = LOSSLESS.model_copy(update={"on_failure": "hold"})
    raises(protected, "db-01", "stop")
    failed = failed_alone(protected.drive(Phase.FAILED_OVER), "db-01")
    assert "Its source is held as it is, because cutover.onFailure is hold" in failed.message
    assert sources(protected).source(instance(protected, "db-01")).interfaces[0].groups == (FENCE,)


def test_a_source_that_cannot_be_given_back_is_named(protected: Fleet) -> None:
    own = instance(protected, "db-01")

    def before(verb: str, which: str) -> None:
        source = sources(protected).source(own)
        stopping = verb == "stop" or source.memory.restoring
        if which == own and stopping:
            raise ZeroDivisionError

    sources(protected).before = before
    failed = failed_alone(protected.drive(Phase.FAILED_OVER), "db-01")
    assert f"Its source, instance {own}, is not given back yet" in failed.message


def test_a_source_stays_fenced_once_its_failover_was_accepted(protected: Fleet) -> None:
    """Its tag of what it became cannot be set."""
    own = instance(protected, "db-01")

    def before(verb: str, which: str) -> None:
        if which == own and verb == "tag" and FAILOVER in protected.accepted("db-01"):
            raise ZeroDivisionError

    sources(protected).before = before
    failed_alone(protected.drive(Phase.FAILED_OVER), "db-01")
    assert is_out_of_the_way(protected, "db-01")


def test_a_machine_that_cannot_be_observed_fails_alone(
    protected: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def observing(machine: Any, *more: Any) -> Any:
        if machine.name == "db-01":
            raise KeyError("properties")
        return observe(machine, *more)

    monkeypatch.setattr(run, "observe", observing)
    failed = failed_alone(protected.drive(Phase.FAILED_OVER), "db-01")
    assert failed.observed.stage is Stage.UNREADABLE
    assert serves_as_before(protected, "db-01")


class TestOutsideOfAMachinesStep:
    def test_every_open_cutover_is_given_back_and_every_outcome_kept(
        self, protected: Fleet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        observing_fails_once(protected, monkeypatch, lambda: is_fenced(protected, "db-01"))
        outcomes = protected.drive(Phase.FAILED_OVER)
        for name, outcome in outcomes.items():
            assert (outcome.status, outcome.reason) == (Status.FAILED, Reason.UNEXPECTED)
            assert "this run ended with an error" in outcome.message
            assert "TypeError: no such list" in outcome.message
            assert serves_as_before(protected, name)
            assert FAILOVER not in protected.accepted(name)

    def test_machines_that_are_done_stay_done(
        self, protected: Fleet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        protected.cutovers["web-01"] = PORTALS_WAY
        clock = protected.site.world.clock
        at = clock.now() + timedelta(hours=3)
        observing_fails_once(
            protected, monkeypatch, lambda: clock.now() > at - timedelta(minutes=30)
        )
        protected.cutovers["db-01"] = LOSSLESS.model_copy(update={"at": at})
        outcomes = protected.drive(Phase.FAILED_OVER)
        assert outcomes["web-01"].status is Status.SATISFIED
        assert outcomes["db-01"].reason is Reason.UNEXPECTED

    def test_an_error_that_concerns_no_open_machine_shows_all_the_same(
        self, protected: Fleet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def keep(*_: Any) -> None:
            raise TypeError("no such plan")

        monkeypatch.setattr(PlanRun, "keep", keep)
        plan = Plan("dev-all", (Group(("web-01",)), Group(("db-01",))))
        outcomes = protected.drive(Phase.PROTECTED, plan=PlanOrder(plan))
        assert {o.reason for o in outcomes.values()} == {Reason.UNEXPECTED}

    def test_sources_that_cannot_be_given_back_are_named(
        self, protected: Fleet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        observing_fails_once(protected, monkeypatch, lambda: is_fenced(protected, "db-01"))
        raises(protected, "db-01", "untag")
        outcomes = protected.drive(Phase.FAILED_OVER)
        own = instance(protected, "db-01")
        assert {o.status for o in outcomes.values()} == {Status.FAILED}
        assert f"Its source, instance {own}, is not given back yet" in outcomes["db-01"].message
        assert serves_as_before(protected, "web-01")

    def test_before_anything_was_changed_it_ends_the_run(
        self, protected: Fleet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        observing_fails_once(protected, monkeypatch, lambda: True)
        with pytest.raises(TypeError):
            protected.drive(Phase.FAILED_OVER)


def is_fenced(fleet: Fleet, machine: str) -> bool:
    return sources(fleet).source(instance(fleet, machine)).interfaces[0].groups == (FENCE,)


def observing_fails_once(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, when: Callable[[], bool]
) -> None:
    """Let the observation of the vault meet an error of the program at a moment."""
    observe = VaultService.observe
    failed: list[bool] = []

    async def observing(service: VaultService) -> Any:
        if when() and not failed:
            failed.append(True)
            raise TypeError("no such list")
        return await observe(service)

    monkeypatch.setattr(VaultService, "observe", observing)
