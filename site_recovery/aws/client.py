"""The configuration of AWS clients, and their errors as problems for the user."""

from __future__ import annotations

import re
from collections.abc import Sequence

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
)

from site_recovery.problems import Problem

AWS_PLACE = "AWS"
"""The place of problems that concern no single machine, because AWS did not answer at all."""

CLIENT_CONFIG = Config(retries={"mode": "standard"}, connect_timeout=5, read_timeout=30)

AWS_FAILURES = (ClientError, BotoCoreError)
"""The errors that boto3 raises if AWS does not answer, or refuses."""

_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
_ACTION = re.compile(r"not authorized to perform: ([\w-]+:\w+)")


def aws_problem(error: Exception, service: str, region: str, permissions: Sequence[str]) -> Problem:
    """One of `AWS_FAILURES` as a problem.

    Args:
        error: what was raised.
        service: the name of the service for people, such as "EC2".
        region: the region of the call.
        permissions: the IAM actions that the call needs.
    """
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return Problem(
            AWS_PLACE,
            f"no usable credentials ({error})",
            "Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where "
            "an instance role gives them",
        )
    if isinstance(error, EndpointConnectionError):
        return Problem(
            AWS_PLACE,
            f"{service} does not answer ({error})",
            "Check the network and AWS_ENDPOINT_URL; for local clouds run `make up`",
        )
    if isinstance(error, ClientError) and error.response["Error"].get("Code") in _DENIED:
        told = _ACTION.search(str(error))
        return Problem(
            AWS_PLACE,
            f"{service} in {region} refused: {error}",
            f"Let the credentials call {told[1] if told else _list(permissions)}: compare their "
            "policies with those that `make permissions` writes for this stack "
            "(docs/permissions.md)",
        )
    return Problem(
        AWS_PLACE,
        f"{service} in {region} refused: {error}",
        f"Check that the credentials may call {_list(permissions)} in this region",
    )


def _list(words: Sequence[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last
