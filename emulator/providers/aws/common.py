"""Properties that many AWS types have."""

from __future__ import annotations

from emulator.providers.schema import Property

REGION = Property(computed=True, replace=True)
TAGS = Property("map", items=Property())
