"""One look at the vaults of a stack. It reads and changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from report.record import StackRecord
from site_recovery.azure import vault_observation
from site_recovery.azure.connection import Connect, KeptOpen, connector
from site_recovery.azure.vault import gone_text
from site_recovery.azure.vault_observation import VaultMemory
from site_recovery.errors import MigrationError
from site_recovery.fleet import Site
from site_recovery.snapshot import Gone, Snapshot

_PATIENCE_SECONDS = 90.0
"""For a vault with a thousand machines; the record can be shown without it."""
_EVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Live:
    """What the vault said.

    Attributes:
        snapshots: by what `key` says of a site; empty if the vault could not be read.
        time: the time at the service; None if it did not answer.
        problem: why there is no snapshot, in words; empty if there is one.
    """

    snapshots: Mapping[Hashable, Snapshot]
    time: datetime | None = None
    problem: str = ""

    def of(self, site: Site) -> Snapshot | None:
        """What was seen of a site."""
        return self.snapshots.get(key(site))


def key(site: Site) -> Hashable:
    """Sites for which this is equal are seen in one look."""
    return vault_observation.scope(site)


class Viewer:
    """Looks at vaults again and again, and reads only once what cannot have changed."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    async def look(self, record: StackRecord) -> Live:
        """What the vaults of a stack show now."""
        sites = {key(wave.site): wave.site for wave in record.waves}
        if not sites:
            return Live({}, problem="no wave is recorded yet")
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await self._look(sites)
        except TimeoutError:
            return Live({}, problem=f"Azure did not answer within {_PATIENCE_SECONDS:.0f} s")
        except MigrationError as error:
            return Live({}, problem=str(error))

    async def _look(self, sites: Mapping[Hashable, Site]) -> Live:
        seen: dict[Hashable, Snapshot] = {}
        now: datetime | None = None
        for name, site in sites.items():
            where = site.container.vault
            async with self._connect(where.subscription) as connection:
                memory = connection.kept(VaultMemory, str(where).lower())
                seen[name] = await vault_observation.observe(connection, site, memory)
                if seen[name].gone is Gone.VAULT:
                    return Live({}, connection.clock.now(), gone_text(where))
                # Durations and costs are of all jobs; a run needs those of the last weeks only.
                await memory.jobs.reach(connection.client, where, connection.clock.now(), _EVER)
                seen[name] = _with_jobs(seen[name], memory)
                now = connection.clock.now()
        return Live(seen, now)


def _with_jobs(snapshot: Snapshot, memory: VaultMemory) -> Snapshot:
    return replace(snapshot, jobs=memory.jobs.jobs)


@asynccontextmanager
async def viewer() -> AsyncIterator[Viewer]:
    """A viewer with the credentials of the environment."""
    kept = KeptOpen(connector(may_change=lambda: False))
    try:
        yield Viewer(kept)
    finally:
        await kept.close()
