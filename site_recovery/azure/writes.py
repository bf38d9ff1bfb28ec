"""Requests that change something: each is sent once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import AzureError, DecodeError, HttpResponseError

from site_recovery import arm_ids
from site_recovery.azure.errors import explain, never_sent
from site_recovery.azure.forbidden import looked_up
from site_recovery.errors import MigrationError, RefusedError, UnansweredError
from site_recovery.jobs import ServiceError

if TYPE_CHECKING:
    from azure.mgmt.recoveryservicessiterecovery.aio import SiteRecoveryManagementClient


async def once(
    client: SiteRecoveryManagementClient,
    operation: str,
    begin: Callable[..., Awaitable[Any]],
    request_id: str,
    plan: str = "",
) -> str | None:
    """Send a request without any retry.

    Args:
        client: the client of the vault's subscription.
        operation: the operation, in words. The name of the machine is added by who tells it.
        begin: a `begin_` method of the SDK with its arguments.
        request_id: the `x-ms-client-request-id`, by which its job can be found later.
        plan: the recovery plan that the request is about, for messages; empty for a machine.

    Returns:
        The name of the job; None if the service did it at once.

    Raises:
        RefusedError: the service refused it and changed nothing.
        UnansweredError: it may have been accepted; observe before deciding again.
        MigrationError: the request did not reach the service, or access was denied.
    """
    accepted: dict[str, str] = {}
    about = plan or operation

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
        raise await refusal(client, operation, error, plan) from error
    except AzureError as error:
        if never_sent(error):
            raise explain(error, about) from error
        raise UnansweredError(str(explain(error, about))) from error
    poll = accepted.get("poll")
    return arm_ids.name(poll.split("?", 1)[0]) if poll else None


async def refusal(
    client: SiteRecoveryManagementClient,
    operation: str,
    error: HttpResponseError,
    of: str = "",
) -> MigrationError:
    """What an error status of a request that changes something says of it.

    Args:
        client: the client of the subscription, which reads the names of locks.
        operation: the operation, in words. The name of the machine is added by who tells it.
        error: the answer.
        of: the recovery plan or virtual machine that the request is about; empty for a machine.
    """
    status = error.status_code or 0
    # An answer that is no JSON is a proxy's, and does not tell what the service did.
    if status >= 500 or status == 408 or isinstance(error, DecodeError):
        answered = f"the service answered {status} to {operation}"
        return UnansweredError(f"{of}: {answered}" if of else answered)
    forbidden = await looked_up(client, error)
    if forbidden is not None:
        # Asked again, the service would say the same.
        message = f"the service refused {operation}: {forbidden}"
        return RefusedError(ServiceError(message), busy=False)
    if status in (401, 403):
        return explain(error, of or operation)
    detail = error.error
    return RefusedError(
        ServiceError(
            message=f"the service refused {operation}: {detail.message if detail else error.message}",
            code=str(detail.code) if detail else str(status),
        ),
        busy=status in (409, 429),
    )
