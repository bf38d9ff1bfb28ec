"""The provider's client of Azure Resource Manager, on azure-core and azure-identity."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from azure.core import PipelineClient
from azure.core.credentials import TokenCredential
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.core.pipeline import policies
from azure.core.polling import LROPoller
from azure.core.rest import HttpRequest
from azure.identity import DefaultAzureCredential
from azure.mgmt.core.polling.arm_polling import ARMPolling

from emulator.providers.errors import ProviderError
from emulator.providers.schema import Property

CONFIGURABLE: Mapping[str, Property] = {
    "location": Property(),
    "subscriptionId": Property(),
    "tenantId": Property(),
    "clientId": Property(),
    "environment": Property(),
    "disablePulumiPartnerId": Property("boolean"),
    "useDefaultAzureCredential": Property("boolean"),
    "useMsi": Property("boolean"),
}

_PUBLIC_ENDPOINT = "https://management.azure.com"
_ENDPOINTS = {
    "usgovernment": "https://management.usgovcloudapi.net",
    "usgov": "https://management.usgovcloudapi.net",
    "china": "https://management.chinacloudapi.cn",
}
"""Resource Manager by `environment`. Like the real provider, it takes any other name as public."""
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_POLL_SECONDS = 2.0  # between polls of an operation whose answers name no time
_NOBODY = "00000000-0000-0000-0000-000000000000"


class Cloud:
    """One subscription of one Azure.

    The endpoint is AZURE_RESOURCE_MANAGER_ENDPOINT, else the public one; the credentials are
    those that azure-identity finds. Tokens are sent over plain http on loopback only.
    """

    def __init__(self) -> None:
        self._config: dict[str, Any] = {}
        self._credential: TokenCredential | None = None
        self._client: PipelineClient[Any, Any] | None = None
        self._over_http = False
        self._scope = f"{_PUBLIC_ENDPOINT}/.default"

    def use(self, config: Mapping[str, Any]) -> None:
        """Apply the provider's configuration. Nothing is sent yet."""
        self._config = dict(config)
        named = str(config.get("environment") or os.environ.get("ARM_ENVIRONMENT") or "")
        own = _ENDPOINTS.get(named.lower(), _PUBLIC_ENDPOINT)
        self._scope = f"{own}/.default"
        endpoint = os.environ.get("AZURE_RESOURCE_MANAGER_ENDPOINT", own).rstrip("/")
        parts = urlsplit(endpoint)
        self._over_http = parts.scheme == "http" and parts.hostname in _LOOPBACK
        self._credential = DefaultAzureCredential()
        self._client = PipelineClient(
            endpoint,
            policies=[
                policies.RequestIdPolicy(),
                policies.UserAgentPolicy("local-azure-native"),
                policies.RetryPolicy(),
                policies.BearerTokenCredentialPolicy(self._credential, self._scope),
                policies.ContentDecodePolicy(),
            ],
        )

    @property
    def location(self) -> str | None:
        """The location of resources that name none."""
        return self._config.get("location")

    @property
    def subscription(self) -> str:
        """The subscription that everything is in.

        Raises:
            ProviderError: none is configured.
        """
        found = (
            self._config.get("subscriptionId")
            or os.environ.get("ARM_SUBSCRIPTION_ID")
            or os.environ.get("AZURE_SUBSCRIPTION_ID")
        )
        if not found:
            raise ProviderError(
                "no Azure subscription: set it with "
                "`pulumi config set azure-native:subscriptionId <id>`"
            )
        return str(found)

    def identity(self) -> dict[str, str]:
        """The identity of the credentials: clientId, objectId, subscriptionId and tenantId."""
        if self._credential is None:
            raise ProviderError("the provider is not configured")
        claims = _claims(self._credential.get_token(self._scope).token)
        configured = self._config
        return {
            "clientId": configured.get("clientId") or claims.get("appid") or _NOBODY,
            "objectId": claims.get("oid") or _NOBODY,
            "subscriptionId": self.subscription,
            "tenantId": configured.get("tenantId") or claims.get("tid") or _NOBODY,
        }

    def get(self, resource_id: str, api_version: str) -> dict[str, Any] | None:
        """The body of a resource, or None when ARM has no such resource."""
        response = self._send("GET", resource_id, api_version).http_response
        if response.status_code == 404:
            return None
        _refuse(response)
        return dict(response.json())

    def put(self, resource_id: str, api_version: str, body: Mapping[str, Any]) -> None:
        """Create or change a resource, and wait until that is done."""
        initial = self._send("PUT", resource_id, api_version, dict(body))
        _refuse(initial.http_response)
        self._wait(initial)

    def delete(self, resource_id: str, api_version: str) -> None:
        """Delete a resource, and wait until it is gone. It is not an error if there is none."""
        initial = self._send("DELETE", resource_id, api_version)
        if initial.http_response.status_code == 404:
            return
        _refuse(initial.http_response)
        if initial.http_response.status_code == 202:
            self._wait(initial)

    def _send(
        self, method: str, resource_id: str, api_version: str, body: dict[str, Any] | None = None
    ) -> Any:
        if self._client is None:
            raise ProviderError("the provider is not configured")
        request = HttpRequest(
            method,
            self._client.format_url(quote(resource_id)),
            params={"api-version": api_version},
            json=body,
        )
        return self._client.send_request(request, _return_pipeline_response=True, **self._transport)

    @property
    def _transport(self) -> dict[str, Any]:
        return {"enforce_https": False} if self._over_http else {}

    def _wait(self, initial: Any) -> None:
        """Poll the operation, at the URLs and intervals that the service gives."""
        poller: LROPoller[None] = LROPoller(
            self._client,
            initial,
            lambda _: None,
            ARMPolling(timeout=_POLL_SECONDS, **self._transport),
        )
        poller.result()


def _refuse(response: Any) -> None:
    """Raise an error for a refusal."""
    if response.status_code >= 400:
        raise HttpResponseError(response=response)


def _claims(token: str) -> dict[str, Any]:
    """The claims of a token that is a JWT. They are not verified."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        claims = json.loads(payload)
    except ValueError:
        return {}
    return claims if isinstance(claims, dict) else {}


def explain(error: Exception) -> ProviderError | None:
    """An error of azure-core or azure-identity, in one line."""
    if isinstance(error, ClientAuthenticationError):
        first = str(error.message).strip().split("\n", 1)[0]
        return ProviderError(
            f'no Azure credentials: {first}; locally, `eval "$(make env)"` sets them'
        )
    if isinstance(error, HttpResponseError):
        return ProviderError(_refusal(error))
    if isinstance(error, ServiceRequestError | ServiceResponseError):
        return ProviderError(
            f"Azure Resource Manager does not answer: {error.message}; are the local clouds "
            "running (`make up`), and is AZURE_RESOURCE_MANAGER_ENDPOINT theirs?"
        )
    return None


def _refusal(error: HttpResponseError) -> str:
    request: Any = error.response.request if error.response is not None else None
    method = f"{request.method} {urlsplit(request.url).path}" if request is not None else "a call"
    if error.error is not None and error.error.code:
        return f"Azure refused {method}: {error.error.code}: {error.error.message}"
    status = f"{error.status_code} " if error.status_code else ""
    first = str(error.message).strip().split("\n", 1)[0]
    return f"Azure refused {method}: {status}{first}"
