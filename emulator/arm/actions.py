"""Which action of Azure roles a request is, over which scope.

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
"""What no role can name, because no such action is published: everybody who knows the URL may.
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
    """What a caller has to be allowed.

    Attributes:
        action: such as `Microsoft.Network/virtualNetworks/read`.
        scope: the id of what it is done to; of a list, what it is in.
        anywhere: whether it is enough to be allowed this anywhere in the subscription. So with
            polls below a region: who has a role on a group alone follows what goes on in it.
    """

    action: str
    scope: str
    anywhere: bool = False


def needed(request: Request) -> Needed | None:
    """The action of a request; None for one that nobody has to be allowed.

    What is above subscriptions, such as their list, is answered to everybody: it shows to each
    caller what is theirs.
    """
    above, separator, below = _split(request.path)
    if not above.lower().startswith("/subscriptions/"):
        return None
    segments = below.split("/") if separator else above.strip("/").split("/")
    namespace = segments.pop(0) if separator else _RESOURCES
    posted = segments.pop() if request.method == "POST" else None
    kind = "/".join([namespace, *_cased(segments[::2])])
    word = _WORDS.get(request.method, "action") if posted is None else f"{posted}/action"
    action = f"{kind}/{word}"
    if action.lower() in _UNNAMED:
        return None
    scope = _scope(above, namespace if separator else None, segments)
    return Needed(action, scope, anywhere=action.lower().endswith(_POLLS) and _is_of_none(scope))


def linked(request: Request, route: Route) -> Iterator[Needed]:
    """What the caller needs on resources that a request only names.

    Who enables replication has to be allowed to make the virtual machine that comes of it, to
    join its network and to write to its storage account. Source: "Use Azure role-based access
    control to manage Azure Site Recovery", permissions required to enable replication. Where that
    page says `Microsoft.Resources/deployments/*`, reading and writing are asked for here.
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
    """Whether something is in no resource group."""
    return "/resourcegroups/" not in scope.lower()


def _split(path: str) -> tuple[str, str, str]:
    """What is before and after the last `/providers/`, whatever its case."""
    path = path.rstrip("/")
    at = path.lower().rfind("/providers/")
    if at < 0:
        return path, "", ""
    return path[:at], path[at : at + len("/providers/")], path[at + len("/providers/") :]


def _cased(types: list[str]) -> list[str]:
    # The names by which Microsoft.Resources' actions are published, however a path spells them.
    known = {"resourcegroups": "resourceGroups", "subscriptions": "subscriptions"}
    return [known.get(name.lower(), name) for name in types]


def _scope(above: str, namespace: str | None, segments: list[str]) -> str:
    whole = segments[: len(segments) // 2 * 2]
    if namespace is None:
        return "/" + "/".join(whole)
    return "/".join([above, "providers", namespace, *whole]) if whole else above


def _ids(value: Any) -> Iterator[str]:
    """Ids of groups, networks and accounts, wherever in a body."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from _ids(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _ids(inner)
    elif isinstance(value, str) and value.lower().startswith("/subscriptions/"):
        yield value.rstrip("/")
