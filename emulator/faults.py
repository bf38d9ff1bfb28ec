"""Faults that are set through the control API: which call or job they affect, and how often."""

from __future__ import annotations

import re
from collections.abc import Sequence

from emulator.kernel import schema
from emulator.kernel.long_running import retry_after
from emulator.kernel.routes import Route
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World

KIND = "fault"
OF_JOBS = ("job", "delaySeconds")
OF_GUESTS = {"boot": "Boot", "command": "VirtualMachines_RunCommand"}
"""The effects on a virtual machine, and the operation that each belongs to."""
_EFFECTS = ("status", "drop", "stale", *OF_GUESTS, *OF_JOBS)
_MODIFIERS = {"accepted": "status", "retryAfterSeconds": "status"}
"""Options that modify an effect."""
_OPERATION = re.compile(r"[\w-]{1,120}")
_SHAPE = {
    "operation": str,
    "match": str,
    "nth": int,
    "times": int,
    "status": int,
    "accepted": bool,
    "retryAfterSeconds": float,
    "code": str,
    "message": str,
    "drop": schema.OneOf("before", "after"),
    "delaySeconds": float,
    "stale": bool,
    "job": {
        "errorCode": str,
        "errorMessage": str,
        "possibleCauses": str,
        "recommendedAction": str,
    },
    "boot": schema.OneOf("starting", "unbooted", "agentless", "serviceless"),
    "command": {"stdout": str, "stderr": str, "exitCode": int, "hangs": bool},
}


def add(world: World, content: Document) -> Document:
    """Set a fault.

    Args:
        world: the world; a transaction must be open.
        content: `operation` and exactly one effect (`job` and `delaySeconds` go together), and
            optionally `match`, `nth` and `times`.

    Returns:
        The fault with its `id`, how often calls matched it (`met`) and how often it acted
        (`taken`).

    Raises:
        ArmError: 400 `InvalidFault`, which says what is wrong.
    """
    try:
        fault: Document = schema.read(content, _SHAPE)
    except schema.SchemaError as error:
        raise _invalid(str(error)) from error
    if not _OPERATION.fullmatch(fault.get("operation", "")):
        raise _invalid("'operation' is an operation id or the name of a job's scenario.")
    effects = [name for name in _EFFECTS if name in fault]
    if len(effects) != 1 and not set(effects) == set(OF_JOBS):
        raise _invalid(f"exactly one of {', '.join(_EFFECTS)} is needed.")
    for modifier, effect in _MODIFIERS.items():
        if modifier in fault and effect not in fault:
            raise _invalid(f"'{modifier}' goes with '{effect}'.")
    of_guest = OF_GUESTS.get(effects[0])
    if of_guest is not None and fault["operation"].lower() != of_guest.lower():
        raise _invalid(f"'{effects[0]}' goes with the operation '{of_guest}'.")
    requested = of_guest is None and effects[0] not in OF_JOBS
    if requested and not _is_route(world, fault["operation"]):
        raise _invalid(
            f"there is no operation '{fault['operation']}'; GET /_emulator/coverage lists them."
        )
    if fault.get("nth", 1) < 1 or fault.get("times", 1) < 1:
        raise _invalid("'nth' and 'times' begin at 1.")
    if not 400 <= fault.get("status", 400) <= 599:
        raise _invalid("'status' is a refusal: 400 to 599.")
    for span in ("delaySeconds", "retryAfterSeconds"):
        if fault.get(span, 0) < 0:
            raise _invalid(f"'{span}' is 0 or more.")
    number = world.sequence()
    kept = {"id": str(number), "nth": 1, "times": 1, **fault, "met": 0, "taken": 0}
    world.store.put(KIND, f"{number:012d}", kept)
    return kept


def all_faults(world: World) -> list[Document]:
    """Every fault that was set, the oldest first, including those that are used up."""
    return world.store.list(KIND)


def remove(world: World, identifier: str | None = None) -> int:
    """Remove one fault, or all of them. Returns how many were removed."""
    keys = [
        key for key in world.store.keys(KIND) if identifier is None or key.lstrip("0") == identifier
    ]
    for key in keys:
        world.store.delete(KIND, key)
    return len(keys)


