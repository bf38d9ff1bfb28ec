"""Helpers for the tests of both servers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from pulumi.runtime import rpc
from pulumi.runtime.mocks import MockResourceArgs

from tests.components import harness
from tests.components.harness import Deployment, Resource

INSTANCE = "aws:ec2/instance:Instance"
READERS = {
    "arn:aws:iam::123456789012:role/web": "AROAWEB",
    "arn:aws:iam::123456789012:role/db": "AROADB",
}


FILE: str = harness._OUTPUTS["Credentials"]["credentials_file"]


def deploy(program: Callable[[], object]) -> Deployment:
    """Deploy with mocks that give every resource an ARN with its name."""
    answer = harness._Answers.new_resource

    def new_resource(
        self: harness._Answers, args: MockResourceArgs
    ) -> tuple[str | None, dict[str, Any]]:
        identifier, state = answer(self, args)
        return identifier, {**state, "arn": f"{args.name}-arn"}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(harness._Answers, "new_resource", new_resource)
        return harness.deploy(program)


def own_statements(deployment: Deployment) -> dict[str, str]:
    """The statements in the policy of the server's role: resource by action."""
    policy = json.loads(deployment.one("rolePolicy:RolePolicy").inputs["policy"])
    assert all(statement["Effect"] == "Allow" for statement in policy["Statement"])
    return {statement["Action"]: statement["Resource"] for statement in policy["Statement"]}


def revealed(value: Any) -> Any:
    """The value of a secret. Asserts that it is sent to the engine as a secret."""
    assert rpc.is_rpc_secret(value), "it goes in clear"
    return value["value"]


def told(instance: Resource) -> dict[str, Any]:
    """The settings in an instance's user data."""
    (line,) = re.findall(r"\$Settings = @'\n(.*)\n'@ \|", instance.inputs["userData"])
    found: dict[str, Any] = json.loads(line)
    return found
