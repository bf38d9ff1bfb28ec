"""Reading from Azure: lists to their end, and calls for which the SDK has no method.

Lists and answers are JSON as it was sent, through the SDK's pipeline with all its policies. The
SDK's own models are not used for what is read in every look: making them takes fifty times as long
as parsing the JSON.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from azure.core.exceptions import (
    ClientAuthenticationError,
    DecodeError,
    HttpResponseError,
    ResourceNotFoundError,
    map_error,
)
from azure.core.pipeline import PipelineResponse
from azure.core.pipeline.policies import ContentDecodePolicy
from azure.core.rest import HttpRequest
from azure.mgmt.core.exceptions import ARMErrorFormat

from site_recovery.azure.limits import PATIENT

if TYPE_CHECKING:
    from azure.mgmt.recoveryservicessiterecovery.aio import SiteRecoveryManagementClient

API_VERSION = "2025-08-01"
"""The version of Site Recovery's API that the SDK uses."""

_ERRORS = {401: ClientAuthenticationError, 404: ResourceNotFoundError}
_SHOWN = 60
"""The most characters that a message shows of an answer that cannot be read."""


def url(path: object, api_version: str = API_VERSION, **query: str) -> str:
    """The URL of a resource or list, without the host.

    Args:
        path: its ARM id or path.
        api_version: the version of the API of its provider.
        query: further parameters; `filter` becomes `$filter`, and `expand` becomes `$expand`.
    """
    named = {
        f"${name}" if name in ("filter", "expand") else name: value for name, value in query.items()
    }
    return f"{quote(str(path))}?{urlencode({'api-version': api_version, **named}, safe='$')}"


async def list_all(pages: AsyncIterator[Any]) -> tuple[Mapping[str, Any], ...]:
    """All pages of a list of the SDK, as wire objects.

    Raises:
        AzureError: Azure did not answer, or refused.
    """
    return tuple([model.as_dict() async for model in pages])


async def list_url(client: SiteRecoveryManagementClient, url: str) -> tuple[Any, ...]:
    """All entries of a list by its URL, with or without the host, as they were sent.

    Next links are followed as they are. An entry can be anything: `answers.reading.each` parses
    entries one by one.

    Raises:
        ResourceNotFoundError: there is nothing at the URL.
        DecodeError: an answer is no page of a list, such as the page of a proxy.
        AzureError: Azure did not answer, or refused.
    """
    found: list[Any] = []
    following: str | None = url
    seen: set[str] = set()
    while following:
        seen.add(following)
        page = await call(client, "GET", following)
        entries = page.get("value") if isinstance(page, dict) else None
        if not isinstance(entries, list):
            raise DecodeError(f"a page of a list is {_brief(page)}")
        found.extend(entries)
        following = page.get("nextLink")
        if following is not None and (not isinstance(following, str) or following in seen):
            raise DecodeError(f"the next page of a list is {_brief(following)}")
    return tuple(found)


async def call(
    client: SiteRecoveryManagementClient,
    method: str,
    url: str,
    body: Mapping[str, Any] | None = None,
    *,
    patient: bool = False,
) -> Any:
    """Send a request and return the JSON of its answer.

    Args:
        client: to send it with.
        method: the HTTP method.
        url: with its `api-version`, with or without the host.
        body: sent as JSON.
        patient: whether others go first while the limits of Resource Manager make it wait.

    Raises:
        ResourceNotFoundError: there is nothing at the URL.
        DecodeError: the answer is no JSON, such as the page of a proxy.
        AzureError: Azure did not answer, or refused.
    """
    answers: list[PipelineResponse[Any, Any]] = []
    try:
        response = await client.send_request(
            HttpRequest(method, url, json=body, headers={"Accept": "application/json"}),
            raw_response_hook=answers.append,
            **{PATIENT: patient},
        )
    except DecodeError as error:
        if error.status_code and error.status_code >= 400:
            raise HttpResponseError(response=error.response) from error
        raise DecodeError(f"it is {_brief(_text(error.response))}", error.response) from error
    map_error(response.status_code, response, _ERRORS)
    if response.status_code >= 400:
        raise HttpResponseError(response=response, error_format=ARMErrorFormat)
    # The pipeline has parsed it once, which is enough.
    content = answers[-1].context.get(ContentDecodePolicy.CONTEXT_NAME)
    if isinstance(content, str):
        raise DecodeError(f"it is {_brief(content)}", response)
    return content


def _text(response: Any) -> str:
    try:
        return str(response.text())
    except (AttributeError, UnicodeError):
        return "no text"


def _brief(content: object) -> str:
    """What was answered, in a few words."""
    text = " ".join(str(content).split())
    return f"{text[:_SHOWN]}…" if len(text) > _SHOWN else text or "empty"
