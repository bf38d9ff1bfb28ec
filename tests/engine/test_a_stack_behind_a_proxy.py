"""A server and agents that reach Azure and AWS through a proxy."""

from __future__ import annotations

import pytest

from tests.engine.harness import Stack

pytestmark = pytest.mark.engine

HOST, PORT = "203.0.113.10", 3128


def test_a_preview_says_who_does_not_reach_it(stack: Stack) -> None:
    stack.declare(pilot=("protected", ["web-01"]))
    nobody = {"url": f"http://10.10.2.99:{PORT}"}
    stack.config["ec2-to-azure:source"]["proxy"] = nobody

    told = stack.preview().line("pilot").splitlines()

    assert told[0] == "1 of 1 machines would be blocked as things stand:"
    assert "to the proxy  no network interface of vpc-" in " ".join(told[1].split("  ", 1))
    assert told[1].startswith(("configuration server  ", "replication appliance  "))
    # The agent of the classic experience comes from the server here.
    itself = any(line.startswith("web-01  ") for line in told)
    assert itself is told[1].startswith("replication appliance  ")
    assert any(line.startswith("source.proxy: ") for line in told)


def test_they_register_and_replicate_through_it(stack: Stack) -> None:
    stack.declare(pilot=("protected", ["web-01"]))
    proxy = {"url": f"http://{HOST}:{PORT}", "bypass": ["s3.example.com"]}
    stack.config["ec2-to-azure:source"]["proxy"] = proxy

    up = stack.up()

    assert up.code == 0, up.text
    assert stack.machine("web-01")["observedPhase"] == "protected"
    recorded = {one["urn"].rpartition("::")[2]: one for one in stack.resources()}
    rule = recorded[f"server-to-proxy-{PORT}"]["inputs"]
    assert (rule["cidrIpv4"], rule["fromPort"]) == (f"{HOST}/32", PORT)
    agents = [
        one["inputs"]["parameters"]
        for one in stack.resources()
        if one["type"].endswith(":Association")
    ]
    assert all(given["Proxy"] == proxy["url"] for given in agents)


def test_one_that_was_left_out_again_changes_no_machine(stack: Stack) -> None:
    del stack.config["ec2-to-azure:source"]["proxy"]
    before = stack.clouds.operations("web-01")

    up = stack.up()

    assert up.code == 0, up.text
    assert stack.clouds.operations("web-01") == before