def take(
    world: World,
    *,
    operation: str,
    match: Sequence[str],
    effects: Sequence[str] = OF_JOBS,
) -> Document | None:
    """The fault that acts on this call or job, or None. Its use is counted durably.

    A fault matches a call when its `operation` is this one (an operation id also matches the job
    scenario that its last part names) and its `match`, if it has one, is in one of the strings.
    It acts from the `nth` such call on (default 1), `times` times (default 1), and is then used
    up. If the request is refused afterwards, the call does not count.

    Args:
        world: the world; a transaction must be open, as in handlers and events.
        operation: an operation id, such as `ReplicationProtectedItems_List`, or a job's
            scenario name, such as `TestFailover`.
        match: the strings in which a fault's `match` is searched, such as path and machine name.
        effects: which kinds of fault are wanted; by default those of jobs.

    Returns:
        The fault's document: of `job` (errorCode, errorMessage, possibleCauses,
        recommendedAction) and `delaySeconds` (virtual seconds) at least one is there.
    """
    for key in world.store.keys(KIND):
        fault = world.store.get(KIND, key)
        if fault is None or not _meets(fault, operation, match, effects):
            continue
        if fault["taken"] >= fault["times"]:
            continue
        fault["met"] += 1
        due = fault["met"] >= fault["nth"]
        fault["taken"] += int(due)
        world.store.put(KIND, key, fault)
        if due:
            return fault
    return None


class HttpFaults:
    """The faults that act on requests: refusals, broken connections and stale answers.

    Hook it into a world with `install`. A stale answer is the previous answer of the same URL. It
    is kept in memory only; if there is none, the list is empty.
    """

    _REMEMBERED = 500

    def __init__(self) -> None:
        self._answers: dict[str, object] = {}

    def install(self, world: World) -> None:
        """Act on every request of this world, after the check of its token and api-version."""
        world.interceptors.append(self.before)
        world.observers.append(self.after)

    def before(self, world: World, request: Request, route: Route) -> Response | None:
        """Refuse, drop or give a stale answer, as the fault says."""
        if not world.store.keys(KIND):
            return None
        fault = take(
            world, operation=route.operation_id, match=[request.path], effects=("status", "stale")
        )
        if fault is None:
            fault = self._drop(world, request, route, "before")
            return None if fault is None else Response(503, dropped=True)
        if "status" in fault:
            # Returned, not raised: raising would roll back the fault's count.
            return _refusal(world, fault)
        return Response(200, self._answers.get(_key(request), {"value": []}))

    def after(self, world: World, request: Request, route: Route, response: Response) -> None:
        """Drop the answer of an accepted request, and remember lists for stale answers."""
        if not route.changes and response.status == 200:
            self._answers.pop(_key(request), None)
            self._answers[_key(request)] = response.answer
            if len(self._answers) > self._REMEMBERED:
                del self._answers[next(iter(self._answers))]
        if not world.store.keys(KIND):
            return
        if self._drop(world, request, route, "after"):
            response.dropped = True
        fault = take(
            world, operation=route.operation_id, match=[request.path], effects=("accepted",)
        )
        if fault is not None:
            refusal = _refusal(world, fault)
            response.status, response.body = refusal.status, refusal.body
            response.headers = refusal.headers

    def _drop(self, world: World, request: Request, route: Route, when: str) -> Document | None:
        armed = any(str(fault.get("drop")).lower() == when for fault in world.store.list(KIND))
        if not armed:
            return None
        return take(
            world,
            operation=route.operation_id,
            match=[request.path],
            effects=(f"drop {when}",),
        )


def _refusal(world: World, fault: Document) -> Response:
    code = fault.get("code", "ServiceUnavailable")
    message = fault.get("message", "The emulator was told to refuse this call.")
    wait = fault.get("retryAfterSeconds")
    headers = None if wait is None else retry_after(world, wait)
    return ArmError(fault["status"], code, message, headers=headers).response()


def _meets(fault: Document, operation: str, match: Sequence[str], effects: Sequence[str]) -> bool:
    has = {*fault, f"drop {str(fault.get('drop')).lower()}"}
    if fault.get("accepted"):
        has -= {"status"}
    else:
        has -= {"accepted"}
    if has.isdisjoint(effects):
        return False
    wanted = str(fault["operation"]).lower()
    if operation.lower() not in (wanted, wanted.rpartition("_")[2]):
        return False
    part = str(fault.get("match", "")).lower()
    return any(part in text.lower() for text in match) if part else True


def _is_route(world: World, operation: str) -> bool:
    return any(route.operation_id.lower() == operation.lower() for route in world.routes.all())


def _key(request: Request) -> str:
    query = "&".join(f"{name}={value}" for name, value in sorted(request.query.items()))
    return f"{request.path.lower()}?{query}"


def _invalid(message: str) -> ArmError:
    return ArmError(400, "InvalidFault", f"The fault cannot be set: {message}")
