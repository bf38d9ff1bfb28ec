"""The modernized experience: provider `InMageRcm`, a replication appliance, agents that report."""

from __future__ import annotations

from emulator.recovery_services.experiences.modernized.experience import Modernized

__all__ = ["Modernized"]
