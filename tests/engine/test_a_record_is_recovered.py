"""The engine is killed while the clouds make plain resources, and `make recover` completes the record."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.engine.clouds import SCALE
from tests.engine.harness import GROUP, MACHINES_GROUP, Stack

pytestmark = pytest.mark.engine

MACHINES = ["web-01"]
PLAIN_IN_AZURE = {"cache", "production", "test", "vault", "policy"}


def unfinished(stack: Stack) -> set[str]:
    """Names of the resources whose creation was begun and not recorded."""
    noted = json.loads(stack.exported())["deployment"].get("pending_operations") or ()
    return {name_of(operation["resource"]) for operation in noted}


def name_of(resource: dict[str, Any]) -> str:
    name: str = resource["urn"].rpartition("::")[2]
    return name


def only_the_server_is_missing(stack: Stack) -> bool:
    """Whether all that the clouds made is recorded, except the server's instance."""
    recorded = {name_of(resource) for resource in stack.resources()}
    return recorded >= PLAIN_IN_AZURE and unfinished(stack) == {"server"}


def test_what_azure_made_while_the_engine_died_is_recorded(stack: Stack) -> None:
    stack.declare(pilot=("protected", MACHINES))
    # Azure accepts the security groups of both networks, storage and the vault, and finishes none.
    stack.clouds.set_scale(0)
    up = stack.start("up", "--yes", "--skip-preview", real=True)
    for operation in ("NetworkSecurityGroups_CreateOrUpdate", "StorageAccounts_Create"):
        stack.clouds.until_accepted(operation)
    stack.clouds.until_accepted("Vaults_CreateOrUpdate")
    up.kill()
    stack.succeeds("cancel", "--yes")
    assert {"cache", "production", "test", "vault"} <= unfinished(stack)

    early = stack.recover()
    stack.clouds.set_scale(SCALE)
    stack.clouds.advance(3600)
    recovered = stack.recover()

    assert early.code != 0
    assert "it is still being made" in early.text
    assert recovered.code == 0, recovered.text
    assert unfinished(stack) == set()


def test_a_server_that_ec2_started_unrecorded_is_named_before_a_second_one_is(
    stack: Stack,
) -> None:
    with stack.clouds.aws_silent_after("RunInstances") as until_started:
        up = stack.start("up", "--yes", "--skip-preview", real=True)
        until_started()
        # What else Azure is being asked for would fail the second update first.
        stack.clouds.until(lambda: only_the_server_is_missing(stack))
        up.kill()
    stack.succeeds("cancel", "--yes")
    (server,) = stack.clouds.servers()

    preview, up_again = stack.preview(), stack.up()

    for result in (preview, up_again):
        assert result.code != 0
        assert f"{server} in EC2 carries the tags of this server" in result.error
        assert "make recover" in result.error
    assert set(stack.clouds.servers()) == {server}


def test_notes_that_somebody_cleared_are_not_needed(stack: Stack) -> None:
    root = next(r["urn"] for r in stack.resources() if r["type"] == "pulumi:pulumi:Stack")
    stack.run("refresh", "--yes", "--skip-preview", "--clear-pending-creates", "--target", root)
    assert unfinished(stack) == set()

    recovered = stack.recover()

    assert recovered.code == 0, recovered.text
    (server,) = stack.clouds.servers()
    assert any(resource.get("id") == server for resource in stack.resources())


def test_a_server_that_was_to_replace_the_recorded_one_is_named(stack: Stack) -> None:
    [urn] = [r["urn"] for r in stack.resources() if r["type"] == "aws:ec2/instance:Instance"]
    recorded = set(stack.clouds.servers())
    # The second one would install itself, and give the agents its own file.
    stack.clouds.set_scale(0)
    with stack.clouds.aws_silent_after("RunInstances") as until_started:
        up = stack.start("up", "--yes", "--skip-preview", "--replace", urn, real=True)
        until_started()
        up.kill()
    stack.succeeds("cancel", "--yes")
    [second] = set(stack.clouds.servers()) - recorded

    refused = stack.recover()
    stack.clouds.ec2().terminate_instances(InstanceIds=[second])
    stack.clouds.set_scale(SCALE)
    recovered = stack.recover()

    assert refused.code != 0
    assert f"{second} exists beside {''.join(recorded)}, which the record has" in refused.text
    assert recovered.code == 0, recovered.text
    assert set(stack.clouds.servers()) == recorded


def test_then_up_goes_on_and_nothing_was_made_twice(stack: Stack) -> None:
    up = stack.up()

    assert up.code == 0, up.text
    assert "pending operations" not in up.text
    assert len(stack.clouds.servers()) == 1
    assert len(stack.clouds.vaults(GROUP)) == 1
    assert len(stack.clouds.networks(MACHINES_GROUP)) == 1
    assert len(stack.clouds.fabrics(GROUP)) == 1
    again = stack.up("--expect-no-changes")
    assert again.code == 0, again.text


def test_destroy_removes_what_was_recovered(stack: Stack) -> None:
    destroy = stack.destroy()

    assert destroy.code == 0, destroy.text
    assert stack.clouds.servers() == {}
    assert stack.clouds.vaults(GROUP) == set()
    assert stack.resources() == []


def test_what_somebody_else_made_under_a_name_is_left_alone(stack: Stack) -> None:
    tags = {"site-recovery:stack": "another/stack/prod"}
    stack.clouds.put(
        f"resourceGroups/{GROUP}", {"location": "westeurope", "tags": tags}, "2024-03-01"
    )
    up = stack.up()
    assert "cannot create already existing resource" in up.error

    recovered = stack.recover()

    assert recovered.code != 0
    assert "this stack did not make it" in recovered.text, recovered.text
    assert "another/stack/prod" in recovered.text
