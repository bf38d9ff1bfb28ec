"""What the server of each experience is called. Microsoft's names."""

from __future__ import annotations

from site_recovery.fleet import ExperienceName

SERVER_NAMES: dict[ExperienceName, str] = {
    "classic": "configuration server",
    "modernized": "replication appliance",
}
"""The names for people."""

SERVER_ROLES: dict[ExperienceName, str] = {
    experience: name.replace(" ", "-") for experience, name in SERVER_NAMES.items()
}
"""The same as the value of a tag, such as `configuration-server`."""
