"""Microsoft's names for the server of each experience."""

from __future__ import annotations

from site_recovery.fleet import ExperienceName

SERVER_NAMES: dict[ExperienceName, str] = {
    "classic": "configuration server",
    "modernized": "replication appliance",
}
"""The names that people read."""

SERVER_ROLES: dict[ExperienceName, str] = {
    experience: name.replace(" ", "-") for experience, name in SERVER_NAMES.items()
}
"""The same names as values of a tag, such as `configuration-server`."""
