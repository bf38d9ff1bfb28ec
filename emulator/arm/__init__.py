"""Azure Resource Manager apart from Site Recovery: what a migration's landing zone is made of."""

from __future__ import annotations

from emulator.arm import (
    compute,
    deleted_vaults,
    identity,
    interfaces,
    network_security_groups,
    networks,
    resource_groups,
    storage,
    subscriptions,
    vault_certificates,
    vaults,
)
from emulator.kernel.routes import Routes
from emulator.kernel.world import World

_SERVICES = (
    identity,
    subscriptions,
    resource_groups,
    networks,
    network_security_groups,
    interfaces,
    storage,
    compute,
    vaults,
    vault_certificates,
    deleted_vaults,
)

routes = Routes()
for _service in _SERVICES:
    routes.include(_service.routes)


def register(world: World) -> None:
    """Make the world run the events of these services."""
    for service in _SERVICES:
        service.register(world)
