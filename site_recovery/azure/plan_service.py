"""The recovery plans of a vault: reading, writing and running them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

from azure.core.exceptions import ResourceNotFoundError

from site_recovery import recovery_plan
from site_recovery.azure import writes
from site_recovery.azure.answers import plans
from site_recovery.azure.answers.reading import one
from site_recovery.azure.connection import Connection, endpoint
from site_recovery.azure.errors import explain, explained
from site_recovery.azure.experiences import bodies
from site_recovery.azure.experiences.registry import EXPERIENCES
from site_recovery.azure.forbidden import unlocked
from site_recovery.azure.rest import API_VERSION, call, list_url, url
from site_recovery.fleet import Site
from site_recovery.jobs import Job
from site_recovery.operations import Operation
from site_recovery.recovery_plan import Member, Plan, ShownPlan


class PlanService:
    """The operations on a vault's recovery plans; implements `convergence.plan_run.PlanService`.

    Args:
        connection: to the vault's subscription.
        site: where machines are replicated from and to.
    """

    def __init__(self, connection: Connection, site: Site) -> None:
        self._client = connection.client
        self._plans = connection.client.replication_recovery_plans
        self._site = site

    async def plan(self, name: str) -> ShownPlan | None:
        """A recovery plan with its groups (ReplicationRecoveryPlans_Get), or None.

        It is taken for absent only if the list of plans lacks it too, because it would then be
        created (ReplicationRecoveryPlans_List).

        Raises:
            UnreadableError: it is not as the service documents it.
            MigrationError: Azure did not answer, or refused, or contradicts itself.
        """
        about, vault = f"recovery plan {name}", self._site.container.vault
        every = f"{vault}/replicationRecoveryPlans"
        try:
            with explained(about, passing=ResourceNotFoundError):
                found = await call(self._client, "GET", url(f"{every}/{name}"))
        except ResourceNotFoundError as error:
            with explained(f"vault {vault.vault}"):
                listed = await list_url(self._client, url(every))
            if name.lower() in map(plans.name, listed):
                raise explain(error, about) from error
            return None
        return one(about, found, plans.plan)

    async def create_plan(
        self, plan: Plan, members: Mapping[str, Member], request_id: str
    ) -> str | None:
        """Ask for a recovery plan (ReplicationRecoveryPlans_Create); the name of the job.

        Raises:
            MigrationError: the service refused it.
        """
        body = recovery_plan.create_body(plan, members, self._site.container)
        begin = partial(self._plans.begin_create, *self._plan(plan.name), body)
        return await writes.once(
            self._client, "to create it", begin, request_id, f"recovery plan {plan.name}"
        )

    async def update_plan(self, name: str, groups: Sequence[Any], request_id: str) -> str | None:
        """Replace a plan's groups (ReplicationRecoveryPlans_Update); the name of the job.

        Raises:
            MigrationError: the service refused it.
        """
        body = recovery_plan.update_body(groups)
        begin = partial(self._plans.begin_update, *self._plan(name), body)
        return await writes.once(
            self._client, "to change its groups", begin, request_id, f"recovery plan {name}"
        )

    async def delete_plan(self, name: str, poll: timedelta) -> None:
        """Delete a plan and wait for it (ReplicationRecoveryPlans_Delete); nothing if it is gone.

        Raises:
            MigrationError: the service refused it.
        """
        if await self.plan(name) is None:
            return
        about = f"recovery plan {name}: deleting it failed"
        with (
            suppress(ResourceNotFoundError),
            explained(about, passing=ResourceNotFoundError),
        ):
            async with unlocked(self._client, about):
                poller = await self._plans.begin_delete(
                    *self._plan(name), polling_interval=poll.total_seconds()
                )
                await poller.result()

    def resume_url(self, job: Job) -> str:
        """The URL whose POST resumes a job that waits for a person."""
        return f"{endpoint()}{job.id}/resume?api-version={API_VERSION}"

    async def submit_plan(self, operation: Operation, name: str, request_id: str) -> str | None:
        """Ask for an operation of a whole plan, once.

        Returns and raises what `VaultService.submit` does.
        """
        site = self._site
        provider = EXPERIENCES[site.experience].instance_type
        begin: Callable[..., Awaitable[Any]]
        match operation:
            case Operation.TEST_FAILOVER:
                begin = self._plans.begin_test_failover
                body = recovery_plan.test_failover_body(provider, site.landing_zone.test_network_id)
            case Operation.TEST_FAILOVER_CLEANUP:
                begin = self._plans.begin_test_failover_cleanup
                body = bodies.test_failover_cleanup()
            case _:
                begin = self._plans.begin_unplanned_failover
                body = recovery_plan.unplanned_failover_body(
                    provider, bodies.PLAN_RECOVERY_POINTS[site.recovery_point]
                )
        return await writes.once(
            self._client,
            operation,
            partial(begin, *self._plan(name), body),
            request_id,
            f"recovery plan {name}",
        )

    def _plan(self, name: str) -> tuple[str, str, str]:
        vault = self._site.container.vault
        return vault.resource_group, vault.vault, name
