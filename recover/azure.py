"""Finds declared resources in Azure, by their ids."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from azure.core.exceptions import ResourceNotFoundError
from azure.mgmt.recoveryservicessiterecovery.aio import SiteRecoveryManagementClient

from recover.declared import Declared
from recover.verdicts import Found
from site_recovery.azure import clouds
from site_recovery.azure.connection import Connect, connector
from site_recovery.azure.errors import explained
from site_recovery.azure.rest import call
from site_recovery.ownership import STACK_TAG

Evidence: TypeAlias = Mapping[str, tuple[str, str]]

_FAILED = frozenset({"Failed", "Canceled"})
_GROUP = "/resourceGroups/{resourceGroupName}"
_VAULT = f"{_GROUP}/providers/Microsoft.RecoveryServices/vaults"


def _by_tag(declared: Declared, live: Mapping[str, Any]) -> Evidence:
    """Its region, and the tag of the stack that made it."""
    tags = declared.inputs.get("tags") or {}
    return {
        f"tag {STACK_TAG}": (tags.get(STACK_TAG, ""), (live.get("tags") or {}).get(STACK_TAG, "")),
        "location": (_region(declared.configured("location")), _region(live.get("location", ""))),
    }


def _by_settings(declared: Declared, live: Mapping[str, Any]) -> Evidence:
    """Its numbers: a replication policy has no tags. Its name is that of the stack."""
    asked = (declared.inputs.get("properties") or {}).get("providerSpecificInput") or {}
    shown = (live.get("properties") or {}).get("providerSpecificDetails") or {}
    return {
        name: (_text(asked[name]), _text(shown.get(name)))
        for name in sorted(asked)
        if name == "instanceType" or isinstance(asked[name], int | float)
    }


@dataclass(frozen=True)
class Kind:
    """A resource type of Azure.

    Attributes:
        path: its id below the subscription, with the inputs that are in it.
        api_version: with which it is read.
        evidence: what shows whose it is.
    """

    path: str
    api_version: str
    evidence: Callable[[Declared, Mapping[str, Any]], Evidence] = _by_tag


KINDS: Mapping[str, Kind] = {
    "azure-native:resources:ResourceGroup": Kind(_GROUP, "2024-03-01"),
    "azure-native:network:NetworkSecurityGroup": Kind(
        f"{_GROUP}/providers/Microsoft.Network/networkSecurityGroups/{{networkSecurityGroupName}}",
        "2024-05-01",
    ),
    "azure-native:network:VirtualNetwork": Kind(
        f"{_GROUP}/providers/Microsoft.Network/virtualNetworks/{{virtualNetworkName}}",
        "2024-05-01",
    ),
    "azure-native:storage:StorageAccount": Kind(
        f"{_GROUP}/providers/Microsoft.Storage/storageAccounts/{{accountName}}", "2024-01-01"
    ),
    "azure-native:recoveryservices:Vault": Kind(f"{_VAULT}/{{vaultName}}", "2024-04-01"),
    "azure-native:recoveryservices:ReplicationPolicy": Kind(
        f"{_VAULT}/{{resourceName}}/replicationPolicies/{{policyName}}", "2025-08-01", _by_settings
    ),
}
"""The types that components/ declares."""


def find(wanted: Iterable[Declared], connect: Connect | None = None) -> dict[str, Sequence[Found]]:
    """Read resources by their ids; by URN what is there.

    Raises:
        MigrationError: Azure did not answer, or refused.
    """
    return asyncio.run(_find(tuple(wanted), connect or connector()))


async def _find(wanted: Sequence[Declared], connect: Connect) -> dict[str, Sequence[Found]]:
    found: dict[str, Sequence[Found]] = {}
    for declared in wanted:
        clouds.use(declared.configured("environment"))
        subscription = declared.configured("subscriptionId")
        resource_id = _id(declared, subscription)
        if resource_id is None:
            found[declared.urn] = ()
            continue
        with explained(declared.name):
            async with connect(subscription) as connection:
                found[declared.urn] = await _read(connection.client, declared, resource_id)
    return found


async def _read(
    client: SiteRecoveryManagementClient, declared: Declared, resource_id: str
) -> Sequence[Found]:
    kind = KINDS[declared.type]
    try:
        live = await call(client, "GET", f"{resource_id}?api-version={kind.api_version}")
    except ResourceNotFoundError:
        return ()
    state = str((live.get("properties") or {}).get("provisioningState") or "Succeeded")
    return (
        Found(
            resource_id,
            kind.evidence(declared, live),
            "" if state == "Succeeded" else state,
            state in _FAILED,
        ),
    )


def _id(declared: Declared, subscription: str) -> str | None:
    """The id of a resource; None while an input in it is not known."""
    path = KINDS[declared.type].path
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    values = declared.known(*names)
    if values is None:
        return None
    return f"/subscriptions/{subscription}" + path.format_map(dict(zip(names, values, strict=True)))


def _region(name: str) -> str:
    """A region's name in one spelling: Azure answers `westeurope` to `West Europe`."""
    return name.replace(" ", "").lower()


def _text(value: Any) -> str:
    """A setting in one spelling: numbers may be returned as text, or with a fraction."""
    if isinstance(value, int | float):
        return f"{value:g}"
    return "" if value is None else str(value)
