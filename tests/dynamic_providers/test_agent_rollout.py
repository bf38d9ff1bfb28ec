"""What the agent rollout records, and when it differs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from dynamic_providers import engine
from dynamic_providers.agent_rollout import AgentRolloutProvider
from tests.site_recovery.aws.state_manager import REGION, Refusal, StateManager, report

INPUTS: dict[str, Any] = {
    "region": REGION,
    "associations": {"windows": "windows", "linux": "linux"},
    "machines": {
        "web-01": {"instance_id": "i-web", "platform": "windows"},
        "db-01": {"instance_id": "i-db", "platform": "linux"},
    },
    "timeout_seconds": 0.0,
    "poll_seconds": 1.0,
    "urn": "urn:pulumi:dev::p::t::pilot-agents",
}
SERVED = {
    **INPUTS,
    "failed": {},
    "status": {"web-01": "installed", "db-01": "installed"},
    "bios_ids": {"web-01": "EC2-WEB", "db-01": "EC2-DB"},
}


@pytest.fixture
def aws() -> StateManager:
    """Both machines are managed and have the agent."""
    manager = StateManager(managed={"i-web": "Online", "i-db": "Online"})
    manager.ran("windows", i_web="Success")
    manager.ran("linux", i_db="Success")
    manager.outputs = {
        (0, "i-web"): report("done", "registered", "EC2-WEB"),
        (1, "i-db"): report("done", "registered", "EC2-DB"),
    }
    return manager


@pytest.fixture
def provider(aws: StateManager, monkeypatch: pytest.MonkeyPatch) -> AgentRolloutProvider:
    monkeypatch.setattr(
        AgentRolloutProvider,
        "associations",
        lambda _self, region: aws.associations(),
    )
    return AgentRolloutProvider()


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []

    def log(_urn: str, text: str, *, ephemeral: bool = False, warning: bool = False) -> None:
        del ephemeral
        lines.append(f"warning: {text}" if warning else text)

    monkeypatch.setattr(engine, "current", lambda: SimpleNamespace(log=log, alive=lambda: True))
    return lines


def test_machines_that_have_the_agent_are_recorded_as_such(
    provider: AgentRolloutProvider, told: list[str]
) -> None:
    created = provider.create(INPUTS)
    assert created.id == "pilot-agents"
    assert created.outs == SERVED
    assert told == ["2/2 agents installed"]


def test_a_bios_id_stays_known_when_the_output_is_gone(
    provider: AgentRolloutProvider, aws: StateManager
) -> None:
    aws.outputs = {}
    outs = provider.update("pilot-agents", SERVED, INPUTS).outs
    assert outs is not None
    assert outs["bios_ids"] == SERVED["bios_ids"]


def test_a_bios_id_is_of_one_instance_only(
    provider: AgentRolloutProvider, aws: StateManager
) -> None:
    aws.outputs = {}
    other = {**SERVED["machines"]["web-01"], "instance_id": "i-before"}
    before = {**SERVED, "machines": {**SERVED["machines"], "web-01": other}}
    outs = provider.update("pilot-agents", before, INPUTS).outs
    assert outs is not None
    assert outs["bios_ids"] == {"db-01": "EC2-DB"}


def test_a_machine_without_agent_fails_nothing_but_its_own_place(
    provider: AgentRolloutProvider, aws: StateManager, told: list[str]
) -> None:
    aws.ran("windows", i_web="Failed").details["i-web"] = report("no passphrase yet")
    del aws.managed["i-db"]
    aws.executions[1].targets.clear()
    outs = provider.create(INPUTS).outs
    assert outs is not None
    assert outs["failed"]["web-01"] == "mobility agent failed: no passphrase yet"
    assert outs["failed"]["db-01"].startswith("mobility agent not managed: ")
    assert outs["status"]["web-01"] == "failed: no passphrase yet"
    assert "warning: web-01: mobility agent failed: no passphrase yet" in told


def test_a_machine_still_pending_when_the_wait_ends_is_recorded(
    provider: AgentRolloutProvider, aws: StateManager
) -> None:
    aws.executions[0].targets["i-web"] = "InProgress"
    outs = provider.create(INPUTS).outs
    assert outs is not None
    assert outs["failed"] == {"web-01": "mobility agent pending: i-web is installing"}


def test_creating_runs_nothing_again_and_updating_does(
    provider: AgentRolloutProvider, aws: StateManager
) -> None:
    aws.executions[0].targets["i-web"] = "Failed"
    created = provider.create(INPUTS).outs
    assert "StartAssociationsOnce" not in aws.calls
    assert created is not None
    aws.outputs[2, "i-web"] = report("done", "registered", "EC2-WEB")
    aws.on_start = lambda: aws.ran("windows", i_web="Success")
    updated = provider.update("pilot-agents", created, INPUTS).outs
    assert updated == SERVED


def test_machines_that_have_the_agent_are_no_difference(provider: AgentRolloutProvider) -> None:
    assert provider.diff("id", SERVED, INPUTS).changes is False


@pytest.mark.parametrize(
    "change",
    [
        {"associations": {"windows": "windows"}},
        {"region": "eu-central-1"},
        {"machines": {**INPUTS["machines"], "new": INPUTS["machines"]["web-01"]}},
    ],
)
def test_other_inputs_are_a_difference(
    provider: AgentRolloutProvider, change: dict[str, Any]
) -> None:
    assert provider.diff("id", SERVED, {**INPUTS, **change}).changes is True


def test_a_machine_that_left_is_no_difference(provider: AgentRolloutProvider) -> None:
    left = {"machines": {"web-01": INPUTS["machines"]["web-01"]}}
    assert provider.diff("id", SERVED, {**INPUTS, **left}).changes is False


def test_another_time_to_wait_is_no_difference(provider: AgentRolloutProvider) -> None:
    assert provider.diff("id", SERVED, {**INPUTS, "timeout_seconds": 60.0}).changes is False


@pytest.mark.parametrize("recorded", [{"failed": {"web-01": "why"}}, {"status": {}}])
def test_a_machine_that_was_not_served_is_a_difference(
    provider: AgentRolloutProvider, recorded: dict[str, Any]
) -> None:
    assert provider.diff("id", {**SERVED, **recorded}, INPUTS).changes is True


def test_a_machine_that_failed_since_is_a_difference(
    provider: AgentRolloutProvider, aws: StateManager
) -> None:
    aws.ran("windows", i_web="Failed")
    assert provider.diff("id", SERVED, INPUTS).changes is True


def test_a_machine_that_moved_to_azure_is_no_difference(
    provider: AgentRolloutProvider, aws: StateManager
) -> None:
    del aws.managed["i-web"]
    aws.executions[0].targets.clear()
    assert provider.diff("id", SERVED, INPUTS).changes is False


@pytest.mark.parametrize("recorded_by", ["a new stack", "a refresh"])
def test_a_machine_that_is_recorded_as_not_managed_is_a_difference_once_it_is_managed(
    provider: AgentRolloutProvider, aws: StateManager, recorded_by: str
) -> None:
    """Such as one that its cutover stopped, which is migrated by now."""
    del aws.managed["i-web"]
    aws.executions[0].targets.clear()
    new = recorded_by == "a new stack"
    outs = (provider.create(INPUTS) if new else provider.read("pilot-agents", SERVED)).outs
    assert outs is not None
    assert outs["status"]["web-01"].startswith("not managed")
    assert provider.diff("id", outs, INPUTS).changes is False
    aws.managed["i-web"] = "Online"
    assert provider.diff("id", outs, INPUTS).changes is True


def test_a_preview_reads_nothing_while_an_association_is_unknown(
    provider: AgentRolloutProvider, aws: StateManager
) -> None:
    news = {**INPUTS, "associations": "04da6b54-80e4-46f7-96ec-b56ff0331ba9"}
    assert provider.diff("id", SERVED, news).changes is True
    assert aws.calls == []


def test_reading_records_where_the_machines_are_now(
    provider: AgentRolloutProvider, aws: StateManager
) -> None:
    aws.ran("linux", i_db="Failed")
    read = provider.read("pilot-agents", SERVED)
    assert read.id == "pilot-agents"
    assert read.outs is not None
    assert set(read.outs["failed"]) == {"db-01"}


def test_where_an_association_is_gone_the_rollout_is_gone_too(
    provider: AgentRolloutProvider, aws: StateManager
) -> None:
    del aws.versions["linux"]
    assert provider.read("pilot-agents", SERVED).id == ""
    assert provider.diff("id", SERVED, INPUTS).changes is True


def test_aws_refusing_is_one_line_with_the_permissions(
    provider: AgentRolloutProvider, aws: StateManager
) -> None:
    aws.refusals["DescribeAssociation"] = Refusal("AccessDeniedException")
    with pytest.raises(Exception, match="ssm:DescribeAssociation,") as refused:
        provider.create(INPUTS)
    assert "\n" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_deleting_says_that_the_agents_stay(
    provider: AgentRolloutProvider, aws: StateManager, told: list[str]
) -> None:
    provider.delete("pilot-agents", SERVED)
    assert "stays on db-01, web-01" in told[-1]
    assert aws.calls == []
