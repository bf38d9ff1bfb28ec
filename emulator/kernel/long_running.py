"""Long-running operations of ARM: a request begins them, an event ends them, clients poll them.

Source: the asynchronous operations page of the Azure Resource Manager documentation.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias

from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response

if TYPE_CHECKING:
    from emulator.kernel.world import World

Finisher: TypeAlias = Callable[["World", Document], None]

KIND = "operation"
_ENDS = "operation ends"
POLL_SECONDS = 30


def origin(request: Request) -> str:
    """Scheme and host at which the caller reached this service, for links in answers.

    If the transport does not say the scheme, it is http on loopback and https elsewhere.
    """
    host = request.headers.get("host", "management.azure.com")
    if request.scheme:
        return f"{request.scheme}://{host}"
    name = host.rpartition(":")[0] if ":" in host else host
    local = name in ("localhost", "[::1]") or name.startswith("127.")
    return f"{'http' if local else 'https'}://{host}"


def retry_after(world: World, seconds: float = POLL_SECONDS) -> dict[str, str]:
    """The header that says when to poll again.

    A scaled clock shortens the wait with it: whole seconds go into `Retry-After`, and a wait below
    one second into `x-ms-retry-after-ms`, which the Azure SDKs read too.
    """
    scale = world.clock.scale
    wait = seconds / scale if scale > 0 else seconds
    if wait >= 1:
        return {"Retry-After": str(round(wait))}
    return {"x-ms-retry-after-ms": str(max(1, round(wait * 1000)))}


def begin(
    world: World, *, takes: timedelta, event: str, payload: Document, name: str | None = None
) -> str:
    """Start an operation that ends by itself after `takes` of virtual time.

    When it ends, the handler of `event` is called as `handler(world, payload)` and does the
    work; an ArmError that it raises makes the operation fail with that error and rolls back what
    the handler did.

    Args:
        world: the world; its `event` must have been registered with `finisher`.
        takes: how long it takes, 0 or more.
        event: the name given to `finisher`.
        payload: what the handler needs.
        name: the operation's own name; a GUID when None.

    Returns:
        The operation's name, for `headers` and `status`.
    """
    name = name or world.guid()
    document = {
        "name": name,
        "status": "InProgress",
        "startTime": world.now.isoformat(),
        "payload": payload,
    }
    world.store.put(KIND, name, document)
    world.schedule(takes, f"{_ENDS}: {event}", {"operation": name})
    return name


def finisher(world: World, event: str, work: Finisher, failed: Finisher | None = None) -> None:
    """Register what is done when an operation that was begun with `event` ends.

    Args:
        world: the world.
        event: the name that `begin` is given.
        work: called as `work(world, payload)` when the operation ends.
        failed: called in the same way after `work` raised an ArmError.
    """

    def end(world: World, occurrence: Document) -> None:
        document = state(world, occurrence["operation"])
        try:
            with world.store.savepoint():
                work(world, document["payload"])
            document["status"] = "Succeeded"
        except ArmError as refusal:
            document["status"] = "Failed"
            document["error"] = refusal.body()["error"]
            if failed is not None:
                failed(world, document["payload"])
        document["endTime"] = world.now.isoformat()
        world.store.put(KIND, document["name"], document)

    world.on(f"{_ENDS}: {event}", end)


def state(world: World, name: str) -> Document:
    """The operation.

    Raises:
        ArmError: 404 `NotFound` if there is none with that name.
    """
    document = world.store.get(KIND, name)
    if document is None:
        raise ArmError(404, "NotFound", f"The entity with name '{name}' was not found.")
    return document


def status_body(document: Document) -> Document:
    """The body of a poll of Azure-AsyncOperation: `{"status"}`, and `error` when it failed."""
    body: Document = {"status": document["status"]}
    if "error" in document:
        body["error"] = document["error"]
    return body


def headers(
    world: World, request: Request, name: str, *, under: str, results: str, statuses: str | None
) -> dict[str, str]:
    """The headers of a 202 (or 201): where to poll, and when.

    Args:
        world: the world.
        request: the request that began the operation, whose api-version the links carry.
        name: the operation.
        under: the path below which it is polled, without a slash at its end.
        results: the path segment of `Location`.
        statuses: the path segment of `Azure-AsyncOperation`; None where the service has none.
    """
    version = request.query.get("api-version", "")
    link = f"{origin(request)}{under}/{{}}/{name}?api-version={version}"
    found = retry_after(world)
    found["Location"] = link.format(results)
    if statuses is not None:
        found["Azure-AsyncOperation"] = link.format(statuses)
    return found


def answer_status(world: World, name: str, body: Document | None = None) -> Response:
    """Answer a poll of Azure-AsyncOperation: always 200; the status is in the body.

    Args:
        world: the world.
        name: the operation.
        body: fields to add to the body, such as `id` and `name`.
    """
    document = state(world, name)
    pending = document["status"] == "InProgress"
    return Response(
        200,
        {**(body or {}), **status_body(document)},
        retry_after(world) if pending else {},
    )


def answer_result(world: World, request: Request, name: str, *, done: int = 200) -> Response:
    """Answer a poll of Location: 202 until the operation has ended, then `done` with an empty
    body.

    Raises:
        ArmError: the operation's own error, once it failed.
    """
    document = state(world, name)
    if document["status"] == "InProgress":
        again = f"{origin(request)}{request.path}?api-version={request.query['api-version']}"
        return Response(202, None, {"Location": again, **retry_after(world)})
    if document["status"] == "Failed":
        error = document["error"]
        raise ArmError(409, error["code"], error["message"], details=error.get("details"))
    return Response(done)
