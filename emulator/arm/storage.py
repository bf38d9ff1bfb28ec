"""Storage accounts. Their names are unique in all of Azure.

Source: Microsoft.Storage, StorageAccounts_* operations.
"""

from __future__ import annotations

import base64
import re
from datetime import timedelta

from emulator.arm import async_operations, tags, tracked
from emulator.arm.merging import merged
from emulator.arm.reserved_names import reserved
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
    "2021-09-01",
    "2022-05-01",
    "2022-09-01",
    "2023-01-01",
    "2023-04-01",
    "2023-05-01",
    "2024-01-01",
    "2025-01-01",
    "2025-06-01",
    "2025-08-01",
    "2026-04-01",
)
TYPE = "Microsoft.Storage/storageAccounts"
KIND = TYPE.lower()
_CREATION = "storage account created"
_CREATION_TAKES = timedelta(seconds=20)
_NAME = re.compile(r"[a-z0-9]{3,24}")
_SKUS = (
    "Standard_LRS",
    "Standard_GRS",
    "Standard_RAGRS",
    "Standard_ZRS",
    "Standard_GZRS",
    "Standard_RAGZRS",
    "Premium_LRS",
    "Premium_ZRS",
)
_KINDS = ("Storage", "StorageV2", "BlobStorage", "FileStorage", "BlockBlobStorage")
_READ_ONLY = (
    "provisioningState",
    "primaryEndpoints",
    "primaryLocation",
    "statusOfPrimary",
    "lastGeoFailoverTime",
    "secondaryLocation",
    "statusOfSecondary",
    "creationTime",
    "secondaryEndpoints",
    "privateEndpointConnections",
    "keyCreationTime",
    "blobRestoreStatus",
    "failoverInProgress",
    "geoReplicationStats",
    "storageAccountSkuConversionStatus",
)
_PROPERTIES = {
    **dict.fromkeys(_READ_ONLY, schema.IGNORED),
    "accessTier": schema.OneOf("Hot", "Cool", "Premium", "Cold"),
    "allowBlobPublicAccess": bool,
    "allowCrossTenantReplication": bool,
    "allowSharedKeyAccess": bool,
    "allowedCopyScope": schema.OneOf("PrivateLink", "AAD"),
    "azureFilesIdentityBasedAuthentication": schema.ANY,
    "customDomain": schema.ANY,
    "defaultToOAuthAuthentication": bool,
    "dnsEndpointType": schema.OneOf("Standard", "AzureDnsZone"),
    "enableExtendedGroups": bool,
    "encryption": {
        "identity": schema.ANY,
        "keySource": schema.OneOf("Microsoft.Storage", "Microsoft.Keyvault"),
        "keyvaultproperties": schema.ANY,
        "requireInfrastructureEncryption": bool,
        "services": schema.MapOf(
            {"enabled": bool, "keyType": str, "lastEnabledTime": schema.IGNORED}
        ),
    },
    "immutableStorageWithVersioning": schema.ANY,
    "isHnsEnabled": bool,
    "isLocalUserEnabled": bool,
    "isNfsV3Enabled": bool,
    "isSftpEnabled": bool,
    "keyPolicy": {"keyExpirationPeriodInDays": int},
    "largeFileSharesState": schema.OneOf("Enabled", "Disabled"),
    "minimumTlsVersion": schema.OneOf("TLS1_0", "TLS1_1", "TLS1_2", "TLS1_3"),
    "networkAcls": {
        "bypass": str,
        "defaultAction": schema.OneOf("Allow", "Deny"),
        "ipRules": [schema.ANY],
        "resourceAccessRules": [schema.ANY],
        "virtualNetworkRules": [schema.ANY],
    },
    "publicNetworkAccess": schema.OneOf("Enabled", "Disabled", "SecuredByPerimeter"),
    "routingPreference": schema.ANY,
    "sasPolicy": schema.ANY,
    "supportsHttpsTrafficOnly": bool,
}
_BODY = {
    **tracked.COMMON,
    "sku": {"name": schema.OneOf(*_SKUS), "tier": schema.IGNORED},
    "kind": schema.OneOf(*_KINDS),
    "identity": schema.ANY,
    "extendedLocation": schema.ANY,
    "properties": _PROPERTIES,
}

