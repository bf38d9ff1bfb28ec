"""The provider's AWS clients, and their errors."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
)

from emulator.providers.errors import ProviderError
from emulator.providers.schema import Property

CONFIGURABLE: Mapping[str, Property] = {
    "region": Property(),
    "accessKey": Property(),
    "secretKey": Property(),
    "token": Property(),
    "assumeRoles": Property("json"),
    "defaultTags": Property("json"),
    "endpoints": Property("json"),
    "maxRetries": Property("integer"),
    "allowedAccountIds": Property("json"),
    "skipCredentialsValidation": Property("boolean"),
    "skipMetadataApiCheck": Property("boolean"),
    "skipRegionValidation": Property("boolean"),
    "skipRequestingAccountId": Property("boolean"),
}


class Cloud:
    """Sessions and clients, created on first use.

    Endpoints and credentials come from the environment as boto3 reads it (`AWS_ENDPOINT_URL`,
    `AWS_ACCESS_KEY_ID`, `AWS_REGION`, ...), unless the provider's configuration has its own.
    """

    def __init__(self) -> None:
        self._config: dict[str, Any] = {}
        self._clients: dict[tuple[str, str | None], Any] = {}
        self._lock = threading.Lock()

    def use(self, config: Mapping[str, Any]) -> None:
        """Take the provider's configuration.

        Raises:
            ProviderError: credentials of another account than the allowed ones.
        """
        self._config = {name: _decoded(value) for name, value in config.items()}
        with self._lock:
            self._clients.clear()
        allowed = self._config.get("allowedAccountIds")
        if allowed and self.account not in allowed:
            raise ProviderError(
                f"AWS account {self.account} is none of aws:allowedAccountIds "
                f"({', '.join(allowed)}); use credentials of one of them"
            )

    @property
    def region(self) -> str:
        """The region of resources that name none.

        Raises:
            ProviderError: none is configured.
        """
        # The real provider reads AWS_REGION, which boto3 by itself does not.
        region = (
            self._config.get("region")
            or os.environ.get("AWS_REGION")
            or boto3.session.Session().region_name
        )
        if not region:
            raise ProviderError("no AWS region: set it with `pulumi config set aws:region <name>`")
        return str(region)

    @cached_property
    def account(self) -> str:
        """The account of the credentials."""
        return str(self.client("sts").get_caller_identity()["Account"])

    @property
    def default_tags(self) -> dict[str, str]:
        """The tags that every resource gets."""
        return dict((self._config.get("defaultTags") or {}).get("tags") or {})

    def client(self, service: str, region: str | None = None) -> Any:
        """The client of a service, shared between calls (boto3's clients may be)."""
        with self._lock:
            place = region or self.region
            if (service, place) not in self._clients:
                self._clients[service, place] = self._connect(service, place)
            return self._clients[service, place]

    def _connect(self, service: str, region: str) -> Any:
        endpoints = self._config.get("endpoints") or []
        endpoint = next((entry[service] for entry in endpoints if entry.get(service)), None)
        session = boto3.session.Session(
            aws_access_key_id=self._config.get("accessKey"),
            aws_secret_access_key=self._config.get("secretKey"),
            aws_session_token=self._config.get("token"),
            region_name=region,
        )
        for role in self._config.get("assumeRoles") or []:
            session = _assumed(session, role, region)
        retries = int(self._config.get("maxRetries") or 5)
        config = Config(retries={"max_attempts": retries, "mode": "standard"})
        connect: Any = session.client  # its types know the services' names only as literals
        return connect(service, endpoint_url=endpoint, config=config)


def _assumed(session: boto3.session.Session, role: Mapping[str, str], region: str) -> Any:
    """A session with a role; its credentials are valid for an hour."""
    asked = {"ExternalId": role["externalId"]} if role.get("externalId") else {}
    given = session.client("sts").assume_role(
        RoleArn=role["roleArn"], RoleSessionName=role.get("sessionName") or "pulumi", **asked
    )["Credentials"]
    return boto3.session.Session(
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
        region_name=region,
    )


def _decoded(value: Any) -> Any:
    """A configuration value; the SDK sends lists and objects as JSON text."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def code_of(error: ClientError) -> str:
    """The error code of a refusal, such as `InvalidGroup.NotFound`."""
    return str(error.response.get("Error", {}).get("Code", ""))


def explain(error: Exception) -> ProviderError | None:
    """An error of boto3, in one line."""
    if isinstance(error, ClientError):
        refusal = error.response.get("Error", {})
        return ProviderError(
            f"AWS refused {error.operation_name}: {refusal.get('Code')}: {refusal.get('Message')}"
        )
    if isinstance(error, EndpointConnectionError):
        return ProviderError(
            f"AWS does not answer: {error}; are the local clouds running (`make up`), and is "
            "AWS_ENDPOINT_URL theirs?"
        )
    if isinstance(error, NoCredentialsError | NoRegionError):
        return ProviderError(
            f"no AWS credentials or region: {error}; set AWS_ACCESS_KEY_ID, "
            "AWS_SECRET_ACCESS_KEY and AWS_REGION"
        )
    if isinstance(error, BotoCoreError):
        return ProviderError(f"the call to AWS failed: {error}")
    return None
