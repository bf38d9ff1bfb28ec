"""AWS calls of guests with the role of their instance: reads and writes of secrets and parameters.

Moto lets every caller do everything. So permissions are evaluated here from the policies of the
role and of the resource, and refusals have AWS's text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from emulator import partitions
from emulator.aws.permissions import Permissions
from emulator.estate.machines import AccessRefused, Instance

_READ, _WRITE = "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"
_SIGNAL = "ssm:PutParameter"


class InstanceRoles:
    """The roles of one account's instances, over AWS's public API.

    Args:
        client: gives the boto3 client of a service by its name.
    """

    def __init__(self, client: Callable[[str], Any]) -> None:
        self._secrets = client("secretsmanager")
        self._ssm = client("ssm")
        self._sts = client("sts")
        self._permissions = Permissions(client)
        self._account: str | None = None

    def secret(self, instance: Instance | None, secret_id: str) -> str:
        """The text of a secret.

        Raises:
            AccessRefused: with AWS's words.
        """
        with _in_aws_words():
            self._require_for_secret(instance, _READ, secret_id)
            return str(self._secrets.get_secret_value(SecretId=secret_id).get("SecretString", ""))

    def put_secret(self, instance: Instance | None, secret_id: str, value: str) -> None:
        """Give a secret a new value, as an instance.

        Raises:
            AccessRefused: with AWS's words.
        """
        with _in_aws_words():
            self._require_for_secret(instance, _WRITE, secret_id)
        self.put_secret_by_hand(secret_id, value)

    def put_secret_by_hand(self, secret_id: str, value: str) -> None:
        """The same as a person with that permission.

        Raises:
            AccessRefused: with AWS's words.
        """
        with _in_aws_words():
            self._secrets.put_secret_value(SecretId=secret_id, SecretString=value)

    def signal(self, instance: Instance | None, parameter: str, value: str) -> None:
        """Give a parameter a new value.

        Raises:
            AccessRefused: with AWS's words.
        """
        with _in_aws_words():
            name = parameter.removeprefix("/")
            region = self._ssm.meta.region_name
            arn = partitions.arn("ssm", region, self._own_account(), f"parameter/{name}")
            self._require(instance, _SIGNAL, arn, None)
            self._ssm.put_parameter(Name=parameter, Value=value, Type="String", Overwrite=True)

    def _require_for_secret(self, instance: Instance | None, action: str, secret_id: str) -> None:
        arn = self._secrets.describe_secret(SecretId=secret_id)["ARN"]
        policy = self._secrets.get_resource_policy(SecretId=secret_id).get("ResourcePolicy")
        self._require(instance, action, arn, policy)

    def _require(
        self, instance: Instance | None, action: str, arn: str, policy: str | None
    ) -> None:
        if instance is None or instance.profile is None:
            raise AccessRefused("Unable to locate credentials")
        role = self._permissions.role_of(instance.profile)
        if role is None:
            raise AccessRefused("Unable to locate credentials")
        if not self._permissions.allows(role, action, arn, policy):
            caller = partitions.global_arn(
                "sts",
                self._ssm.meta.region_name,
                self._own_account(),
                f"assumed-role/{role}/{instance.id}",
            )
            raise AccessRefused(
                f"An error occurred (AccessDeniedException) when calling the "
                f"{action.partition(':')[2]} operation: User: {caller} is not authorized to "
                f"perform: {action} on resource: {arn}"
            )

    def _own_account(self) -> str:
        if self._account is None:
            self._account = str(self._sts.get_caller_identity()["Account"])
        return self._account


@contextmanager
def _in_aws_words() -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise AccessRefused(str(error)) from error
