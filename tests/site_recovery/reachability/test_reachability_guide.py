"""The guide to the connectivity check agrees with the code."""

from __future__ import annotations

import re

from site_recovery.reachability import ec2_network, run_command
from site_recovery.reachability.connections import PUSH_INSTALLATION, TO_THE_SERVER
from site_recovery.reachability.network import MACHINES_ANSWER_AT, NAT_ANSWERS_AT
from tests.docs.markdown import ROOT, tables

GUIDE = ROOT / "docs" / "connectivity.md"
TEXT = GUIDE.read_text("utf-8")


def test_it_names_every_permission_and_no_other() -> None:
    named = set(re.findall(r"`((?:ec2|ssm):\w+)`", TEXT))
    assert named == {*ec2_network.PERMISSIONS, *run_command.PERMISSIONS}


def test_it_names_every_port() -> None:
    rows = {
        row[0]: [int(port) for port in re.findall(r"\d+", row[1])] for row in tables(GUIDE)[0][1:]
    }
    assert rows["machine to server"] == list(TO_THE_SERVER)
    assert rows["server to machine"] == [
        *PUSH_INSTALLATION["windows"],
        *PUSH_INSTALLATION["linux"],
    ]


def test_it_names_where_answers_come_in() -> None:
    for first, last in (*MACHINES_ANSWER_AT.values(), NAT_ANSWERS_AT):
        assert f"{first}-{last}" in TEXT
