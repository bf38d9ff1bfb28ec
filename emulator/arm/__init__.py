"""Azure Resource Manager without Site Recovery: the services of a migration's landing zone."""

from __future__ import annotations

from emulator.arm import (
    compute,
    identity,
    machine_catalogue,
    metadata,
    resource_groups,
    resource_lists,
    storage,
    subscriptions,
)
from emulator.arm.governance import locks, policies
from emulator.arm.network import (
    interface_changes,
    interfaces,
    public_addresses,
    security_groups,
    security_rule_operations,
    subnet_operations,
    virtual_networks,
)
from emulator.arm.vaults import certificates, deleted, extended_info, names, usages, vault
from emulator.kernel.routes import Routes
from emulator.kernel.world import World

_SERVICES = (
    identity,
    metadata,
    subscriptions,
    resource_groups,
    resource_lists,
    virtual_networks,
    subnet_operations,
    security_groups,
    security_rule_operations,
    interfaces,
    interface_changes,
    public_addresses,
    storage,
    compute,
    machine_catalogue,
    vault,
    extended_info,
    names,
    usages,
    certificates,
    deleted,
    locks,
    policies,
)

routes = Routes()
for _service in _SERVICES:
    routes.include(_service.routes)


def register(world: World) -> None:
    """Make the world run the events of these services."""
    for service in _SERVICES:
        service.register(world)
