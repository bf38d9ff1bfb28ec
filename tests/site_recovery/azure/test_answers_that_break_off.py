"""If a connection breaks after a request was sent, the service may have accepted the request."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from azure.core.exceptions import ServiceRequestError, ServiceRequestTimeoutError
from azure.core.pipeline.transport import AsyncHttpTransport

from site_recovery.arm_ids import ContainerId
from site_recovery.azure.connection import connector
from site_recovery.azure.service import VaultService
from site_recovery.declared.target import TargetSpec
from site_recovery.errors import MigrationError, UnansweredError
from site_recovery.fleet import Assignment, LandingZone, Site
from site_recovery.observation import Observed, Stage
from site_recovery.operations import Operation
from site_recovery.phases import Phase
from site_recovery.snapshot import Machine
from tests.emulator.recovery_services.site_recovery_support import AsyncCredential

VAULT = "/subscriptions/1/resourceGroups/rg/providers/Microsoft.RecoveryServices/vaults/v"
CONTAINER = ContainerId.parse(f"{VAULT}/replicationFabrics/f/replicationProtectionContainers/c")
SITE = Site(CONTAINER, LandingZone("rg", "n", "s", "t", "a"), "classic")
MACHINE = Assignment(
    Machine("web-01", "i-1", "10.0.0.1", "web-01"), "windows", TargetSpec(), Phase.MIGRATED
)
PROTECTED = Observed(Stage.PROTECTED, item_id=f"{CONTAINER}/replicationProtectedItems/web-01")
NOWHERE = aiohttp.ClientConnectorError(
    aiohttp.client_reqrep.ConnectionKey("localhost", 1, False, True, None, None, None),
    OSError("refused"),
)


class Broken(AsyncHttpTransport[Any, Any]):
    """Fails like azure-core's transport: with aiohttp's error as the cause."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def send(self, request: Any, **_: Any) -> Any:
        raise self._error

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def __aexit__(self, *_: object) -> None: ...


def submit(error: Exception) -> None:
    async def work() -> None:
        connect = connector(
            credential=lambda: AsyncCredential("token"), transport=lambda: Broken(error)
        )
        async with connect("1") as connection:
            service = VaultService(connection, SITE, "dev")
            await service.submit(Operation.UNPLANNED_FAILOVER, MACHINE, PROTECTED, "1")

    asyncio.run(work())


@pytest.mark.parametrize(
    "cause", [aiohttp.ServerDisconnectedError(), aiohttp.ClientOSError(104, "reset by peer")]
)
def test_a_connection_that_breaks_may_have_carried_the_request(cause: Exception) -> None:
    with pytest.raises(UnansweredError):
        submit(ServiceRequestError(cause, error=cause))


@pytest.mark.parametrize(
    "error",
    [ServiceRequestError(NOWHERE, error=NOWHERE), ServiceRequestTimeoutError("no connection")],
)
def test_a_connection_that_was_never_made_carried_no_request(error: Exception) -> None:
    with pytest.raises(MigrationError) as raised:
        submit(error)
    assert not isinstance(raised.value, UnansweredError)
