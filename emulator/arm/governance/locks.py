"""Management locks, and read-only subscriptions.

Source: Microsoft.Authorization, ManagementLocks_* operations. A lock holds for its scope and
everything below. `ReadOnly` refuses every change, POST included; `CanNotDelete` refuses DELETE, and
nothing else. Locks themselves are not locked.
"""

from __future__ import annotations

from collections.abc import Iterator

from emulator.arm import actions
from emulator.arm.governance import scopes
from emulator.kernel import schema
from emulator.kernel.resources import listing
from emulator.kernel.routes import Route, Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World

TYPE = "Microsoft.Authorization/locks"
KIND = TYPE.lower()
_STATE = "subscription state"
_ALL_OF_THEM = "*"
_STATES = ("Enabled", "Warned", "PastDue", "Disabled")
_API_VERSIONS = ("2015-01-01", "2016-09-01", "2017-04-01", "2020-05-01")
_BODY = {
    "id": schema.IGNORED,
    "name": schema.IGNORED,
    "type": schema.IGNORED,
    "systemData": schema.IGNORED,
    "properties": {
        "level": schema.OneOf("CanNotDelete", "ReadOnly"),
        "notes": str,
        "owners": [schema.ANY],
    },
}
_OPERATIONS = {
    scopes.SUBSCRIPTION: "AtSubscriptionLevel",
    scopes.GROUP: "AtResourceGroupLevel",
    scopes.RESOURCE: "AtResourceLevel",
    scopes.CHILD: "ByScope",
}
_OWN = "microsoft.authorization/"

routes = Routes(_API_VERSIONS)
control = Routes()


def put(world: World, request: Request, lock: str, **place: str) -> Response:
    """Create (201) or replace (200) a lock."""
    scope = scopes.of(request)
    scopes.require(world, scope)
    body = schema.body(request, _BODY)
    if "level" not in body.get("properties", {}):
        raise ArmError(400, "InvalidRequestContent", "A lock needs 'properties.level'.")
    identifier = f"{scope}/providers/{TYPE}/{lock}"
    present = world.store.get(KIND, identifier)
    document = {"id": identifier, "name": lock, "type": TYPE, "properties": body["properties"]}
    world.store.put(KIND, identifier, document)
    return Response(200 if present else 201, document)


def get(world: World, request: Request, lock: str, **place: str) -> Response:
    """One lock."""
    found = world.store.get(KIND, request.path)
    if found is None:
        raise ArmError(404, "LockNotFound", f"The lock '{lock}' could not be found.")
    return Response(200, found)


def list_all(world: World, request: Request, **place: str) -> Response:
    """The locks that hold for a scope, and, without `$filter=atScope()`, those below it."""
    scope = scopes.of(request)
    below = request.query.get("$filter", "").lower() != "atscope()"
    return listing(
        lock
        for lock in world.store.list(KIND)
        if scopes.covers(scopes.of_document(lock), scope)
        or (below and scopes.covers(scope, scopes.of_document(lock)))
    )


def delete(world: World, request: Request, lock: str, **place: str) -> Response:
    """Remove a lock: 200, or 204 if there is none."""
    found = world.store.get(KIND, request.path) is not None
    if found:
        world.store.delete(KIND, request.path)
    return Response(200 if found else 204)


for _at, _level in _OPERATIONS.items():
    _all = f"{_at}/providers/Microsoft.Authorization/locks"
    _one = f"{_all}/{{lock}}"
    routes.route("PUT", _one, f"ManagementLocks_CreateOrUpdate{_level}")(put)
    routes.route("GET", _one, f"ManagementLocks_Get{_level}")(get)
    routes.route("DELETE", _one, f"ManagementLocks_Delete{_level}")(delete)
    routes.route("GET", _all, f"ManagementLocks_List{_level}")(list_all)


@control.route("PUT", "/_emulator/subscription", "_Emulator_SetSubscription", changes=False)
def set_subscription(world: World, request: Request) -> Response:
    """Set the state of a subscription, `{"state": "Disabled"}`: it is read-only then.

    Without `subscriptionId` it is that of all subscriptions.
    """
    given = schema.body(request, {"state": schema.OneOf(*_STATES), "subscriptionId": str})
    world.store.put(_STATE, str(given.get("subscriptionId", _ALL_OF_THEM)).lower(), given)
    return Response(200, given)


def state(world: World, subscription: str) -> str:
    """The state of a subscription."""
    found = world.store.get(_STATE, subscription.lower()) or world.store.get(_STATE, _ALL_OF_THEM)
    return str((found or {}).get("state", "Enabled"))


def refuse(world: World, request: Request, route: Route) -> Response | None:
    """An interceptor that refuses what a lock or the state of the subscription forbids.

    Raises:
        ArmError: 409 `ScopeLocked` or `ReadOnlyDisabledSubscription`.
    """
    if not route.api_versions or request.method in ("GET", "HEAD"):
        return None
    needed = actions.needed(request)
    if needed is None:
        return None
    own = needed.action.lower().startswith(_OWN)
    refused = refusal(world, needed.scope, deletes=request.method == "DELETE", of_locks=not own)
    if refused is not None:
        raise refused
    return None


def refusal(world: World, scope: str, *, deletes: bool, of_locks: bool = True) -> ArmError | None:
    """The refusal of a change or a deletion of what is at a scope; None if nothing forbids it.

    Args:
        world: the world.
        scope: the id of what changes.
        deletes: whether it is deleted.
        of_locks: whether locks count; otherwise the state of the subscription alone.
    """
    subscription = scope.split("/")[2]
    if state(world, subscription).lower() == "disabled":
        return ArmError(
            409,
            "ReadOnlyDisabledSubscription",
            f"The subscription '{subscription}' is disabled and therefore marked as read only. You "
            "cannot perform any write actions on this subscription until it is re-enabled.",
        )
    holding = _holding(world, scope, deletes=deletes) if of_locks else ()
    locked = sorted({scopes.of_document(lock) for lock in holding})
    if not locked:
        return None
    word = "delete" if deletes else "write"
    return ArmError(
        409,
        "ScopeLocked",
        f"The scope '{scope}' cannot perform {word} operation because following scope(s) "
        f"are locked: '{','.join(locked)}'. Please remove the lock and try again.",
    )


def register(world: World) -> None:
    """Register no events."""


def _holding(world: World, scope: str, *, deletes: bool) -> Iterator[Document]:
    """The locks that forbid a change. What is deleted takes along what is below it."""
    for lock in world.store.list(KIND):
        read_only = str(lock["properties"]["level"]).lower() == "readonly"
        if (scopes.covers(scopes.of_document(lock), scope) and (deletes or read_only)) or (
            deletes and scopes.covers(scope, scopes.of_document(lock))
        ):
            yield lock
