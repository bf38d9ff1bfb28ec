"""Site Recovery of one vault, as convergence uses it: observe everything, submit one operation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from aiolimiter import AsyncLimiter
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceNotFoundError,
)

from site_recovery import arm_ids, jobs, recovery_plan
from site_recovery.arm_ids import ContainerId
from site_recovery.azure import vault, vault_observation
from site_recovery.azure.connection import Connection, endpoint, explain, never_sent
from site_recovery.azure.experiences import bodies
from site_recovery.azure.experiences.registry import EXPERIENCES
from site_recovery.azure.items import protected_item
from site_recovery.azure.vault_observation import every
from site_recovery.errors import MigrationError, RefusedError, UnansweredError
from site_recovery.fleet import Assignment, RecoveryPoint, Site
from site_recovery.jobs import Job, ServiceError
from site_recovery.observation import Observed
from site_recovery.operations import Operation
from site_recovery.recovery_plan import Member, Plan
from site_recovery.snapshot import ProtectedItem, Snapshot
from site_recovery.target_settings import TargetSettings

_READS_AT_ONCE = 10
"""Reads of single items under way at a time."""
_APP_CONSISTENT = ("AppConsistent", "ApplicationConsistent", "MultiVmSyncAppConsistent")
_API_VERSION = "2025-08-01"
"""Of Site Recovery, as the SDK speaks it."""
_WRITE_BUCKET = 200
_WRITE_REFILL_SECONDS = 20
"""ARM's token bucket for writes: 200, refilled at 10 a second (Azure Resource Manager, request
limits and throttling)."""


class VaultService:
    """The vault's operations over the SDK.

    Args:
        connection: to the vault's subscription.
        site: where machines are replicated from and to.
        leaving: whether machines are on their way out, to whom it is no obstacle that the vault
            or its server is gone.
    """

    def __init__(self, connection: Connection, site: Site, *, leaving: bool = False) -> None:
        self._connection = connection
        self._leaving = leaving
        self._client = connection.client
        self._site = site
        self._experience = EXPERIENCES[site.experience]
        self._vault = site.container.vault
        self._writes = AsyncLimiter(_WRITE_BUCKET, _WRITE_REFILL_SECONDS)
        self._reads = asyncio.Semaphore(_READS_AT_ONCE)
        self.clock = connection.clock

    async def observe(self) -> Snapshot:
        """All machines of the vault.

        Raises:
            VaultGoneError: the vault is gone, or its server, and machines should be driven.
            MigrationError: Azure did not answer, or refused.
        """
        snapshot = await vault_observation.observe(self._connection, self._site)
        if snapshot.gone is not None and not self._leaving:
            raise vault.gone_error(self._vault, snapshot.gone)
        return replace(snapshot, items=await self._completed(snapshot.items))

    async def _completed(self, items: Sequence[ProtectedItem]) -> tuple[ProtectedItem, ...]:
        """Items with what the list left out; only those of this experience are read."""

        async def one(item: ProtectedItem) -> ProtectedItem:
            if item.complete or item.provider != self._experience.instance_type:
                return item
            async with self._reads:
                return replace(protected_item(await self._item(item.id)), complete=True)

        try:
            return tuple(await asyncio.gather(*map(one, items)))
        except AzureError as error:
            raise explain(error, f"vault {self._vault.vault}") from error

    async def _item(self, item_id: str) -> Mapping[str, Any]:
        """One item in full (ReplicationProtectedItems_Get)."""
        where = ContainerId.parse(item_id)
        found = await self._client.replication_protected_items.get(
            self._vault.resource_group,
            self._vault.vault,
            where.fabric,
            where.container,
            arm_ids.name(item_id),
        )
        return found.as_dict()

    async def job(self, name: str) -> Job | None:
        """One job with its errors (ReplicationJobs_Get), or None if the vault has none such.

        Raises:
            MigrationError: Azure did not answer, or refused.
        """
        try:
            found = await self._client.replication_jobs.get(
                self._vault.resource_group, self._vault.vault, name
            )
        except ResourceNotFoundError:
            return None
        except AzureError as error:
            raise explain(error, f"job {name}") from error
        return jobs.job(found.as_dict())

    async def submit(
        self, operation: Operation, assignment: Assignment, observed: Observed
    ) -> str | None:
        """Ask for an operation, once: it is never retried here.

        Returns:
            The name of its job; None where the service did it at once.

        Raises:
            RefusedError: the service refused it and changed nothing.
            UnansweredError: it may have been accepted; observe before deciding again.
        """
        recovery_point: str | None = None
        details: Mapping[str, Any] = {}
        name = assignment.machine.name
        try:
            if operation is Operation.UNPLANNED_FAILOVER and observed.item_id:
                recovery_point = await self._recovery_point(observed)
            if operation is Operation.UPDATE_TARGET:
                details = await self._details(assignment, observed)
        except AzureError as error:
            raise explain(error, name) from error
        call = self._call(operation, assignment, observed, recovery_point, details)
        return await self._once(operation, name, call)

    async def target_sizes(self, observed: Observed) -> Sequence[Mapping[str, Any]]:
        """The sizes that a protected machine may get
        (TargetComputeSizes_ListByReplicationProtectedItems).

        Raises:
            MigrationError: Azure did not answer, or refused.
        """
        name = arm_ids.name(observed.item_id or "")
        sizes = self._client.target_compute_sizes
        try:
            async with self._reads:
                return await every(
                    sizes.list_by_replication_protected_items(*self._container(observed), name)
                )
        except AzureError as error:
            raise explain(error, name) from error

    async def _once(
        self, operation: str, name: str, call: Callable[..., Awaitable[Any]]
    ) -> str | None:
        accepted: dict[str, str] = {}

        def remember(response: Any) -> None:
            headers = response.http_response.headers
            accepted["poll"] = headers.get("Location") or headers.get("Azure-AsyncOperation") or ""

        async with self._writes:
            try:
                # A POST that changes a machine is not repeated blindly; azure-core would.
                await call(polling=False, retry_total=0, raw_response_hook=remember)
            except HttpResponseError as error:
                raise _refusal(operation, name, error) from error
            except AzureError as error:
                if never_sent(error):
                    raise explain(error, name) from error
                raise UnansweredError(str(explain(error, name))) from error
        poll = accepted.get("poll")
        return arm_ids.name(poll.split("?", 1)[0]) if poll else None

    async def plan(self, name: str) -> Mapping[str, Any] | None:
        """A recovery plan with its groups (ReplicationRecoveryPlans_Get), or None.

        Raises:
            MigrationError: Azure did not answer, or refused.
        """
        try:
            found = await self._client.replication_recovery_plans.get(*self._plan(name))
        except ResourceNotFoundError:
            return None
        except AzureError as error:
            raise explain(error, f"recovery plan {name}") from error
        return found.as_dict()

    async def create_plan(self, plan: Plan, members: Mapping[str, Member]) -> str | None:
        """Ask for a recovery plan (ReplicationRecoveryPlans_Create); the name of the job.

        Raises:
            MigrationError: the service refused it.
        """
        body = recovery_plan.create_body(plan, members, self._site.container)
        begin = self._client.replication_recovery_plans.begin_create
        call = partial(begin, *self._plan(plan.name), body)
        return await self._once("to create it", f"recovery plan {plan.name}", call)

    async def update_plan(self, name: str, groups: Sequence[Mapping[str, Any]]) -> str | None:
        """Replace a plan's groups (ReplicationRecoveryPlans_Update); the name of the job.

        Raises:
            MigrationError: the service refused it.
        """
        body = recovery_plan.update_body(groups)
        begin = self._client.replication_recovery_plans.begin_update
        call = partial(begin, *self._plan(name), body)
        return await self._once("to change its groups", f"recovery plan {name}", call)

    async def delete_plan(self, name: str, poll: timedelta) -> None:
        """Delete a plan and wait for it (ReplicationRecoveryPlans_Delete); nothing if it is gone.

        Raises:
            MigrationError: the service refused it.
        """
        if await self.plan(name) is None:
            return
        begin = self._client.replication_recovery_plans.begin_delete
        try:
            poller = await begin(*self._plan(name), polling_interval=poll.total_seconds())
            await poller.result()
        except ResourceNotFoundError:
            return
        except AzureError as error:
            raise explain(error, f"recovery plan {name}: deleting it failed") from error

    def resume_url(self, job: Job) -> str:
        """The URL whose POST resumes a job that waits for a person."""
        return f"{endpoint()}{job.id}/resume?api-version={_API_VERSION}"

    async def submit_plan(self, operation: Operation, name: str) -> str | None:
        """Ask for an operation of a whole plan, once; as `submit` otherwise."""
        plans = self._client.replication_recovery_plans
        site, provider = self._site, self._experience.instance_type
        begin: Callable[..., Awaitable[Any]]
        match operation:
            case Operation.TEST_FAILOVER:
                begin = plans.begin_test_failover
                body = recovery_plan.test_failover_body(provider, site.test_network_id)
            case Operation.TEST_FAILOVER_CLEANUP:
                begin = plans.begin_test_failover_cleanup
                body = bodies.test_failover_cleanup()
            case _:
                begin = plans.begin_unplanned_failover
                body = recovery_plan.unplanned_failover_body(
                    provider, bodies.PLAN_RECOVERY_POINTS[site.recovery_point]
                )
        return await self._once(
            operation, f"recovery plan {name}", partial(begin, *self._plan(name), body)
        )

    def _plan(self, name: str) -> tuple[str, str, str]:
        return self._vault.resource_group, self._vault.vault, name

    def _call(
        self,
        operation: Operation,
        assignment: Assignment,
        observed: Observed,
        recovery_point: str | None,
        details: Mapping[str, Any],
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
                    assignment, site, observed.source_id or ""
                )
                return partial(items.begin_create, *item, enabling)
            case Operation.UPDATE_TARGET:
                wanted = assignment.settings or TargetSettings()
                update = self._experience.update_target(details, wanted)
                return partial(items.begin_update, *item, update)
            case Operation.TEST_FAILOVER:
                test = bodies.test_failover(site.test_network_id, self._experience.instance_type)
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
        """Where a machine's item is: it stays there when the wave gets another server."""
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
        """What the item is like now in full, for an update to change a part of."""
        item = await self._item(observed.item_id or "")
        details: Mapping[str, Any] = item["properties"]["providerSpecificDetails"]
        wanted = assignment.settings
        if wanted is not None and wanted.private_ip and not details.get("vmNics"):
            raise RefusedError(
                ServiceError(
                    f"the service shows no network interface of it to give {wanted.private_ip} to",
                    recommended_action="Look at Compute and Network of the item in the vault; or "
                    "take target.privateIp out of its config",
                ),
                busy=False,
            )
        return details

    async def _recovery_point(self, observed: Observed) -> str | None:
        if self._site.recovery_point is RecoveryPoint.LATEST:
            return None
        points = await every(
            self._client.recovery_points.list_by_replication_protected_items(
                *self._container(observed), arm_ids.name(observed.item_id or "")
            )
        )
        consistent = [
            point
            for point in points
            if point["properties"].get("recoveryPointType") in _APP_CONSISTENT
        ]
        if not consistent:
            raise RefusedError(
                ServiceError(
                    "it has no application-consistent recovery point",
                    recommended_action="Set the wave's recoveryPoint to latest, or wait for one",
                ),
                busy=False,
            )
        newest = max(consistent, key=lambda point: str(point["properties"]["recoveryPointTime"]))
        return str(newest["id"])


def _refusal(operation: str, name: str, error: HttpResponseError) -> MigrationError:
    status = error.status_code or 0
    if status >= 500 or status == 408:
        return UnansweredError(f"{name}: the service answered {status} to {operation}")
    if status in (401, 403):
        return explain(error, name)
    detail = error.error
    return RefusedError(
        ServiceError(
            message=f"the service refused {operation}: {detail.message if detail else error.message}",
            code=str(detail.code) if detail else str(status),
        ),
        busy=status in (409, 429),
    )
