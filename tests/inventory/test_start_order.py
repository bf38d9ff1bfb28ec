"""The groups of recovery plans, as the column `order` has them, in stack files that people wrote."""

from __future__ import annotations

import pytest
import yaml

from inventory import applied_sheet, sheet
from inventory.stack_file import StackFile

TITLES = "stack,machine,wave,order,owner,ticket,size\n"
TEXT = """\
config:
  ec2-to-azure:machines:
    a: {instanceId: i-00000000000000001}
    b: {instanceId: i-00000000000000002}
    c: {instanceId: i-00000000000000003}
    d: {instanceId: i-00000000000000004}
  ec2-to-azure:waves:
    one:
      phase: protected
      machines: # all of the shop
        - a # the database
        - b # the first of the two
        - c
      recoveryPlan:
        groups:
          # data first
          - machines: [a]
            post: [{manual: look at the replicas}] # Ann does
          - [b, c] # they share a cache
"""


@pytest.fixture
def file() -> StackFile:
    return StackFile("shop", TEXT)


def applied(file: StackFile, *lines: str) -> list[str]:
    rows, wrong = sheet.read(TITLES + "\n".join(lines), "plan.csv")
    return [
        str(problem) for problem in wrong or applied_sheet.apply(rows, {"shop": file}, "plan.csv")
    ]


def wave(file: StackFile, name: str = "one") -> dict[str, object]:
    found: dict[str, object] = yaml.safe_load(file.text())["config"]["ec2-to-azure:waves"][name]
    return found


def test_the_order_of_the_file_applied_again_changes_not_a_letter(file: StackFile) -> None:
    assert [file.order_of(name) for name in "abcd"] == [1, 2, 2, None]
    assert applied(file, ",a,one,1,,,", ",b,one,2,,,", ",c,one,2,,,", ",d,,,,,") == []
    assert file.text() == TEXT


@pytest.mark.parametrize("numbers", [(2, 3, 1), (7, 8, 5)], ids=["renumbered", "with gaps"])
def test_actions_and_comments_stay_with_the_machines_of_their_group(
    file: StackFile, numbers: tuple[int, int, int]
) -> None:
    a, b, c = numbers
    assert applied(file, f",a,one,{a},,,", f",b,one,{b},,,", f",c,one,{c},,,") == []
    plan = {"groups": [["c"], {"machines": ["a"], "post": [{"manual": "look at the replicas"}]}]}
    assert wave(file)["recoveryPlan"] == {"groups": [*plan["groups"], ["b"]]}
    for said in ("all of the shop", "the database", "the first of", "Ann does"):
        assert said in file.text()


def test_a_machine_that_comes_without_an_order_starts_last(file: StackFile) -> None:
    assert applied(file, ",d,one,,,,") == []
    assert wave(file)["machines"] == ["a", "b", "c", "d"]
    assert file.order_of("d") == 3


def test_a_group_that_lost_its_machines_is_gone(file: StackFile) -> None:
    assert applied(file, ",b,two,,,,", ",c,two,,,,") == []
    assert file.order_of("a") == 1
    assert wave(file)["machines"] == ["a"]
    assert wave(file, "two") == {"phase": "protected", "machines": ["b", "c"]}


def test_a_wave_that_others_leave_whole_is_gone(file: StackFile) -> None:
    own = StackFile(
        "shop", TEXT.replace("            post: [{manual: look at the replicas}] # Ann does\n", "")
    )
    assert applied(own, ",a,two,,,,", ",b,two,,,,", ",c,two,,,,") == []
    assert list(own.waves) == ["two"]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([",a,two,,,,"], "line 2: of wave one, group 1 has actions, and no machine"),
        ([",d,,1,,,"], "line 2: d has an order, and is in no wave"),
        ([",a,one,0,,,"], "line 2: the order '0' is not a whole number from 1"),
    ],
)
def test_an_order_that_cannot_be_is_refused_with_its_line(
    file: StackFile, lines: list[str], said: str
) -> None:
    [problem] = applied(file, *lines)
    assert problem.startswith(f"plan.csv {said}")
    assert file.text() == TEXT


def test_more_groups_than_a_recovery_plan_has_are_refused() -> None:
    names = [f"m{n}" for n in range(8)]
    machines = "".join(f"    {n}: {{instanceId: i-0000000000000000{n[1]}}}\n" for n in names)
    text = f"config:\n  ec2-to-azure:machines:\n{machines}"
    file = StackFile("shop", text)
    [problem] = applied(file, *(f",{name},one,{n},,," for n, name in enumerate(names, 1)))
    assert "of wave one, there would be 8 groups, and a recovery plan has at most 7" in problem
    assert file.text() == text


def test_a_wave_with_settings_of_its_own_is_not_lost_with_its_last_machine() -> None:
    text = TEXT.replace(
        "      machines: # all", "      target: {vmSize: Standard_D4s_v3}\n      machines: # all"
    )
    file = StackFile("shop", text.partition("      recoveryPlan:")[0])
    [problem] = applied(file, ",a,two,,,,", ",b,two,,,,", ",c,two,,,,")
    assert "wave one would have no machines, and has target of its own" in problem


def test_a_wave_whose_name_has_other_signs_can_stay_in_the_sheet(file: StackFile) -> None:
    own = StackFile("shop", TEXT.replace("    one:", "    week_1.a:"))
    assert applied(own, ",a,week_1.a,,,,") == []
