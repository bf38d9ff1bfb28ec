"""Finding a server of Site Recovery in its vault, and waiting for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from site_recovery.arm_ids import VaultId
from site_recovery.azure.connection import Connection
from site_recovery.azure.experiences.registry import EXPERIENCES
from site_recovery.azure.rest import list_all
from site_recovery.azure.servers.registered import Registration
from site_recovery.azure.vault import inside
from site_recovery.errors import MigrationError
from site_recovery.fleet import ExperienceName
from site_recovery.polling import until
from site_recovery.server_status import FAILED, SUCCEEDED, ServerStatus

_OLD_FAILURE = timedelta(minutes=9)
"""A server tries again every five minutes, and boots first if its size was changed. Until then its
report of a failure may be an old one, of something that is corrected by now."""

_LOOK = (
    "See on the server whether it is set up and registered with this vault, and that it reaches "
    "Azure on port 443, then run pulumi up again."
)
_AGAIN = (
    "It finished its set-up before and is not in the vault, so its registration was removed there, "
    "or its vault was another. A server does not register twice by itself: register it again on "
    "its desktop, or let a new one take its place: "
    "pulumi up --replace '**:Instance::server'."
)

ReadStatus = Callable[[], Awaitable[ServerStatus | None]]


class RegistrationTimeoutError(MigrationError):
    """The server did not appear in the vault in time."""


class InstallationFailedError(MigrationError):
    """The server reported that its set-up failed."""


@dataclass(frozen=True)
class Awaited:
    """A server that should be in a vault.

    Attributes:
        server_name: its host name.
        limit: service time to wait for it.
        poll: the longest time between two looks, in real time.
    """

    vault: VaultId
    server_name: str
    experience: ExperienceName
    limit: timedelta
    poll: timedelta


async def find(
    connection: Connection,
    vault: VaultId,
    server_name: str,
    experience_name: ExperienceName,
) -> Registration | str:
    """Look for a server once.

    Returns:
        The registration, or a sentence that says what is still missing.

    Raises:
        VaultGoneError: the vault is gone.
        MigrationError: Azure did not answer or refused, or two servers have the name.
    """
    kind = EXPERIENCES[experience_name]
    client = connection.client
    where = (vault.resource_group, vault.vault)
    async with inside(connection, vault, f"vault {vault.vault}"):
        candidates = [
            fabric
            for fabric in await list_all(client.replication_fabrics.list(*where))
            if kind.may_contain(fabric, server_name)
        ]
        if not candidates:
            return f"no {kind.server} {server_name} is registered with it yet"
        if len(candidates) > 1:
            raise MigrationError(
                f"vault {vault.vault}: {len(candidates)} {kind.server}s are called "
                f"{server_name}. Remove the stale registrations in the vault (Site Recovery "
                "infrastructure), then run pulumi up again."
            )
        name = candidates[0]["name"]
        # The list leaves out what the single fabric has.
        fabric = (await client.replication_fabrics.get(*where, name)).as_dict()
        containers = await list_all(
            client.replication_protection_containers.list_by_replication_fabrics(*where, name)
        )
        providers = await list_all(
            client.replication_recovery_services_providers.list_by_replication_fabrics(*where, name)
        )
    return kind.registration(fabric, containers, providers, server_name)


async def wait(
    connection: Connection,
    awaited: Awaited,
    status: Callable[[str], None],
    event: Callable[[str], None],
    read_status: ReadStatus | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Registration:
    """Wait until a server with a healthy process server is in the vault.

    Args:
        connection: to the vault's subscription.
        awaited: the server, and how long it may take.
        status: receives what is missing, after each look.
        event: receives each new report of the server, and what a person has to do.
        read_status: reads the newest report of the server; None if it does not report.
        sleep: injected by tests.

    Raises:
        InstallationFailedError: the server reported that its set-up failed.
        RegistrationTimeoutError: it did not appear in time.
        MigrationError: Azure or AWS did not answer, or refused.
    """
    name, kind = awaited.server_name, EXPERIENCES[awaited.experience]
    watch: _Watch | None = None

    async def look() -> Registration | None:
        nonlocal watch
        found = await find(connection, awaited.vault, name, awaited.experience)
        if isinstance(found, Registration):
            return found
        if watch is None:
            watch = _Watch(awaited, connection.clock.now(), event)
            if kind.guidance:
                event(f"{name}: {kind.guidance}")
        report = await read_status() if read_status is not None else None
        status(watch.judge(found, report, connection.clock.now()))
        return None

    return await until(look, connection.pauses(awaited.poll), sleep)


@dataclass
class _Watch:
    """One wait for a server: when it began, and what the server has reported.

    Attributes:
        last: its newest report.
        finished_before: its first report said that its set-up had succeeded.
        failed_before: all its reports so far say that its set-up failed.
        looks: how many looks found it missing.
    """

    awaited: Awaited
    started: datetime
    event: Callable[[str], None]
    last: ServerStatus | None = None
    finished_before: bool = False
    failed_before: bool = True
    looks: int = 0

    def judge(self, missing: str, report: ServerStatus | None, now: datetime) -> str:
        """Decide whether to go on waiting.

        Returns:
            The state in one line.

        Raises:
            InstallationFailedError: the set-up of the server failed.
            RegistrationTimeoutError: it took too long.
        """
        self._note(report)
        if self.finished_before and self.looks == 1:
            self.event(f"{self.awaited.server_name}: {_AGAIN}")
        self.looks += 1
        waited = now - self.started
        name, kind = self.awaited.server_name, EXPERIENCES[self.awaited.experience]
        failed = report is not None and report.state == FAILED
        self.failed_before = self.failed_before and failed
        if report is not None and failed and (not self.failed_before or waited > _OLD_FAILURE):
            raise InstallationFailedError(
                f"{kind.server} {name}: its set-up failed: {report.step}: "
                f"{report.message.rstrip('. ')}. Put that right ({kind.guide} says how), then run "
                "pulumi up again: the server tries again by itself."
            )
        limit = self.awaited.limit
        if waited >= limit:
            last = f" It said last: {report}." if report is not None else ""
            raise RegistrationTimeoutError(
                f"vault {self.awaited.vault.vault}: after {_minutes(limit)} {missing}.{last} "
                + (_AGAIN if self.finished_before else _LOOK)
                + " To wait longer set replication.registrationTimeout."
            )
        told = f" · {report.state}: {report.step}" if report is not None else ""
        return f"{missing}{told} · {_minutes(waited)} of {_minutes(limit)}"

    def _note(self, report: ServerStatus | None) -> None:
        if report is None or report == self.last:
            return
        name = self.awaited.server_name
        self.event(f"{name}: {report}")
        # It may have finished right after the look at the vault, so the next look decides.
        self.finished_before = self.looks == 0 and report.state == SUCCEEDED
        self.last = report


def _minutes(span: timedelta) -> str:
    return f"{span.total_seconds() / 60:.0f} min"
