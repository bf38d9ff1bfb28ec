"""Whatever a person writes into a stack file, an inventory and a sheet change only what is theirs."""

from __future__ import annotations

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from inventory import applied_sheet, kept_text, sheet
from inventory.stack_file import NewMachine, StackFile
from inventory.waves import Wave
from tests.inventory.fleets import instance_id

WORDS = st.sampled_from(
    ["ask Ann", "do not touch: it breaks", "TODO? no", "ü — ok", "{x: [1]}", "a'b\"c"]
)
COMMENTS = st.one_of(st.just(""), WORDS.map("  # {}".format))
GAPS = st.lists(
    st.one_of(st.just(""), WORDS.map("    # {}".format), WORDS.map("# {}".format)), max_size=2
)
NAMES = ("web-01", "db_01", "yes", "007", "a.b")


@st.composite
def machine(draw: st.DrawFn, number: int) -> list[str]:
    """A machine in one of the styles in which people write YAML."""
    name = draw(st.sampled_from(["'{}'", '"{}"'])).format(NAMES[number])
    note, own = draw(COMMENTS), instance_id(number)
    style = draw(st.integers(0, 3))
    if style == 0:
        return [f"    {name}: {{ instanceId: {own} }}{note}"]
    if style == 1:
        return [
            f"    {name}:{note}",
            f"      instanceId:   '{own}'",
            "      target: {vmSize: Standard_D4s_v3 }",
        ]
    if style == 2:
        return [
            f"    {name}:",
            f'        instanceId: "{own}"{note}',
            "        target:",
            "          tags: {owner: ann, cost: '0012', on: \"yes\"}",
        ]
    return [f"    {name}:   {{instanceId: {own},", f"      target: {{tags: {{a: b}} }}}}{note}"]


@st.composite
def stack_files(draw: st.DrawFn) -> str:
    """A stack file with comments, gaps, quotes and indentations of a person."""
    lines = [*draw(GAPS), f"config:{draw(COMMENTS)}", "  aws:region: eu-west-1", *draw(GAPS)]
    lines += [
        "  own:text: |",
        "    kept as it is",
        "      # no comment",
        "  ec2-to-azure:machines:",
    ]
    for number in range(len(NAMES)):
        lines += [*draw(GAPS), *draw(machine(number))]
    lines += [
        "  ec2-to-azure:waves:",
        *draw(GAPS),
        f"    one:{draw(COMMENTS)}",
        "      phase: protected",
    ]
    indent = draw(st.sampled_from(["      ", "        ", "          "]))
    if draw(st.booleans()):
        lines += ["      machines:"]
        lines += [f"{indent}- '{name}'{draw(COMMENTS)}" for name in NAMES[:4]]
    else:
        lines += [f"      machines: [ 'web-01','db_01', 'yes',  '007' ]{draw(COMMENTS)}"]
    if draw(st.booleans()):
        lines += [
            f"      recoveryPlan:{draw(COMMENTS)}",
            "        groups:",
            f"        -   ['db_01']{draw(COMMENTS)}",
            f"        - machines: ['web-01', 'yes', '007']{draw(COMMENTS)}",
            "          pre: [{manual: look, then go on}]",
        ]
    text = "\n".join([*lines, *draw(GAPS)]) + draw(st.sampled_from(["\n", "", "\n\n"]))
    return text.replace("\n", draw(st.sampled_from(["\n", "\r\n"])))


def comments(text: str) -> list[str]:
    return sorted(line.partition("#")[2].strip() for line in text.splitlines() if "#" in line)


def config(text: str) -> dict[str, dict[str, object]]:
    # The reader of the engine takes `yes` for a text, as that of YAML 1.2 does.
    read: dict[str, dict[str, object]] = YAML(typ="safe", pure=True).load(text)["config"]
    return read


@settings(max_examples=15)
@given(stack_files())
def test_a_file_stays_to_the_letter_until_something_changes(text: str) -> None:
    assert StackFile("shop", text).text() == text


@settings(max_examples=15)
@given(stack_files())
def test_an_addition_adds_lines_and_changes_none(text: str) -> None:
    file = StackFile("shop", text)
    file.add_machines([NewMachine("new-01", instance_id(9), ("found today",))])
    file.add_waves([Wave("later", ("new-01",), "it is new")])
    if "\r" in text:
        assert file.text().count("\n") == file.text().count("\r\n")
    left = file.text().splitlines()
    for line in filter(str.strip, text.splitlines()):
        assert line in left, line
        left.remove(line)
    now, before = config(file.text()), config(text)
    machines = before["ec2-to-azure:machines"] | {"new-01": {"instanceId": instance_id(9)}}
    assert now["ec2-to-azure:machines"] == machines
    assert now["ec2-to-azure:waves"]["one"] == before["ec2-to-azure:waves"]["one"]


@given(
    stack_files(), st.lists(st.sampled_from(NAMES), unique=True), st.sampled_from(["one", "two"])
)
def test_a_sheet_loses_no_comment_and_no_setting(text: str, moved: list[str], wave: str) -> None:
    file = StackFile("shop", text)
    rows = "".join(f",{name},{wave},,ann,,\n" for name in moved)
    read, _ = sheet.read(f"stack,machine,wave,order,owner,ticket,size\n{rows}", "plan.csv")
    problems = applied_sheet.apply(read, {"shop": file}, "plan.csv")
    if problems:
        assert file.text() == text
        return
    now, before = config(file.text()), config(text)
    for name in NAMES:
        declared = before["ec2-to-azure:machines"][name]
        assert isinstance(declared, dict)
        if name in moved:
            target = dict(declared.get("target", {}))
            target["tags"] = {**target.get("tags", {}), "owner": "ann"}
            declared = {**declared, "target": target}
            assert file.wave_of(name) == wave
        assert now["ec2-to-azure:machines"][name] == declared
    if wave == "one":
        assert comments(file.text()) == comments(text)


@given(st.text("ab\n", max_size=12), st.text("ab\n", max_size=12))
def test_without_another_style_the_change_is_all(before: str, after: str) -> None:
    whole = f"{before}\n"
    assert kept_text.changed(whole, whole, after) == after


@settings(max_examples=15)
@given(stack_files())
def test_both_readers_of_yaml_see_texts_where_names_are(text: str) -> None:
    file = StackFile("shop", text)
    file.add_machines(
        NewMachine(name, instance_id(n)) for n, name in enumerate(("no", "On", "y"), 20)
    )
    file.add_waves([Wave("off", ("no", "On", "y"), "")])
    read = yaml.safe_load(file.text())["config"]
    assert {"no", "On", "y"} <= set(read["ec2-to-azure:machines"])
    assert read["ec2-to-azure:waves"]["off"]["machines"] == ["no", "On", "y"]