_GROUP = "/subscriptions/{subscription}/resourceGroups/{group}"
_ALL = f"{_GROUP}/providers/Microsoft.Storage/storageAccounts"
_ONE = f"{_ALL}/{{account}}"

routes = Routes(API_VERSIONS)


def account_id(subscription: str, group: str, account: str) -> str:
    """The id of a storage account."""
    return resource_id(subscription, group, "Microsoft.Storage", "storageAccounts", account)


@routes.route("PUT", _ONE, "StorageAccounts_Create")
def put(world: World, request: Request, subscription: str, group: str, account: str) -> Response:
    """Create an account (202, polled at Location) or update it (200)."""
    identifier = account_id(subscription, group, account)
    require_writable_group(world, subscription, group)
    if not _NAME.fullmatch(account):
        raise ArmError(
            400,
            "AccountNameInvalid",
            _invalid(account),
        )
    if reserved(account):
        raise ArmError(
            400,
            "ReservedResourceName",
            f"The resource name '{account}' or a part of the name is a trademarked or reserved "
            "word.",
        )
    body = _read(request)
    present, document = tracked.begin_put(world, identifier, TYPE, body, tags.STORAGE_NAME_MAX)
    if present is None and _taken(world, account):
        raise ArmError(
            409,
            "StorageAccountAlreadyTaken",
            f"The storage account named {account} is already taken.",
        )
    sku = {**(present or {}).get("sku", {}), **body.get("sku", {})}
    kind = body.get("kind", (present or {}).get("kind"))
    if "name" not in sku or kind is None:
        raise ArmError(
            400,
            "InvalidValuesForRequestParameters",
            "Values for request parameters are invalid: sku, kind.",
        )
    document["sku"] = {"name": sku["name"], "tier": str(sku["name"]).partition("_")[0]}
    document["kind"] = kind
    if "identity" in body:
        document["identity"] = body["identity"]
    before = present["properties"] if present else _fresh(world, account, document["location"])
    document.setdefault("tags", {})
    document["properties"] = _changed(world, before, body)
    world.store.put(KIND, identifier, document)
    if present is not None:
        return Response(200, public(document))
    headers = async_operations.begin(
        world,
        request,
        document,
        takes=_CREATION_TAKES,
        event=_CREATION,
        statuses=None,
        results="asyncoperations",
    )
    return Response(202, None, headers)


@routes.route("PATCH", _ONE, "StorageAccounts_Update")
def update(world: World, request: Request, subscription: str, group: str, account: str) -> Response:
    """Change the tags, sku or properties that the body gives."""
    document = require(world, KIND, account_id(subscription, group, account))
    body = _read(request)
    tags.require(body, tags.STORAGE_NAME_MAX)
    if "tags" in body:
        document["tags"] = body["tags"]
    if "name" in body.get("sku", {}):
        name = body["sku"]["name"]
        document["sku"] = {"name": name, "tier": str(name).partition("_")[0]}
    document["properties"] = _changed(world, document["properties"], body)
    world.store.put(KIND, document["id"], document)
    return Response(200, public(document))


@routes.route("GET", _ONE, "StorageAccounts_GetProperties")
def get(world: World, request: Request, subscription: str, group: str, account: str) -> Response:
    """One account."""
    return Response(200, public(require(world, KIND, account_id(subscription, group, account))))


@routes.route("DELETE", _ONE, "StorageAccounts_Delete")
def delete(world: World, request: Request, subscription: str, group: str, account: str) -> Response:
    """Delete an account at once: 200, or 204 if there is none."""
    require_group(world, subscription, group)
    removed = world.store.delete(KIND, account_id(subscription, group, account))
    return Response(200 if removed else 204)


@routes.route("GET", _ALL, "StorageAccounts_ListByResourceGroup")
def list_by_group(world: World, request: Request, subscription: str, group: str) -> Response:
    """The accounts of a group."""
    require_group(world, subscription, group)
    return listing(world.store.list(KIND, account_id(subscription, group, "")))


@routes.route(
    "GET",
    "/subscriptions/{subscription}/providers/Microsoft.Storage/storageAccounts",
    "StorageAccounts_List",
)
def list_all(world: World, request: Request, subscription: str) -> Response:
    """The accounts of a subscription."""
    return listing(world.store.list(KIND, f"/subscriptions/{subscription}/"))


