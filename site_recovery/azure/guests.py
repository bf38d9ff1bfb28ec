"""The virtual machines that failovers made: what they say, and scripts that run in them."""

from __future__ import annotations

import asyncio
import ipaddress
import uuid
from typing import Any

from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceNotFoundError,
)
from azure.core.rest import HttpRequest
from azure.mgmt.core.exceptions import ARMErrorFormat

from site_recovery import arm_ids, authorities
from site_recovery.azure.answers.reading import Wire, one
from site_recovery.azure.compute import API_VERSION
from site_recovery.azure.connection import Connection
from site_recovery.azure.errors import explain, explained, never_sent
from site_recovery.azure.rest import call, url
from site_recovery.azure.writes import refusal
from site_recovery.checks import Printed, printed, wrong_status
from site_recovery.convergence.guests import Health
from site_recovery.declared.checks import Http
from site_recovery.errors import UnansweredError
from site_recovery.fleet import Platform

_NETWORK = "2024-05-01"
"""The version of Microsoft.Network's API."""
_COMMANDS: dict[Platform, str] = {"windows": "RunPowerShellScript", "linux": "RunShellScript"}
_ENDED = (400, 404, 409)
"""How Azure answers at the Location of an operation that failed."""
_SECONDS = 10.0
"""How long one attempt from this computer may take."""


class _Status(Wire):
    code: str = ""
    display_status: str | None = None
    message: str | None = None


class _Agent(Wire):
    statuses: list[_Status] | None = None


class _View(Wire):
    vm_agent: _Agent | None = None
    statuses: list[_Status] | None = None


class _Result(Wire):
    value: list[_Status] | None = None


