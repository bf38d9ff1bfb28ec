"""Virtual machines in Azure: their power, and their tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from azure.core.exceptions import ResourceNotFoundError

from site_recovery import arm_ids
from site_recovery.azure.connection import Connection
from site_recovery.azure.errors import explain, explained
from site_recovery.azure.listed import entry
from site_recovery.azure.rest import call, url

API_VERSION = "2024-07-01"
"""The version of Microsoft.Compute's API."""

_POWER = "PowerState/"


class Compute:
    """The virtual machines of a subscription; `convergence.interfaces.VirtualMachines`.

    All changes have the same result however often they are asked for, so that they may be retried.
    A machine is taken for gone only if the list of its group lacks it too (VirtualMachines_List).

    Args:
        connection: to the subscription.
    """

    def __init__(self, connection: Connection) -> None:
        self._client = connection.client

    async def power(self, vm_id: str) -> str | None:
        """The power state, such as `running` or `deallocated`; None if there is no such machine.

        An empty text stands for a machine that shows none. Operation VirtualMachines_InstanceView.

        Raises:
            MigrationError: Azure did not answer, or refused.
        """
        view = await self._call("GET", vm_id, "/instanceView")
        if view is None:
            return None
        codes = [str(status.get("code") or "") for status in view.get("statuses") or ()]
        states = [code.removeprefix(_POWER) for code in codes if code.startswith(_POWER)]
        return states[-1] if states else ""

    async def deallocate(self, vm_id: str) -> None:
        """Ask a machine to stop and release its host (VirtualMachines_Deallocate).

        Raises:
            MigrationError: Azure did not answer, or refused.
        """
        await self._call("POST", vm_id, "/deallocate")

    async def delete(self, vm_id: str) -> bool:
        """Go on with deleting a machine, with its disks and interfaces.

        They go with it if their `deleteOption` says so, which is set first (VirtualMachines_Get,
        VirtualMachines_Update, VirtualMachines_Delete; "Delete a VM and attached resources" of
        Azure's documentation). So nothing is left of a machine that is gone.

        Returns:
            Whether its deletion was asked for, or there is none. If not, ask again later.

        Raises:
            MigrationError: Azure did not answer, or refused.
        """
        shown = await self._call("GET", vm_id, "")
        if shown is None:
            return True
        properties = shown["properties"]
        if properties.get("provisioningState") in ("Updating", "Deleting"):
            return False
        marked = _marked(properties)
        if marked != {name: properties.get(name) for name in marked}:
            await self._call("PATCH", vm_id, "", {"properties": marked})
            return False
        await self._call("DELETE", vm_id, "")
        return True

    async def retag(self, vm_id: str, removed: str, added: Mapping[str, str]) -> None:
        """Replace one tag of a machine by others (VirtualMachines_Get, VirtualMachines_Update).

        Raises:
            MigrationError: Azure did not answer, or refused.
        """
        shown = await self._call("GET", vm_id, "")
        if shown is None:
            return
        before: Mapping[str, str] = shown.get("tags") or {}
        tags = {name: text for name, text in before.items() if name.lower() != removed.lower()}
        await self._call("PATCH", vm_id, "", {"tags": {**tags, **added}})

    async def _call(
        self, method: str, vm_id: str, suffix: str, body: Mapping[str, Any] | None = None
    ) -> Any:
        about = f"virtual machine {arm_ids.name(vm_id)}"
        try:
            with explained(about, passing=ResourceNotFoundError):
                where = url(f"{vm_id}{suffix}", API_VERSION)
                return await call(self._client, method, where, body)
        except ResourceNotFoundError as error:
            with explained(about):
                listed = await entry(self._client, vm_id, API_VERSION)
            if listed is not None:
                # A rollback would let the source serve beside it.
                raise explain(error, about) from error
            return None


def _marked(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The disks and interfaces of a machine, marked so that they are deleted with it."""
    storage = properties.get("storageProfile") or {}
    network = properties.get("networkProfile") or {}
    option = {"deleteOption": "Delete"}
    return {
        "storageProfile": {
            **storage,
            "osDisk": {**(storage.get("osDisk") or {}), **option},
            "dataDisks": [{**disk, **option} for disk in storage.get("dataDisks") or ()],
        },
        "networkProfile": {
            **network,
            "networkInterfaces": [
                {**each, "properties": {**(each.get("properties") or {}), **option}}
                for each in network.get("networkInterfaces") or ()
            ],
        },
    }
