"""Recovery Services vaults, with their extended information and usages.

Source: Microsoft.RecoveryServices, Vaults_*, VaultExtendedInfo_* and Usages_* operations; the
order of answers is that of recorded traffic.
"""

from __future__ import annotations

import base64
import re
from datetime import timedelta
from urllib.parse import quote

from emulator.arm import deleted_vaults, tracked
from emulator.kernel import long_running, schema
from emulator.kernel.resources import (
    listing,
    public,
    require,
    require_group,
    require_writable_group,
    resource_id,
)
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World

API_VERSIONS = (
    *("2016-06-01", "2021-08-01", "2022-10-01", "2023-02-01", "2023-04-01", "2023-06-01"),
    *("2023-08-01", "2024-01-01", "2024-02-01", "2024-04-01", "2024-10-01", "2025-01-01"),
    *("2025-02-01", "2025-08-01", "2026-01-01", "2026-02-01", "2026-05-01", "2026-11-01"),
)
TYPE = "Microsoft.RecoveryServices/vaults"
KIND = TYPE.lower()
_EXTENDED = f"{KIND}/extendedinformation"
_CREATION = "vault created"
_CREATION_TAKES = timedelta(seconds=20)
_DELETION = "vault deleted"
_DELETION_TAKES = timedelta(seconds=10)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{1,49}")

_SECURITY = {
    "softDeleteSettings": {
        "softDeleteState": schema.OneOf("Enabled", "Disabled", "AlwaysON"),
        "softDeleteRetentionPeriodInDays": int,
        "enhancedSecurityState": schema.OneOf("Enabled", "Disabled", "AlwaysON"),
    },
    "immutabilitySettings": {
        "state": schema.OneOf("Disabled", "Unlocked", "Locked"),
        "configuration": schema.ANY,
    },
    "multiUserAuthorization": schema.IGNORED,
    "sourceScanConfiguration": schema.ANY,
}
_SWITCH = schema.OneOf("Enabled", "Disabled")
_PROPERTIES = {
    "provisioningState": schema.IGNORED,
    "upgradeDetails": schema.IGNORED,
    "privateEndpointConnections": schema.IGNORED,
    "privateEndpointStateForBackup": schema.IGNORED,
    "privateEndpointStateForSiteRecovery": schema.IGNORED,
    "moveDetails": schema.IGNORED,
    "moveState": schema.IGNORED,
    "backupStorageVersion": schema.IGNORED,
    "secureScore": schema.IGNORED,
    "bcdrSecurityLevel": schema.IGNORED,
    "encryption": schema.ANY,
    "publicNetworkAccess": _SWITCH,
    "monitoringSettings": {
        "azureMonitorAlertSettings": schema.MapOf(_SWITCH),
        "classicAlertSettings": schema.MapOf(_SWITCH),
    },
    "restoreSettings": {
        "crossSubscriptionRestoreSettings": {
            "crossSubscriptionRestoreState": schema.OneOf(
                "Enabled", "Disabled", "PermanentlyDisabled"
            )
        }
    },
    "redundancySettings": {
        "standardTierStorageRedundancy": schema.OneOf(
            "LocallyRedundant", "GeoRedundant", "ZoneRedundant"
        ),
        "crossRegionRestore": _SWITCH,
    },
    "securitySettings": _SECURITY,
    "resourceGuardOperationRequests": [str],
}
_BODY = {
    **tracked.COMMON,
    "sku": {
        "name": schema.OneOf("Standard", "RS0"),
        "tier": str,
        "family": str,
        "size": str,
        "capacity": str,
    },
    "identity": {
        "type": str,
        "userAssignedIdentities": schema.ANY,
        "principalId": schema.IGNORED,
        "tenantId": schema.IGNORED,
    },
    "properties": _PROPERTIES,
}
_EXTENDED_BODY = {
    "id": schema.IGNORED,
    "name": schema.IGNORED,
    "type": schema.IGNORED,
    "etag": str,
    "properties": {
        "integrityKey": str,
        "encryptionKey": str,
        "encryptionKeyThumbprint": str,
        "algorithm": str,
    },
}

_GROUP = "/subscriptions/{subscription}/resourceGroups/{group}"
_ALL = f"{_GROUP}/providers/Microsoft.RecoveryServices/vaults"
_ONE = f"{_ALL}/{{vault}}"
_INFO = f"{_ONE}/extendedInformation/vaultExtendedInfo"

