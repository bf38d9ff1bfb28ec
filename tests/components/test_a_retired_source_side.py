"""What a stack says is left when its source side is retired."""

from __future__ import annotations

from typing import Any

import pytest

import settings
from components.retired_wave import left
from tests.settings.configs import modernized, put, valid

REGISTERED = {
    "name": "asr-there",
    "securityGroupId": "sg-0123456789abcdef0",
    "privateIp": "10.10.2.9",
}


def told(config: dict[str, Any], adopt: Any = ()) -> str:
    read = settings.read(put(config, "target", "adopt", value=list(adopt)))
    assert read.settings is not None, read.problems
    return left(read.settings)


@pytest.mark.parametrize("config", [valid, modernized])
def test_what_the_stack_made_goes_and_the_rest_goes_with_a_destroy(config: Any) -> None:
    text = told(config())
    assert "server, agents' set-up, security groups and registration are removed" in text
    assert "`pulumi destroy` removes the vault, the cache storage account and the test" in text
    assert "In AWS the instances are left, with the agent in those that run, and the fence" in text


def test_what_was_there_before_the_stack_stays_after_a_destroy_too() -> None:
    adopt = ["vault", "testNetwork", "resourceGroup"]
    assert "`pulumi destroy` removes the cache storage account too." in told(valid(), adopt)
    assert "(empty)" not in told(valid(), adopt), "others may use an adopted vault"


def test_a_destroy_that_has_nothing_to_remove_is_not_named() -> None:
    adopt = ["vault", "testNetwork", "cacheStorageAccount", "resourceGroup"]
    assert "pulumi destroy" not in told(valid(), adopt)


def test_an_appliance_that_was_registered_before_stays_registered() -> None:
    config = modernized()
    put(config, "source", "replicationAppliance", value={"registered": REGISTERED})
    text = told(config, ["resourceGroup", "vault"])
    assert "agents' set-up and security groups are removed" in text
    assert "the appliance asr-there, which stays registered" in text
    assert "server" not in text
