"""The interfaces that a machine names have to be those of its instance."""

from __future__ import annotations

from typing import Any

import pytest

from site_recovery.declared.interfaces import SourceInterface
from tests.settings import configs
from tests.settings.test_preflight import ec2, examine

KNOWN = (
    SourceInterface(
        index=0, id="eni-00000000000000aaa", mac="06:00:0a:0a:01:0b", address="10.10.1.11"
    ),
    SourceInterface(
        index=1, id="eni-00000000000000bbb", mac="06:00:0a:0a:05:0b", address="10.10.5.11"
    ),
)


def said(interfaces: dict[str, Any]) -> dict[str, str]:
    config = configs.modernized()
    config["machines"]["web-01"]["target"] = {"interfaces": interfaces}
    problems = examine(config, ec2(web_01={"interfaces": KNOWN})).problems
    return {each.path: f"{each.what}. {each.way_out}" for each in problems}


@pytest.mark.parametrize(
    "key", ["1", "eni-00000000000000bbb", "06:00:0a:0a:05:0b", "06-00-0A-0A-05-0B"]
)
def test_an_interface_may_be_named_in_each_of_these_ways(key: str) -> None:
    assert said({key: {"privateIp": "10.20.1.20"}}) == {}


@pytest.mark.parametrize("key", ["2", "eni-00000000000000ccc", "06:00:0a:0a:06:0b"])
def test_one_that_the_instance_does_not_have_is_refused_with_those_that_it_has(key: str) -> None:
    [(place, text)] = said({key: {}}).items()
    assert place.startswith("machines.web-01.target.interfaces")
    assert (
        "has no such network interface. It has 0 (eni-00000000000000aaa, 10.10.1.11); 1 (" in text
    )


@pytest.mark.parametrize("key", ["eni-00000000000000aaa", "06:00:0A:0A:01:0B"])
def test_the_first_one_is_that_of_the_target_itself(key: str) -> None:
    [text] = said({key: {}}).values()
    assert "it is the first network interface" in text
    assert "privateIp" in text


def test_one_is_not_named_twice() -> None:
    found = said({"1": {}, "eni-00000000000000bbb": {"leaveOut": True}})
    place = "machines.web-01.target.interfaces.eni-00000000000000bbb"
    assert list(found) == [place]
    assert "the interface that 1 names too" in found[place]
