"""Each problem is reported once, with its place and the way out, and nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml

from tests.engine.harness import Result, Stack

pytestmark = pytest.mark.engine

NOBODY = "http://127.0.0.1:1"
"""An address on which nothing listens."""


def refused(stack: Stack, *command: str) -> Result:
    """Run a command that has to fail without a change in either cloud."""
    audit, aws = stack.clouds.audit(), stack.clouds.aws()
    result = stack.run(*(command or ("up", "--yes", "--skip-preview")))
    assert result.code != 0, result.text
    assert "Traceback" not in result.text
    assert stack.clouds.audit() == audit
    assert stack.clouds.aws() == aws
    return result


@pytest.fixture
def elsewhere(stack: Stack) -> Iterator[dict[str, str]]:
    """The environment of commands, which is restored after the test."""
    kept = dict(stack.environment)
    yield stack.environment
    stack.environment.clear()
    stack.environment.update(kept)


def test_everything_wrong_with_the_config_is_said_at_once(stack: Stack) -> None:
    stack.declare(
        pilot=("protected", ["web-01", "web-02", "web-02"]), rest=("protected", ["app-01"])
    )
    stack.waves["pilot"]["phase"] = "protectd"
    stack.waves["pilot"]["colour"] = "blue"
    stack.waves["rest"]["machines"] += ["web-01", "arm-01", "gone-01", "bad_name", "nowhere-01"]
    stack.machines["arm-01"] = {"instanceId": stack.clouds.instance_id("arm-01")}
    stack.machines["gone-01"] = {"instanceId": "i-0123456789abcdef0"}
    stack.machines["bad_name"] = stack.fleet["web-03"]
    stack.machines["app-01"] = stack.fleet["web-01"]
    stack.config["ec2-to-azure:target"]["valt"] = "rsv"
    places = {
        "waves.pilot.phase": "protected",
        "waves.pilot.colour": "unknown key 'colour'",
        "waves.pilot.machines[2]": "'web-02' is listed at waves.pilot.machines[1] already",
        "waves.rest.machines[1]": "'web-01' is in wave 'pilot' already",
        "waves.rest.machines[5]": "there is no machine 'nowhere-01'",
        "machines.web-01.instanceId": "is machines.app-01 already",
        "machines.arm-01": "arm64",
        "machines.gone-01.instanceId": "there is no instance i-0123456789abcdef0 in eu-west-1",
        "machines.bad_name": "Azure refuses a virtual machine of this name",
        "target.valt": "unknown key 'valt'. Write 'vault'",
    }

    result = refused(stack)

    del stack.config["ec2-to-azure:target"]["valt"]
    assert len(result.errors) == 1, "one message"
    lines = [line.strip() for line in result.error.splitlines()]
    assert "problems to solve first; nothing was changed" in lines[0]
    for place, what in places.items():
        said = [line for line in lines if line.startswith((f"- {place}:", f"- {place}."))]
        assert any(what in line for line in said), (place, result.error)


def test_a_machine_that_is_declared_twice(stack: Stack) -> None:
    stack.declare(pilot=("protected", ["web-01"]))
    text = yaml.safe_dump({"config": stack.config}, sort_keys=False)
    entry = f"    web-01:\n      instanceId: {stack.fleet['web-01']['instanceId']}\n"
    assert entry in text
    stack.config_text = text.replace(entry, entry + entry)

    result = refused(stack)

    stack.config_text = ""
    assert "web-01" in result.text
    assert "already" in result.text


def test_a_type_that_the_schema_refuses(stack: Stack) -> None:
    stack.declare(pilot=("protected", ["web-01"]))
    machines = stack.config["ec2-to-azure:machines"]
    stack.config["ec2-to-azure:machines"] = ["web-01"]

    result = refused(stack)

    stack.config["ec2-to-azure:machines"] = machines
    assert "machines" in result.text


def test_without_aws_credentials(stack: Stack, elsewhere: dict[str, str]) -> None:
    stack.declare(pilot=("protected", ["web-01"]))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del elsewhere[name]

    result = refused(stack)

    assert "AWS: no usable credentials" in result.error
    assert "AWS_ACCESS_KEY_ID" in result.error


def test_an_aws_that_does_not_answer(stack: Stack, elsewhere: dict[str, str]) -> None:
    elsewhere["AWS_ENDPOINT_URL"] = NOBODY

    result = refused(stack)

    assert "AWS: EC2 does not answer" in result.error
    assert NOBODY in result.error
    assert "Check the network and AWS_ENDPOINT_URL" in result.error


def test_an_azure_that_does_not_answer_a_new_stack(stack: Stack, elsewhere: dict[str, str]) -> None:
    elsewhere["AZURE_RESOURCE_MANAGER_ENDPOINT"] = NOBODY

    result = refused(stack, "up", "--yes")

    assert "Azure does not answer" in result.error
    assert "Check the network and AZURE_RESOURCE_MANAGER_ENDPOINT" in result.error


def test_a_new_stack_without_azure_credentials(stack: Stack, elsewhere: dict[str, str]) -> None:
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
        del elsewhere[name]
    elsewhere["AZURE_TOKEN_CREDENTIALS"] = "EnvironmentCredential"

    result = refused(stack, "up", "--yes")

    assert "no usable Azure credentials. Run `az login`" in result.error


def test_a_stack_that_is_there(stack: Stack) -> None:
    up = stack.up()
    assert up.code == 0, up.text
    stack.declare(pilot=("test-failover", ["web-01"]))


def test_an_azure_that_does_not_answer(stack: Stack, elsewhere: dict[str, str]) -> None:
    elsewhere["AZURE_RESOURCE_MANAGER_ENDPOINT"] = NOBODY

    result = refused(stack)

    assert "Azure does not answer" in result.error
    assert "AZURE_RESOURCE_MANAGER_ENDPOINT" in result.error


def test_without_azure_credentials(stack: Stack, elsewhere: dict[str, str]) -> None:
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
        del elsewhere[name]
    elsewhere["AZURE_TOKEN_CREDENTIALS"] = "EnvironmentCredential"

    result = refused(stack)

    assert "no usable Azure credentials. Run `az login`" in result.error


def test_credentials_that_azure_refuses(stack: Stack, elsewhere: dict[str, str]) -> None:
    stack.clouds.fault(
        "ReplicationProtectedItems_List",
        status=403,
        code="AuthorizationFailed",
        message="The client does not have authorization.",
        times=20,
    )

    result = refused(stack)

    stack.clouds.clear_faults()
    assert "Azure denied access (AuthorizationFailed" in result.error
    assert "Site Recovery Contributor" in result.error


def test_credentials_over_plain_http_to_another_machine(
    stack: Stack, elsewhere: dict[str, str]
) -> None:
    elsewhere["AZURE_RESOURCE_MANAGER_ENDPOINT"] = "http://192.0.2.1"

    result = refused(stack, "preview")

    assert "plain http is for local clouds on loopback only" in result.error


@pytest.mark.parametrize(
    ("passphrase", "told"),
    [
        ("of another stack", "incorrect passphrase"),
        (None, "passphrase must be set with PULUMI_CONFIG_PASSPHRASE"),
    ],
)
def test_a_passphrase_that_is_wrong_or_missing(
    stack: Stack, elsewhere: dict[str, str], passphrase: str | None, told: str
) -> None:
    stack.declare(pilot=("protected", ["web-01"]))
    del elsewhere["PULUMI_CONFIG_PASSPHRASE"]
    if passphrase is not None:
        elsewhere["PULUMI_CONFIG_PASSPHRASE"] = passphrase

    assert told in refused(stack).text

    audit = stack.clouds.audit()
    made = stack.run_tool("toolchain.progress", "up", "--yes")
    assert made.code != 0
    assert told in made.text
    assert "Traceback" not in made.text
    assert stack.clouds.audit() == audit
