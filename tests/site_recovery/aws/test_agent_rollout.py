from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from site_recovery.aws.agent_rollout import Progress, Rollout, State, look, summary, wait
from site_recovery.aws.associations import AssociationGoneError, Associations
from site_recovery.errors import MigrationError
from tests.site_recovery.aws.state_manager import REGION, Refusal, StateManager, report, statuses

WEB, DB = "i-web", "i-db"
ROLLOUT = Rollout(("windows", "linux"), {"web-01": WEB, "db-01": DB})


def manager(**managed: str) -> StateManager:
    known = managed or {"i_web": "Online", "i_db": "Online"}
    return StateManager(
        versions={"windows": "1", "linux": "1"},
        managed={name.replace("_", "-"): status for name, status in known.items()},
    )


def states(aws: StateManager, rollout: Rollout = ROLLOUT) -> dict[str, State]:
    progress, _ = look(rollout, aws.associations())
    return {machine: its.state for machine, its in progress.items()}


class Time:
    """A clock that advances by sleeping, with an event for each sleep."""

    def __init__(self, *events: Callable[[], object]) -> None:
        self.now = 0.0
        self.naps: list[float] = []
        self._events = list(events)

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.naps.append(seconds)
        if self._events:
            self._events.pop(0)()

    def monotonic(self) -> float:
        return self.now


def waited(
    aws: StateManager, time: Time, *, again: bool = False, alive: Callable[[], bool] = lambda: True
) -> tuple[dict[str, Progress], list[str]]:
    told: list[str] = []
    progress = wait(
        ROLLOUT,
        aws.associations(),
        timedelta(minutes=10),
        timedelta(seconds=40),
        told.append,
        again=again,
        going=alive,
        sleep=time.sleep,
        monotonic=time.monotonic,
    )
    return progress, told


def test_a_machine_whose_newest_run_succeeded_has_the_agent() -> None:
    aws = manager()
    aws.ran("windows", i_web="Failed")
    aws.ran("windows", i_web="Success")
    aws.ran("linux", i_db="Success")
    assert states(aws) == {"web-01": State.INSTALLED, "db-01": State.INSTALLED}


@pytest.mark.parametrize("under_way", ["Pending", "InProgress"])
def test_a_run_in_progress_does_not_contradict_an_earlier_success(under_way: str) -> None:
    aws = manager()
    aws.ran("windows", i_web="Success")
    aws.ran("windows", i_web=under_way)
    assert states(aws)["web-01"] is State.INSTALLED


def test_a_machine_that_was_down_in_the_newest_run_is_told_by_the_one_before() -> None:
    aws = manager(i_web="Online")
    aws.ran("windows", i_web="Success")
    aws.ran("windows")
    assert states(aws) == {"web-01": State.INSTALLED, "db-01": State.NOT_MANAGED}


def test_runs_of_an_earlier_version_of_the_association_are_ignored() -> None:
    aws = manager()
    aws.ran("windows", version="1", i_web="Success")
    aws.versions["windows"] = "2"
    assert states(aws)["web-01"] is State.PENDING


def test_a_machine_that_is_not_managed_is_named_with_what_to_do() -> None:
    progress, _ = look(ROLLOUT, manager(i_db="Online").associations())
    assert progress["web-01"].state is State.NOT_MANAGED
    assert WEB in progress["web-01"].reason
    assert "AmazonSSMManagedInstanceCore" in progress["web-01"].reason


@pytest.mark.parametrize("runs", [{}, {"i_web": "Pending"}])
def test_a_machine_whose_agent_does_not_answer_is_not_waited_for(runs: dict[str, str]) -> None:
    aws = manager(i_web="ConnectionLost")
    aws.ran("windows", **runs)
    progress, _ = look(ROLLOUT, aws.associations())
    assert progress["web-01"].state is State.NOT_MANAGED
    assert "ConnectionLost" in progress["web-01"].reason


