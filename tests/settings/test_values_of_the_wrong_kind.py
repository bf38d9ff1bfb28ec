"""Empty values, values of another kind, and text that a terminal would not show as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import settings
from site_recovery.aws.ec2 import TaggedInstance
from site_recovery.config_paths import path
from site_recovery.problems import Problem
from tests.settings import configs

Location = tuple[str | int, ...]

EMPTY: list[Location] = [
    ("waves", "data", "select"),
    ("waves", "data", "recoveryPlan"),
    ("waves", "data", "requireTestFailover"),
    ("waves", "data", "recoveryPoint"),
    ("waves", "data", "target"),
    ("waves", "data", "target", "vmSize"),
    ("waves", "data", "target", "tags"),
    ("waves", "data", "target", "subnet"),
    ("waves", "data", "machines"),
    ("waves", "data", "machines", 1),
    ("waves", "data"),
    ("waves",),
    ("machines",),
    ("machines", "web-01"),
    ("machines", "web-01", "os"),
    ("machines", "web-01", "drivers"),
    ("machines", "web-01", "target", "privateIp"),
    ("source", "replicationAppliance"),
    ("source", "replicationAppliance", "registered"),
    ("source", "replicationAppliance", "amiId"),
    ("source", "configurationServer"),
    ("replication",),
    ("replication", "agent", "windows"),
    ("replication", "agent", "linux", "sha256"),
    ("replication", "registrationTimeout"),
    ("convergence",),
    ("convergence", "wait"),
    ("target", "adopt"),
    ("target", "tags"),
    ("target", "tags", "team"),
]


@pytest.mark.parametrize("location", EMPTY, ids=lambda at: ".".join(map(str, at)))
def test_a_key_without_a_value_is_refused_at_its_place(location: Location) -> None:
    config = configs.put(configs.modernized(), *location, value=None)
    reading = settings.read(config)
    place = path(*location)
    texts = [str(problem) for problem in reading.problems if problem.path == place]
    assert len(texts) == 1
    assert f"{place}: it is empty" in texts[0]
    assert "None" not in texts[0]


def test_an_empty_select_does_not_make_an_empty_wave() -> None:
    config = configs.modernized()
    config["waves"]["data"] = {"phase": "protected", "select": None}
    reading = settings.read(config)
    assert reading.settings is None
    [problem] = reading.problems
    assert problem.path == "waves.data.select"


def nothing_with_these_tags(
    _vpc: str, tags: Mapping[str, str], _region: str
) -> tuple[list[TaggedInstance], list[Problem]]:
    return ([] if tags else [TaggedInstance("i-00000000000000001", {})]), []


@pytest.mark.parametrize(
    ("location", "value"),
    [
        (("waves", "data", "select"), {}),
        (("waves", "data", "select"), {"": "x"}),
        (("waves", "data", "select"), {"move": None}),
        (("waves", "data", "select"), []),
        (("waves", "data", "machines"), []),
    ],
)
def test_a_wave_of_nothing_is_refused(location: Location, value: Any) -> None:
    config = configs.modernized()
    config["waves"]["data"] = {"phase": "protected"}
    reading = settings.read(configs.put(config, *location, value=value), nothing_with_these_tags)
    assert reading.settings is None
    assert all(problem.path.startswith("waves.data.") for problem in reading.problems)


SCALARS: list[tuple[Location, Any, str]] = [
    (("waves", "data", "target", "availabilityZone"), 1, "1 is a number, not text. Quote it"),
    (("waves", "data", "target", "availabilityZone"), 9, "9 is a number, not text. Quote it"),
    (("waves", "data", "target", "tags", "cost"), 7, "7 is a number, not text. Quote it"),
    (("waves", "data", "target", "tags", "live"), True, "true is true or false, not text. Quote"),
    (("waves", "data", "target", "diskType"), False, "false is true or false, not text. Quote"),
    (("waves", "data", "phase"), 1, "1 is a number, not text. Quote it"),
    (("waves", "data", "phase"), ["protected"], "['protected'] is a list, not text"),
    (("waves", "data", "machines", 0), 1.5, "1.5 is a number, not text. Quote it"),
    (("machines", "web-01", "os"), 2019, "2019 is a number, not text. Quote it"),
    (("target", "vault"), True, "true is true or false, not text. Quote it"),
    (("target", "adopt"), 1, "1 is a number, not true or false or a list"),
    (("target", "adopt"), "true", "'true' is text, not true or false or a list"),
    (("convergence", "wait"), 90, "90 is a number, not text. Write it with units"),
    (("convergence", "offlinePreview"), "true", "'true' is text, not true or false. Leave"),
    (("convergence", "offlinePreview"), 1, "1 is a number, not true or false"),
    (
        ("replication", "recoveryPointRetentionHours"),
        "24",
        "'24' is text, not a whole number. Leave the quotes out",
    ),
    (("replication", "recoveryPointRetentionHours"), 2.5, "2.5 is not a whole number"),
    (("replication", "recoveryPointRetentionHours"), True, "true is true or false, not a whole"),
    (("replication", "agent"), "ssm", "'ssm' is text, not a mapping of keys to values"),
    (("waves", "data", "machines"), "web-01", "'web-01' is text, not a list"),
    (("waves", "data", "machines"), {"a": 1}, "is a mapping, not a list"),
    (("allowRetiredClassic",), "perhaps", "'perhaps' is neither true nor false"),
    (("waves", "data", "recoveryPlan", "groups"), [], "it has no entries. Use at least 1"),
    (("waves",), "{", "'{' is text, not a mapping of keys to values"),
]


@pytest.mark.parametrize(("location", "value", "words"), SCALARS)
def test_a_value_of_another_kind_is_said_in_a_sentence(
    location: Location, value: Any, words: str
) -> None:
    config = configs.put(configs.modernized(), *location, value=value)
    texts = {p.path: f"{p.what}. {p.way_out}" for p in settings.read(config).problems}
    assert words in texts[path(*location)]


def test_a_number_that_should_be_text_names_the_type_for_pulumi_config_set() -> None:
    report = configs.report(
        configs.put(configs.modernized(), "waves", "data", "target", "availabilityZone", value=1)
    )
    assert "--type string" in report["waves.data.target.availabilityZone"]


@pytest.mark.parametrize(
    ("key", "command"),
    [
        ("waves.data.phase", "pulumi config set --path 'waves.data.phase'"),
        ("machines.web-01.os", "pulumi config rm 'machines.web-01.os'"),
        ("waves.data.machines[0]", "pulumi config set --path 'waves.data.machines[0]'"),
        ('target["tags"]', "pulumi config set --path"),
    ],
)
def test_a_key_that_was_set_without_path_is_recognised(key: str, command: str) -> None:
    report = configs.report({**configs.modernized(), key: "x"})
    [text] = report.values()
    assert "set without --path" in text
    assert command in text


def test_a_secret_value_of_a_plain_key_is_refused_by_name() -> None:
    keys = {"p:waves": "{}", "p:target": "{}", "aws:region": "x", "aws:secretKey": "x"}
    secret = {"p:waves", "aws:region", "aws:secretKey"}
    problems = settings.secrets("p", keys, secret.__contains__)
    assert [problem.path for problem in problems] == ["aws:region", "waves"]
    assert "--plaintext" in problems[0].way_out


@pytest.mark.parametrize(
    "character",
    [chr(c) for c in (0, 7, 8, 10, 13, 27, 127, 0x85, 0x200B, 0x200E, 0x202E, 0x2066, 0x2028)],
    ids=lambda character: f"U+{ord(character):04X}",
)
def test_what_a_terminal_would_act_on_is_written_as_an_escape(character: str) -> None:
    config = configs.modernized()
    name = f"evil{character}name"
    config["machines"][name] = {"instanceId": "i-00000000000000009", character: "x"}
    config["waves"][name] = {"phase": name, "machines": [name]}
    config[name] = 1
    text = str(settings.SettingsError(settings.read(config).problems))
    assert character not in text.replace("\n", "" if character != "\n" else "\n") or (
        character == "\n" and all(line.startswith("  - ") for line in text.split("\n")[1:])
    )


@given(st.text(min_size=1))
def test_a_problem_is_one_printable_line(text: str) -> None:
    line = str(Problem(text, text, text))
    assert line.isprintable()


@pytest.mark.parametrize("name", ["n" * 300, "long name " * 30, "ä" * 300])
def test_a_long_name_does_not_make_a_long_line(name: str) -> None:
    config = configs.modernized()
    config["machines"][name] = {"instanceId": name}
    config["waves"][name] = {"phase": name, "machines": [name], "target": {"vmSize": name}}
    config["target"]["vault"] = name
    config["source"]["vpcId"] = name
    problems = settings.read(config).problems
    assert len(problems) > 5
    assert max(len(str(problem)) for problem in problems) < 400


def test_what_stands_between_two_quoted_words_is_not_cut() -> None:
    config = configs.modernized()
    config["convergence"] = {
        "window": {"from": "22:00", "to": "04:00", "timezone": "UTC", "days": ["Mon"]}
    }
    [problem] = settings.read(config).problems
    assert "friday, saturday, sunday. Write 'monday', if that is meant" in str(problem)
    assert "..." not in str(problem)


@pytest.mark.parametrize(
    "query",
    [
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0f",
        "AWSAccessKeyId=AKIA&Signature=abc&Expires=1",
        "sv=2022-11-02&sig=abc%3D",
        "token=",
        "X-Goog-Signature=ab",
        "Key-Pair-Id=K&Signature=s",
    ],
)
def test_an_address_with_a_signature_is_refused_without_repeating_it(query: str) -> None:
    config = configs.modernized()
    config["replication"]["agent"]["linux"]["url"] = f"https://b.example.com/a.tar.gz?{query}"
    report = configs.report(config)
    # A shell reads the ampersand otherwise than it is meant; that is no reason to print the rest.
    assert list(report) == ["replication.agent.linux.url"]
    assert "secret" in report["replication.agent.linux.url"]
    assert query not in report["replication.agent.linux.url"]


@pytest.mark.parametrize(
    ("timeout", "accepted"),
    [
        ("0s", False),
        ("59s", False),
        ("1m", True),
        ("24h", True),
        ("24h1s", False),
        ("8760h", False),
    ],
)
def test_a_runbook_has_a_minute_to_a_day(timeout: str, accepted: bool) -> None:
    config = configs.modernized()
    runbook = {
        "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Automation/automationAccounts"
        "/a/runbooks/r",
        "timeout": timeout,
    }
    config["waves"]["pilot"] |= {
        "recoveryPlan": {"groups": [{"machines": ["web-01"], "pre": [{"runbook": runbook}]}]},
        "cutover": {"mode": "latest"},
    }
    report = configs.report(config)
    place = "waves.pilot.recoveryPlan.groups[0].pre[0].runbook.timeout"
    assert list(report) == ([] if accepted else [place])
    if not accepted:
        assert "1m to 24h" in report[place]
