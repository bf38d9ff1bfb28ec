"""A server that is too small is refused in preview, or reports it itself after its start."""

from __future__ import annotations

import pytest

from tests.engine.harness import Stack

pytestmark = pytest.mark.engine

KEYS = {"classic": "configurationServer", "modernized": "replicationAppliance"}
NAMES = {"classic": "configuration server", "modernized": "replication appliance"}
TOO_SMALL = "c6i.xlarge"
"""It has 4 vCPUs and 8 GiB."""
LARGE_ENOUGH = "c5.2xlarge"


def size(stack: Stack, instance_type: str) -> None:
    """Declare the server's type."""
    key = KEYS[stack.experience]
    stack.config["ec2-to-azure:source"][key]["instanceType"] = instance_type


def test_a_type_below_the_sizing_table_is_refused_at_preview(stack: Stack) -> None:
    stack.declare(pilot=("protected", ["web-01"]))
    size(stack, "c5.xlarge")
    audit, aws = stack.clouds.audit(), stack.clouds.aws()

    preview = stack.preview()

    assert preview.code != 0
    assert "Traceback" not in preview.text
    place = f"source.{KEYS[stack.experience]}.instanceType"
    assert f"{place}: c5.xlarge has 4 vCPUs and 8 GiB" in preview.error
    assert "needs 8 vCPUs and 16 GiB" in preview.error
    assert "Use one such as" in preview.error
    assert "c5.2xlarge" in preview.error
    assert (stack.clouds.audit(), stack.clouds.aws()) == (audit, aws)


def test_one_that_finds_itself_too_small_ends_the_run_with_its_own_words(stack: Stack) -> None:
    size(stack, LARGE_ENOUGH)

    up = stack.up_with_a_server_of(TOO_SMALL)

    assert up.code != 0
    assert "Traceback" not in up.text
    said = "\n".join(up.errors["registration"])
    assert NAMES[stack.experience] in said
    assert "its set-up failed: prerequisites" in said
    assert f"{TOO_SMALL} has 4 vCPUs and 8192 MiB: at least 8 vCPUs" in said
    assert "then run pulumi up again" in said
    assert stack.clouds.operations("web-01") == []


def test_made_larger_it_registers_and_the_run_goes_on(stack: Stack) -> None:
    (server,) = stack.clouds.servers()
    stack.clouds.resize(server, LARGE_ENOUGH)

    up = stack.up()

    assert up.code == 0, up.text
    assert stack.clouds.servers() == {server: LARGE_ENOUGH}, "the same one, not another"
    assert stack.machine("web-01")["observedPhase"] == "protected"
