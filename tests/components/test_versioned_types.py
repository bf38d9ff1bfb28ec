"""The aliases of Azure resources, of which the SDK declares one for each API version."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks

from components import versioned_types
from components.sdk import resources
from tests.components.harness import deploy


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """The types in the aliases of each registered resource, by its name."""
    found: dict[str, list[str]] = {}
    register: Any = mocks.MockMonitor.RegisterResource

    def seen(monitor: mocks.MockMonitor, request: Any) -> Any:
        types = [each.spec.type for each in request.aliases]
        found[request.name] = types or list(request.aliasURNs)
        return register(monitor, request)

    monkeypatch.setattr(mocks.MockMonitor, "RegisterResource", seen)
    return found


def _group(name: str, *aliases: pulumi.Alias) -> None:
    resources.ResourceGroup(
        name,
        resource_group_name="rg",
        opts=pulumi.ResourceOptions(aliases=list(aliases)),
    )


def test_those_of_api_versions_are_left_out_and_all_others_are_kept(
    sent: dict[str, list[str]],
) -> None:
    former = pulumi.Alias(type_="azure-native:former:ResourceGroup")

    def program() -> None:
        _group("before")
        versioned_types.leave_out()
        _group("after", former)

    deploy(program)

    assert len(sent["before"]) > 1
    assert len(sent["after"]) == 1
    assert "azure-native:former:ResourceGroup" in sent["after"][0]


def test_a_resource_of_another_kind_keeps_all(sent: dict[str, list[str]]) -> None:
    odd = pulumi.Alias(type_="azure-native:network/v20230201:Odd")

    def program() -> None:
        versioned_types.leave_out()
        pulumi.ComponentResource(
            "test:component", "one", None, pulumi.ResourceOptions(aliases=[odd])
        )

    deploy(program)

    assert len(sent["one"]) == 1
