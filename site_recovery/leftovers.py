"""Machines that replicate and that no wave's record answers for.

A run that was killed, or cut off from Azure, while its wave was made leaves nothing recorded of
it, but the service goes on replicating. Their tags say whose they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from azure.core.exceptions import AzureError, ResourceNotFoundError

from site_recovery import arm_ids, review, vault
from site_recovery.arm_ids import ContainerId
from site_recovery.azure import Connection, MigrationError, explain
from site_recovery.convergence import Pace, Reporter, converge
from site_recovery.fleet import Assignment, ExperienceName, Site, Target
from site_recovery.observation import TAG_INSTANCE, TAG_MACHINE, Machine, tags_of
from site_recovery.planning import Rules
from site_recovery.service import VaultService
from site_recovery.vault_observation import every


async def disable(
    connection: Connection,
    container: ContainerId,
    policy_id: str,
    experience_name: ExperienceName,
    pace: Pace,
    reporter: Reporter,
) -> None:
    """Disable the replication of all machines of a container that replicate by a policy.

    Raises:
        MigrationError: a machine is failed over, or is none that was enabled here, in which case
            nothing is changed; or a removal failed or did not end in time.
    """
    items = [
        item
        for item in await _items(connection, container)
        if arm_ids.same(item["properties"].get("policyId"), policy_id)
        and arm_ids.same(str(ContainerId.parse(item["id"])), str(container))
    ]
    strangers = sorted(item["name"] for item in items if TAG_INSTANCE not in tags_of(item))
    if strangers:
        raise MigrationError(
            f"policy {arm_ids.name(policy_id)}: {', '.join(strangers)} replicate by it, and this "
            "stack did not enable that. Disable their replication in the vault, then run it again."
        )
    if not items:
        return
    site = _site(container, experience_name)
    service = VaultService(connection, site, leaving=True)
    machines = [Assignment(_machine(item), Target("Windows"), None) for item in items]
    review.raise_if_failed_over(machines, await service.observe())
    outcomes = await converge(service, machines, Rules(), pace, reporter)
    review.raise_unless_gone(outcomes)


async def _items(connection: Connection, container: ContainerId) -> tuple[Mapping[str, Any], ...]:
    where = container.vault
    listed = connection.client.replication_protected_items.list(where.resource_group, where.vault)
    try:
        return await every(listed)
    except ResourceNotFoundError as error:
        raise await vault.missing(connection, where, error, f"vault {where.vault}") from error
    except AzureError as error:
        raise explain(error, f"vault {where.vault}") from error


def _machine(item: Mapping[str, Any]) -> Machine:
    tags = tags_of(item)
    name = tags.get(TAG_MACHINE, item["name"])
    return Machine(name, tags[TAG_INSTANCE], "", name)


def _site(container: ContainerId, experience_name: ExperienceName) -> Site:
    """As much of a site as removals need."""
    return Site(
        container=container,
        policy_id="",
        process_server_id="",
        master_target_id="",
        run_as_accounts={},
        resource_group_id="",
        network_id="",
        subnet_name="",
        test_network_id="",
        storage_account_id="",
        experience=experience_name,
    )
