"""What the record of a machine takes from its wave goes through the engine as texts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pulumi.runtime import rpc

from dynamic_providers.as_text import as_text
from dynamic_providers.protected_item import ProtectedItemInputs, ProtectedItemProvider
from tests.dynamic_providers.test_waves_that_differ import CONTAINER, INPUTS

AS_TEXT = ("landing_zone", "machine", "convergence")


def record(**changed: Any) -> dict[str, Any]:
    """The inputs and outputs of a record as an older version of the program recorded them."""
    return {
        "name": "web-01",
        "phase": "protected",
        "container_id": CONTAINER,
        "landing_zone": INPUTS["landing_zone"],
        "machine": INPUTS["machines"]["web-01"],
        "convergence": INPUTS["convergence"],
        "outcome": {"status": "satisfied"},
        "urn": INPUTS["urn"],
        "observed_phase": "protected",
        **changed,
    }


def in_texts(values: dict[str, Any]) -> dict[str, Any]:
    return values | {name: as_text(values[name]) for name in AS_TEXT}


@pytest.mark.parametrize("values", [record(), in_texts(record())], ids=["older", "now"])
def test_a_record_is_read_from_texts_and_from_values_and_written_as_texts(
    values: dict[str, Any],
) -> None:
    read = ProtectedItemInputs.model_validate(values)

    assert read.machine.instance_id == "i-1"
    assert read.landing_zone.network_id == "n"
    assert read.convergence.wait_seconds == 60
    written = read.wire()
    assert all(isinstance(written[name], str) for name in AS_TEXT)
    assert json.loads(written["landing_zone"]).items() >= INPUTS["landing_zone"].items()
    assert ProtectedItemInputs.model_validate(written) == read


def test_the_record_of_an_older_version_does_not_differ_from_the_same_as_texts() -> None:
    news = in_texts(record(wave_phase="protected"))
    assert ProtectedItemProvider().diff("web-01", record(), news).changes is False
    assert ProtectedItemProvider().diff("web-01", news, news).changes is False


@pytest.mark.parametrize("before", [record(), in_texts(record())], ids=["older", "now"])
def test_a_changed_target_is_a_difference(before: dict[str, Any]) -> None:
    machine = {**INPUTS["machines"]["web-01"], "target": {"vmName": "shop"}}
    news = in_texts(record(wave_phase="protected", machine=machine))
    assert ProtectedItemProvider().diff("web-01", before, news).changes is True


def test_what_is_not_known_yet_is_none() -> None:
    news = in_texts(record(wave_phase="protected"))
    news |= dict.fromkeys((*AS_TEXT, "outcome", "wave_phase"), rpc.UNKNOWN)
    assert ProtectedItemProvider().diff("web-01", record(), news).changes is False


def test_nothing_has_no_text_and_the_same_values_have_the_same() -> None:
    assert as_text(None) is None
    assert as_text({"b": 1, "a": "ö"}) == as_text({"a": "ö", "b": 1}) == '{"a":"ö","b":1}'
