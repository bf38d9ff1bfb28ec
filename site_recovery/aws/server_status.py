"""What a server that sets itself up says of it, through an SSM parameter."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import ClientError

from site_recovery.aws.client import AWS_FAILURES, CLIENT_CONFIG, aws_problem
from site_recovery.errors import MigrationError

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

PERMISSIONS = ("ssm:GetParameter",)

FAILED = "failed"
SUCCEEDED = "succeeded"


@dataclass(frozen=True)
class ServerStatus:
    """One report of a server's set-up.

    Attributes:
        state: `starting`, `installing`, `waiting` (for a person), `succeeded` or `failed`.
        step: what it does, or did last.
        message: what its installer said, or what a person has to do.
    """

    state: str
    step: str = ""
    message: str = ""

    def __str__(self) -> str:
        return ": ".join(part for part in (self.state, self.step, self.message) if part)


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
        """The newest report; None where there is none, or none that can be read.

        Raises:
            MigrationError: AWS did not answer, or refused.
        """
        return await asyncio.to_thread(self._read)

    def _read(self) -> ServerStatus | None:
        try:
            self._client = self._client or boto3.client(
                "ssm", region_name=self._region, config=CLIENT_CONFIG
            )
            value = self._client.get_parameter(Name=self._name)["Parameter"].get("Value", "")
        except AWS_FAILURES as error:
            if isinstance(error, ClientError) and (
                error.response["Error"].get("Code") == "ParameterNotFound"
            ):
                return None
            raise self._explained(error) from error
        return parse(value)

    def _explained(self, error: Exception) -> MigrationError:
        problem = aws_problem(error, "Systems Manager", self._region, PERMISSIONS)
        return MigrationError(f"SSM parameter {self._name}: {problem}")


def parse(value: str) -> ServerStatus | None:
    """A report from the parameter's text; None where it is none."""
    try:
        report = json.loads(value)
    except ValueError:
        return None
    if not isinstance(report, dict) or not isinstance(report.get("state"), str):
        return None
    return ServerStatus(
        report["state"], str(report.get("step") or ""), str(report.get("message") or "")
    )
