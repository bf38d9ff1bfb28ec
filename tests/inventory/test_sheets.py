from __future__ import annotations

import csv
import io
import re
from dataclasses import replace

import pytest
import yaml

from inventory import applied_sheet, earlier_sheet, sheet
from inventory.sheet import Row
from inventory.stack_file import NewMachine, StackFile
from inventory.waves import Wave
from tests.inventory.fleets import ACCOUNT, REGION, VPC, instance_id

TITLES = "stack,machine,wave,order,owner,ticket,size\n"


@pytest.fixture
def file() -> StackFile:
    made = StackFile.new("shop", vpc_id=VPC, vpc="shop", account=ACCOUNT, region=REGION)
    made.add_machines(NewMachine(name, instance_id(n)) for n, name in enumerate(["a", "b", "c"]))
    made.add_waves([Wave("one", ("a", "b"), "")])
    return made


def problems(file: StackFile, *lines: str) -> list[str]:
    rows, wrong = sheet.read(TITLES + "\n".join(lines), "plan.csv")
    return [
        str(problem)
        for problem in wrong or applied_sheet.apply(rows, {file.stack: file}, "plan.csv")
    ]


def test_a_sheet_that_is_written_can_be_read(file: StackFile) -> None:
    rows = [
        Row("shop", "b", instance_id(1), ticket="CHG-1, CHG-2", note='it says "no"'),
        Row("shop", "a", instance_id(0), "one"),
    ]
    read, wrong = sheet.read(sheet.written(rows), "plan.csv")
    assert wrong == []
    assert [row for _, row in read] == [rows[1], rows[0]]


@pytest.mark.parametrize(
    ("separator", "start", "end"),
    [(",", "", "\n"), (";", "\ufeff", "\r\n")],
    ids=["comma", "as spreadsheet programs write it"],
)
def test_waves_sizes_owners_and_tickets_go_into_the_stack_file(
    file: StackFile, separator: str, start: str, end: str
) -> None:
    lines = ["stack,machine,wave,order,owner,ticket,size", "shop,c,two,,ann,CHG-7,Standard_D4s_v3"]
    text = start + end.join(line.replace(",", separator) for line in lines) + end

    rows, _ = sheet.read(text, "plan.csv")
    assert applied_sheet.apply(rows, {"shop": file}, "plan.csv") == []

    config = yaml.safe_load(file.text())["config"]
    assert config["ec2-to-azure:waves"]["two"]["machines"] == ["c"]
    assert config["ec2-to-azure:machines"]["c"]["target"] == {
        "vmSize": "Standard_D4s_v3",
        "tags": {"owner": "ann", "ticket": "CHG-7"},
    }


def test_an_order_becomes_the_groups_of_a_recovery_plan(file: StackFile) -> None:
    assert problems(file, ",c,one,1,,,", ",b,one,2,,,") == []
    wave = yaml.safe_load(file.text())["config"]["ec2-to-azure:waves"]["one"]
    assert wave["machines"] == ["a", "b", "c"]
    assert wave["recoveryPlan"]["groups"] == [["c"], ["b"], ["a"]]


def test_an_empty_cell_changes_nothing(file: StackFile) -> None:
    before = file.text()
    assert problems(file, "shop,a,,,,,") == []
    assert file.text() == before


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (",x,one,,,,", "x is not a machine of a single stack"),
        ("other,a,one,,,,", "a is not a machine of stack other"),
        ("shop,x,one,,,,", "declares no machine 'x'"),
        ("shop,a,week 1,,,,", "'week 1' is not a name of a wave. Use .* such as week-1"),
        ("shop,a,one,first,,,", "the order 'first' is not a whole number"),
        ("shop,a,one,,,,D4s", "'D4s' is not a valid virtual machine size"),
    ],
)
def test_a_row_that_is_wrong_is_named_by_its_line_and_nothing_is_changed(
    file: StackFile, line: str, what: str
) -> None:
    before = file.text()
    [problem] = problems(file, "shop,b,two,,,,", line)
    assert problem.startswith("plan.csv line 3: ")
    assert re.search(what, problem)
    assert file.text() == before


def test_a_machine_in_two_rows_is_refused(file: StackFile) -> None:
    [problem] = problems(file, "shop,a,one,,,,", "shop,a,two,,,,")
    assert problem == "plan.csv line 3: a stands in line 2 already. Remove one of the lines."


@pytest.mark.parametrize("row", [",a,two,,,,", ",c,one,,,,"], ids=["out of it", "into it"])
def test_a_wave_that_is_further_is_not_changed_by_a_sheet(file: StackFile, row: str) -> None:
    later = StackFile("shop", file.text().replace("phase: protected", "phase: failed-over"))
    [problem] = problems(later, row)
    assert "wave one is in phase failed-over already" in problem


def test_a_sheet_without_a_column_says_which(file: StackFile) -> None:
    _, [problem] = sheet.read("machine,wave\na,one\n", "plan.csv")
    assert problem.what == "it lacks the columns order, owner, ticket, size"


def test_cells_that_a_person_filled_in_survive_the_next_inventory() -> None:
    rows = [Row("shop", "a", instance_id(0), "one"), Row("shop", "b", instance_id(1))]
    filled = [Row("shop", "old-name", instance_id(0), "two", owner="ann"), Row("x", "b", "i-9")]
    assert earlier_sheet.kept(rows, filled) == [
        Row("shop", "a", instance_id(0), "two", owner="ann"),
        rows[1],
    ]


