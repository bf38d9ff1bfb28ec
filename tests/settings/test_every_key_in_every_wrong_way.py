"""One wrong value anywhere is one problem, at its own place, in a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

import settings
from site_recovery.aws.ec2 import TaggedInstance
from site_recovery.config_paths import path
from site_recovery.problems import Problem
from tests.settings import configs
from tests.settings.full import full

Location = tuple[str | int, ...]

WRONG: tuple[Any, ...] = (None, {}, [], True, 7, "", [1], [None])

ABOVE = {
    "adopt": "which of the parts is wrong is said at the list",
    "command": "a hook without a program is said of the hook",
    "ssm": "a hook without lines is said of the hook",
    "azureRunCommand": "a check without lines is said of the check",
    "groups": "a machine that is not the wave's is said of its group",
    "leaveOut": "it contradicts what stands beside it",
}
"""Keys whose wrong value is told one step above, and why."""

BESIDE = {
    "target.adopt",
    "target.adopt[0]",
    "machines",
    "waves",
    "waves.data.cutover",
    "waves.selected.selectName",
}
"""Places where some value is a valid one of its own, and contradicts another place."""


def one_instance(
    _vpc: str, tags: Mapping[str, str], _region: str
) -> tuple[list[TaggedInstance], list[Problem]]:
    found = TaggedInstance("i-00000000000000009", {"Name": "sel-01", **tags})
    return [found], []


def problems(config: dict[str, Any]) -> list[Problem]:
    return list(settings.read(config, one_instance).problems)


def places(part: Any, at: Location = ()) -> Iterator[tuple[Location, Any]]:
    entries = part.items() if isinstance(part, dict) else enumerate(part)
    for key, value in entries:
        yield (*at, key), value
        if isinstance(value, dict | list):
            yield from places(value, (*at, key))


PLACES = list(places(full()))


def test_the_whole_config_is_valid() -> None:
    assert problems(full()) == []


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_a_wrong_value_is_one_problem_at_its_own_place(wrong: Any) -> None:
    for at, valid in PLACES:
        if wrong == valid and type(wrong) is type(valid):
            continue
        found = problems(configs.put(full(), *at, value=wrong))
        place = path(*at)
        told = [str(problem) for problem in found]
        if place in BESIDE or (isinstance(wrong, dict) and any("missing" in text for text in told)):
            continue  # An empty section lacks each key that it needs.
        assert len(found) <= 1, (place, wrong, told)
        assert found or wrong is not None, place
        own = next((step for step, key in enumerate(at) if key in ABOVE), len(at))
        for problem in found:
            assert problem.path.startswith(path(*at[:own])), (wrong, told)
            assert "None" not in problem.what, told


@pytest.mark.parametrize(
    "at",
    [
        ("waves", "data", "after"),
        ("promotion", "except"),
        ("source", "proxy", "bypass"),
        ("target", "adopt"),
        ("waves", "data", "machines"),
    ],
    ids=lambda at: path(*at),
)
def test_an_entry_that_is_there_twice_is_told(at: Location) -> None:
    [listed] = [value for place, value in PLACES if place == at]
    found = problems(configs.put(full(), *at, value=[*listed, listed[0]]))
    assert [problem.path.startswith(path(*at)) for problem in found] == [True]
    assert any(word in found[0].what for word in ("twice", "already"))


@pytest.mark.parametrize(
    ("at", "value", "words"),
    [
        (("machines", "web-01", "os"), {}, "it is empty. Give it a name"),
        (("machines", "web-01", "os"), "", "it is empty. Name the system"),
        (("machines", "web-01", "os", "name"), " ", "it is empty. Name the system"),
        (("waves", "data", "cutover", "quiesce"), {"ssm": {}}, "lossless only"),
        (("machines", "web-01", "cutover", "quiesce", "ssm"), {}, "it has no lines"),
        (("source", "replicationAppliance", "instanceType"), "", "'' is not a valid name"),
        (("source", "replicationAppliance", "instanceType"), "large", "such as c5.2xlarge"),
        (("waves", "selected", "selectName"), "  ", "no key of a tag"),
        (("waves", "data", "recoveryPlan", "groups", 0, 0), 7, "7 is a number, not text"),
    ],
)
def test_what_says_nothing_is_refused(at: Location, value: Any, words: str) -> None:
    found = {
        p.path: f"{p.what}. {p.way_out}" for p in problems(configs.put(full(), *at, value=value))
    }
    matching = [text for place, text in found.items() if place.startswith(path(*at))]
    assert any(words in text for text in matching), found


def test_a_subnet_outside_its_network_is_one_problem() -> None:
    config = configs.put(
        full(), "target", "network", "subnet", "addressPrefix", value="10.99.1.0/24"
    )
    assert [p.path for p in problems(config)] == ["target.network.subnet.addressPrefix"]


@pytest.mark.parametrize(
    ("at", "value", "words"),
    [
        (("aws:region",), "eu-west-1a", "Write 'eu-west-1', if that is meant"),
        (("aws:region",), " eu-west-1", "Write 'eu-west-1', if that is meant"),
        (("aws:region",), "Ireland", "is not a region of AWS"),
        (("azure-native:location",), "europe", "Write 'westeurope', if that is meant"),
        (("source", "vpcId"), "subnet-0123456789abcdef0", "vpc- and 8 or 17"),
        (("source", "replicationAppliance", "amiId"), "resolve:ssm:/aws/x", "ami- and 8 or 17"),
        (("source", "proxy", "url"), "http://u:p@proxy.example.com:3128", "without authentication"),
        (("replication", "agent", "linux", "url"), "s3://bucket/agent.tar.gz", "https"),
        (("convergence", "wait"), "PT2H", "Write it with units"),
        (("convergence", "window", "timezone"), "CEST", "IANA"),
        (("target", "network", "addressSpace"), "fd00::/48", "is not an IPv4 network"),
        (("machines", "web-01", "target", "privateIp"), "10.20.1.010", "is not an IPv4 address"),
        (("machines", "web-01", "target", "vmSize"), "m5.large", "as `az vm list-sizes` shows it"),
        (("machines", "web-01", "target", "diskType"), "UltraSSD_LRS", "Use one of Standard_LRS"),
        (("machines", "web-01", "cutover", "at"), "2026-02-30T10:00:00Z", "is not a date"),
        (("waves", "data", "machines"), ["web-02,db-01"], "Write 'web-02', if that is meant"),
        (("waves", "data", "after"), ["Pilot"], "Write 'pilot', if that is meant"),
        (("waves", "data", "checks"), [{"http": {"status": "200-299"}}], "a whole number"),
    ],
)
def test_what_people_write_by_mistake_is_one_problem_with_its_way_out(
    at: Location, value: Any, words: str
) -> None:
    found = problems(configs.put(full(), *at, value=value))
    own = [problem for problem in found if problem.path.startswith(path(*at))]
    assert len(own) == 1
    assert words in f"{own[0].what}. {own[0].way_out}"
