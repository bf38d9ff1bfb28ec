"""An invalid credentials file: the server reports it, and the next run provides a valid one.

Classic experience only: a person signs a replication appliance in, without a file.
"""

from __future__ import annotations

import pytest

from tests.engine.clouds import SCALE
from tests.engine.harness import Stack

pytestmark = pytest.mark.engine

SECRET = "ec2-to-azure-engine-configuration-server-credential"
SERVER = "asr-cs"
TOO_SMALL = "c6i.xlarge"
LARGE_ENOUGH = "c5.2xlarge"
PAST_ITS_END = 121 * 3600
"""A credentials file is valid for 120 hours."""


@pytest.fixture(scope="module", params=["classic"])
def experience(request: pytest.FixtureRequest) -> str:
    """The experience whose server registers with a credentials file."""
    chosen: str = request.param
    return chosen


def secret(stack: Stack) -> str:
    """The credentials file that the server will read."""
    found = stack.clouds.client("secretsmanager").get_secret_value(SecretId=SECRET)
    text: str = found["SecretString"]
    return text


def resize_five_days_later(stack: Stack) -> None:
    """Give the server a larger type, so late that its credentials file has expired."""
    ec2 = stack.clouds.ec2()
    (server,) = stack.clouds.servers()
    ec2.stop_instances(InstanceIds=[server])
    stack.clouds.advance(PAST_ITS_END)
    ec2.modify_instance_attribute(InstanceId=server, InstanceType={"Value": LARGE_ENOUGH})
    ec2.start_instances(InstanceIds=[server])


def test_a_run_that_ends_without_the_server(stack: Stack) -> None:
    stack.declare(pilot=("protected", ["web-01"]))
    assert stack.up_with_a_server_of(TOO_SMALL).code != 0


def test_five_days_later_the_server_says_that_its_credential_expired(stack: Stack) -> None:
    stack.clouds.set_scale(0)
    resize_five_days_later(stack)
    stack.clouds.advance(600)
    before = secret(stack)

    running = stack.start("up", "--yes", "--skip-preview")
    running.until(f"{SERVER}: failed: install: UNIFIEDSETUP.EXE ended with exit code 1")
    running.until("the vault credentials expired on")

    assert secret(stack) != before, "the same run has renewed it, because the server needs it"
    # Somebody overwrites the secret before the server reads it.
    secrets = stack.clouds.client("secretsmanager")
    secrets.put_secret_value(SecretId=SECRET, SecretString="<RSVaultAsrCreds/>")
    stack.clouds.advance(600)
    up = running.result()
    assert up.code != 0, up.text
    assert "Traceback" not in up.text
    assert up.changes["Credentials credentials"] == "update"
    said = "\n".join(up.errors["registration"])
    assert f"configuration server {SERVER}: its set-up failed: install" in said
    assert "The installer reports" in said
    assert "no vault credentials" in said
    assert "Put that right (docs/configuration-server.md says how)" in said
    assert ".." not in said
    assert stack.clouds.operations("web-01") == []


def test_with_the_stacks_own_file_again_the_server_registers(stack: Stack) -> None:
    stack.clouds.set_scale(SCALE)

    # The provider reads the version that it wrote, so a refresh does not notice a newer one.
    up = stack.up("--replace", "**:SecretVersion::credential")

    assert up.code == 0, up.text
    assert "Credentials credentials" not in up.changes, "it is still good"
    assert "ManagementCert" in secret(stack)
    assert "ManagementCert" not in up.text
    assert stack.machine("web-01")["observedPhase"] == "protected"


def test_once_the_server_is_registered_its_credential_may_expire(stack: Stack) -> None:
    before = secret(stack)
    stack.clouds.advance(PAST_ITS_END)

    up = stack.up("--expect-no-changes")

    assert up.code == 0, up.text
    assert secret(stack) == before
