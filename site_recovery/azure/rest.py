"""Reading from Azure: lists to their end, and calls for which the SDK has no method."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from azure.core.exceptions import ResourceNotFoundError, map_error
from azure.core.rest import HttpRequest
from azure.mgmt.recoveryservicessiterecovery.aio import SiteRecoveryManagementClient


async def list_all(pages: AsyncIterator[Any]) -> tuple[Mapping[str, Any], ...]:
    """All pages of a list of the SDK, as wire objects.

    Raises:
        AzureError: Azure did not answer, or refused.
    """
    return tuple([model.as_dict() async for model in pages])


async def list_url(client: SiteRecoveryManagementClient, url: str) -> tuple[Mapping[str, Any], ...]:
    """All pages of a list by its URL, with or without the host.

    Raises:
        ResourceNotFoundError: there is nothing at the URL.
        AzureError: Azure did not answer, or refused.
    """
    found: list[Mapping[str, Any]] = []
    following: str | None = url
    while following:
        page = await call(client, "GET", following)
        found.extend(page.get("value", ()))
        following = page.get("nextLink")
    return tuple(found)


async def call(
    client: SiteRecoveryManagementClient,
    method: str,
    url: str,
    body: Mapping[str, Any] | None = None,
) -> Any:
    """Send a request and return the JSON of its answer.

    Args:
        client: to send it with.
        method: the HTTP method.
        url: with its `api-version`, with or without the host.
        body: sent as JSON.

    Raises:
        ResourceNotFoundError: there is nothing at the URL.
        AzureError: Azure did not answer, or refused.
    """
    response = await client.send_request(HttpRequest(method, url, json=body))
    map_error(response.status_code, response, {404: ResourceNotFoundError})
    response.raise_for_status()
    return response.json()
