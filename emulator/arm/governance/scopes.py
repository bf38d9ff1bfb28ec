"""Scopes: where locks and policies stand, and what they hold for."""

from __future__ import annotations

from emulator.kernel.resources import ResourceId, find, not_found, require_group
from emulator.kernel.store import Document
from emulator.kernel.wire import Request
from emulator.kernel.world import World

SUBSCRIPTION = "/subscriptions/{subscription}"
GROUP = f"{SUBSCRIPTION}/resourceGroups/{{group}}"
RESOURCE = f"{GROUP}/providers/{{namespace}}/{{kind}}/{{name}}"
CHILD = f"{RESOURCE}/{{child_kind}}/{{child}}"
_PROVIDER = "/providers/microsoft.authorization/"


def of(request: Request) -> str:
    """The scope in the path of a request to Microsoft.Authorization."""
    return request.path[: request.path.lower().rindex(_PROVIDER)]


def of_document(document: Document) -> str:
    """The scope at which a lock or an assignment stands."""
    return str(document["id"]).rsplit("/providers/", 1)[0]


def require(world: World, scope: str) -> None:
    """Check that a scope exists.

    Raises:
        ArmError: 404 `ResourceGroupNotFound` or `ResourceNotFound`.
    """
    if scope.count("/") < 4:
        return
    parsed = ResourceId.parse(scope)
    require_group(world, parsed.subscription, parsed.group)
    if parsed.type and find(world, scope) is None:
        raise not_found(parsed)


def covers(above: str, below: str) -> bool:
    """Whether a scope is another one, or contains it."""
    return f"{below.lower()}/".startswith(f"{above.lower()}/")
