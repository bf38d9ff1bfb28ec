"""The experiences by name."""

from __future__ import annotations

from site_recovery.azure.experiences.classic.experience import Classic
from site_recovery.azure.experiences.experience import Experience
from site_recovery.azure.experiences.modernized.experience import Modernized
from site_recovery.fleet import ExperienceName

EXPERIENCES: dict[ExperienceName, Experience] = {
    "classic": Classic(),
    "modernized": Modernized(),
}
