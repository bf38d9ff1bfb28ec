"""The software that runs inside the machines, and the operator who installs it."""

from __future__ import annotations

from emulator.guests import run_command
from emulator.kernel.routes import Routes

__all__ = ["register", "routes"]

routes = Routes()
routes.include(run_command.routes)

register = run_command.register
