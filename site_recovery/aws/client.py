"""AWS clients, and their errors as problems for the user."""

from __future__ import annotations

import gzip
import json
import os
import re
import threading
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
)
from botocore.exceptions import ConnectionError as AwsConnectionError
from botocore.loaders import JSONFileLoader, Loader
from botocore.parsers import ResponseParserError
from botocore.session import Session

from site_recovery import authorities
from site_recovery.aws import roles
from site_recovery.aws.roles import Role
from site_recovery.distrust import WAY_OUT, distrusted
from site_recovery.problems import Problem

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ssm import SSMClient

AWS_PLACE = "AWS"
"""The place of problems that concern no single machine, because AWS did not answer at all."""

CLIENT_CONFIG = Config(retries={"mode": "standard"}, connect_timeout=5, read_timeout=30)

AWS_FAILURES = (ClientError, BotoCoreError, ResponseParserError)
"""The errors that a client raises if AWS does not answer, or refuses, or something else answers."""

_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
_THROTTLED = frozenset(
    {
        *("RequestLimitExceeded", "SlowDown", "Throttling", "ThrottlingException"),
        *("ThrottledException", "RequestThrottledException", "TooManyRequestsException"),
    }
)
"""The codes with which services of AWS refuse what is too much."""
_ACTION = re.compile(r"not authorized to perform: ([\w-]+:\w+)")
_making = threading.Lock()


@overload
def connect(service: Literal["ec2"], region: str, config: Config = ...) -> EC2Client: ...
@overload
def connect(service: Literal["ssm"], region: str, config: Config = ...) -> SSMClient: ...
@overload
def connect(
    service: Literal["iam", "service-quotas", "sts"], region: str, config: Config = ...
) -> Any: ...
def connect(service: str, region: str, config: Config = CLIENT_CONFIG) -> Any:
    """The client of a service, with the endpoint and the credentials of the environment.

    If the config names a role (`roles.use`), its credentials are those of that role.

    All callers share it, because making one takes longer than its calls: the description of EC2 is
    4 MB of JSON.

    Args:
        service: the service.
        region: the region; IAM has none, but needs one with an endpoint of the environment.
        config: how often it retries, and how long it waits.

    Raises:
        BotoCoreError: the environment is invalid, such as a profile that does not exist.
        AuthoritiesError: the authorities that it names are.
    """
    # A session keeps what it has read from the environment and is not safe to use in two threads.
    environment = tuple(sorted(pair for pair in os.environ.items() if pair[0].startswith("AWS_")))
    with _making:
        return _client(service, region, config, environment, authorities.file(), roles.used())


@lru_cache(maxsize=16)
def _client(
    service: str,
    region: str,
    config: Config,
    environment: object,
    trusted: str | None,
    role: Role | None,
) -> Any:
    return _session(environment, region, trusted, role).create_client(
        service, region_name=region, config=config, verify=trusted
    )


@lru_cache(maxsize=4)
def _session(environment: object, region: str, trusted: str | None, role: Role | None) -> Session:
    session = Session()
    loader: Loader = session.get_component("data_loader")
    loader.file_loader = _PlainJson()
    if role is not None:
        roles.assume(session, role, region, trusted)
    return session


class _PlainJson(JSONFileLoader):
    """Loads descriptions of services into plain dictionaries, which keep the order as well.

    Those that botocore's loader makes take several times as long.
    """

    def load_file(self, file_path: str) -> Any:
        """The description at the path, which has no extension; None if there is none."""
        plain, compressed = Path(f"{file_path}.json"), Path(f"{file_path}.json.gz")
        if plain.is_file():
            return json.loads(plain.read_bytes())
        if compressed.is_file():
            return json.loads(gzip.decompress(compressed.read_bytes()))
        return None


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
    untrusted = distrusted(error)
    if untrusted is not None:
        return Problem(AWS_PLACE, f"{service} in {region}: {untrusted}", WAY_OUT)
    unproxied = authorities.unproxied(error)
    if unproxied is not None:
        return Problem(AWS_PLACE, f"{service} in {region}: {unproxied}", authorities.PROXY_WAY_OUT)
    if isinstance(error, AwsConnectionError | HTTPClientError):
        return Problem(
            AWS_PLACE,
            f"{service} does not answer ({error})",
            "Check the network and AWS_ENDPOINT_URL; for local clouds run `make up`",
        )
    if isinstance(error, ResponseParserError):
        return Problem(
            AWS_PLACE,
            f"something answered for {service} in {region} that is not AWS: its answer cannot be read",
            "Check what is between here and AWS, such as a proxy that wants a sign-in, and "
            "AWS_ENDPOINT_URL",
        )
    code = error_code(error)
    if code in _THROTTLED:
        return Problem(
            AWS_PLACE,
            f"{service} in {region} answered that there were too many requests, however long they "
            f"were repeated ({code})",
            "Run it again when less else calls AWS in this account and region, or let AWS raise the "
            "limit",
        )
    if code in _DENIED:
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


def error_code(error: Exception) -> str:
    """The code with which AWS refused a request; empty if AWS did not answer."""
    return error.response["Error"].get("Code", "") if isinstance(error, ClientError) else ""


def _list(words: Sequence[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last
