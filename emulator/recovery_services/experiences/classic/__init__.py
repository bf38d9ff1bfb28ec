"""The classic experience: provider `InMageAzureV2`, a configuration server, physical machines."""

from __future__ import annotations

# Importing `discovery` says what the end of a discovery job does.
from emulator.recovery_services.experiences.classic import discovery
from emulator.recovery_services.experiences.classic.experience import Classic

__all__ = ["Classic", "discovery"]
