"""Microsoft.OffAzure: sites, and the machines that an appliance discovered into them."""

from __future__ import annotations

from emulator.off_azure.operations import routes

__all__ = ["routes"]
