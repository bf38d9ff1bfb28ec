"""Map a request to the Azure RBAC permission that it needs, and the scope of it.

Source: "Azure custom roles" (the format `{Company}.{Provider}/{resourceType}/{action}`) and
"Azure permissions", which lists the actions of each resource provider.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from emulator.kernel.routes import Route
from emulator.kernel.wire import Request

_WORDS = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}
_RESOURCES = "Microsoft.Resources"
_UNNAMED = frozenset({"microsoft.storage/locations/asyncoperations/read"})
"""Actions that are not published, so that no role can grant them. They need no permission here.
Storage Account Contributor (`Microsoft.Storage/storageAccounts/*`) makes accounts without it."""

_POLLS = ("/operations/read", "/operationresults/read")

_ENABLING = "ReplicationProtectedItems_Create"
_OF_A_GROUP = (
    "Microsoft.Compute/availabilitySets/read",
    "Microsoft.Compute/virtualMachines/read",
    "Microsoft.Compute/virtualMachines/write",
    "Microsoft.Compute/virtualMachines/delete",
    "Microsoft.Network/networkInterfaces/read",
    "Microsoft.Network/networkInterfaces/write",
    "Microsoft.Network/networkInterfaces/delete",
    "Microsoft.Network/networkInterfaces/join/action",
    "Microsoft.Resources/deployments/read",
    "Microsoft.Resources/deployments/write",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
)
_OF_A_NETWORK = (
    "Microsoft.Network/virtualNetworks/read",
    "Microsoft.Network/virtualNetworks/subnets/read",
    "Microsoft.Network/virtualNetworks/subnets/join/action",
)
_OF_AN_ACCOUNT = (
    "Microsoft.Storage/storageAccounts/read",
    "Microsoft.Storage/storageAccounts/listkeys/action",
)


@dataclass(frozen=True)
class Needed:
    """A permission that a caller needs.

    Attributes:
        action: such as `Microsoft.Network/virtualNetworks/read`.
        scope: the id of the resource; for a list, of what contains it.
        anywhere: whether having it anywhere in the subscription is enough. This is so for polls
            below a region: a caller with a role on one group can follow its operations.
    """

    action: str
    scope: str
    anywhere: bool = False


_SAME = {
    "microsoft.compute/locations/operationresults/read": "Microsoft.Compute/locations/operations/read"
}
"""Compute has one action for polling: its results are at the path of the operation, with
`monitor=true`. Here they have a path of their own."""


def needed(request: Request) -> Needed | None:
    """The permission that a request needs; None if it needs none. Everyone may read what is above
    subscriptions, such as their list.
    """
    above, separator, below = _split(request.path)
    if not above.lower().startswith("/subscriptions/"):
        return None
    segments = below.split("/") if separator else above.strip("/").split("/")
    namespace = segments.pop(0) if separator else _RESOURCES
    posted = segments.pop() if request.method == "POST" else None
    kind = "/".join([namespace, *_cased(segments[::2])])
    word = _WORDS.get(request.method, "action") if posted is None else f"{posted}/action"
    action = _SAME.get(f"{kind}/{word}".lower(), f"{kind}/{word}")
    if action.lower() in _UNNAMED:
        return None
    scope = _scope(above, namespace if separator else None, segments)
    return Needed(action, scope, anywhere=action.lower().endswith(_POLLS) and _is_of_none(scope))


def linked(request: Request, route: Route) -> Iterator[Needed]:
    """The permissions that a request needs on resources that its body names. To enable
    replication, a caller needs permission to create the virtual machine, to join its network and
    to write to its storage account.

    Source: "Use Azure role-based access
    control to manage Azure Site Recovery", permissions required to enable replication. Where that
    page says `Microsoft.Resources/deployments/*`, read and write are required here.
    """
    if route.operation_id != _ENABLING:
        return
    for scope in sorted(set(_ids(request.json()))):
        kind = "/".join(scope.lower().split("/")[5::2])
        if scope.count("/") == 4:
            yield from (Needed(action, scope) for action in _OF_A_GROUP)
        elif kind.endswith("virtualnetworks"):
            yield from (Needed(action, scope) for action in _OF_A_NETWORK)
        elif kind.endswith("storageaccounts"):
            yield from (Needed(action, scope) for action in _OF_AN_ACCOUNT)


def _is_of_none(scope: str) -> bool:
    """Whether a scope is outside every resource group."""
    return "/resourcegroups/" not in scope.lower()


def _split(path: str) -> tuple[str, str, str]:
    """The path before and after the last `/providers/`, in any case."""
    path = path.rstrip("/")
    at = path.lower().rfind("/providers/")
    if at < 0:
        return path, "", ""
    return path[:at], path[at : at + len("/providers/")], path[at + len("/providers/") :]


def _cased(types: list[str]) -> list[str]:
    # Actions of Microsoft.Resources have this spelling, whatever the spelling of the path.
    known = {"resourcegroups": "resourceGroups", "subscriptions": "subscriptions"}
    return [known.get(name.lower(), name) for name in types]


def _scope(above: str, namespace: str | None, segments: list[str]) -> str:
    whole = segments[: len(segments) // 2 * 2]
    if namespace is None:
        return "/" + "/".join(whole)
    return "/".join([above, "providers", namespace, *whole]) if whole else above


def _ids(value: Any) -> Iterator[str]:
    """The ids of groups, networks and accounts anywhere in a body."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from _ids(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _ids(inner)
    elif isinstance(value, str) and value.lower().startswith("/subscriptions/"):
        yield value.rstrip("/")
