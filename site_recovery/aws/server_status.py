"""The SSM parameter through which a server reports its own set-up."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from site_recovery.aws.client import AWS_FAILURES, aws_problem, connect, error_code
from site_recovery.errors import MigrationError
from site_recovery.server_status import ServerStatus, parse

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

PERMISSIONS = ("ssm:GetParameter",)


class StatusParameter:
    """The parameter that a server writes (ssm:GetParameter).

    Args:
        name: the parameter's name.
        region: the AWS region that it is in.
        client: an SSM client; by default one from the environment.
    """

    def __init__(self, name: str, region: str, client: SSMClient | None = None) -> None:
        self._name = name
        self._region = region
        self._client = client

    async def read(self) -> ServerStatus | None:
        """The newest report; None if there is none, or it cannot be read.

        Raises:
            MigrationError: AWS did not answer, or refused.
        """
        return await asyncio.to_thread(self._read)

    def _read(self) -> ServerStatus | None:
        try:
            self._client = self._client or connect("ssm", self._region)
            value = self._client.get_parameter(Name=self._name)["Parameter"].get("Value", "")
        except AWS_FAILURES as error:
            if error_code(error) == "ParameterNotFound":
                return None
            raise self._explained(error) from error
        return parse(value)

    def _explained(self, error: Exception) -> MigrationError:
        problem = aws_problem(error, "Systems Manager", self._region, PERMISSIONS)
        return MigrationError(f"SSM parameter {self._name}: {problem}")
