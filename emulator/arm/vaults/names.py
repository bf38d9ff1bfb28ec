"""Whether a vault's name is available.

Source: Microsoft.RecoveryServices, RecoveryServices_CheckNameAvailability and its examples.
"""

from __future__ import annotations

from emulator.arm.vaults import deleted
from emulator.arm.vaults.vault import KIND, vault_id
from emulator.arm.vaults.versions import API_VERSIONS
from emulator.kernel import schema
from emulator.kernel.routes import Routes
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World

_PATH = (
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.RecoveryServices"
    "/locations/{location}/checkNameAvailability"
)

routes = Routes(API_VERSIONS)


@routes.route("POST", _PATH, "RecoveryServices_CheckNameAvailability", changes=False)
def check_name(
    world: World, request: Request, subscription: str, group: str, location: str
) -> Response:
    """Whether a vault of this name can be created: none exists, and none was deleted recently."""
    name = str(schema.body(request, {"name": str, "type": str}).get("name", ""))
    identifier = vault_id(subscription, group, name)
    message = ""
    if world.store.peek(KIND, identifier) is not None:
        message = "Resource already exists with the same name."
    else:
        try:
            deleted.require_free_name(world, identifier)
        except ArmError as refusal:
            message = refusal.message
    if not message:
        return Response(200, {"nameAvailable": True})
    answer = {"nameAvailable": False, "reason": "AlreadyExists", "message": message}
    return Response(200, answer)


def register(world: World) -> None:
    """Register no events."""
