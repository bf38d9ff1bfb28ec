"""A stack whose config names a role: plugin and program work in its account, and in no other."""

from __future__ import annotations

import pytest

from tests.engine.harness import Stack

pytestmark = pytest.mark.engine

OTHER = "210987654321"


def test_a_role_of_the_same_account_changes_nothing(stack: Stack) -> None:
    stack.declare(pilot=("protected", ["web-01"]))
    stack.config["aws:assumeRoles"] = [{"roleArn": "arn:aws:iam::123456789012:role/estate-machine"}]
    preview = stack.preview()
    assert preview.code == 0, preview.text
    assert "AWS account 123456789012" in preview.text


def test_both_sides_of_a_run_work_in_the_account_of_the_role(stack: Stack) -> None:
    stack.declare(pilot=("protected", ["web-01"]))
    stack.config["aws:assumeRoles"] = [{"roleArn": f"arn:aws:iam::{OTHER}:role/migration"}]
    preview = stack.preview()
    text = " ".join(preview.text.split())
    assert preview.code != 0
    # In that account there is nothing of what the config names.
    assert "to take the machine out of the migration" in text
    assert "one run would work in two accounts" not in text
