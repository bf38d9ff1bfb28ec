"""The default experience, and the key under which the config declares the server of each."""

from __future__ import annotations

from site_recovery.fleet import ExperienceName

DEFAULT: ExperienceName = "modernized"

SERVER_KEYS: dict[ExperienceName, str] = {
    "classic": "configurationServer",
    "modernized": "replicationAppliance",
}
"""The key of `source` under which the server of an experience is declared."""
