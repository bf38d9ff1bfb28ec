"""The aliases of Azure resources, of which the SDK declares one for each API version."""

from __future__ import annotations

import pulumi

from components import versioned_types
from components.sdk import resources
from tests.components.harness import deploy


def _group(name: str, *aliases: pulumi.Alias) -> None:
    resources.ResourceGroup(
        name,
        resource_group_name="rg",
        opts=pulumi.ResourceOptions(aliases=list(aliases)),
    )


def test_those_of_api_versions_are_left_out_and_all_others_are_kept() -> None:
    former = pulumi.Alias(type_="azure-native:former:ResourceGroup")

    def program() -> None:
        _group("before")
        versioned_types.leave_out()
        _group("after", former)

    registered = deploy(program)

    assert len(registered.one("ResourceGroup", "before").aliases) > 1
    after = registered.one("ResourceGroup", "after").aliases
    assert len(after) == 1
    assert "azure-native:former:ResourceGroup" in after[0]


def test_a_resource_of_another_kind_keeps_all() -> None:
    odd = pulumi.Alias(type_="azure-native:network/v20230201:Odd")

    def program() -> None:
        versioned_types.leave_out()
        pulumi.ComponentResource(
            "test:component", "one", None, pulumi.ResourceOptions(aliases=[odd])
        )

    assert len(deploy(program).one("test:component", "one").aliases) == 1
