"""Stacks that take their machines from a fleet file are not given them a second time."""

from __future__ import annotations

from pathlib import Path

import pytest

from inventory import applied_sheet, planning, sheet
from inventory.config_file import StackFileError
from inventory.stack_file import StackFile
from inventory.waves import Conditions
from tests.inventory.fleets import REGION, VPC, found, instance_id

FLEET = f"""\
source: {{vpcId: {VPC}}}
machines:
  web-001: {{instanceId: {instance_id(1)}}}
  web-002: {{instanceId: {instance_id(2)}, target: {{tags: {{owner: bob}}}}}}
waves:
  pilot: {{phase: protected, machines: [web-001, web-002]}}
"""
OWN = f"""\
config:
  aws:region: {REGION}
  ec2-to-azure:fleetFile: fleet.yaml
"""


@pytest.fixture
def file(tmp_path: Path) -> StackFile:
    (tmp_path / "fleet.yaml").write_text(FLEET)
    return StackFile("shop", OWN, tmp_path)


def test_only_machines_that_the_fleet_file_lacks_are_added(file: StackFile) -> None:
    machines = [found(number) for number in (1, 2, 3)]
    [one] = planning.plan(machines, [file], {}, Conditions())
    assert [member.name.text for member in one.members if not member.declared] == ["web-003"]
    assert file.text().startswith(OWN)
    assert file.text().count("instanceId") == 1
    assert file.wave_of("web-001") == "pilot"


def test_a_wave_of_the_fleet_file_is_not_hidden_by_one_of_the_stack(file: StackFile) -> None:
    machine = found(3, tags={"Wave": "pilot"})
    [one] = planning.plan([machine], [file], {}, Conditions(wave_tag="Wave"))
    assert one.left == ["web-003"]
    assert "waves: {}" in file.text() or "waves" not in file.text()


def test_a_sheet_changes_what_is_the_stacks_own(file: StackFile) -> None:
    titles = "stack,machine,wave,order,owner,ticket,size\n"
    rows, _ = sheet.read(f"{titles},web-001,pilot,,ann,,\n,web-002,later,,,,\n", "plan.csv")
    [problem] = applied_sheet.apply(rows, {"shop": file}, "plan.csv")
    assert "plan.csv line 3: wave pilot is declared in the fleet file of stack shop" in str(problem)
    assert file.text() == OWN
    assert applied_sheet.apply(rows[:1], {"shop": file}, "plan.csv") == []
    assert file.target_of("web-001") == ({}, {"owner": "ann"})
    assert file.wave_of("web-001") == "pilot"


def test_a_fleet_file_that_is_gone_is_said(tmp_path: Path) -> None:
    with pytest.raises(StackFileError, match=r"Pulumi\.shop\.yaml: .*'fleet\.yaml' cannot be read"):
        StackFile("shop", OWN, tmp_path)
