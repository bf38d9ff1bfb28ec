"""The classic experience: provider `InMageAzureV2`, a configuration server, physical machines."""

from __future__ import annotations

from emulator.recovery_services.classic.experience import Classic

__all__ = ["Classic"]
