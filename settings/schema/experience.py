"""The two ways in which Site Recovery replicates, in Microsoft's words."""

from __future__ import annotations

from typing import Literal, TypeAlias

Experience: TypeAlias = Literal["modernized", "classic"]

DEFAULT: Experience = "modernized"

SERVER_KEYS: dict[Experience, str] = {
    "classic": "configurationServer",
    "modernized": "replicationAppliance",
}
"""The key of `source` under which the server of an experience is declared."""