routes = Routes(API_VERSIONS)


def vault_id(subscription: str, group: str, vault: str) -> str:
    """The id of a vault."""
    return resource_id(subscription, group, "Microsoft.RecoveryServices", "vaults", vault)


@routes.route("PUT", _ONE, "Vaults_CreateOrUpdate")
def put(world: World, request: Request, subscription: str, group: str, vault: str) -> Response:
    """Create a vault (201, polled at Azure-AsyncOperation) or update it (200)."""
    identifier = vault_id(subscription, group, vault)
    require_writable_group(world, subscription, group)
    if not _NAME.fullmatch(vault):
        raise ArmError(
            400,
            "InvalidResourceName",
            f"The vault name '{vault}' is invalid. It must be 2 to 50 characters, begin with a "
            "letter, and hold letters, digits and hyphens only.",
        )
    body = schema.body(request, _BODY)
    present, document = tracked.begin_put(world, identifier, TYPE, body)
    if "name" not in body.get("sku", {}):
        raise ArmError(400, "InvalidRequestContent", "The required property 'sku' is missing.")
    if present is None:
        deleted_vaults.require_free_name(world, identifier)
    deleted_vaults.require_soft_delete(
        present["properties"] if present else None, body.get("properties", {})
    )
    state = present["properties"]["provisioningState"] if present else "Provisioning"
    document["sku"] = body["sku"]
    if "identity" in body:
        document["identity"] = _identity(world, identifier, body["identity"])
    document["etag"] = _etag(world)
    document["properties"] = _with_defaults(body.get("properties", {}), state)
    if _soft_delete_always_on(request, present):
        soft_delete = document["properties"]["securitySettings"]["softDeleteSettings"]
        soft_delete["softDeleteState"] = "AlwaysON"
    world.store.put(KIND, identifier, document)
    if present is not None:
        return Response(200, public(document))
    operation = long_running.begin(
        world,
        takes=_CREATION_TAKES,
        event=_CREATION,
        payload={"vault": identifier},
        name=_operation_name(world),
    )
    return Response(201, public(document), _headers(world, request, identifier, operation))


@routes.route("PATCH", _ONE, "Vaults_Update")
def update(world: World, request: Request, subscription: str, group: str, vault: str) -> Response:
    """Change the tags, identity, sku or properties that the body gives."""
    identifier = vault_id(subscription, group, vault)
    document = require(world, KIND, identifier)
    body = schema.body(request, _BODY)
    for member in ("tags", "sku"):
        if member in body:
            document[member] = body[member]
    if "identity" in body:
        document["identity"] = _identity(world, identifier, body["identity"])
    deleted_vaults.require_soft_delete(document["properties"], body.get("properties", {}))
    document["properties"] = _merged(document["properties"], body.get("properties", {}))
    document["etag"] = _etag(world)
    world.store.put(KIND, identifier, document)
    return Response(200, public(document))


@routes.route("GET", _ONE, "Vaults_Get")
def get(world: World, request: Request, subscription: str, group: str, vault: str) -> Response:
    """One vault."""
    return Response(200, public(require(world, KIND, vault_id(subscription, group, vault))))


@routes.route("DELETE", _ONE, "Vaults_Delete")
def delete(world: World, request: Request, subscription: str, group: str, vault: str) -> Response:
    """Delete an empty vault: 202, gone from then on; 204 when there is none."""
    identifier = vault_id(subscription, group, vault)
    require_group(world, subscription, group)
    document = world.store.get(KIND, identifier)
    if document is None:
        return Response(204)
    problem = blocked_deletion(world, document)
    if problem is not None:
        raise problem
    deleted_vaults.note(world, document, lingers=True)
    for kind in world.store.kinds():
        for key in world.store.keys(kind, f"{identifier}/"):
            world.store.delete(kind, key)
    world.store.delete(KIND, identifier)
    operation = long_running.begin(
        world,
        takes=_DELETION_TAKES,
        event=_DELETION,
        payload={"vault": identifier},
        name=_operation_name(world),
    )
    return Response(202, None, _headers(world, request, identifier, operation))


@routes.route("GET", _ALL, "Vaults_ListByResourceGroup")
def list_by_group(world: World, request: Request, subscription: str, group: str) -> Response:
    """The vaults of a group."""
    require_group(world, subscription, group)
    return listing(world.store.list(KIND, vault_id(subscription, group, "")))


