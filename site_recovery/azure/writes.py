"""Requests that change something: each is sent once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from azure.core.exceptions import AzureError, DecodeError, HttpResponseError

from site_recovery import arm_ids
from site_recovery.azure.errors import explain, never_sent
from site_recovery.errors import MigrationError, RefusedError, UnansweredError
from site_recovery.jobs import ServiceError


async def once(
    operation: str, name: str, begin: Callable[..., Awaitable[Any]], request_id: str
) -> str | None:
    """Send a request without any retry.

    Args:
        operation: the operation, in words.
        name: the machine or plan, for messages.
        begin: a `begin_` method of the SDK with its arguments.
        request_id: the `x-ms-client-request-id`, by which its job can be found later.

    Returns:
        The name of the job; None if the service did it at once.

    Raises:
        RefusedError: the service refused it and changed nothing.
        UnansweredError: it may have been accepted; observe before deciding again.
        MigrationError: the request did not reach the service, or access was denied.
    """
    accepted: dict[str, str] = {}

    def remember(response: Any) -> None:
        headers = response.http_response.headers
        accepted["poll"] = headers.get("Location") or headers.get("Azure-AsyncOperation") or ""

    try:
        # azure-core would repeat it after a 5xx, and start the operation twice.
        await begin(
            polling=False,
            retry_total=0,
            raw_response_hook=remember,
            request_id=request_id,
        )
    except HttpResponseError as error:
        raise refusal(operation, name, error) from error
    except AzureError as error:
        if never_sent(error):
            raise explain(error, name) from error
        raise UnansweredError(str(explain(error, name))) from error
    poll = accepted.get("poll")
    return arm_ids.name(poll.split("?", 1)[0]) if poll else None


def refusal(operation: str, name: str, error: HttpResponseError) -> MigrationError:
    """What an error status of a request that changes something says of it.

    Args:
        operation: the operation, in words.
        name: the machine or plan, for messages.
        error: the answer.
    """
    status = error.status_code or 0
    # An answer that is no JSON is a proxy's, and does not tell what the service did.
    if status >= 500 or status == 408 or isinstance(error, DecodeError):
        return UnansweredError(f"{name}: the service answered {status} to {operation}")
    if status in (401, 403):
        return explain(error, name)
    detail = error.error
    return RefusedError(
        ServiceError(
            message=f"the service refused {operation}: {detail.message if detail else error.message}",
            code=str(detail.code) if detail else str(status),
        ),
        busy=status in (409, 429),
    )
