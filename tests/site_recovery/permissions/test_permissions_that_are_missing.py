"""If a cloud denies an action, the message names it and the files to compare with."""

from __future__ import annotations

import pytest
from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest
from botocore.exceptions import ClientError

from emulator import front
from emulator.arm.identity import issue
from emulator.in_process import WorldTransport
from emulator.kernel.clock import Clock
from emulator.kernel.store import Store
from site_recovery.aws.client import aws_problem
from site_recovery.azure.errors import explain

WAY_OUT = "`make permissions` writes for this stack (docs/permissions.md)"


def refusal(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "DescribeInstances")


@pytest.mark.parametrize("code", ["UnauthorizedOperation", "AccessDenied", "AccessDeniedException"])
def test_aws_names_the_action_that_was_denied(code: str) -> None:
    told = (
        "User: arn:aws:iam::123456789012:user/me is not authorized to perform: ec2:DescribeVolumes "
        "because no identity-based policy allows the ec2:DescribeVolumes action"
    )
    wanted = ("ec2:DescribeInstances", "ec2:DescribeVolumes")
    problem = aws_problem(refusal(code, told), "EC2", "eu-west-1", wanted)
    assert "Let the credentials call ec2:DescribeVolumes: compare their policies" in str(problem)
    assert WAY_OUT in str(problem)


def test_aws_names_what_was_asked_for_where_the_refusal_names_nothing() -> None:
    told = "You are not authorized to perform this operation."
    wanted = ("ec2:DescribeInstances", "ec2:DescribeVolumes")
    problem = aws_problem(refusal("UnauthorizedOperation", told), "EC2", "eu-west-1", wanted)
    assert "call ec2:DescribeInstances and ec2:DescribeVolumes: compare" in str(problem)


def test_another_refusal_of_aws_is_no_denial() -> None:
    problem = aws_problem(
        refusal("RequestLimitExceeded", "Slow down"), "EC2", "eu-west-1", ("a:B",)
    )
    assert "make permissions" not in str(problem)


def test_azure_names_the_action_that_was_denied() -> None:
    store = Store()
    world = front.create(store, Clock(), seed=1)
    group = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg"
    headers = {"Authorization": f"Bearer {issue(world)}"}
    base = "https://management.azure.com"
    with WorldTransport(world) as transport:
        control = HttpRequest("PUT", f"{base}/_emulator/access", json={"assignments": []})
        assert transport.send(control).status_code == 200
        asked = HttpRequest("GET", f"{base}{group}?api-version=2024-03-01", headers=headers)
        with pytest.raises(HttpResponseError) as denied:
            transport.send(asked).raise_for_status()
    store.close()
    text = str(explain(denied.value, "vault v"))
    assert text.startswith("vault v: Azure denied access (AuthorizationFailed: The client '")
    assert "perform action 'Microsoft.Resources/subscriptions/resourceGroups/read'" in text
    assert WAY_OUT in text
    assert ".)" not in text