@routes.route(
    "GET",
    "/subscriptions/{subscription}/providers/Microsoft.RecoveryServices/vaults",
    "Vaults_ListBySubscriptionId",
)
def list_all(world: World, request: Request, subscription: str) -> Response:
    """The vaults of a subscription."""
    return listing(world.store.list(KIND, f"/subscriptions/{subscription}/"))


@routes.route("GET", f"{_ONE}/operationStatus/{{operation}}", "GetOperationStatus")
def operation_status(
    world: World, request: Request, subscription: str, group: str, vault: str, operation: str
) -> Response:
    """Poll the creation or deletion of a vault."""
    owner = vault_id(subscription, group, vault)
    identifier = f"{owner}/operationStatus/{operation}"
    response = long_running.answer_status(world, operation, {"id": identifier, "name": operation})
    if response.body["status"] == "InProgress":  # Then it tells again where to poll (recorded).
        response.headers |= _headers(world, request, owner, operation)
    return response


@routes.route("GET", f"{_ONE}/operationResults/{{operation}}", "GetOperationResult")
def operation_result(
    world: World, request: Request, subscription: str, group: str, vault: str, operation: str
) -> Response:
    """The vault itself, once the operation has ended."""
    response = long_running.answer_result(world, request, operation)
    document = world.store.get(KIND, vault_id(subscription, group, vault))
    if response.status == 200 and document is not None:
        response.body = public(document)
    return response


@routes.route("GET", _INFO, "VaultExtendedInfo_Get")
def get_extended(
    world: World, request: Request, subscription: str, group: str, vault: str
) -> Response:
    """The vault's keys, once someone has created them."""
    identifier = vault_id(subscription, group, vault)
    require(world, KIND, identifier)
    document = world.store.get(_EXTENDED, _extended_id(identifier))
    if document is None:
        raise ArmError(
            404, "ResourceExtendedInfoNotFound", "Resource extended info has not been created."
        )
    return Response(200, public(document))


@routes.route("PUT", _INFO, "VaultExtendedInfo_CreateOrUpdate")
def put_extended(
    world: World, request: Request, subscription: str, group: str, vault: str
) -> Response:
    """Set the vault's keys."""
    identifier = vault_id(subscription, group, vault)
    require(world, KIND, identifier)
    body = schema.body(request, _EXTENDED_BODY)
    return _keep_extended(world, identifier, body.get("properties", {}))


@routes.route("PATCH", _INFO, "VaultExtendedInfo_Update")
def update_extended(
    world: World, request: Request, subscription: str, group: str, vault: str
) -> Response:
    """Set some of the vault's keys."""
    identifier = vault_id(subscription, group, vault)
    require(world, KIND, identifier)
    present = world.store.get(_EXTENDED, _extended_id(identifier)) or {"properties": {}}
    body = schema.body(request, _EXTENDED_BODY)
    return _keep_extended(
        world, identifier, {**present["properties"], **body.get("properties", {})}
    )


@routes.route("GET", f"{_ONE}/usages", "Usages_ListByVaults")
def usages(world: World, request: Request, subscription: str, group: str, vault: str) -> Response:
    """What the vault uses of its limits; nothing of Backup is ever in it here."""
    require(world, KIND, vault_id(subscription, group, vault))
    return Response(
        200,
        {
            "value": [
                {
                    "unit": "Count",
                    "currentValue": 0,
                    "limit": limit,
                    "name": {"value": name, "localizedValue": name},
                }
                for name, limit in (("BackupItemCount", 2000), ("BackupPolicyCount", 200))
            ]
        },
    )


def blocked_deletion(world: World, document: Document) -> ArmError | None:
    """Why a resource may not be deleted now; None for an empty vault and everything else.

    A vault holds on to its registered servers: fabrics, and with them containers, mappings and
    protected items. Policies, jobs and alerts go with the vault.
    """
    if document.get("type") != TYPE:
        return None
    servers = world.store.list(f"{KIND}/replicationfabrics", f"{document['id']}/")
    if not servers:
        return None
    names = ", ".join(
        str(server.get("properties", {}).get("friendlyName", server["name"])) for server in servers
    )
    return ArmError(
        400,
        "ServiceResourceNotEmptyWithContainerDetails",
        "Vault cannot be deleted as there are existing resources within the vault. : "
        f"{names}\nUnregister all containers from the vault and then retry to delete vault. For "
        "instructions, see https://aka.ms/AB-AA4ecq5",
    )


