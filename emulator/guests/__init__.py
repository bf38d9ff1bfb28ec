"""The software that runs inside the machines, and the operator who installs it."""

from __future__ import annotations

from emulator.guests import faults, run_command
from emulator.kernel.routes import Routes
from emulator.kernel.world import World

__all__ = ["register", "routes"]

routes = Routes()
routes.include(run_command.routes)
routes.include(faults.routes)


def register(world: World) -> None:
    """Register the events of machines."""
    run_command.register(world)
    faults.register(world)
