"""The ids of the refused request, which the service adds to its own error responses."""

from __future__ import annotations

from emulator.kernel.wire import Request, Response
from emulator.kernel.world import World

CLIENT = "x-ms-client-request-id"
CORRELATION = "x-ms-correlation-request-id"


def register(world: World) -> None:
    """Register the finisher that adds the request's ids to refusals of Site Recovery."""
    world.finishers.append(identify)


def identify(world: World, request: Request, response: Response) -> None:
    """Put the request's ids into a 404 of Site Recovery, in the body and in the headers.

    The correlation id is `x-ms-request-id` and `activityId` as well (recorded).
    """
    if response.status != 404 or not isinstance(response.body, dict):
        return
    for detail in response.body.get("error", {}).get("details", ()):
        if detail["code"] == "ArmResourceDoesNotExist":
            correlation = request.headers.get(CORRELATION) or response.headers["x-ms-request-id"]
            client = request.headers.get(CLIENT) or correlation
            detail |= {"clientRequestId": client, "activityId": correlation}
            response.headers |= {
                "x-ms-request-id": correlation,
                CORRELATION: correlation,
                CLIENT: client,
            }
