from __future__ import annotations

from typing import Any

import pytest

from emulator.providers.azure_native.resources import decode, encode
from emulator.providers.azure_native.table import ROWS
from emulator.providers.resource import Naming
from emulator.providers.schema import Property, asked_part, differences
from emulator.providers.values import UNKNOWN

TEXTS = Property("set", items=Property())
PROPERTIES = {
    "name": Property(replace=True, normal=str.casefold),
    "size": Property("integer", computed=True),
    "public": Property("boolean", default=False),
    "tags": Property("map", items=Property()),
    "groups": TEXTS,
    "disks": Property(
        "set",
        key="device",
        items=Property(
            "object", fields={"device": Property(), "gib": Property("integer", replace=True)}
        ),
    ),
    "policy": Property("json"),
}


def changed(old: dict[str, Any], new: dict[str, Any]) -> dict[str, str]:
    return {
        found.path: found.change + ("!" if found.replace else "")
        for found in differences(old, new, PROPERTIES)
    }


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"name": "A"}, {"name": "a"}, {}),
        ({"name": "a"}, {"name": "b"}, {"name": "update!"}),
        ({"name": "a"}, {"name": UNKNOWN}, {"name": "update!"}),
        ({"size": 3}, {}, {}),  # the service chose it
        ({}, {"size": 3}, {"size": "add"}),
        ({"public": False}, {}, {}),
        ({"public": True}, {}, {"public": "delete"}),
        ({}, {"public": False}, {}),
        ({"tags": {}}, {}, {}),
        ({"tags": {"a": "1"}}, {}, {"tags": "delete"}),
        ({"tags": {"a.b": "1"}}, {"tags": {"a.b": "2"}}, {'tags["a.b"]': "update"}),
        ({"groups": ["a", "b"]}, {"groups": ["b", "a"]}, {}),
        (
            {"groups": ["a", "b"]},
            {"groups": ["c", "a"]},
            {"groups[0]": "add", "groups[1]": "delete"},
        ),
        (
            {"disks": [{"device": "b", "gib": 1}, {"device": "c", "gib": 2}]},
            {"disks": [{"device": "c", "gib": 3}, {"device": "b", "gib": 1}]},
            {"disks[0].gib": "update!"},
        ),
        ({"policy": '{"a": 1, "b": 2}'}, {"policy": '{"b":2,"a":1}'}, {}),
        ({"policy": '{"a": 1}'}, {"policy": '{"a": 2}'}, {"policy": "update"}),
        ({"other": 1}, {"other": 2}, {}),  # not of this type
    ],
)
def test_differences(old: dict[str, Any], new: dict[str, Any], expected: dict[str, str]) -> None:
    assert changed(old, new) == expected


NESTED = Property(
    "object",
    fields={"a": Property(), "b": Property(), "secret": Property(write_only=True)},
)


@pytest.mark.parametrize(
    ("live", "asked", "before", "expected"),
    [
        # As asked for, with what the service adds left out.
        ({"a": "1", "b": "x"}, {"a": "1"}, {"a": "1", "b": "x"}, {"a": "1"}),
        # Changed by hand.
        ({"a": "2", "b": "x"}, {"a": "1"}, {"a": "1", "b": "x"}, {"a": "2"}),
        # What was never asked for was changed by hand.
        ({"a": "1", "b": "y"}, {"a": "1"}, {"a": "1", "b": "x"}, {"a": "1", "b": "y"}),
        # Never given back.
        ({"a": "1"}, {"a": "1", "secret": "s"}, {"a": "1"}, {"a": "1", "secret": "s"}),
        ({"a": "1", "secret": "***"}, {"secret": "s"}, {"a": "1"}, {"secret": "s"}),
    ],
)
def test_what_the_service_says_about_what_was_asked_for(
    live: Any, asked: Any, before: Any, expected: Any
) -> None:
    assert asked_part(live, asked, NESTED, before) == expected


def test_names_are_chosen_as_the_services_take_them() -> None:
    seed = b"seed"
    assert Naming().choose("web", seed) == Naming().choose("web", seed)
    assert Naming().choose("web", seed) != Naming().choose("web", b"other")
    account = Naming("accountName", separator="", digits=8, longest=24, plain=True)
    chosen = account.choose("My-Very-Long-Storage-Account", seed)
    assert len(chosen) == 24
    assert chosen.startswith("myverylongstorag")
    assert Naming("subnetName", digits=0).choose("servers", seed) == "servers"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.token)
def test_every_row_names_its_path_parameters_among_its_inputs(row: Any) -> None:
    own = set(row.parameters) - {"subscriptionId"}
    assert own <= set(row.inputs)
    assert row.naming.property in own
    assert all(row.inputs[name].replace for name in own)


def test_bodies_put_each_property_where_arm_has_it_and_back() -> None:
    row = next(row for row in ROWS if row.token.endswith(":NetworkSecurityGroup"))
    rule = {"name": "https", "priority": 100, "destinationPortRange": "443"}
    inputs = {"location": "westeurope", "securityRules": [rule]}
    body = encode(inputs, row.inputs)
    assert body == {
        "location": "westeurope",
        "properties": {
            "securityRules": [
                {"name": "https", "properties": {"priority": 100, "destinationPortRange": "443"}}
            ]
        },
    }
    assert decode(body, row.inputs, flat=row.flat) == inputs


def test_names_that_differ_from_arms_are_carried_both_ways() -> None:
    row = next(row for row in ROWS if row.token.endswith(":StorageAccount"))
    inputs = {
        "enableHttpsTrafficOnly": True,
        "networkRuleSet": {"defaultAction": "Deny", "ipRules": [{"iPAddressOrRange": "1.2.3.4"}]},
    }
    body = encode(inputs, row.inputs)
    assert body["properties"]["supportsHttpsTrafficOnly"] is True
    assert body["properties"]["networkAcls"]["ipRules"] == [{"value": "1.2.3.4"}]
    assert decode(body, row.inputs, flat=row.flat) == inputs
