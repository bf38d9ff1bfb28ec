"""Broken values, written in YAML and read as Pulumi hands them over: one problem, at its place."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
import yaml

import settings
from site_recovery.aws.ec2 import TaggedInstance
from site_recovery.problems import Problem
from tests.settings import configs

WAVE = "waves.pilot"
SERVER = "source.replicationAppliance"
HOOK = f"{WAVE}.hooks.beforeFailover"
TARGET = "machines.web-01.target"
PLAN = f"{WAVE}.recoveryPlan"

BROKEN = [
    # a value of another kind
    ("source.proxy", "{url: 'http://10.0.0.1:3128', bypass: s3.x.com}", ".bypass", "is text, not a list"),
    (f"{SERVER}.cacheGiB", "600GB", "", "'600GB' is text, not a whole number. It must be a whole number"),
    (f"{SERVER}.cacheGiB", "'600'", "", "Leave the quotes out"),
    (f"{SERVER}.name", "12345", "", "12345 is a number, not text. Quote it"),
    ("replication.recoveryPointRetentionHours", "24h", "", "It must be a whole number"),
    ("convergence.offlinePreview", "'yes'", "", "'yes' is text, not true or false. It must be true"),
    ("convergence.offlinePreview", "'TRUE'", "", "Leave the quotes out"),
    ("machines.web-01", "i-00000000000000001", "", "is text, not a mapping"),
    ("waves", "[pilot, data]", "", "is a list, not a mapping"),
    (f"{WAVE}.source", "terminate", "", "'terminate' is not known here. Write keep-stopped"),
    (f"{WAVE}.cutover", "lossless", "", "'lossless' is text, not a mapping"),
    (f"{WAVE}.after", "data", "", "'data' is text, not a list"),
    (f"{WAVE}.checks", "[tcp: '443']", "[0].tcp", "Leave the quotes out"),
    (f"{WAVE}.checks", "{tcp: 443}", "", "is a mapping, not a list"),
    (f"{WAVE}.checks", "[null]", "[0]", "it is empty. It must be a mapping"),
    (f"{TARGET}.tagsFromSource", "'*'", "", "'*' is text, not a list"),
    # a form that is not met
    (f"{WAVE}.checks", "[{http: {path: healthz}}]", "[0].http.path", "Begin it with /"),
    (f"{WAVE}.checks", "[{tcp: 443, host: 'a b'}]", "[0].host", "'a b' is no name or address"),
    (f"{WAVE}.checks", "[{http: {status: 200 OK}}]", "[0].http.status", "It must be a whole number"),
    (HOOK, "[{webhook: {url: ftp://x/y, secretEnv: A}}]", "[0].webhook.url", "is not a URL to which"),
    (HOOK, "[{webhook: {url: https://x/y, secretEnv: A-B}}]", "[0].webhook.secretEnv", "Use letters,"),
    (f"{TARGET}.availabilitySet", "as-1", "", "'as-1' is not a valid id of an availability set"),
    (f"{TARGET}.networkSecurityGroup", "nsg-web", "", "'nsg-web' is not a valid id of a network security group"),
    (f"{TARGET}.networkSecurityGroup", "null", "", "it is empty"),
    (f"{TARGET}.vmSize", "D2s_v3", "", "such as Standard_D2s_v3"),
    (f"{WAVE}.window", "{days: [Sat], from: '22:00', to: '23:00'}", ".days[0]", "Use one of monday, tuesday"),
    (f"{WAVE}.window", "{days: [], from: '22:00', to: '23:00'}", ".days", "it has no entries"),
    (f"{WAVE}.cutover", "{at: tomorrow}", ".at", "is not a date with a time"),
    ("convergence.wait", "2h 30m", "", "is not a duration. Write it with units"),
    ("convergence.wait", "1.5h", "", "is not a duration"),
    ("azure-native:subscriptionId", "my-subscription", "", "is not a subscription id"),
    ("aws:region", "eu-west-1a", "", "Write 'eu-west-1'"),
    # an address that no machine can have
    (f"{TARGET}.privateIp", "127.0.0.1", "", "no machine can have (loopback)"),
    (f"{SERVER}.privateIp", "0.0.0.0", "", "no machine can have (no host)"),
    (f"{SERVER}.privateIp", "255.255.255.255", "", "no machine can have (broadcast)"),
    (f"{SERVER}.privateIp", "10.0.0.5/24", "", "is not an IPv4 address"),
    # one cause
    ("target.resourceGroup", "rg migration", "", "is not a valid resource group name"),
    ("machines.WEB-01", "{instanceId: i-00000000000000009}", "", "differs from machines.web-01 in case"),
    (f"{WAVE}.window", "{from: '22:00'}", ".to", "it is missing. Add the key 'to' to the stack's config"),
    (PLAN, "{groups: []}", ".groups", "it has no entries. Use at least 1"),
]  # fmt: skip


def nothing(
    _vpc: str, _tags: Mapping[str, str], _region: str
) -> tuple[list[TaggedInstance], list[Problem]]:
    raise AssertionError("no wave selects")


def read(place: str, text: str) -> list[Problem]:
    """The problems of a valid config with one value in YAML, by the way of the engine."""
    config = configs.put(configs.modernized(), *place.split("."), value=yaml.safe_load(text))
    handed = {
        key if ":" in key else f"p:{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in config.items()
    }
    return list(settings.read(settings.stack_config("p", handed), nothing).problems)


@pytest.mark.parametrize(("place", "text", "below", "words"), BROKEN)
def test_a_broken_value_is_one_problem_at_its_place(
    place: str, text: str, below: str, words: str
) -> None:
    [problem] = read(place, text)
    assert problem.path == f"{place}{below}"
    assert words in f"{problem.what}. {problem.way_out}"


@pytest.mark.parametrize(("place", "text"), [(place, text) for place, text, *_ in BROKEN])
def test_it_is_told_in_words_of_this_project(place: str, text: str) -> None:
    said = " ".join(map(str, read(place, text)))
    for foreign in ("Input should", "should match", "tuple", "None", "pattern '^", "1 entries"):
        assert foreign not in said


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("source.proxy.url", "http://ada:s3cret@10.0.0.1:3128"),
        (f"{SERVER}.installer", "{url: 'https://ada:s3cret@example.com/x.zip'}"),
        (HOOK, "[{webhook: {url: 'https://ada:s3cret@x/y', secretEnv: A}}]"),
        ("target.vault", "https://ada:s3cret@x"),
        ("replication.agent.linux", "https://ada:s3cret@example.com/x"),
    ],
)
def test_a_password_in_a_url_is_not_printed(place: str, text: str) -> None:
    problems = read(place, text)
    assert problems
    assert "s3cret" not in " ".join(map(str, problems))
