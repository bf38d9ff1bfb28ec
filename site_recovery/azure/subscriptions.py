"""The subscriptions that the credentials see."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from site_recovery.azure.connection import Connection
from site_recovery.azure.errors import explained
from site_recovery.azure.rest import list_url, url

_API_VERSION = "2022-12-01"

WRITABLE = ("enabled", "warned", "pastdue")
"""States in which a subscription takes changes ("Azure subscription states")."""


@dataclass
class _Seen:
    """What was read, once for all who use a connection."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    states: dict[str, str] | None = None


async def states(connection: Connection) -> dict[str, str]:
    """The state of each subscription in which the caller has a role, by its id in lower case.

    Operation Subscriptions_List of Microsoft.Resources, which needs no permission.

    Args:
        connection: to any subscription of the tenant.

    Raises:
        MigrationError: Azure did not answer, or refused.
    """
    seen = connection.kept(_Seen, "subscriptions")
    async with seen.turn:
        if seen.states is None:
            with explained("Azure"):
                listed = await list_url(connection.client, url("/subscriptions", _API_VERSION))
            seen.states = {
                str(each.get("subscriptionId")).lower(): str(each.get("state") or "Enabled")
                for each in listed
                if isinstance(each, dict)
            }
        return seen.states