@routes.route("POST", f"{_ONE}/listKeys", "StorageAccounts_ListKeys", changes=False)
def list_keys(
    world: World, request: Request, subscription: str, group: str, account: str
) -> Response:
    """The two keys of an account, which follow from the seed. Nothing can be opened with them."""
    document = require(world, KIND, account_id(subscription, group, account))
    created = document["properties"]["keyCreationTime"]
    return Response(
        200,
        {
            "keys": [
                {
                    "creationTime": created[name],
                    "keyName": name,
                    "value": _key(world, document["id"], name),
                    "permissions": "FULL",
                }
                for name in ("key1", "key2")
            ]
        },
    )


@routes.route(
    "POST",
    "/subscriptions/{subscription}/providers/Microsoft.Storage/checkNameAvailability",
    "StorageAccounts_CheckNameAvailability",
    changes=False,
)
def check_name(world: World, request: Request, subscription: str) -> Response:
    """Whether a new account may have a name: it is valid, and no account has it."""
    name = str(schema.body(request, {"name": str, "type": str}).get("name", ""))
    if not _NAME.fullmatch(name):
        reason, message = "AccountNameInvalid", _invalid(name)
    elif _taken(world, name):
        reason, message = "AlreadyExists", f"The storage account named {name} is already taken."
    else:
        return Response(200, {"nameAvailable": True})
    return Response(200, {"nameAvailable": False, "reason": reason, "message": message})


async_operations.add_routes(routes, "Microsoft.Storage", statuses=None, results="asyncoperations")


def register(world: World) -> None:
    """Register the event handler that ends a creation: the account is provisioned."""
    long_running.finisher(world, _CREATION, _provisioned)


def _provisioned(world: World, payload: Document) -> None:
    document = world.store.get(KIND, payload["id"])
    if document is not None:
        document["properties"]["provisioningState"] = "Succeeded"
        world.store.put(KIND, document["id"], document)


def _read(request: Request) -> Document:
    try:
        body: Document = schema.read(request.json(), _BODY)
    except schema.SchemaError as error:
        raise ArmError(
            400,
            "InvalidValuesForRequestParameters",
            f"Values for request parameters are invalid: {error.member}. {error}",
        ) from error
    return body


def _changed(world: World, before: Document, body: Document) -> Document:
    """The properties with those that a body gives, at every depth."""
    properties = merged(before, body.get("properties", {}))
    encryption = properties["encryption"]
    services = {
        name: {"keyType": "Account", "lastEnabledTime": _moment(world), **service}
        if service.get("enabled")
        else service
        for name, service in encryption["services"].items()
    }
    return {**properties, "encryption": {**encryption, "services": services}}


def _moment(world: World) -> str:
    return world.now.strftime("%Y-%m-%dT%H:%M:%S.%f0Z")


def _invalid(account: str) -> str:
    return (
        f"{account} is not a valid storage account name. Storage account name must be between 3 "
        "and 24 characters in length and use numbers and lower-case letters only."
    )


def _key(world: World, identifier: str, name: str) -> str:
    chance = world.random("storage key", identifier.lower(), name)
    return base64.b64encode(chance.randbytes(64)).decode()


def _taken(world: World, account: str) -> bool:
    return any(key.rpartition("/")[2] == account for key in world.store.keys(KIND))


def _fresh(world: World, account: str, location: str) -> Document:
    moment = _moment(world)
    service = {"keyType": "Account", "enabled": True, "lastEnabledTime": moment}
    return {
        "provisioningState": "Creating",
        "creationTime": moment,
        "keyCreationTime": {"key1": moment, "key2": moment},
        "accessTier": "Hot",
        "allowBlobPublicAccess": False,
        "allowCrossTenantReplication": False,
        "minimumTlsVersion": "TLS1_0",
        "supportsHttpsTrafficOnly": True,
        "encryption": {
            "services": {"file": service, "blob": service},
            "keySource": "Microsoft.Storage",
        },
        "networkAcls": {
            "bypass": "AzureServices",
            "virtualNetworkRules": [],
            "ipRules": [],
            "defaultAction": "Allow",
        },
        "privateEndpointConnections": [],
        "primaryLocation": location,
        "statusOfPrimary": "available",
        "primaryEndpoints": {
            name: f"https://{account}.{name}.core.windows.net/"
            for name in ("blob", "dfs", "file", "queue", "table", "web")
        },
    }
