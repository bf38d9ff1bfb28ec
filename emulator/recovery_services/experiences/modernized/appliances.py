"""The replication appliances of a vault."""

from __future__ import annotations

from emulator.kernel.resources import PRIVATE
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import Request, Response
from emulator.kernel.world import World
from emulator.recovery_services.experiences.modernized import components
from emulator.recovery_services.wire import filters
from emulator.recovery_services.wire.paths import (
    API_VERSIONS,
    FABRICS,
    VAULT,
    children,
    page,
    require_vault,
    vault_id,
)

routes = Routes(API_VERSIONS)

_INSTANCE_TYPE = "InMageRcm"


@routes.route("GET", f"{VAULT}/replicationAppliances", "ReplicationAppliances_List")
def list_appliances(world: World, request: Request, **path: str) -> Response:
    """The appliances, an entry for each fabric that has some [inferred; not recorded]."""
    require_vault(world, path)
    wanted = filters.parse(request, ("providerType",))
    found = [
        fabric
        for fabric in children(world, FABRICS, vault_id(path))
        if fabric[PRIVATE]["experience"] == _INSTANCE_TYPE
        and filters.keeps(wanted, {"providerType": _INSTANCE_TYPE})
    ]
    return Response(200, page(request, found, lambda fabric: _shown(world, fabric)))


def _shown(world: World, fabric: Document) -> Document:
    return {
        "properties": {
            "providerSpecificDetails": {
                "instanceType": _INSTANCE_TYPE,
                "appliances": [
                    {
                        "id": parts["processServer"]["id"],
                        "name": parts["processServer"]["name"],
                        "fabricArmId": fabric["id"],
                        **parts,
                        "switchProviderBlockingErrorDetails": [],
                    }
                    for parts in components.of(world, fabric)
                ],
            }
        }
    }
