"""Operations of Network, Storage and Compute, which are polled below a region.

Source: recorded traffic; Microsoft.Network/locations/operations and the like.
"""

from __future__ import annotations

from datetime import timedelta

from emulator.kernel import long_running
from emulator.kernel.resources import public
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import Request, Response
from emulator.kernel.world import World


def begin(
    world: World,
    request: Request,
    document: Document,
    *,
    takes: timedelta,
    event: str,
    statuses: str | None = "operations",
    results: str = "operationResults",
    payload: Document | None = None,
) -> dict[str, str]:
    """Begin an operation on a resource; `event` gets `{"id", "type"}` and `payload`.

    Its result is the resource, or the member `result` of the payload.

    Args:
        world: the world.
        request: the request that begins it.
        document: the resource.
        takes: how long it takes.
        event: what was given to `long_running.finisher`.
        statuses: the path segment of Azure-AsyncOperation; None for Location alone.
        results: the path segment of Location.
        payload: more for the event. What the event adds to it is kept.

    Returns:
        The headers of the answer.
    """
    about = {"id": document["id"], "type": document["type"], **(payload or {})}
    name = long_running.begin(world, takes=takes, event=event, payload=about)
    _, _, subscription, *_ = str(document["id"]).split("/")
    namespace = str(document["type"]).partition("/")[0]
    under = f"/subscriptions/{subscription}/providers/{namespace}/locations/{document['location']}"
    return long_running.headers(
        world, request, name, under=under, results=results, statuses=statuses
    )


def add_routes(routes: Routes, namespace: str, *, statuses: str | None, results: str) -> None:
    """Add the routes at which operations of a namespace are polled.

    Args:
        routes: the service's routes.
        namespace: such as `Microsoft.Network`.
        statuses: the path segment of Azure-AsyncOperation, or None.
        results: the path segment of Location.
    """
    under = f"/subscriptions/{{subscription}}/providers/{namespace}/locations/{{location}}"
    short = namespace.partition(".")[2]
    if statuses is not None:
        routes.route("GET", f"{under}/{statuses}/{{name}}", f"_{short}_OperationStatus")(_status)
    routes.route("GET", f"{under}/{results}/{{name}}", f"_{short}_OperationResult")(_result)


def _status(
    world: World, request: Request, subscription: str, location: str, name: str
) -> Response:
    output = long_running.state(world, name)["payload"].get("result")
    more = {} if output is None else {"properties": {"output": output}}
    return long_running.answer_status(world, name, more)


def _result(
    world: World, request: Request, subscription: str, location: str, name: str
) -> Response:
    response = long_running.answer_result(world, request, name)
    if response.status == 200:
        payload = long_running.state(world, name)["payload"]
        if "result" in payload:
            response.body = payload["result"]
            return response
        document = world.store.get(str(payload["type"]).lower(), payload["id"])
        if document is None:
            return Response(204)
        response.body = public(document)
    return response
