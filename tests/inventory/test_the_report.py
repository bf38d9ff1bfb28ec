"""What a person reads after an inventory: the report, and what the command prints."""

from __future__ import annotations

from pathlib import Path

import boto3
import pytest

from inventory import report
from inventory.__main__ import main
from inventory.connections import Connection
from inventory.found import Found, Reading
from inventory.planning import plan
from inventory.waves import Conditions
from site_recovery.problems import Problem
from tests.inventory.fleets import ACCOUNT, REGION, VPC, found, instance_id
from tests.local_aws import LocalAws

OTHER_VPC = "vpc-0fedcba9876543210"


def written(machines: list[Found], reading: Reading | None = None) -> str:
    return report.written(plan(machines, [], {}, Conditions()), reading or Reading(machines))


def prose(text: str) -> str:
    """The text with its lines joined, as a reader of Markdown sees it."""
    return " ".join(text.split())


def test_a_stack_is_listed_with_its_account_its_region_and_its_vpc() -> None:
    text = written([found(1, account_name="acme-prod")])
    assert f"| shop | {VPC} (shop) | {REGION} | {ACCOUNT} (acme-prod) |" in text
    place = f"VPC {VPC} (shop) in {REGION}, account {ACCOUNT} (acme-prod)"
    assert f"`Pulumi.shop.yaml` (new file): {place}" in prose(text)


def test_what_has_no_name_is_listed_by_its_id_alone() -> None:
    text = written([found(1, vpc_name=None)])
    assert f"| {VPC} | {VPC} | {REGION} | {ACCOUNT} |" in text


def test_a_name_that_would_break_the_table_does_not() -> None:
    text = written([found(1, vpc_name="shop | old\n# gone")])
    assert f"| {VPC} (shop \\| old # gone) |" in text


def test_a_vpc_that_told_no_connections_is_named_in_full() -> None:
    machines = [found(1)]
    reading = Reading(machines, connections=set(), unknown=[VPC])
    assert f"No flow log and no machine of VPC {VPC} (shop) in {REGION}" in prose(
        written(machines, reading)
    )


def test_the_number_of_connections_that_were_read_is_said() -> None:
    machines = [found(1), found(2)]
    talk = {Connection(instance_id(1), instance_id(2), 443)}
    text = written(machines, Reading(machines, connections=talk))
    assert "\n1 connection between machines of the inventory.\n" in text


def test_no_line_of_the_report_is_longer_than_a_terminal_but_a_row_of_a_table() -> None:
    tags = {"Application": "the web shop of the subsidiary", "Environment": "- production"}
    machines = [
        *(found(number, tags=tags) for number in range(30)),
        found(40, architecture="arm64"),
        found(41, state="stopped"),
        found(42, vpc_id=OTHER_VPC, vpc_name="a very long name of a network with many words"),
    ]
    talk = {Connection(instance_id(1), instance_id(42), 443)}
    problem = Problem("profile mine in eu-west-1", "it did not answer " + "at all " * 20, "Retry")
    text = written(machines, Reading(machines, [problem], connections=talk))
    long = [line for line in text.splitlines() if len(line) > 80 and not line.startswith("|")]
    assert long == []
    lists = [line for line in text.splitlines() if line.lstrip().startswith("- ")]
    assert not [line for line in lists if line.startswith(" ")], "no continuation became a list"


def test_the_command_prints_what_became_of_each_stack_in_80_columns(
    aws: LocalAws, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    boto3.client("iam", region_name=REGION).create_account_alias(AccountAlias="acme-prod")
    assert main(["--directory", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    vpc = aws.estate["vpc"]
    assert f"Pulumi.estate.yaml: written\n  VPC {vpc} (estate) in eu-west-1" in out
    assert "account 123456789012 (acme-prod) 9 machines" in prose(out)
    assert "  9 machines: 9 ready; 1 more cannot be migrated\n" in out
    assert f"| {vpc} (estate) | eu-west-1 | 123456789012 (acme-prod) |" in (
        tmp_path / "inventory-report" / "report.md"
    ).read_text("utf-8")
    paths = str(tmp_path)
    assert [line for line in out.splitlines() if len(line.replace(paths, "")) > 80] == []
