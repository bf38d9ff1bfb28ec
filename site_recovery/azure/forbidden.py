"""What a policy, a lock, a quota or the state of a subscription forbids.

No role and no later try helps until somebody changes that.

Sources: "Resolve errors for policy violations", "Lock your resources to protect your
infrastructure", "Resolve errors for a disabled subscription", "Resolve errors for resource provider
registration", "Resolve errors for resource quotas", "Resolve errors for SKU not available",
"Understand Azure deny assignments" (Microsoft Learn).
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import AzureError, HttpResponseError

from site_recovery.azure import policy_violations
from site_recovery.azure.locks import holding
from site_recovery.errors import MigrationError
from site_recovery.locks import named, removal

if TYPE_CHECKING:
    from azure.mgmt.recoveryservicessiterecovery.aio import SiteRecoveryManagementClient

_LOCKED = re.compile(r"are locked: '([^']+)'")
_NAMESPACE = re.compile(r"namespace '([^']+)'")
_SUBSCRIPTION = re.compile(r"/subscriptions/([^/?]+)", re.IGNORECASE)
_AGAIN = "then run pulumi up again"


def forbids(error: AzureError) -> str | None:
    """What forbids a request, with the way out; None if that is none of these."""
    for detail in _details(error):
        text = _forbids(detail, error)
        if text is not None:
            return text
    return None


def _forbids(detail: Any, error: AzureError) -> str | None:
    said = f"{detail.code}: {detail.message}".rstrip(".")
    match detail.code:
        case "RequestDisallowedByPolicy":
            return _by_policy(detail, said)
        case "RequestDisallowedByAzure":
            return (
                f"Azure does not let this subscription deploy there ({said}). Choose another "
                "azure-native:location, or ask Azure support for access to the region."
            )
        case "DenyAssignmentAuthorizationFailed":
            return (
                f"a deny assignment forbids it, whatever the roles ({said}). It belongs to a "
                "deployment stack or a managed application: ask its owner to exclude this identity."
            )
        case "ScopeLocked":
            return f"a lock forbids it ({said}). Remove the lock that the message names, {_AGAIN}."
        case "ReadOnlyDisabledSubscription":
            return f"the subscription takes no changes ({said}). Enable it, {_AGAIN}."
        case "MissingSubscriptionRegistration":
            return _by_registration(detail, error, said)
        case "SkuNotAvailable":
            return (
                f"the size is not offered there ({said}). Choose another target.vmSize or "
                f"availabilityZone, {_AGAIN}."
            )
    if _is_about_quota(detail):
        return (
            f"a quota of the subscription is used up ({said}). Ask for more under Quotas in the "
            f"portal, or choose sizes of another family, {_AGAIN}."
        )
    return None


def _by_policy(detail: Any, said: str) -> str:
    info = getattr(detail, "additional_info", None)
    named = policy_violations.told(info, detail.message or "") or said
    if policy_violations.denies_an_action(info):
        return (
            f"Azure Policy forbids it: {named}. It denies the action itself, whatever the config "
            "declares: ask the owner of the assignment for an exemption of the resource group."
        )
    return (
        f"Azure Policy forbids it: {named}. Change what the config declares so that it complies, "
        "or ask the owner of the assignment for an exemption of the resource group."
    )


def _by_registration(detail: Any, error: AzureError, said: str) -> str:
    namespace = _NAMESPACE.search(detail.message or "")
    request = getattr(getattr(error, "response", None), "request", None)
    place = _SUBSCRIPTION.search(str(getattr(request, "url", "")))
    command = f"az provider register --wait --namespace {namespace.group(1) if namespace else '…'}"
    if place:
        command += f" --subscription {place.group(1)}"
    return f"the subscription is not registered for it ({said}). Run `{command}`, {_AGAIN}."


def _is_about_quota(detail: Any) -> bool:
    """Whether a limit of the subscription is reached. `OperationNotAllowed` says other things too."""
    code, message = str(detail.code), str(detail.message).lower()
    return "quotaexceeded" in code.lower() or (code == "OperationNotAllowed" and "quota" in message)


async def looked_up(client: SiteRecoveryManagementClient, error: AzureError) -> str | None:
    """The same, with the names of the locks (ManagementLocks_ListByScope), if they can be read."""
    if _code(error) != "ScopeLocked":
        return forbids(error)
    scopes = _LOCKED.search(_told(error))
    try:
        locks = [
            lock
            for scope in (scopes.group(1).split(",") if scopes else ())
            for lock in await holding(client, scope)
            if lock.scope.lower() == scope.strip().lower()
        ]
    except AzureError:
        locks = []
    if not locks:
        return forbids(error)
    return f"it is forbidden by {named(locks)}. {removal(locks)}"


@asynccontextmanager
async def unlocked(client: SiteRecoveryManagementClient, about: str) -> AsyncIterator[None]:
    """Raise a `MigrationError` with the names of the locks, if they forbid a change.

    Every other error goes on as it is.

    Args:
        client: the client of the subscription.
        about: what is changed; the message begins with it.
    """
    try:
        yield
    except HttpResponseError as error:
        if _code(error) != "ScopeLocked":
            raise
        raise MigrationError(f"{about}: {await looked_up(client, error)}") from error


def _details(error: AzureError) -> Iterator[Any]:
    """The error of an answer, and those inside it: a deployment wraps what really refused."""
    detail = error.error if isinstance(error, HttpResponseError) else None
    if detail is None:
        return
    yield detail
    yield from getattr(detail, "details", None) or ()


def _code(error: AzureError) -> str:
    detail = error.error if isinstance(error, HttpResponseError) else None
    return (detail.code if detail else None) or ""


def _told(error: AzureError) -> str:
    detail = error.error if isinstance(error, HttpResponseError) else None
    return f"{detail.code}: {detail.message}".rstrip(".") if detail else str(error)