def test_a_machine_that_restarts_while_it_installs_is_waited_for() -> None:
    aws = manager(i_web="ConnectionLost")
    aws.ran("windows", i_web="InProgress")
    aws.instances[WEB] = "running"
    assert states(aws)["web-01"] is State.PENDING


@pytest.mark.parametrize("state", ["stopping", "stopped", "terminated", None])
def test_a_machine_that_was_stopped_while_it_installs_is_not_waited_for(state: str | None) -> None:
    """Its run stays in progress for as long as Systems Manager waits for it: hours."""
    aws = manager(i_web="ConnectionLost", i_db="Online")
    aws.ran("windows", i_web="InProgress")
    aws.ran("linux", i_db="InProgress")
    aws.instances[DB] = "running"
    if state:
        aws.instances[WEB] = state
    progress, _ = look(ROLLOUT, aws.associations())
    assert progress["web-01"].state is State.NOT_MANAGED
    expected = f"{WEB} is {state or 'terminated'}, and the agent was just being installed"
    assert expected in progress["web-01"].reason
    assert progress["db-01"].state is State.PENDING


def test_ec2_is_asked_only_for_machines_that_are_lost_while_they_install() -> None:
    aws = manager(i_web="Online", i_db="ConnectionLost")
    aws.ran("windows", i_web="InProgress")
    look(ROLLOUT, aws.associations())
    assert "DescribeInstances" not in aws.calls


def test_a_refusal_of_ec2_names_what_the_credentials_must_be_allowed_to() -> None:
    aws = manager(i_web="ConnectionLost")
    aws.ran("windows", i_web="InProgress")
    aws.refusals["DescribeInstances"] = Refusal("UnauthorizedOperation", 403)
    with pytest.raises(MigrationError, match="ec2:DescribeInstances"):
        look(ROLLOUT, aws.associations())


@pytest.mark.parametrize(
    ("status", "detail", "output", "reason"),
    [
        ("Failed", "Failed", report("the AWS CLI is not here."), "the AWS CLI is not here"),
        ("Failed", report("no passphrase yet"), None, "no passphrase yet"),
        ("Failed", "Failed", "Segmentation fault", "ended as Failed"),
        ("Failed", "StepTimedOut", None, "ended as Failed (StepTimedOut)"),
        ("TimedOut", "TimedOut", None, "did not end in time"),
    ],
)
def test_a_failure_says_why(status: str, detail: str, output: str | None, reason: str) -> None:
    aws = manager()
    aws.ran("windows", i_web=status).details[WEB] = detail
    if output is not None:
        aws.outputs[0, WEB] = output
    progress, failed = look(ROLLOUT, aws.associations())
    assert progress["web-01"].state is State.FAILED
    assert progress["web-01"].reason.endswith(reason)
    assert failed == {"web-01": "windows"}


def test_a_wave_of_hundreds_is_read_in_pages() -> None:
    machines = {f"m-{n}": f"i-{n}" for n in range(230)}
    aws = StateManager(versions={"linux": "1"}, managed=dict.fromkeys(machines.values(), "Online"))
    aws.ran("linux", **statuses("Success", machines.values()))
    assert set(states(aws, Rollout(("linux",), machines)).values()) == {State.INSTALLED}
    assert aws.calls.count("DescribeInstanceInformation") == 5
    assert aws.calls.count("DescribeAssociationExecutionTargets") == 5


def test_waiting_ends_when_every_machine_is_served_and_tells_how_it_goes() -> None:
    aws = manager()
    aws.ran("windows", i_web="InProgress")
    time = Time(
        lambda: aws.ran("windows", i_web="Success"), lambda: aws.ran("linux", i_db="Success")
    )
    progress, told = waited(aws, time)
    assert {its.state for its in progress.values()} == {State.INSTALLED}
    assert time.naps == [40, 40]
    assert told == [
        "0/2 agents installed · pending db-01, web-01",
        "1/2 agents installed · pending db-01",
        "2/2 agents installed",
    ]


