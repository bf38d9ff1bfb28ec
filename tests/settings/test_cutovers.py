"""How machines fail over: what the config may say, and what AWS must allow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from settings import load
from site_recovery.declared.cutover import Decision, Mode
from tests.settings import configs
from tests.settings.test_preflight import ec2, examine, ssm

QUIESCE = {"ssm": {"linux": ["systemctl stop nginx"]}}


def test_a_machine_has_its_own_keys_and_those_of_its_wave() -> None:
    config = configs.changed("waves", "data", "cutover", value={"mode": "lossless"})
    configs.put(config, "machines", "db-01", "cutover", value={"onFailure": "hold"})
    stack = load(config)
    assert stack.cutover_of("db-01").mode is Mode.LOSSLESS
    assert stack.cutover_of("db-01").on_failure == "hold"
    assert stack.cutover_of("web-02").on_failure == "restore"
    assert stack.fences


def test_quiesce_without_lossless_is_refused_where_it_is_set() -> None:
    config = configs.changed("waves", "data", "cutover", value={"quiesce": QUIESCE})
    configs.put(config, "waves", "data", "cutover", "mode", value="stop-first")
    assert list(configs.report(config)) == ["waves.data.cutover.quiesce"]


def test_a_moment_names_its_offset_and_comes_back_as_it_was() -> None:
    text = "2026-12-05T22:00:00+01:00"
    stack = load(configs.changed("waves", "data", "cutover", value={"at": text}))
    cutover = stack.cutover_of("db-01")
    assert cutover.at == datetime(2026, 12, 5, 21, tzinfo=UTC)
    assert cutover.model_dump(mode="json", exclude_defaults=True) == {"at": text}


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("2026-12-05T22:00:00", "does not say its offset from UTC"),
        ("2026-12-05", "does not say its offset from UTC"),
        # What the engine makes of a moment without quotes.
        ("2026-12-05 22:00:00 +0100 +0100", "is not a date with a time"),
        ("tonight", "is not a date with a time"),
        ("2026-02-30T22:00:00Z", "is not a date with a time"),
        ("", "is not a date with a time"),
        (2200, "2200"),
        (True, "rue"),
    ],
)
def test_what_is_no_moment_is_refused_with_the_way_to_write_it(value: object, what: str) -> None:
    config = configs.changed("waves", "data", "cutover", value={"at": value})
    [(place, text)] = configs.report(config).items()
    assert place == "waves.data.cutover.at"
    assert what in text
    assert '"2026-12-05T22:00:00+01:00"' in text


def test_a_plan_with_actions_cannot_have_machines_that_are_fenced() -> None:
    groups = [{"machines": ["web-02", "db-01"], "post": [{"manual": "Look at it"}]}]
    config = configs.changed("waves", "data", "recoveryPlan", value={"groups": groups})
    configs.put(config, "waves", "data", "cutover", value={"mode": "lossless"})
    [(place, text)] = configs.report(config).items()
    assert place == "waves.data.recoveryPlan"
    assert "db-01, web-02" in text


@pytest.mark.parametrize("installation", ["push", "manual", "ssm"])
def test_systems_manager_has_to_manage_what_is_to_prove_its_fence(installation: str) -> None:
    config = configs.modernized()
    configs.put(config, "replication", "agent", "installation", value=installation)
    configs.put(config, "machines", "web-02", "cutover", value={"mode": "lossless"})
    preflight = examine(config, ec2(), managed_instances=ssm("i-00000000000000002"))
    assert list(preflight.unmanaged) == ["web-02"]
    assert preflight.problems == ()


def test_a_source_that_its_cutover_stopped_is_no_problem_in_any_phase() -> None:
    stopped = {"state": "stopped", "cut_over": True}
    preflight = examine(configs.valid(), ec2(web_01=stopped))
    assert preflight.problems == ()
    assert "cutover" in preflight.gone["web-01"]


def test_a_rollback_goes_with_the_phase_protected_only() -> None:
    config = configs.changed("machines", "web-01", "rollback", value={"reason": "it is slow"})
    assert list(configs.report(config)) == ["machines.web-01.rollback"]
    configs.put(config, "waves", "pilot", "phase", value="protected")
    assert load(config).rollback_of("web-01") is not None


def test_the_rule_of_a_machine_for_when_nobody_decides_wins() -> None:
    config = configs.changed("waves", "pilot", "afterFailover", value={"after": "1h", "do": "wait"})
    configs.put(
        config, "machines", "web-01", "afterFailover", value={"after": "2h", "do": "rollback"}
    )
    loaded = load(config)
    own = loaded.after_failover_of("web-01")
    assert own is not None
    assert (own.do, own.after) == (Decision.ROLLBACK, timedelta(hours=2))


@pytest.mark.parametrize(
    ("after", "said"),
    [
        ({"do": "complete"}, "after"),
        ({"after": "1m", "do": "complete"}, "after"),
        ({"after": "1h", "do": "guess"}, "do"),
    ],
)
def test_a_decision_has_a_time_and_is_one_of_three(after: dict[str, str], said: str) -> None:
    config = configs.changed("waves", "pilot", "afterFailover", value=after)
    assert list(configs.report(config)) == [f"waves.pilot.afterFailover.{said}"]


@pytest.mark.parametrize(
    ("place", "who"),
    [(("waves", "pilot"), "waves.pilot"), (("machines", "web-01"), "machines.web-01")],
)
def test_what_completes_by_itself_needs_an_approval_of_that(
    place: tuple[str, str], who: str
) -> None:
    config = configs.changed(*place, "afterFailover", value={"after": "1h", "do": "complete"})
    approval = {"by": "ops", "ticket": "CHG-1", "for": "failed-over"}
    configs.put(config, "waves", "pilot", "approval", value=approval)
    [(path, text)] = configs.report(config).items()
    assert path == f"{who}.afterFailover"
    assert "the approval of wave 'pilot' is for failed-over only" in text
    configs.put(config, "waves", "pilot", "approval", value={**approval, "for": "migrated"})
    assert load(config).after_failover_of("web-01") is not None


@pytest.mark.parametrize("when", ["afterFailover", "beforeCompletion"])
@pytest.mark.parametrize("where", [("waves", "data"), ("machines", "db-01")], ids=str)
def test_no_script_is_to_run_on_a_source_that_its_cutover_has_stopped(
    where: tuple[str, str], when: str
) -> None:
    hooks = {when: [{"command": ["./told.sh"]}, {"ssm": {"linux": ["ls"], "windows": ["dir"]}}]}
    config = configs.changed(*where, "hooks", value=hooks)
    [(place, text)] = configs.report(config).items()
    assert place == f"{'.'.join(where)}.hooks.{when}[1].ssm"
    assert "stopped" in text
    assert "beforeFailover" in text
    configs.put(config, "waves", "data", "cutover", value={"mode": "latest"})
    load(config)
    configs.put(config, "waves", "data", "cutover", value={"mode": "stop-first"})
    configs.put(config, *where, "hooks", value={"beforeFailover": hooks[when]})
    load(config)
