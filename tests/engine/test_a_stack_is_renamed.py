"""A renamed stack: its resources keep their names, and no machine is touched."""

from __future__ import annotations

import pytest

from tests.engine.harness import GROUP, VAULT, Stack, row

pytestmark = pytest.mark.engine


def items(stack: Stack) -> set[str]:
    """Names of the vault's protected items, as the SDK lists them."""
    listed = stack.clouds.site_recovery().replication_protected_items.list(GROUP, VAULT)
    return {str(item.name) for item in listed}


@row("pulumi stack rename")
def test_a_renamed_stack_leaves_both_clouds_as_they_are(stack: Stack) -> None:
    stack.declare(pilot=("protected", ["web-01"]), rest=("test-failover", ["app-01"]))
    stack.waves["rest"]["recoveryPlan"] = {"groups": [["app-01"]]}
    assert stack.up().code == 0
    azure, aws = stack.clouds.audit(), stack.clouds.aws()
    stack.succeeds("stack", "rename", "renamed")
    stack.name = "renamed"

    preview = stack.preview()
    up = stack.up()

    assert preview.code == 0, preview.text
    assert "replace" not in preview.text
    assert up.code == 0, up.text
    assert stack.clouds.audit() == azure
    assert stack.clouds.aws() == aws
    assert items(stack) == {"web-01", "app-01"}
    again = stack.up("--expect-no-changes")
    assert again.code == 0, again.text

    destroy = stack.destroy()

    assert destroy.code == 0, destroy.text
    assert stack.clouds.vaults(GROUP) == set()
    assert "security-groups" not in stack.exported()
