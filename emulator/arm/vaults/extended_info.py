"""A vault's extended information: its keys.

Source: Microsoft.RecoveryServices, VaultExtendedInfo_* operations.
"""

from __future__ import annotations

from emulator.arm.vaults.bodies import etag
from emulator.arm.vaults.vault import KIND, ONE, TYPE, vault_id
from emulator.arm.vaults.versions import API_VERSIONS
from emulator.kernel import schema
from emulator.kernel.resources import public, require
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World

_KIND = f"{KIND}/extendedinformation"
_BODY = {
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
_ONE = f"{ONE}/extendedInformation/vaultExtendedInfo"

routes = Routes(API_VERSIONS)


@routes.route("GET", _ONE, "VaultExtendedInfo_Get")
def get(world: World, request: Request, subscription: str, group: str, vault: str) -> Response:
    """The vault's keys, once someone has created them."""
    identifier = vault_id(subscription, group, vault)
    require(world, KIND, identifier)
    document = world.store.get(_KIND, _id_of(identifier))
    if document is None:
        raise ArmError(
            404, "ResourceExtendedInfoNotFound", "Resource extended info has not been created."
        )
    return Response(200, public(document))


@routes.route("PUT", _ONE, "VaultExtendedInfo_CreateOrUpdate")
def put(world: World, request: Request, subscription: str, group: str, vault: str) -> Response:
    """Set the vault's keys."""
    identifier = vault_id(subscription, group, vault)
    require(world, KIND, identifier)
    body = schema.body(request, _BODY)
    return _keep(world, identifier, body.get("properties", {}))


@routes.route("PATCH", _ONE, "VaultExtendedInfo_Update")
def update(world: World, request: Request, subscription: str, group: str, vault: str) -> Response:
    """Set some of the vault's keys."""
    identifier = vault_id(subscription, group, vault)
    require(world, KIND, identifier)
    present = world.store.get(_KIND, _id_of(identifier)) or {"properties": {}}
    body = schema.body(request, _BODY)
    return _keep(world, identifier, {**present["properties"], **body.get("properties", {})})


def _id_of(identifier: str) -> str:
    return f"{identifier}/extendedInformation/vaultExtendedInfo"


def _keep(world: World, identifier: str, properties: Document) -> Response:
    document: Document = {
        "id": _id_of(identifier),
        "name": "vaultExtendedInfo",
        "type": f"{TYPE}/extendedInformation",
        "etag": etag(world),
        "properties": {"algorithm": "None", **properties},
    }
    world.store.put(_KIND, document["id"], document)
    return Response(200, public(document))


def register(world: World) -> None:
    """Register no events."""
