"""What a policy, a lock or the state of a subscription forbids: no role and no later try helps.

Sources: "Resolve errors for policy violations", "Lock your resources to protect your
infrastructure", "Resolve errors for a disabled subscription" (Microsoft Learn).
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import AzureError, HttpResponseError

from site_recovery.azure.rest import list_url, url
from site_recovery.errors import MigrationError

if TYPE_CHECKING:
    from azure.mgmt.recoveryservicessiterecovery.aio import SiteRecoveryManagementClient

_LOCKS_VERSION = "2020-05-01"
_LOCKED = re.compile(r"are locked: '([^']+)'")


def forbids(error: AzureError) -> str | None:
    """What forbids a request, with the way out; None if that is none of these."""
    match _code(error):
        case "RequestDisallowedByPolicy":
            return (
                f"Azure Policy forbids it: {_violations(error) or _told(error)}. Change what the "
                "config declares so that it complies, or ask the owner of the assignment for an "
                "exemption of the resource group."
            )
        case "ScopeLocked":
            return (
                f"a lock forbids it ({_told(error)}). Remove the lock that the message names, then "
                "run pulumi up again."
            )
        case "ReadOnlyDisabledSubscription":
            return (
                f"the subscription takes no changes ({_told(error)}). Enable it, then run pulumi up "
                "again."
            )
    return None


async def looked_up(client: SiteRecoveryManagementClient, error: AzureError) -> str | None:
    """The same, with the names of the locks (ManagementLocks_ListByScope), if they can be read."""
    if _code(error) != "ScopeLocked":
        return forbids(error)
    scopes = _LOCKED.search(_told(error))
    try:
        locks = [
            lock
            for scope in (scopes.group(1).split(",") if scopes else ())
            for lock in await _locks(client, scope)
        ]
    except AzureError:
        locks = []
    if not locks:
        return forbids(error)
    named = ", ".join(
        f"lock '{lock['name']}' ({(lock.get('properties') or {}).get('level')}) of {_scope(lock)}"
        for lock in locks
    )
    ids = " ".join(str(lock["id"]) for lock in locks)
    return (
        f"it is forbidden by {named}. Remove it or ask its owner, then run pulumi up again: "
        f"az lock delete --ids {ids}"
    )


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


async def _locks(client: SiteRecoveryManagementClient, scope: str) -> list[Mapping[str, Any]]:
    path = f"{scope}/providers/Microsoft.Authorization/locks"
    found = await list_url(client, url(path, _LOCKS_VERSION, filter="atScope()"))
    return [
        lock
        for lock in found
        if isinstance(lock, dict)
        and lock.get("name")
        and _scope(lock).lower() == scope.strip().lower()
    ]


def _scope(lock: Mapping[str, Any]) -> str:
    return str(lock.get("id")).rsplit("/providers/", 1)[0]


def _code(error: AzureError) -> str:
    detail = error.error if isinstance(error, HttpResponseError) else None
    return (detail.code if detail else None) or ""


def _told(error: AzureError) -> str:
    detail = error.error if isinstance(error, HttpResponseError) else None
    return f"{detail.code}: {detail.message}".rstrip(".") if detail else str(error)


def _violations(error: AzureError) -> str:
    """The policy assignments of `error.additionalInfo`, each with what it demands."""
    found = []
    detail = error.error if isinstance(error, HttpResponseError) else None
    for entry in getattr(detail, "additional_info", None) or ():
        info = entry.info if isinstance(entry.info, dict) else {}
        if entry.type != "PolicyViolation":
            continue
        name = info.get("policyAssignmentDisplayName") or info.get("policyAssignmentName")
        definition = info.get("policyDefinitionDisplayName") or info.get("policyDefinitionName")
        details = (info.get("evaluationDetails") or {}).get("evaluatedExpressions") or ()
        wants = ", ".join(
            f"{one.get('path') or one.get('expression')} is {one.get('expressionValue')!r} and "
            f"{one.get('operator')} {one.get('targetValue')!r} is forbidden"
            for one in details
            if one.get("result") == "True"
        )
        found.append(
            f"assignment {name!r} ({info.get('policyAssignmentId') or 'no id'}), definition "
            f"{definition!r}" + (f": {wants}" if wants else "")
        )
    return "; ".join(found)
