"""Permissions of callers in Azure: roles that are assigned through the control API.

Source: "What is Azure role-based access control (Azure RBAC)?" for the evaluation; code and text of
refusals as Resource Manager words them.
"""

from __future__ import annotations

from emulator.arm import actions, identity, roles
from emulator.arm.actions import Needed
from emulator.kernel import schema
from emulator.kernel.routes import Route, Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World

_SHAPE = {"clientId": str, "assignments": [{"scope": str, "role": roles.SHAPE}]}
_FRESH = "If access was recently granted, please refresh your credentials."

routes = Routes()


@routes.route("PUT", "/_emulator/access", "_Emulator_SetAccess", changes=False)
def set_access(world: World, request: Request) -> Response:
    """Set the roles of a caller. It may then do only what they allow.

    Takes `{"clientId"?, "assignments": [{"scope", "role"}]}`; without a `clientId` the caller is
    the system's own identity. An empty list of assignments denies everything.
    """
    given = schema.body(request, _SHAPE)
    if not isinstance(given.get("assignments"), list):
        raise ArmError(400, "InvalidRequestContent", "'assignments' is needed, a list.")
    for assignment in given["assignments"]:
        if not str(assignment.get("scope", "")).startswith("/") or "role" not in assignment:
            raise ArmError(
                400, "InvalidRequestContent", "an assignment needs a 'scope' (an id) and a 'role'."
            )
    client = given.get("clientId", "")
    caller = identity.object_id(world, client)
    settings = {
        "clientId": client,
        "objectId": caller,
        "assignments": given["assignments"],
        "used": [],
        "denied": [],
    }
    world.store.put(roles.ACCESS, caller, settings)
    return Response(200, settings)


@routes.route("GET", "/_emulator/access", "_Emulator_GetAccess")
def get_access(world: World, request: Request) -> Response:
    """Every caller that has roles, with the actions that it `used` and that were `denied`."""
    return Response(200, {"value": world.store.list(roles.ACCESS)})


@routes.route("DELETE", "/_emulator/access", "_Emulator_RemoveAccess", changes=False)
def remove_access(world: World, request: Request) -> Response:
    """Remove the roles of all callers, so that every caller may do everything."""
    for key in world.store.keys(roles.ACCESS):
        world.store.delete(roles.ACCESS, key)
    return Response(204)


class Access:
    """Refuses what a caller's roles do not allow, and records which permissions were used. A
    caller without roles from the control API may do everything.
    """

    def __init__(self) -> None:
        self._passed: tuple[str, list[str]] | None = None

    def install(self, world: World) -> None:
        """Check every request of this world from now on, after the check of its token."""
        world.interceptors.append(self.before)
        world.finishers.append(self.after)

    def before(self, world: World, request: Request, route: Route) -> Response | None:
        """Refuse a request, or remember which permissions it used."""
        self._passed = None
        if not route.api_versions or not world.store.keys(roles.ACCESS):
            return None
        caller = identity.caller(request)
        settings = world.store.get(roles.ACCESS, caller)
        own = actions.needed(request)
        if settings is None or own is None:
            return None
        if not _allowed(settings, own):
            return _refuse(world, settings, [own], _denied(settings, own))
        linked = list(actions.linked(request, route))
        missing = [need for need in linked if not _allowed(settings, need)]
        if missing:
            return _refuse(world, settings, missing, _link_denied(settings, own, missing))
        used = sorted({need.action for need in (own, *linked)} - set(settings["used"]))
        if used:
            self._passed = (caller, used)
        return None

    def after(self, world: World, request: Request, response: Response) -> None:
        """Record what a request used, in a transaction of its own: a refusal rolls back the
        request's."""
        passed, self._passed = self._passed, None
        if passed is None:
            return
        caller, used = passed
        settings = world.store.get(roles.ACCESS, caller)
        if settings is not None:
            with world.store.transaction():
                used = sorted({*settings["used"], *used})
                world.store.put(roles.ACCESS, caller, {**settings, "used": used})


def _allowed(settings: Document, need: Needed) -> bool:
    subscription = "/".join(need.scope.split("/")[:3])
    return any(
        (
            roles.reaches(assignment["scope"], need.scope)
            or (need.anywhere and roles.reaches(subscription, assignment["scope"]))
        )
        and roles.allows(assignment["role"], need.action)
        for assignment in settings["assignments"]
    )


def _refuse(world: World, settings: Document, missing: list[Needed], error: ArmError) -> Response:
    told = [{"action": need.action, "scope": need.scope} for need in missing]
    denied = [*settings["denied"], *(entry for entry in told if entry not in settings["denied"])]
    world.store.put(roles.ACCESS, settings["objectId"], {**settings, "denied": denied})
    # Returned, not raised: raising would roll back the record of the denial.
    return error.response()


def _denied(settings: Document, need: Needed) -> ArmError:
    return ArmError(
        403,
        "AuthorizationFailed",
        f"{_client(settings)} does not have authorization to perform action '{need.action}' over "
        f"scope '{need.scope}' or the scope is invalid. {_FRESH}",
    )


def _link_denied(settings: Document, own: Needed, missing: list[Needed]) -> ArmError:
    named = ",".join(need.action for need in missing)
    scopes = ",".join(need.scope for need in missing)
    return ArmError(
        403,
        "LinkedAuthorizationFailed",
        f"{_client(settings)} has permission to perform action '{own.action}' on scope "
        f"'{own.scope}'; however, it does not have permission to perform action(s) '{named}' on "
        f"the linked scope(s) '{scopes}' (respectively) or the linked scope(s) are invalid.",
    )


def _client(settings: Document) -> str:
    caller = settings["objectId"]
    return f"The client '{settings['clientId'] or caller}' with object id '{caller}'"