class AzureGuests:
    """The virtual machines of a subscription; see `convergence.guests.Guests`.

    Args:
        connection: to the subscription.
    """

    def __init__(self, connection: Connection) -> None:
        self._client = connection.client

    async def health(self, vm_id: str) -> Health | None:
        """Read the instance view (VirtualMachines_InstanceView)."""
        name = arm_ids.name(vm_id)
        try:
            with explained(f"virtual machine {name}", passing=ResourceNotFoundError):
                shown = await call(self._client, "GET", url(f"{vm_id}/instanceView", API_VERSION))
        except ResourceNotFoundError:
            return None
        view = one(f"virtual machine {name}", shown, _View.model_validate)
        powers = [s.code for s in view.statuses or () if s.code.startswith("PowerState/")]
        agents = [s.display_status or "" for s in (view.vm_agent or _Agent()).statuses or ()]
        return Health(
            power=powers[-1].rpartition("/")[2] if powers else "",
            agent=agents[-1] if agents else "",
        )

    async def address(self, vm_id: str) -> str | None:
        """Read the first of its `addresses`, without its other interfaces."""
        with explained(f"virtual machine {arm_ids.name(vm_id)}"):
            for interface in await self._interfaces(vm_id):
                return next(iter(await self._addresses_of(interface)), None)
        return None

    async def addresses(self, vm_id: str) -> tuple[str, ...]:
        """Read the private addresses of all its network interfaces, the primary one's first.

        Operations VirtualMachines_Get and NetworkInterfaces_Get.

        Raises:
            MigrationError: Azure did not answer, or refused.
        """
        with explained(f"virtual machine {arm_ids.name(vm_id)}"):
            found = await asyncio.gather(
                *(self._addresses_of(each) for each in await self._interfaces(vm_id))
            )
        return tuple(address for each in found for address in each)

    async def _interfaces(self, vm_id: str) -> list[str]:
        """The ids of its interfaces, the primary one first."""
        machine = await call(self._client, "GET", url(vm_id, API_VERSION))
        shown = _at(machine, "properties", "networkProfile", "networkInterfaces") or []
        ids = [_at(each, "id") for each in _primary_first(shown)]
        return [id_ for id_ in ids if isinstance(id_, str)]

    async def _addresses_of(self, interface_id: str) -> list[str]:
        interface = await call(self._client, "GET", url(interface_id, _NETWORK))
        shown = _at(interface, "properties", "ipConfigurations") or []
        addresses = [_at(each, "properties", "privateIPAddress") for each in _primary_first(shown)]
        return [address for address in addresses if isinstance(address, str)]

    async def send(self, vm_id: str, platform: Platform, lines: list[str]) -> str:
        """Run a script once (VirtualMachines_RunCommand)."""
        name = f"virtual machine {arm_ids.name(vm_id)}"
        request = HttpRequest(
            "POST",
            url(f"{vm_id}/runCommand", API_VERSION),
            json={"commandId": _COMMANDS[platform], "script": lines},
            headers={"Accept": "application/json"},
        )
        try:
            # azure-core would repeat it after a 5xx, and run the script twice.
            answer = await self._client.send_request(
                request, retry_total=0, request_id=str(uuid.uuid4())
            )
            if answer.status_code >= 400:
                raise HttpResponseError(response=answer, error_format=ARMErrorFormat)
        except HttpResponseError as error:
            raise await refusal(self._client, "run command", error, name) from error
        except AzureError as error:
            if never_sent(error):
                raise explain(error, name) from error
            raise UnansweredError(str(explain(error, name))) from error
        poll = answer.headers.get("Location") or answer.headers.get("Azure-AsyncOperation")
        if not poll:
            raise UnansweredError(f"{name}: the service does not say where a script's result is")
        return str(poll)

    async def ran(self, poll: str) -> Printed | None:
        """Read the result of a script at its Location, which answers 202 while it runs."""
        try:
            answer = await call(self._client, "GET", poll)
        except HttpResponseError as error:
            if error.status_code not in _ENDED:
                raise explain(error, "a script in a virtual machine") from error
            return Printed(None, "", str(error.error.message if error.error else error.message))
        except AzureError as error:
            raise explain(error, "a script in a virtual machine") from error
        if not isinstance(answer, dict) or "value" not in answer:
            return None
        result = one("a script in a virtual machine", answer, _Result.model_validate)
        return printed([(each.code, each.message or "") for each in result.value or ()])

    async def tcp(self, host: str, port: int) -> str | None:
        """Connect and close."""
        try:
            async with asyncio.timeout(_SECONDS):
                _, writer = await asyncio.open_connection(host, port)
        except (OSError, TimeoutError) as error:
            return f"port {port} does not accept a connection ({_said(error)})"
        writer.close()
        return None

    async def http(self, host: str, http: Http) -> str | None:
        """Ask without following redirects; a private address directly, as `tcp` does."""
        import aiohttp

        named = f"[{host}]" if ":" in host else host
        target = f"{'https' if http.tls else 'http'}://{named}:{http.at}{http.path}"
        limit = aiohttp.ClientTimeout(total=_SECONDS)
        try:
            async with (
                authorities.session(timeout=limit, trust_env=not _private(host)) as session,
                session.get(target, allow_redirects=False, ssl=http.verify) as answer,
            ):
                return wrong_status(http, answer.status)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return f"{http.path} does not answer at port {http.at} ({_said(error)})"


def _private(host: str) -> bool:
    """Whether it is a private address. NO_PROXY cannot name a network, and no proxy is between."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return False


def _primary_first(shown: list[Any]) -> list[Any]:
    """Interfaces, or configurations of one; a single one need not say that it is the primary one."""
    return sorted(shown, key=lambda each: not _at(each, "properties", "primary"))


def _said(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _at(value: Any, *path: str | int) -> Any:
    """A part of a wire object; None where the service leaves it out."""
    for key in path:
        if isinstance(key, int):
            value = value[key] if isinstance(value, list) and len(value) > key else None
        else:
            value = value.get(key) if isinstance(value, dict) else None
    return value