def test_a_cell_that_nobody_changed_follows_the_stack_file() -> None:
    told = [Row("shop", "a", instance_id(0), "one", "1", "ann")]
    filled = [Row("shop", "a", instance_id(0), "one", "1", "bob")]
    now = [Row("shop", "a", instance_id(0), "two", "", "ann")]
    assert earlier_sheet.kept(now, filled, told) == [
        Row("shop", "a", instance_id(0), "two", "", "bob")
    ]


@pytest.mark.parametrize("line", ["shop,a,one,1,ann,CHG-7", "shop,a,one,1,Ann, of the shop,CHG-7,"])
def test_a_row_whose_cells_are_not_those_of_the_titles_is_refused_with_its_line(
    file: StackFile, line: str
) -> None:
    [said] = problems(file, "shop,b,one,,,,", line)
    assert said.startswith("plan.csv line 3: it has more or fewer cells than the line of titles")
    assert "into quotes" in said


def test_titles_that_are_not_csv_are_named_with_the_way_out() -> None:
    rows, [problem] = sheet.read('"stack"x,' + TITLES, "plan.csv")
    assert rows == []
    assert str(problem).startswith("plan.csv line 1: it is not CSV (")
    assert "Save the sheet as CSV again" in str(problem)


def test_a_column_that_stands_twice_is_refused_because_one_would_be_lost() -> None:
    _, [problem] = sheet.read("Wave," + TITLES, "plan.csv")
    assert problem.what == "it has the column wave twice"


OWN = (
    'Downtime,stack,machine,wave,order,owner,ticket,size,"to do; \nsoon"\n'
    '" Sat, 22:00",shop,a,,,ann,,,\nweekend 1,,,,,,,,\n'
)


@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_columns_and_the_form_of_a_persons_sheet_are_carried_through(
    delimiter: str, mark: str, end: str
) -> None:
    [titles, *lines] = csv.reader(OWN.splitlines(keepends=True))
    theirs = io.StringIO()
    csv.writer(theirs, delimiter=delimiter, lineterminator=end).writerows([titles, *lines])
    text = mark + theirs.getvalue()
    now = [Row("shop", name, instance_id(n), os="linux") for n, name in enumerate(["a", "b"])]

    rows, wrong = sheet.read(text, "plan.csv")
    assert wrong == []
    before, wrong = earlier_sheet.identified(rows, [], now, "plan.csv")
    assert wrong == []
    merged = earlier_sheet.kept(now, before) + earlier_sheet.unread(before, {"shop"}, {"shop"})
    again = sheet.written(merged, sheet.layout(text))

    assert again.startswith(f"{mark}Downtime{delimiter}stack")
    assert again.replace(end, "").count("\r") == 0
    read = list(csv.reader(io.StringIO(again.removeprefix(mark), newline=""), delimiter=delimiter))
    lacking = ["instance", "os", "ec2_type", "disks_gib", "note"]
    assert read == [
        [*titles, *lacking],
        [
            " Sat, 22:00",
            "shop",
            "a",
            "",
            "",
            "ann",
            "",
            "",
            "",
            instance_id(0),
            "linux",
            "",
            "",
            "",
        ],
        ["", "shop", "b", "", "", "", "", "", "", instance_id(1), "linux", "", "", ""],
        ["weekend 1", *[""] * 13],
    ]


def test_a_line_of_own_columns_only_is_no_machine(file: StackFile) -> None:
    rows, _ = sheet.read(OWN, "plan.csv")
    assert applied_sheet.apply(rows, {"shop": file}, "plan.csv") == []
    assert file.target_of("a") == ({}, {"owner": "ann"})


@pytest.mark.parametrize("line", ["shop,old,,,ann,,", ",old,,,ann,,"])
def test_a_plan_in_a_sheet_without_instances_is_found_by_the_names_of_its_time(line: str) -> None:
    told = [Row("shop", "old", instance_id(0)), Row("shop", "b", instance_id(1))]
    now = [Row("shop", "a", instance_id(0)), Row("shop", "old", instance_id(2))]
    rows, _ = sheet.read(f"{TITLES}{line}\n", "plan.csv")
    before, wrong = earlier_sheet.identified(rows, told, now, "plan.csv")
    assert wrong == []
    assert earlier_sheet.kept(now, before, told) == [replace(now[0], owner="ann"), now[1]]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (",b,,,ann,,", "b is a machine of several stacks. Fill in the columns stack"),
        (",c,,,ann,,", "c is not a machine of a known stack. Fill in"),
        ("shop,,,,ann,,", "a row without a machine is not a machine of a known stack"),
        ("shop,a,,,ann,,", "a stands in line 2 already. Remove one of the lines"),
    ],
)
def test_a_row_whose_machine_nobody_can_tell_is_refused_and_not_dropped(
    line: str, what: str
) -> None:
    now = [Row("shop", "a", "i-1"), Row("shop", "b", "i-2"), Row("other", "b", "i-3")]
    rows, _ = sheet.read(f"{TITLES}shop,a,,,,,\n{line}\n", "plan.csv")
    _, [problem] = earlier_sheet.identified(rows, [], now, "plan.csv")
    assert str(problem).startswith(f"plan.csv line 3: {what}")
