"""The policy pack judges a preview of the real program."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from policy.pack import RULES
from tests.engine.harness import Result, Stack
from toolchain.layout import checkout

pytestmark = pytest.mark.engine

PACK = checkout().root / "policy"


def judged(stack: Stack, config: Path) -> Result:
    return stack.run("preview", "--policy-pack", str(PACK), "--policy-pack-config", str(config))


def test_the_program_as_it_is_passes(stack: Stack, tmp_path: Path) -> None:
    stack.declare(web=("protected", ["web-01"]))
    for part in ("source", "target"):
        stack.config[f"ec2-to-azure:{part}"]["tags"] = {"CostCenter": "7"}
    config = tmp_path / "policies.json"
    wanted = {
        "allowed-regions": {"azure": ["westeurope"]},
        "required-tags": {"names": ["CostCenter"]},
    }
    config.write_text(json.dumps(wanted))

    result = judged(stack, config)

    assert result.code == 0, result.text


def test_what_a_team_forbids_is_refused_by_name(stack: Stack, tmp_path: Path) -> None:
    stack.declare(web=("migrated", ["web-01"]))
    stack.waves["web"]["requireTestFailover"] = False
    for part in ("source", "target"):
        stack.config[f"ec2-to-azure:{part}"].pop("tags", None)
    config = tmp_path / "policies.json"
    wanted = {
        "allowed-regions": {"azure": ["northeurope"]},
        "required-tags": {"names": ["CostCenter"]},
        "tested-before-failover": {"stacks": ["*"]},
        "approved-before-failover": {"stacks": ["*"]},
    }
    assert set(wanted) <= {rule.name for rule in RULES}
    config.write_text(json.dumps(wanted))

    result = judged(stack, config)

    assert result.code != 0
    for text in (
        "it is in westeurope. Use one of northeurope.",
        "it lacks the tags CostCenter. Add them to source.tags.",
        "it lacks the tags CostCenter. Add them to target.tags.",
        "web: it goes to migrated without a test failover.",
        "web: it goes to migrated without an approval.",
    ):
        assert text in result.text


@pytest.mark.parametrize(("approved", "passes"), [("failed-over", False), ("migrated", True)])
def test_an_approval_is_read_from_the_wave(
    stack: Stack, tmp_path: Path, approved: str, passes: bool
) -> None:
    stack.declare(web=("migrated", ["web-01"]))
    stack.waves["web"] |= {
        "requireTestFailover": False,
        "approval": {"by": "ada", "ticket": "CHG-7", "for": approved},
    }
    config = tmp_path / "policies.json"
    config.write_text(json.dumps({"approved-before-failover": {"stacks": ["*"]}}))

    result = judged(stack, config)

    assert (result.code == 0) is passes, result.text


PROGRAM = """
import pulumi_aws as aws

aws.ec2.Instance(
    "bare",
    ami="ami-12345678",
    instance_type="t3.micro",
    associate_public_ip_address=True,
    root_block_device={"encrypted": False},
    metadata_options={"http_tokens": "optional"},
)
aws.vpc.SecurityGroupIngressRule(
    "open",
    security_group_id="sg-12345678",
    ip_protocol="tcp",
    from_port=22,
    to_port=3389,
    cidr_ipv4="0.0.0.0/0",
)
"""


def test_what_our_program_never_declares_is_refused_in_another_one(
    stack: Stack, tmp_path: Path
) -> None:
    """The last test of the module: the stack keeps the other program."""
    stack.be_program(PROGRAM)
    config = tmp_path / "policies.json"
    config.write_text("{}")

    result = judged(stack, config)

    assert result.code != 0
    for text in (
        "bare: its metadata service answers without a token (IMDSv1).",
        "bare: its volume rootBlockDevice is not encrypted.",
        "bare: it gets a public address.",
        "open: it opens SSH (port 22) to 0.0.0.0/0.",
        "open: it opens RDP (port 3389) to 0.0.0.0/0.",
    ):
        assert text in result.text
