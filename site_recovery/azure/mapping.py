"""The mapping of a protection container to a replication policy.

It is removed by the service's POST `remove`, because HTTP DELETE on a mapping is a purge.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from azure.core.exceptions import ResourceNotFoundError

from site_recovery import arm_ids
from site_recovery.arm_ids import ContainerId
from site_recovery.azure.connection import Connection
from site_recovery.azure.errors import explain, explained
from site_recovery.azure.experiences.registry import EXPERIENCES
from site_recovery.azure.forbidden import unlocked
from site_recovery.azure.listed import entry
from site_recovery.azure.rest import API_VERSION, call, url
from site_recovery.azure.vault import gone_error, read
from site_recovery.errors import MigrationError
from site_recovery.fleet import ExperienceName
from site_recovery.snapshot import Gone

_AZURE = "Microsoft Azure"
"""The name that the service requires for the target container if the target is Azure."""


async def ensure(
    connection: Connection,
    container: ContainerId,
    name: str,
    policy_id: str,
    poll: timedelta,
    experience_name: ExperienceName,
) -> str:
    """Map a container to a policy (ReplicationProtectionContainerMappings_Create).

    Returns:
        The ARM id of the mapping. An existing one with the same policy is used as it is.

    Raises:
        MigrationError: the service refused, or a mapping of another policy has the name.
    """
    existing = await policy_of(connection, container, name)
    if existing is not None:
        if not arm_ids.same(existing, policy_id):
            raise MigrationError(
                f"container mapping {name}: it maps to policy {arm_ids.name(existing)} already. "
                "Remove that mapping, or give this one another name."
            )
        return _id(container, name)
    mappings = connection.client.replication_protection_container_mappings
    body = {
        "properties": {
            "targetProtectionContainerId": _AZURE,
            "policyId": policy_id,
            "providerSpecificInput": EXPERIENCES[experience_name].mapping_input(),
        }
    }
    about = f"container mapping {name}"
    with explained(about):
        async with unlocked(connection.client, about):
            poller = await mappings.begin_create(
                *_path(container, name), body, polling_interval=poll.total_seconds()
            )
            await poller.result()
    return _id(container, name)


async def policy_of(connection: Connection, container: ContainerId, name: str) -> str | None:
    """The ARM id of the policy of a mapping, or None if the mapping does not exist.

    Operation ReplicationProtectionContainerMappings_Get. A mapping is taken for gone only if the
    list of its container lacks it too, because it would then be made again, or forgotten
    (ReplicationProtectionContainerMappings_ListByReplicationProtectionContainers).

    Raises:
        VaultGoneError: the vault is gone.
        MigrationError: Azure did not answer, or refused.
    """
    client, about = connection.client, f"container mapping {name}"
    mapping_id = _id(container, name)
    shown: Mapping[str, Any] | None
    try:
        with explained(about, passing=ResourceNotFoundError):
            shown = await call(client, "GET", url(mapping_id))
    except ResourceNotFoundError as error:
        if await read(connection, container.vault) is None:
            raise gone_error(container.vault, Gone.VAULT) from error
        with explained(about):
            shown = await entry(client, mapping_id, API_VERSION)
    return None if shown is None else str(shown["properties"]["policyId"])


async def remove(
    connection: Connection,
    container: ContainerId,
    name: str,
    poll: timedelta,
    experience_name: ExperienceName,
) -> None:
    """Remove a mapping, if it exists (ReplicationProtectionContainerMappings_Delete, POST remove).

    Raises:
        VaultGoneError: the vault is gone.
        MigrationError: the service refused, for example because machines are protected with it.
    """
    if await policy_of(connection, container, name) is None:
        return
    mappings = connection.client.replication_protection_container_mappings
    instance_type = EXPERIENCES[experience_name].instance_type
    body = {"properties": {"providerSpecificInput": {"instanceType": instance_type}}}
    about = f"container mapping {name}: removing it failed"
    try:
        with explained(about, passing=ResourceNotFoundError):
            async with unlocked(connection.client, about):
                poller = await mappings.begin_delete(
                    *_path(container, name),
                    body,
                    polling_interval=poll.total_seconds(),
                    retry_total=0,
                )
                await poller.result()
    except ResourceNotFoundError as error:
        # Another run may have removed it meanwhile.
        if await policy_of(connection, container, name) is not None:
            raise explain(error, about) from error


def _id(container: ContainerId, name: str) -> str:
    return f"{container}/replicationProtectionContainerMappings/{name}"


def _path(container: ContainerId, name: str) -> tuple[str, str, str, str, str]:
    vault = container.vault
    return vault.resource_group, vault.vault, container.fabric, container.container, name
