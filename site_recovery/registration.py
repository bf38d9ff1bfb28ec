"""The configuration server in the vault: waiting until it is there, and unregistering it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from azure.core.exceptions import AzureError, ResourceNotFoundError

from site_recovery import arm_ids
from site_recovery.arm_ids import VaultId
from site_recovery.azure import Connection, MigrationError, explain

_FABRIC_TYPE = "VMware"
"""`customDetails.instanceType` of a configuration server's fabric."""


@dataclass(frozen=True)
class Registration:
    """What a registered configuration server brought into the vault (ARM ids, server ids).

    Attributes:
        run_as_accounts: account id by friendly name, as set up on the server.
    """

    fabric_id: str
    container_id: str
    provider_id: str
    process_server_id: str
    master_target_id: str
    run_as_accounts: Mapping[str, str]


class RegistrationTimeoutError(MigrationError):
    """The server did not show up in time."""


async def find(connection: Connection, vault: VaultId, server_name: str) -> Registration | str:
    """Look for a server once.

    Returns:
        The registration, or in words what is still missing.

    Raises:
        MigrationError: Azure did not answer or refused, or two servers carry the name.
    """
    fabrics = connection.client.replication_fabrics
    try:
        listed = [fabric async for fabric in fabrics.list(vault.resource_group, vault.vault)]
        candidates = [
            fabric
            for fabric in (model.as_dict() for model in listed)
            if _is_configuration_server(fabric, server_name)
        ]
        if not candidates:
            return f"no configuration server {server_name} is registered with it yet"
        if len(candidates) > 1:
            raise MigrationError(
                f"vault {vault.vault}: {len(candidates)} configuration servers are called "
                f"{server_name}. Remove the stale registrations in the vault (Site Recovery "
                "infrastructure, Configuration servers), then run pulumi up again."
            )
        # The list leaves out what the single fabric has.
        fabric = (
            await fabrics.get(vault.resource_group, vault.vault, candidates[0]["name"])
        ).as_dict()
        containers = [
            model.as_dict()
            async for model in connection.client.replication_protection_containers.list_by_replication_fabrics(
                vault.resource_group, vault.vault, fabric["name"]
            )
        ]
        providers = [
            model.as_dict()
            async for model in connection.client.replication_recovery_services_providers.list_by_replication_fabrics(
                vault.resource_group, vault.vault, fabric["name"]
            )
        ]
    except AzureError as error:
        raise explain(error, f"vault {vault.vault}") from error
    return _registration(fabric, containers, providers)


async def wait(
    connection: Connection,
    vault: VaultId,
    server_name: str,
    limit: timedelta,
    poll: timedelta,
    status: Callable[[str], None],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Registration:
    """Wait until a configuration server with a healthy process server is in the vault.

    Args:
        connection: to the vault's subscription.
        vault: the vault.
        server_name: the server's host name, which is the fabric's friendly name.
        limit: service time to wait; the procedure says that up to 15 minutes are usual.
        poll: real time between two looks.
        status: told what is missing, each time.
        sleep: injected by tests.

    Raises:
        RegistrationTimeoutError: it did not show up in time.
        MigrationError: Azure did not answer or refused.
    """
    found = await find(connection, vault, server_name)
    started = connection.clock.now()
    while isinstance(found, str):
        waited = connection.clock.now() - started
        if waited >= limit:
            raise RegistrationTimeoutError(
                f"vault {vault.vault}: after {_minutes(limit)} {found}. See on the server "
                "whether Unified Setup is finished and registered with this vault, and that it "
                "reaches Azure on port 443, then run pulumi up again; to wait longer set "
                "replication.registrationTimeout."
            )
        status(f"{found} · {_minutes(waited)} of {_minutes(limit)}")
        await sleep(poll.total_seconds())
        found = await find(connection, vault, server_name)
    return found


async def remove(connection: Connection, fabric_id: str, poll: timedelta) -> None:
    """Unregister a server (ReplicationFabrics_Delete, POST remove); nothing if it is gone.

    Raises:
        MigrationError: the service refused, or the removal failed.
    """
    vault = VaultId.parse(fabric_id)
    name = arm_ids.segment(fabric_id, "replicationFabrics")
    fabrics = connection.client.replication_fabrics
    try:
        await fabrics.get(vault.resource_group, vault.vault, name)
    except ResourceNotFoundError:
        return
    except AzureError as error:
        raise explain(error, f"configuration server {name}") from error
    try:
        poller = await fabrics.begin_delete(
            vault.resource_group,
            vault.vault,
            name,
            polling_interval=poll.total_seconds(),
            retry_total=0,
        )
        await poller.result()
    except ResourceNotFoundError:
        return
    except AzureError as error:
        raise explain(error, f"configuration server {name}: unregistering failed") from error


def _is_configuration_server(fabric: Mapping[str, Any], server_name: str) -> bool:
    properties = fabric["properties"]
    details = properties.get("customDetails") or {}
    return (
        details.get("instanceType") == _FABRIC_TYPE
        and (properties.get("friendlyName") or "").lower() == server_name.lower()
    )


def _registration(
    fabric: Mapping[str, Any],
    containers: list[dict[str, Any]],
    providers: list[dict[str, Any]],
) -> Registration | str:
    details = fabric["properties"]["customDetails"]
    name = fabric["properties"]["friendlyName"]
    health = fabric["properties"].get("health")
    process_servers = details.get("processServers") or []
    masters = details.get("masterTargetServers") or []
    if not process_servers or not masters:
        return f"configuration server {name} is registered, its process server is not there yet"
    if health == "Critical" or process_servers[0].get("health") == "Critical":
        return f"configuration server {name} is registered and its health is Critical"
    if not containers or not providers:
        return f"configuration server {name} is registered, its container is not there yet"
    accounts = details.get("runAsAccounts") or []
    return Registration(
        fabric_id=fabric["id"],
        container_id=containers[0]["id"],
        provider_id=providers[0]["id"],
        process_server_id=process_servers[0]["id"],
        master_target_id=masters[0]["id"],
        run_as_accounts={account["accountName"]: account["accountId"] for account in accounts},
    )


def _minutes(span: timedelta) -> str:
    return f"{span.total_seconds() / 60:.0f} min"