def register(world: World) -> None:
    """A creation ends with the vault provisioned; a deletion has done its work already."""
    long_running.finisher(world, _CREATION, _provisioned)
    long_running.finisher(world, _DELETION, lambda world, payload: None)


def _soft_delete_always_on(request: Request, present: Document | None) -> bool:
    """Whether soft delete is always on: for vaults made by a newer version, and from then on."""
    if present is None:
        return request.query["api-version"] >= deleted_vaults.ALWAYS_SINCE
    return deleted_vaults.is_always_on(present["properties"])


def _provisioned(world: World, payload: Document) -> None:
    document = world.store.get(KIND, payload["vault"])
    if document is not None:
        document["properties"]["provisioningState"] = "Succeeded"
        document["etag"] = _etag(world)
        world.store.put(KIND, document["id"], document)


def _with_defaults(properties: Document, state: str) -> Document:
    defaults: Document = {
        "provisioningState": state,
        "privateEndpointStateForBackup": "None",
        "privateEndpointStateForSiteRecovery": "None",
        "backupStorageVersion": "Unassigned",
        "publicNetworkAccess": "Enabled",
        "monitoringSettings": {
            "azureMonitorAlertSettings": {"alertsForAllJobFailures": "Enabled"},
            "classicAlertSettings": {"alertsForCriticalOperations": "Enabled"},
        },
        "restoreSettings": {
            "crossSubscriptionRestoreSettings": {"crossSubscriptionRestoreState": "Enabled"}
        },
        "redundancySettings": {
            "standardTierStorageRedundancy": "GeoRedundant",
            "crossRegionRestore": "Disabled",
        },
        "securitySettings": {
            "softDeleteSettings": {
                "softDeleteState": "Enabled",
                "softDeleteRetentionPeriodInDays": 14,
            },
            "multiUserAuthorization": "Disabled",
        },
    }
    encryption = properties.get("encryption")
    if isinstance(encryption, dict) and "kekIdentity" in encryption:
        defaults["encryption"] = {"kekIdentity": {"useSystemAssignedIdentity": False}}
    return _merged(defaults, properties)


def _merged(base: Document, over: Document) -> Document:
    result = dict(base)
    for name, value in over.items():
        mergeable = isinstance(value, dict) and isinstance(result.get(name), dict)
        result[name] = _merged(result[name], value) if mergeable else value
    return result


def _identity(world: World, identifier: str, identity: Document) -> Document:
    kinds = str(identity.get("type", "")).lower().replace(" ", "").split(",")
    result = dict(identity)
    if "systemassigned" in kinds:
        result["principalId"] = world.guid("principal", identifier.lower())
        result["tenantId"] = world.guid("tenant")
    if "userassigned" in kinds and isinstance(identity.get("userAssignedIdentities"), dict):
        result["userAssignedIdentities"] = {
            name: {
                "clientId": world.guid("client", name.lower()),
                "principalId": world.guid("principal", name.lower()),
            }
            for name in identity["userAssignedIdentities"]
        }
    return result


def _extended_id(identifier: str) -> str:
    return f"{identifier}/extendedInformation/vaultExtendedInfo"


def _keep_extended(world: World, identifier: str, properties: Document) -> Response:
    document: Document = {
        "id": _extended_id(identifier),
        "name": "vaultExtendedInfo",
        "type": f"{TYPE}/extendedInformation",
        "etag": _etag(world),
        "properties": {"algorithm": "None", **properties},
    }
    world.store.put(_EXTENDED, document["id"], document)
    return Response(200, public(document))


def _etag(world: World) -> str:
    moment = world.now.strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
    return f"W/\"datetime'{quote(moment)}'\""


def _operation_name(world: World) -> str:
    # The service names them by the base64 of a number and a GUID, padding and all.
    number = world.random("vault operation", world.sequence()).randrange(1000, 10000)
    return base64.b64encode(f"{number};{world.guid()}".encode()).decode()


def _headers(world: World, request: Request, identifier: str, operation: str) -> dict[str, str]:
    return long_running.headers(
        world,
        request,
        operation,
        under=identifier,
        results="operationResults",
        statuses="operationStatus",
    )
