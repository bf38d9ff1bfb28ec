"""Tags of everything and of machines, as Azure compares and limits them."""

from __future__ import annotations

from typing import Any

import pytest

import settings
from tests.settings import configs

FORTY_NINE = {f"t{number}": "v" for number in range(49)}


def test_a_machines_tag_replaces_its_waves_whatever_their_case() -> None:
    config = configs.modernized()
    config["waves"]["data"]["target"] = {"tags": {"CostCenter": "wave", "Team": "shop"}}
    config["machines"]["web-02"]["target"] = {"tags": {"costcenter": "own"}}
    stack = settings.load(config)
    assert stack.target_of("web-02").tags == {"costcenter": "own", "Team": "shop"}
    assert stack.target_of("db-01").tags == {"CostCenter": "wave", "Team": "shop"}


@pytest.mark.parametrize(
    ("tags", "place", "words"),
    [
        ({"CostCenter": "a", "costcenter": "b"}, "", "one tag for Azure"),
        ({"migrated-from-instance": "i-1"}, '["migrated-from-instance"]', "the program sets"),
        ({"Migrated-From-Machine": "x"}, '["Migrated-From-Machine"]', "the program sets"),
        ({"a%b": "x"}, '["a%b"]', "none of"),
        ({"a\tb": "x"}, '["a\tb"]', "control characters"),
        ({"": "x"}, '[""]', "is empty"),
        ({"windows-team": "x"}, '["windows-team"]', "for itself"),
        ({"n" * 513: "x"}, f'["{"n" * 513}"]', "at most 512"),
        ({"team": "x" * 257}, ".team", "at most 256"),
        (FORTY_NINE, "", "there are 49 tags, and Azure takes 48"),
    ],
)
def test_a_tag_of_a_machine_that_azure_refuses_is_named(
    tags: dict[str, str], place: str, words: str
) -> None:
    report = configs.report(
        configs.put(configs.modernized(), "waves", "data", "target", value={"tags": tags})
    )
    [(at, text)] = report.items()
    assert at.startswith("waves.data.target.tags")
    assert place.strip('[]".') in at
    assert words in text


@pytest.mark.parametrize(
    ("tags", "accepted"),
    [
        (FORTY_NINE, True),
        ({"n" * 128: "x"}, True),
        ({"n" * 129: "x"}, False),
        ({"team": ""}, True),
        ({"hidden-link:/app": "Resource"}, True),
    ],
)
def test_tags_of_everything_are_those_that_a_storage_account_takes(
    tags: dict[str, Any], accepted: bool
) -> None:
    report = configs.report(configs.put(configs.modernized(), "target", "tags", value=tags))
    assert (report == {}) == accepted


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"CostCenter": "7", "site-recovery:team": "shop"}, ""),
        ({"Name": "x"}, "sets the tag 'Name' of a server"),
        ({"site-recovery:Role": "x"}, "sets the tag 'site-recovery:Role'"),
        ({"aws:x": "y"}, "sets the tag 'aws:x'"),
        ({" ": "y"}, "is no key of a tag in EC2"),
        ({"a": "b" * 257}, "it has 257 characters"),
        ({f"t{n}": "" for n in range(48)}, "Use at most 47"),
    ],
)
def test_tags_of_the_server_are_those_that_ec2_takes_beside_ours(
    tags: dict[str, Any], words: str
) -> None:
    report = configs.report(configs.put(configs.modernized(), "source", "tags", value=tags))
    assert all(place.startswith("source.tags") for place in report)
    assert [words in text for text in report.values()] == ([True] if words else [])
