"""Waves that select their machines by tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import settings
from settings.selection import Finder
from site_recovery.aws.ec2 import TaggedInstance
from site_recovery.problems import Problem
from tests.settings import configs

keys = st.sampled_from(["machines", "select", "phase", "instanceId", "web-01", "shop-01", "x"])


def anything() -> st.SearchStrategy[Any]:
    """Values of any shape, in which some keys are valid ones."""
    leaves = st.none() | st.booleans() | st.integers() | st.sampled_from([id_of(1), id_of(7), "x"])
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
        max_leaves=8,
    )


Asked = list[tuple[str, dict[str, str], str]]


def finder(*instances: tuple[str, str | None], asked: Asked | None = None) -> Finder:
    """A stub of EC2 that finds these instances (id and name) for any tags."""

    def find(
        vpc: str, tags: Mapping[str, str], region: str
    ) -> tuple[list[TaggedInstance], list[Problem]]:
        if asked is not None:
            asked.append((vpc, dict(tags), region))
        if not tags:
            return [TaggedInstance(id_of(99), {})], []
        return [
            TaggedInstance(instance_id, {"Name": name, "app": f"app-{name}"} if name else {})
            for instance_id, name in instances
        ], []

    return find


def id_of(number: int) -> str:
    return f"i-{number:017x}"


def selecting(**tags: str) -> dict[str, Any]:
    """A config whose wave `data` selects its machines by tags. `web-01` is declared in `pilot`."""
    config = configs.modernized()
    config["machines"] = {"web-01": {"instanceId": id_of(1)}}
    config["waves"]["data"] = {"phase": "protected", "select": tags or {"move": "yes"}}
    return config


def problems(config: dict[str, Any], find: Finder) -> dict[str, list[str]]:
    report: dict[str, list[str]] = {}
    for problem in settings.read(config, find).problems:
        report.setdefault(problem.path, []).append(f"{problem.what}. {problem.way_out}")
    return report


def test_the_instances_with_the_tags_become_the_waves_machines_by_their_names() -> None:
    asked: Asked = []
    find = finder((id_of(8), "shop-02"), (id_of(7), "shop-01"), asked=asked)
    stack = settings.read(selecting(move="yes", team="shop"), find).settings
    assert stack is not None
    assert stack.waves["data"].machines == ["shop-01", "shop-02"]
    assert stack.machines["shop-01"].instance_id == id_of(7)
    assert stack.waves["pilot"].machines == ["web-01"]
    assert asked == [
        ("vpc-0123456789abcdef0", {"move": "yes", "team": "shop"}, "eu-west-1"),
    ]


def test_an_instance_that_is_declared_keeps_its_name_and_what_is_said_of_it() -> None:
    config = selecting()
    config["machines"]["orders"] = {"instanceId": id_of(7), "target": {"vmName": "sql"}}
    stack = settings.read(config, finder((id_of(7), "whatever it is called"))).settings
    assert stack is not None
    assert stack.waves["data"].machines == ["orders"]
    assert stack.target_of("orders").vm_name_of("orders") == "sql"


def test_what_the_config_says_is_not_changed_by_reading_it() -> None:
    config = selecting()
    settings.read(config, finder((id_of(7), "shop-01")))
    assert config == selecting()


def test_without_a_wave_that_selects_nothing_is_asked() -> None:
    asked: Asked = []
    settings.read(configs.modernized(), finder(asked=asked))
    assert asked == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (None, [id_of(7), "no tag Name", "declare it under machines"]),
        ("", [id_of(7), "no tag Name"]),
        ("shop server 1", [id_of(7), "'shop server 1'", "declare it under machines"]),
        ("web-01", [id_of(7), id_of(1), "'web-01'"]),
        ("WEB-01", [id_of(7), id_of(1)]),
    ],
)
def test_an_instance_whose_name_cannot_be_the_machines_is_named_by_its_id(
    name: str | None, words: list[str]
) -> None:
    report = problems(selecting(), finder((id_of(7), name), (id_of(8), "fine")))
    assert set(report) == {"waves.data.select"}
    [text] = report["waves.data.select"]
    for word in words:
        assert word in text


def test_all_instances_that_are_wrong_are_named_at_once() -> None:
    find = finder((id_of(6), None), (id_of(7), "twin"), (id_of(8), "twin"))
    report = problems(selecting(), find)
    assert [id_of(6) in text or id_of(8) in text for text in report["waves.data.select"]] == [
        True,
        True,
    ]


def test_an_instance_of_another_wave_is_refused() -> None:
    report = problems(selecting(), finder((id_of(1), "web-01")))
    [text] = report["waves.data.select"]
    assert "'pilot'" in text


def test_two_waves_may_not_select_the_same_instance() -> None:
    config = selecting()
    config["waves"]["more"] = {"phase": "protected", "select": {"team": "shop"}}
    report = problems(config, finder((id_of(7), "shop-01")))
    assert set(report) == {"waves.more.select"}


def test_tags_that_no_instance_has_are_a_problem() -> None:
    report = problems(selecting(move="yess"), finder())
    [text] = report["waves.data.select"]
    assert "move=yess" in text


def test_an_aws_that_does_not_answer_is_one_problem() -> None:
    silence = Problem("AWS", "EC2 does not answer", "Check the network")
    config = selecting()
    config["target"]["vault"] = "?"
    reading = settings.read(config, lambda *_: ([], [silence]))
    assert [problem.path for problem in reading.problems] == ["AWS", "target.vault"]
    assert reading.settings is None


@pytest.mark.parametrize(
    ("location", "value", "place"),
    [
        (("aws:region",), 3, "aws:region"),
        (("source",), "x", "source"),
        (("machines",), ["a"], "machines"),
        (("waves", "data", "select"), {}, "waves.data.select"),
        (("waves", "data", "select"), ["move"], "waves.data.select"),
        (("waves", "data", "select"), {"move": 1}, "waves.data.select.move"),
        (("waves", "data", "machines"), ["web-01"], "waves.data.machines"),
    ],
)
def test_a_config_that_cannot_be_selected_with_is_reported_and_nothing_is_asked(
    location: tuple[str, ...], value: Any, place: str
) -> None:
    asked: Asked = []
    report = problems(configs.put(selecting(), *location, value=value), finder(asked=asked))
    assert place in report
    assert asked == []


@given(
    place=st.sampled_from([("machines",), ("waves",), ("waves", "data"), ("waves", "pilot")]),
    value=anything(),
)
def test_any_config_with_a_selection_is_accepted_or_reported(
    place: tuple[str, ...], value: Any
) -> None:
    find = finder((id_of(7), "shop-01"), (id_of(1), "web-01"))
    config = configs.put(selecting(), *place, value=value)
    reading = settings.read(config, find)
    assert (reading.settings is None) == bool(reading.problems)


def test_a_machine_that_has_no_readable_id_hides_no_selected_one() -> None:
    config = selecting()
    config["machines"]["odd"] = {"instanceId": ["i"]}
    report = problems(config, finder((id_of(7), "shop-01")))
    assert set(report) == {"machines.odd.instanceId"}


@pytest.mark.parametrize(
    ("by", "name"), [("Name", "shop"), ("app", "app-shop"), ("instance-id", id_of(7))]
)
def test_machines_are_named_by_the_tag_that_the_wave_says_or_by_their_ids(
    by: str, name: str
) -> None:
    config = selecting()
    config["waves"]["data"]["selectName"] = by
    stack = settings.read(config, finder((id_of(7), "shop"))).settings
    assert stack is not None
    assert stack.waves["data"].machines == [name]
    assert stack.machines[name].instance_id == id_of(7)


def test_a_tag_that_names_machines_and_is_not_there_is_named() -> None:
    config = selecting()
    config["waves"]["data"]["selectName"] = "role"
    [said] = problems(config, finder((id_of(7), "shop")))["waves.data.select"]
    assert "has no tag role" in said


def test_a_wrong_vpc_is_one_problem_at_its_key_and_not_one_for_each_wave() -> None:
    config = configs.modernized()
    for wave in ("one", "two", "three"):
        config["waves"][wave] = {"phase": "protected", "select": {"wave": wave}}
    reading = settings.read(config, finder())
    [problem] = [p for p in reading.problems if "no instance of" in p.what]
    assert problem.path == "source.vpcId"
    assert "any of the waves one, two, three" in problem.what
    assert not [p for p in reading.problems if p.path.startswith("waves.")]


@pytest.mark.parametrize("waves", [1, 3])
def test_a_vpc_without_any_instance_is_one_problem_at_its_key(waves: int) -> None:
    config = configs.modernized()
    config["machines"] = {}
    config["waves"] = {
        f"wave-{number}": {"phase": "protected", "select": {"wave": str(number)}}
        for number in range(waves)
    }
    [problem] = settings.read(config, lambda *asked: ([], [])).problems
    assert problem.path == "source.vpcId"
    assert "there is no instance in vpc-0123456789abcdef0 in eu-west-1" in problem.what


def test_a_wrong_vpc_is_not_reported_again_at_what_is_not_in_it() -> None:
    config = selecting()
    config["waves"] = {"data": config["waves"]["data"]}
    reading = settings.read(config, lambda *asked: ([], []))

    def elsewhere(*asked: object) -> tuple[None, list[Problem]]:
        raise AssertionError(f"nothing is asked about the server of a wrong VPC: {asked}")

    aws = settings.Aws(server_facts=elsewhere)
    assert settings.examine(reading, aws=aws).problems == ()
