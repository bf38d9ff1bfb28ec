"""Virtual machines and managed disks, which Site Recovery creates, and what they are placed in.

Source: Microsoft.Compute, VirtualMachines_* and Disks_* operations, and those of `placements`.
"""

from __future__ import annotations

from emulator.arm import async_operations
from emulator.arm.compute import (
    disk_changes,
    disks,
    machine_changes,
    machines,
    placements,
    power_operations,
    run_command,
)
from emulator.arm.compute.kinds import API_VERSIONS, DISK_API_VERSIONS
from emulator.kernel.routes import Routes
from emulator.kernel.world import World

_SERVICES = (
    machines,
    machine_changes,
    power_operations,
    run_command,
    disks,
    disk_changes,
    placements,
)

# Operations of machines and of disks are polled at the same URLs.
_polls = Routes((*API_VERSIONS, *DISK_API_VERSIONS))
async_operations.add_routes(
    _polls, "Microsoft.Compute", statuses="operations", results="operationResults"
)
routes = Routes()
for _service in _SERVICES:
    routes.include(_service.routes)
routes.include(_polls)


def register(world: World) -> None:
    """Register the event handlers that end the operations of machines and disks."""
    for service in _SERVICES:
        service.register(world)
