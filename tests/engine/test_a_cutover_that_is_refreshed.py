"""A refresh drops what a fence took from a source: the attachment of the stack's own group.

The next run attaches the group again, beside the fence. Such a source counts as fenced.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.engine.harness import MACHINES_GROUP, Result, Stack

pytestmark = pytest.mark.engine

MACHINE = "web-01"
ATTACHMENT = "NetworkInterfaceSecurityGroupAttachment"
FENCE, OWN = "the fence", "the group of the stack"
DAYS = timedelta(days=14)


def declare(stack: Stack, phase: str, **wave: Any) -> None:
    stack.declare(pilot=(phase, [MACHINE]))
    stack.waves["pilot"] |= {
        "cutover": {"mode": "lossless"},
        "requireTestFailover": False,
        **wave,
    }


def succeeds(result: Result) -> Result:
    assert result.code == 0, result.text
    return result


def source(stack: Stack) -> Any:
    """The machine's instance: its state, its tags and its groups, in words if the stack has them."""
    instance = stack.fleet[MACHINE]["instanceId"]
    [reservation] = stack.clouds.ec2().describe_instances(InstanceIds=[instance])["Reservations"]
    [found] = reservation["Instances"]
    names = [g["GroupName"] for each in found["NetworkInterfaces"] for g in each["Groups"]]
    tags = {tag["Key"]: tag["Value"] for tag in found.get("Tags", ())}
    return {"state": found["State"]["Name"], "groups": set(map(_in_words, names)), "tags": tags}


def _in_words(name: str) -> str:
    if "-fence-" in name:
        return FENCE
    return OWN if name.endswith("-windows") else name


def is_attached(stack: Stack) -> bool:
    """Whether the record has the attachment of the machine's group."""
    return any(ATTACHMENT in resource["type"] for resource in stack.resources())


def fenced_and_killed(stack: Stack) -> None:
    """Kill a run right after it has proven the fence and asked the source to stop."""
    with stack.clouds.aws_silent_after("StopInstances") as until_stopped:
        up = stack.start("up", "--yes", "--skip-preview", real=True)
        until_stopped()
        up.kill()
    stack.succeeds("cancel", "--yes")
    assert source(stack)["groups"] == {FENCE}
    assert stack.clouds.virtual_machines(MACHINES_GROUP) == {}


def test_a_run_is_killed_behind_the_fence_and_a_refresh_drops_the_attachment(stack: Stack) -> None:
    declare(stack, "protected")
    succeeds(stack.up())
    assert OWN in source(stack)["groups"]
    declare(stack, "failed-over")
    fenced_and_killed(stack)

    succeeds(stack.refresh())

    assert not is_attached(stack)


def test_the_next_run_attaches_it_again_and_goes_on_behind_the_fence_alone(stack: Stack) -> None:
    preview = succeeds(stack.preview())
    up = succeeds(stack.up())

    assert f"{ATTACHMENT} {MACHINE} create" in " ".join(preview.text.split())
    assert stack.clouds.operations(MACHINE).count("UnplannedFailover") == 1
    assert "somebody else" not in up.text
    after = source(stack)
    assert (after["state"], after["groups"]) == ("stopped", {FENCE})


def test_a_refresh_attaches_it_once_to_a_source_that_is_stopped_and_then_nothing_differs(
    stack: Stack,
) -> None:
    succeeds(stack.up("--refresh"))
    succeeds(stack.up("--refresh", "--expect-no-changes"))

    after = source(stack)
    assert (after["state"], after["groups"]) == ("stopped", {FENCE, OWN})


def test_its_failover_is_taken_back(stack: Stack) -> None:
    declare(stack, "protected", rollback={"reason": "a test", "keepAzureVm": False})

    succeeds(stack.up("--refresh"))

    after = source(stack)
    assert after["state"] == "running"
    assert OWN in after["groups"]
    assert FENCE not in after["groups"]
    succeeds(stack.up("--refresh", "--expect-no-changes"))


def test_a_run_that_gives_it_back_after_a_refresh_leaves_its_groups_as_they_were(
    stack: Stack,
) -> None:
    before = source(stack)["groups"]
    declare(stack, "failed-over")
    fenced_and_killed(stack)
    declare(stack, "protected")

    preview = succeeds(stack.preview())
    succeeds(stack.up("--refresh"))

    assert "give source back" in preview.text

    after = source(stack)
    assert (after["state"], after["groups"]) == ("running", before)
    succeeds(stack.up("--refresh", "--expect-no-changes"))


def test_it_is_terminated_when_due_though_it_has_the_group_beside_its_fence(stack: Stack) -> None:
    terminate = {"source": {"terminateAfter": "14d"}}
    declare(stack, "migrated", **terminate)
    succeeds(stack.up())
    succeeds(stack.up("--refresh"))
    assert source(stack)["groups"] == {FENCE, OWN}
    stack.clouds.advance((DAYS * 2).total_seconds())

    up = succeeds(stack.up())

    assert f"{MACHINE}: instance {stack.fleet[MACHINE]['instanceId']} is terminated" in up.line(
        "pilot"
    )
