"""The usage of a vault, compared with its limits.

Source: Microsoft.RecoveryServices, Usages_ListByVaults.
"""

from __future__ import annotations

from emulator.arm.vaults.vault import KIND, ONE, vault_id
from emulator.arm.vaults.versions import API_VERSIONS
from emulator.kernel.resources import require
from emulator.kernel.routes import Routes
from emulator.kernel.wire import Request, Response
from emulator.kernel.world import World

routes = Routes(API_VERSIONS)


@routes.route("GET", f"{ONE}/usages", "Usages_ListByVaults")
def usages(world: World, request: Request, subscription: str, group: str, vault: str) -> Response:
    """List the vault's usage, compared with its limits. Azure Backup is not included."""
    require(world, KIND, vault_id(subscription, group, vault))
    return Response(
        200,
        {
            "value": [
                {
                    "unit": "Count",
                    "currentValue": 0,
                    "limit": limit,
                    "name": {"value": name, "localizedValue": name},
                }
                for name, limit in (("BackupItemCount", 2000), ("BackupPolicyCount", 200))
            ]
        },
    )


def register(world: World) -> None:
    """Register no events."""
