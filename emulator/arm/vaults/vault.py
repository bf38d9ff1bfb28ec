"""Recovery Services vaults.

Source: Microsoft.RecoveryServices, Vaults_* operations; recorded traffic.
"""

from __future__ import annotations

import base64
import re
from datetime import timedelta

from emulator.arm import tags, tracked
from emulator.arm.merging import merged
from emulator.arm.vaults import deleted
from emulator.arm.vaults.bodies import BODY, etag, with_defaults
from emulator.arm.vaults.bodies import identity as vault_identity
from emulator.arm.vaults.versions import API_VERSIONS
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

TYPE = "Microsoft.RecoveryServices/vaults"
KIND = TYPE.lower()
_CREATION = "vault created"
_CREATION_TAKES = timedelta(seconds=20)
_DELETION = "vault deleted"
_DELETION_TAKES = timedelta(seconds=10)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{1,49}")


_GROUP = "/subscriptions/{subscription}/resourceGroups/{group}"
_ALL = f"{_GROUP}/providers/Microsoft.RecoveryServices/vaults"
ONE = f"{_ALL}/{{vault}}"

routes = Routes(API_VERSIONS)


def vault_id(subscription: str, group: str, vault: str) -> str:
    """The id of a vault."""
    return resource_id(subscription, group, "Microsoft.RecoveryServices", "vaults", vault)


@routes.route("PUT", ONE, "Vaults_CreateOrUpdate")
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
    body = schema.body(request, BODY)
    present, document = tracked.begin_put(world, identifier, TYPE, body)
    if "name" not in body.get("sku", {}):
        raise ArmError(400, "InvalidRequestContent", "The required property 'sku' is missing.")
    if present is None:
        deleted.require_free_name(world, identifier)
    deleted.require_soft_delete(
        present["properties"] if present else None, body.get("properties", {})
    )
    state = present["properties"]["provisioningState"] if present else "Provisioning"
    document["sku"] = body["sku"]
    if "identity" in body:
        document["identity"] = vault_identity(world, identifier, body["identity"])
    document["etag"] = etag(world)
    document["properties"] = with_defaults(body.get("properties", {}), state)
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


@routes.route("PATCH", ONE, "Vaults_Update")
def update(world: World, request: Request, subscription: str, group: str, vault: str) -> Response:
    """Change the tags, identity, sku or properties that the body gives."""
    identifier = vault_id(subscription, group, vault)
    document = require(world, KIND, identifier)
    body = schema.body(request, BODY)
    tags.require(body)
    for member in ("tags", "sku"):
        if member in body:
            document[member] = body[member]
    if "identity" in body:
        document["identity"] = vault_identity(world, identifier, body["identity"])
    deleted.require_soft_delete(document["properties"], body.get("properties", {}))
    document["properties"] = merged(document["properties"], body.get("properties", {}))
    document["etag"] = etag(world)
    world.store.put(KIND, identifier, document)
    return Response(200, public(document))


@routes.route("GET", ONE, "Vaults_Get")
def get(world: World, request: Request, subscription: str, group: str, vault: str) -> Response:
    """One vault."""
    return Response(200, public(require(world, KIND, vault_id(subscription, group, vault))))


@routes.route("DELETE", ONE, "Vaults_Delete")
def delete(world: World, request: Request, subscription: str, group: str, vault: str) -> Response:
    """Delete an empty vault: 202, and it is gone at once; 204 if there is none."""
    identifier = vault_id(subscription, group, vault)
    require_group(world, subscription, group)
    document = world.store.get(KIND, identifier)
    if document is None:
        return Response(204)
    problem = blocked_deletion(world, document)
    if problem is not None:
        raise problem
    deleted.note(world, document, lingers=True)
    for kind in world.store.kinds():
        for key in world.store.keys(kind, f"{identifier}/"):
            world.store.delete(kind, key)
    world.store.delete(KIND, identifier)
    operation = long_running.begin(
        world,
        takes=_DELETION_TAKES,
        event=_DELETION,
        payload={"vault": identifier, "deleted": public(document)},
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


@routes.route("GET", f"{ONE}/operationStatus/{{operation}}", "GetOperationStatus")
def operation_status(
    world: World, request: Request, subscription: str, group: str, vault: str, operation: str
) -> Response:
    """Poll the creation or deletion of a vault."""
    owner = vault_id(subscription, group, vault)
    identifier = f"{owner}/operationStatus/{operation}"
    response = long_running.answer_status(world, operation, {"id": identifier, "name": operation})
    # While the operation runs, the answer repeats where to poll (recorded).
    if response.body["status"] == "InProgress":
        response.headers |= _headers(world, request, owner, operation)
    return response


@routes.route("GET", f"{ONE}/operationResults/{{operation}}", "GetOperationResult")
def operation_result(
    world: World, request: Request, subscription: str, group: str, vault: str, operation: str
) -> Response:
    """The vault once the operation has ended; after its deletion, the vault as it last was."""
    response = long_running.answer_result(world, request, operation)
    if response.status == 200:
        deleted_vault = long_running.state(world, operation)["payload"].get("deleted")
        document = world.store.get(KIND, vault_id(subscription, group, vault)) or deleted_vault
        response.body = None if document is None else public(document)
    return response


def blocked_deletion(world: World, document: Document) -> ArmError | None:
    """The error that blocks the deletion of a vault; None if the vault is empty, or no vault.

    A vault with registered servers cannot be deleted: fabrics, and with them containers, mappings
    and protected items. Policies, jobs and alerts are deleted with the vault.
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
    """Register what ends operations: a created vault is provisioned; a deletion has nothing left
    to do."""
    long_running.finisher(world, _CREATION, _provisioned)
    long_running.finisher(world, _DELETION, lambda world, payload: None)


def _soft_delete_always_on(request: Request, present: Document | None) -> bool:
    """Whether soft delete is always on: for vaults made by a newer version, and from then on."""
    if present is None:
        return request.query["api-version"] >= deleted.ALWAYS_SINCE
    return deleted.is_always_on(present["properties"])


def _provisioned(world: World, payload: Document) -> None:
    document = world.store.get(KIND, payload["vault"])
    if document is not None:
        document["properties"]["provisioningState"] = "Succeeded"
        document["etag"] = etag(world)
        world.store.put(KIND, document["id"], document)


def _operation_name(world: World) -> str:
    # The service's names are the base64 of a number and a GUID, with padding.
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
