"""The machines of one vault: observe all of them, submit one operation."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError

from site_recovery import arm_ids
from site_recovery.arm_ids import ContainerId
from site_recovery.azure import locks, networks, vault, vault_observation, writes
from site_recovery.azure.answers import sizes
from site_recovery.azure.answers.items import protected_item
from site_recovery.azure.answers.reading import UnreadableError, each, one
from site_recovery.azure.answers.recovery_points import recovery_point
from site_recovery.azure.compute import Compute
from site_recovery.azure.connection import Connection
from site_recovery.azure.errors import explain, explained
from site_recovery.azure.experiences import bodies
from site_recovery.azure.experiences.registry import EXPERIENCES
from site_recovery.azure.guests import AzureGuests
from site_recovery.azure.interfaces import Interfaces
from site_recovery.azure.item_reads import READS_AT_ONCE, read_item
from site_recovery.azure.job_history import job_of
from site_recovery.azure.job_watch import JobWatch
from site_recovery.azure.plan_service import PlanService
from site_recovery.azure.rest import call, list_url, url
from site_recovery.azure.rounds import Rounds
from site_recovery.azure.vault_observation import VaultMemory
from site_recovery.convergence.guests import Guests
from site_recovery.convergence.target_sizes import Size
from site_recovery.errors import RefusedError
from site_recovery.fleet import Assignment, RecoveryPointKind, Site
from site_recovery.jobs import Job, ServiceError
from site_recovery.locks import Lock
from site_recovery.observation import Observed
from site_recovery.operations import Operation
from site_recovery.request_ids import RequestIds
from site_recovery.snapshot import (
    Kind,
    ProtectedItem,
    RecoveryPoint,
    Snapshot,
    VirtualMachine,
)
from site_recovery.sources import SourceDisk
from site_recovery.subnets import Network
from site_recovery.target_settings import TargetSettings

_UNTOLD = (403, 404)


class VaultService(PlanService):
    """The operations on a vault's machines, and on its recovery plans; `convergence`'s `Service`.

    Args:
        connection: to the vault's subscription.
        site: where machines are replicated from and to.
        stack: distinguishes this stack from others that use the same vault; request ids are derived
            from it.
        leaving: whether the machines leave the vault. `observe` then succeeds without the vault
            or its server.
    """

    def __init__(
        self,
        connection: Connection,
        site: Site,
        stack: str,
        *,
        leaving: bool = False,
    ) -> None:
        super().__init__(connection, site)
        self._connection = connection
        self._leaving = leaving
        self._client = connection.client
        self._experience = EXPERIENCES[site.experience]
        self._vault = site.container.vault
        self._reads = asyncio.Semaphore(READS_AT_ONCE)
        self._asked_sizes: defaultdict[Hashable, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._rounds = connection.kept(Rounds, vault_observation.scope(site))
        self._memory = connection.kept(VaultMemory, str(self._vault).lower())
        self.clock = connection.clock
        self.compute = Compute(connection)
        self.interfaces = Interfaces(connection)
        self.guests: Guests = AzureGuests(connection)
        self.request_ids = RequestIds(stack)

    def pause(self, poll: timedelta) -> float:
        """Seconds until the next round: those of `poll`, or more if Azure says so."""
        return self._connection.pause(poll)

    async def rest(self, seconds: float, sleep: Callable[[float], Awaitable[None]]) -> None:
        """Wait until the next round of this run, or of another one on the same vault.

        Args:
            seconds: how long this run would wait if no job ended meanwhile.
            sleep: waits for that number of seconds.
        """
        watch = JobWatch(self._connection, self._vault, self._memory.jobs)
        await self._rounds.rest(seconds, partial(watch.sleep, sleep=sleep))
        if asked := self._connection.retry_after.seconds():
            await sleep(asked)

    async def observe(self) -> Snapshot:
        """All machines of the vault, in an observation that begins after this call.

        Raises:
            VaultGoneError: the vault or its server is gone, and the machines are not leaving.
            MigrationError: Azure did not answer, or refused.
        """
        return self._unless_gone(await self._rounds.look(self._observe))

    async def recent(self, good: Callable[[Snapshot], bool]) -> Snapshot:
        """All machines of the vault as they were a few seconds ago, if that is good.

        Raises:
            VaultGoneError: as `observe` does.
            MigrationError: Azure did not answer, or refused.
        """
        return self._unless_gone(await self._rounds.recent(self._observe, good))

    async def _observe(self) -> Snapshot:
        return await vault_observation.observe(self._connection, self._site, self._memory)

    def _unless_gone(self, snapshot: Snapshot) -> Snapshot:
        if snapshot.gone is not None and not self._leaving:
            raise vault.gone_error(self._vault, snapshot.gone)
        return snapshot

    async def item(self, assignment: Assignment, observed: Observed) -> ProtectedItem | None:
        """Read the item of one machine (ReplicationProtectedItems_Get).

        One that was not observed is looked for where the last run recorded it, and by its name.

        Returns:
            The item; None if it does not exist.

        Raises:
            MigrationError: Azure did not answer, or refused.
        """
        machine = assignment.machine
        named = f"{self._site.container}/replicationProtectedItems/{machine.name}"
        ids = [observed.item_id] if observed.item_id else [machine.item_id, named]
        for item_id in {name.lower(): name for name in ids if name}.values():
            with (
                suppress(ResourceNotFoundError),
                explained("its replicated item", passing=ResourceNotFoundError),
            ):
                return await read_item(self._client, item_id)
        return None

    async def virtual_machine(self, assignment: Assignment) -> VirtualMachine | None:
        """Read the production virtual machine of one machine, by its name or by its tag.

        Returns:
            The virtual machine; None if it does not exist.

        Raises:
            MigrationError: Azure did not answer, or refused.
        """
        group = self._site.landing_zone.resource_group_id
        if not group:
            return None
        machine = assignment.machine
        with explained("its virtual machine"):
            return await vault_observation.virtual_machine_of(
                self._client, group, machine.vm_name, machine.instance_id
            )

    async def jobs(self) -> Mapping[str, Job]:
        """All jobs by name, listed anew. A list has less detail than a single read.

        Raises:
            UnreadableError: a job cannot be read, and it may be anybody's.
            MigrationError: Azure did not answer, or refused.
        """
        history = self._memory.jobs
        with explained(f"vault {self._vault.vault}"):
            await history.renew(self._client, self._vault, self.clock.now())
        for odd in history.unreadable:
            # Of a job that names its machine or plan, only that one is kept from going on.
            if not any(mark for mark in odd.marks if not mark.endswith(odd.name.lower())):
                raise UnreadableError(
                    f"vault {self._vault.vault}: its job {odd.name} cannot be read: {odd.what}",
                    odd.what,
                )
        return history.jobs

    async def job(self, name: str) -> Job | None:
        """One job with its errors (ReplicationJobs_Get), or None if the vault has no such job.

        Raises:
            MigrationError: Azure did not answer, or refused.
        """
        with explained(f"job {name}"):
            return await job_of(self._client, self._vault, name)

    async def submit(
        self, operation: Operation, assignment: Assignment, observed: Observed, request_id: str
    ) -> str | None:
        """Ask for an operation once, without retries.

        Args:
            operation: the operation.
            assignment: the machine.
            observed: its state now.
            request_id: the `x-ms-client-request-id`, by which its job can be found later.

        Returns:
            The name of its job; None if the service did it at once.

        Raises:
            RefusedError: the service refused it and changed nothing.
            UnansweredError: it may have been accepted; observe before deciding again.
        """
        recovery_point: str | None = None
        details: Mapping[str, Any] = {}
        disks: Sequence[SourceDisk] = ()
        with explained(str(operation)):
            if operation is Operation.ENABLE_PROTECTION and assignment.disks:
                disks = await self._experience.disks(self._client, observed.source_id or "")
            if operation is Operation.UNPLANNED_FAILOVER:
                recovery_point = assignment.failover_point or await self._recovery_point(observed)
            if operation is Operation.UPDATE_TARGET:
                details = await self._details(assignment, observed)
        call = self._call(operation, assignment, observed, recovery_point, details, disks)
        return await writes.once(self._client, operation, call, request_id)

    async def target_sizes(self, assignment: Assignment, observed: Observed) -> Sequence[Size]:
        """The sizes that Azure offers for a protected machine; read once for all that are alike.

        The service lists them by item. It judges by what the machine is, and in which vault: were
        it to offer less to one of two that are alike, the test failover would tell.

        Operation TargetComputeSizes_ListByReplicationProtectedItems.

        Raises:
            MigrationError: Azure did not answer, or refused.
        """
        alike = (
            assignment.platform,
            assignment.hardware or observed.item_id,
            assignment.target.disk_type,
            observed.target.generation,
            observed.target.interfaces,
        )
        async with self._asked_sizes[alike]:
            known = self._memory.sizes.get(alike)
            if known is None:
                of_item = url(f"{observed.item_id}/targetComputeSizes")
                with explained("its sizes in Azure"):
                    async with self._reads:
                        listed = await list_url(self._client, of_item)
                known = tuple(size for size in map(sizes.size, listed) if size is not None)
                if known:
                    # Every machine has sizes. A list of none is one that lags behind.
                    self._memory.sizes[alike] = known
        return known

    async def recovery_points(self, observed: Observed) -> Sequence[RecoveryPoint]:
        """The recovery points of a protected machine. Those that cannot be read are left out.

        Operation RecoveryPoints_ListByReplicationProtectedItems.

        Raises:
            MigrationError: Azure did not answer, or refused.
        """
        with explained("its recovery points"):
            async with self._reads:
                return await self._points(observed)

    async def has_recovery_point(self, observed: Observed, point: str) -> bool:
        """Whether a recovery point of a protected machine is kept (RecoveryPoints_Get).

        Args:
            observed: the machine.
            point: the name of the point.

        Raises:
            MigrationError: Azure did not answer, or refused.
        """
        with explained("its recovery point", passing=ResourceNotFoundError):
            try:
                await call(self._client, "GET", url(f"{observed.item_id}/recoveryPoints/{point}"))
            except ResourceNotFoundError:
                return False
        return True

    async def _points(self, observed: Observed) -> Sequence[RecoveryPoint]:
        listed = await list_url(self._client, url(f"{observed.item_id}/recoveryPoints"))
        points, _ = each(Kind.RECOVERY_POINT, listed, recovery_point)
        return points

    async def networks(self, wanted: Mapping[str, Collection[str]]) -> dict[str, Network]:
        """The networks with these ids that exist, by id; see `networks.read`."""
        return await networks.read(self._connection, wanted)

    async def read_only_locks(self, assignment: Assignment) -> Sequence[Lock]:
        """The locks that forbid every change of the vault, or of the group of a virtual machine.

        Operation ManagementLocks_ListByScope. If they may not be read, or the group is not there, the
        service says itself what it refuses.

        Raises:
            MigrationError: Azure did not answer.
        """
        group = assignment.settings.resource_group_id if assignment.settings else None
        found: list[Lock] = []
        for scope in filter(None, (str(self._vault), group)):
            try:
                found += await locks.holding(self._client, scope)
            except AzureError as error:
                if not (isinstance(error, HttpResponseError) and error.status_code in _UNTOLD):
                    raise explain(error, f"locks of {scope}") from error
        return [lock for lock in dict.fromkeys(found) if lock.is_read_only]

    def _call(
        self,
        operation: Operation,
        assignment: Assignment,
        observed: Observed,
        recovery_point: str | None,
        details: Mapping[str, Any],
        disks: Sequence[SourceDisk],
    ) -> Callable[..., Awaitable[Any]]:
        site, name = self._site, assignment.machine.name
        items = self._client.replication_protected_items
        container = self._container(observed)
        item = (*container, arm_ids.name(observed.item_id or name))
        match operation:
            case Operation.DISCOVER:
                # Planning asks for it in the classic experience only.
                discover = self._client.replication_protection_containers
                return partial(
                    discover.begin_discover_protectable_item,
                    *container,
                    bodies.discover(assignment),
                )
            case Operation.ENABLE_PROTECTION:
                enabling = self._experience.enable_protection(
                    assignment, site, observed.source_id or "", disks
                )
                return partial(items.begin_create, *item, enabling)
            case Operation.UPDATE_TARGET:
                wanted = assignment.settings or TargetSettings()
                update = self._experience.update_target(details, wanted)
                return partial(items.begin_update, *item, update)
            case Operation.TEST_FAILOVER:
                test = bodies.test_failover(
                    site.landing_zone.test_network_id, self._experience.instance_type
                )
                return partial(items.begin_test_failover, *item, test)
            case Operation.TEST_FAILOVER_CLEANUP:
                return partial(
                    items.begin_test_failover_cleanup, *item, bodies.test_failover_cleanup()
                )
            case Operation.UNPLANNED_FAILOVER:
                failover = self._experience.unplanned_failover(recovery_point)
                return partial(items.begin_unplanned_failover, *item, failover)
            case Operation.COMPLETE_MIGRATION | Operation.DISABLE_PROTECTION:
                removal = bodies.remove(
                    self._experience.instance_type,
                    migration_complete=operation is Operation.COMPLETE_MIGRATION,
                )
                return partial(items.begin_delete, *item, removal)

    def _container(self, observed: Observed) -> tuple[str, str, str, str]:
        """The container of a machine's item, which stays the same if the wave gets another server."""
        container = (
            ContainerId.parse(observed.item_id) if observed.item_id else self._site.container
        )
        return (
            self._vault.resource_group,
            self._vault.vault,
            container.fabric,
            container.container,
        )

    async def _details(self, assignment: Assignment, observed: Observed) -> Mapping[str, Any]:
        """`providerSpecificDetails` of the item as it is now, the basis of an update."""
        item = await call(self._client, "GET", url(observed.item_id or ""))
        one("its replicated item", item, protected_item)
        details: Mapping[str, Any] = item["properties"].get("providerSpecificDetails") or {}
        wanted = assignment.settings
        addresses = wanted and (wanted.private_ip or wanted.test_private_ip)
        if addresses and not details.get("vmNics"):
            raise RefusedError(
                ServiceError(
                    f"the service shows no network interface of it to give {addresses} to",
                    recommended_action="Look at Compute and Network of the item in the vault; or "
                    "take target.privateIp and testPrivateIp out of its config",
                ),
                busy=False,
            )
        return details

    async def _recovery_point(self, observed: Observed) -> str | None:
        if self._site.recovery_point is RecoveryPointKind.LATEST:
            return None
        points = await self._points(observed)
        consistent = [point for point in points if point.is_app_consistent]
        if not consistent:
            raise RefusedError(
                ServiceError(
                    "it has no application-consistent recovery point",
                    recommended_action="Set the wave's recoveryPoint to latest, or wait for one",
                ),
                busy=False,
            )
        return max(consistent, key=lambda point: point.time).id
