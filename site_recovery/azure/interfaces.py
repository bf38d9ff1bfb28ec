"""Network interfaces of virtual machines, and the network security groups that they have."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import Any

from site_recovery import arm_ids
from site_recovery.azure.answers.reading import Wire, one
from site_recovery.azure.connection import Connection
from site_recovery.azure.errors import explained
from site_recovery.azure.item_reads import READS_AT_ONCE
from site_recovery.azure.rest import call, url
from site_recovery.errors import MigrationError

_API_VERSION = "2024-05-01"


class _Reference(Wire):
    id: str | None = None


class _Properties(Wire):
    network_security_group: _Reference | None = None


class _Interface(Wire):
    properties: _Properties


class Interfaces:
    """The network interfaces of a subscription; `convergence.interfaces.NetworkInterfaces`.

    Args:
        connection: to any subscription.
    """

    def __init__(self, connection: Connection) -> None:
        self._client = connection.client

    async def security_groups(self, interfaces: Collection[str]) -> dict[str, str]:
        """The id of the group that each interface has, by its id; empty if it has none.

        Operation NetworkInterfaces_Get.

        Raises:
            MigrationError: Azure did not answer, or refused, or an interface is not there.
        """
        slots = asyncio.Semaphore(READS_AT_ONCE)

        async def read(interface: str) -> str:
            async with slots:
                return _group_of(interface, await self._shown(interface))

        found = await asyncio.gather(*map(read, interfaces))
        return dict(zip(interfaces, found, strict=True))

    async def attach(self, interface: str, group: str) -> None:
        """Give a group to an interface that has none.

        Everything else stays as it is, because what was read is sent back: there is no request for
        the group alone. Operations NetworkInterfaces_Get and NetworkInterfaces_CreateOrUpdate.

        Raises:
            MigrationError: Azure did not answer, or refused; or the interface has another group.
        """
        shown = await self._shown(interface)
        present = _group_of(interface, shown)
        if present:
            if not arm_ids.same(present, group):
                raise MigrationError(f"{_about(interface)} got another group meanwhile: {present}")
            return
        properties = {**shown["properties"], "networkSecurityGroup": {"id": group}}
        with explained(_about(interface)):
            where = url(interface, _API_VERSION)
            await call(self._client, "PUT", where, {**shown, "properties": properties})

    async def _shown(self, interface: str) -> Mapping[str, Any]:
        with explained(_about(interface)):
            shown: Mapping[str, Any] = await call(self._client, "GET", url(interface, _API_VERSION))
        return shown


def _group_of(interface: str, shown: Mapping[str, Any]) -> str:
    read = one(_about(interface), shown, _Interface.model_validate)
    group = read.properties.network_security_group
    return (group.id if group is not None else None) or ""


def _about(interface: str) -> str:
    return f"network interface {arm_ids.name(interface)}"
