"""The control API under /_emulator: health, time, faults, the audit log and the coverage."""

from __future__ import annotations

import math
from datetime import timedelta

from emulator import faults
from emulator.kernel import schema
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World

_CENTURY_SECONDS = 100 * 365 * 24 * 3600

routes = Routes()


@routes.route("GET", "/_emulator/health", "_Emulator_Health")
def health(world: World, request: Request) -> Response:
    """Whether it answers: `{"status": "ok", "service": "azure", "now": ...}`."""
    return Response(
        200, {"status": "ok", "service": "azure", "now": world.now.isoformat(), "seed": world.seed}
    )


@routes.route("GET", "/_emulator/clock", "_Emulator_GetClock")
def get_clock(world: World, request: Request) -> Response:
    """Virtual time and scale: `{"now", "scale"}`."""
    return Response(200, _reading(world))


@routes.route("PUT", "/_emulator/clock", "_Emulator_SetClock", changes=False)
def set_clock(world: World, request: Request) -> Response:
    """Change the scale: `{"scale": virtual seconds per real second}`; 0 stops the clock."""
    scale = _number(request, "scale")
    world.clock.set_scale(scale)
    world.keep_time()
    return Response(200, _reading(world))


@routes.route("POST", "/_emulator/clock/advance", "_Emulator_AdvanceClock", changes=False)
def advance_clock(world: World, request: Request) -> Response:
    """Move time forward by `{"seconds": n}`. Events that come due have happened before the
    answer."""
    world.clock.advance(timedelta(seconds=_number(request, "seconds")))
    # The events of the time that is skipped must see what was changed in EC2 just before.
    world.estate.expire()
    world.settle()
    return Response(200, _reading(world))


@routes.route("POST", "/_emulator/faults", "_Emulator_AddFault", changes=False)
def add_fault(world: World, request: Request) -> Response:
    """Set a fault; answers it with its id."""
    return Response(201, faults.add(world, request.json()))


@routes.route("GET", "/_emulator/faults", "_Emulator_ListFaults")
def list_faults(world: World, request: Request) -> Response:
    """Every fault, with how often calls matched it and how often it acted."""
    return Response(200, {"value": faults.all_faults(world)})


@routes.route("DELETE", "/_emulator/faults", "_Emulator_RemoveFaults", changes=False)
def remove_faults(world: World, request: Request) -> Response:
    """Remove all faults."""
    faults.remove(world)
    return Response(204)


@routes.route("DELETE", "/_emulator/faults/{fault}", "_Emulator_RemoveFault", changes=False)
def remove_fault(world: World, request: Request, fault: str) -> Response:
    """Remove one fault."""
    if not faults.remove(world, fault):
        raise ArmError(404, "NotFound", f"There is no fault '{fault}'.")
    return Response(204)


@routes.route("GET", "/_emulator/audit", "_Emulator_Audit")
def audit(world: World, request: Request) -> Response:
    """Every accepted change in order: number, time, operation, resource, machine, job."""
    return Response(200, {"value": world.audited()})


@routes.route("GET", "/_emulator/coverage", "_Emulator_Coverage")
def coverage(world: World, request: Request) -> Response:
    """Every operation that is answered: id, method, path and api-versions."""
    return Response(
        200,
        {
            "value": [
                {
                    "operation": route.operation_id,
                    "method": route.method,
                    "path": route.template,
                    "apiVersions": sorted(route.api_versions),
                }
                for route in world.routes.all()
            ]
        },
    )


def _reading(world: World) -> Document:
    return {"now": world.now.isoformat(), "scale": world.clock.scale}


def _number(request: Request, name: str) -> float:
    value = schema.body(request, {name: float}).get(name)
    if value is None or not math.isfinite(value) or not 0 <= value <= _CENTURY_SECONDS:
        raise ArmError(
            400, "InvalidRequestContent", f"'{name}' is a number from 0 to {_CENTURY_SECONDS}."
        )
    return float(value)