def test_a_machine_that_failed_or_is_not_managed_is_not_waited_for() -> None:
    aws = manager(i_web="Online")
    aws.ran("windows", i_web="Failed")
    time = Time()
    progress, _ = waited(aws, time)
    assert [its.state for its in progress.values()] == [State.FAILED, State.NOT_MANAGED]
    assert time.naps == []
    assert "StartAssociationsOnce" not in aws.calls


def test_waiting_ends_with_its_time_and_says_who_is_still_pending() -> None:
    time = Time()
    progress, _ = waited(manager(), time)
    assert time.now == 600
    assert {its.state for its in progress.values()} == {State.PENDING}


def test_nothing_is_waited_for_when_the_engine_is_gone() -> None:
    time = Time()
    waited(manager(), time, alive=lambda: False)
    assert time.naps == []


def test_a_failure_is_tried_again_at_once_and_judged_by_the_new_run() -> None:
    aws = manager()
    aws.ran("windows", i_web="Failed")
    aws.ran("linux", i_db="Success")
    aws.on_start = lambda: aws.ran("windows", i_web="InProgress")
    time = Time(lambda: aws.executions[-1].targets.update({WEB: "Success"}))
    progress, told = waited(aws, time, again=True)
    assert progress["web-01"].state is State.INSTALLED
    assert told[0] == "1/2 agents installed · pending web-01"
    assert aws.calls.count("StartAssociationsOnce") == 1


def test_a_machine_that_fails_again_has_the_new_reason() -> None:
    aws = manager(i_web="Online")
    aws.ran("windows", i_web="Failed")
    aws.outputs = {(0, WEB): report("the old one"), (1, WEB): report("the new one")}
    aws.on_start = lambda: aws.ran("windows", i_web="Failed")
    progress, _ = waited(aws, Time(), again=True)
    assert progress["web-01"] == Progress(State.FAILED, "the new one")


@pytest.mark.parametrize(
    "refusal", [Refusal("InvalidAction"), Refusal("UnknownOperationException"), Refusal("x", 501)]
)
def test_where_runs_cannot_be_asked_for_a_failure_stays_one(refusal: Refusal) -> None:
    aws = manager(i_web="Online")
    aws.ran("windows", i_web="Failed")
    aws.refusals["StartAssociationsOnce"] = refusal
    progress, _ = waited(aws, Time(), again=True)
    assert progress["web-01"].state is State.FAILED


def test_nothing_is_run_again_that_succeeded() -> None:
    aws = manager()
    aws.ran("windows", i_web="Success")
    aws.ran("linux", i_db="Success")
    waited(aws, Time(), again=True)
    assert "StartAssociationsOnce" not in aws.calls


def test_an_association_that_is_gone_is_told_apart() -> None:
    aws = manager()
    del aws.versions["linux"]
    with pytest.raises(AssociationGoneError, match="linux in eu-west-1"):
        states(aws)


def test_a_refusal_names_what_the_credentials_must_be_allowed_to() -> None:
    aws = manager()
    aws.refusals["DescribeAssociationExecutions"] = Refusal("AccessDeniedException")
    with pytest.raises(MigrationError, match="ssm:DescribeAssociationExecutionTargets") as refused:
        states(aws)
    assert "\n" not in str(refused.value)


def test_credentials_that_are_missing_are_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pytest.TempPathFactory
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", f"{tmp_path}/none")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", f"{tmp_path}/none")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(MigrationError, match="no usable credentials"):
        Associations(REGION).managed([WEB])


def test_a_summary_names_three_machines_of_many() -> None:
    progress = {f"m-{n}": Progress(State.FAILED, "why") for n in range(5)}
    assert summary(progress) == "0/5 agents installed · failed m-0, m-1, m-2 and 2 more"
