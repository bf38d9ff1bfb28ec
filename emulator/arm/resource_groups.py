"""Resource groups.

Source: Microsoft.Resources, ResourceGroups_* operations.
"""

from __future__ import annotations

import re
from datetime import timedelta

from emulator.arm import in_use, tags
from emulator.arm.regions import require_region
from emulator.arm.resource_lists import held_in
from emulator.arm.vaults import deleted as deleted_vaults
from emulator.arm.vaults.vault import TYPE as VAULT_TYPE
from emulator.arm.vaults.vault import blocked_deletion
from emulator.kernel import long_running, schema
from emulator.kernel.resources import (
    GROUPS,
    group_id,
    listing,
    normalized_location,
    public,
    require_group,
    require_writable_group,
)
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World

API_VERSIONS = (
    "2020-06-01",
    "2020-10-01",
    "2021-01-01",
    "2021-04-01",
    "2022-09-01",
    "2023-07-01",
    "2024-03-01",
    "2024-07-01",
    "2024-11-01",
    "2025-03-01",
    "2025-04-01",
)
TYPE = "Microsoft.Resources/resourceGroups"
_DELETION = "resource group deleted"
_DELETION_TAKES = timedelta(seconds=45)
_NAME = re.compile(r"[-\w._()]{1,90}")
_TAGS = schema.MapOf(str)
_BODY = {
    "id": schema.IGNORED,
    "name": schema.IGNORED,
    "type": schema.IGNORED,
    "location": str,
    "managedBy": str,
    "properties": {"provisioningState": schema.IGNORED},
    "tags": _TAGS,
}
_PATCH = {**_BODY, "name": str}

_ONE = "/subscriptions/{subscription}/resourceGroups/{group}"
_ALL = "/subscriptions/{subscription}/resourceGroups"

routes = Routes(API_VERSIONS)


@routes.route("PUT", _ONE, "ResourceGroups_CreateOrUpdate")
def put(world: World, request: Request, subscription: str, group: str) -> Response:
    """Create (201) or replace (200) a group; its location never changes."""
    _require_name(group)
    body = schema.body(request, _BODY)
    tags.require(body)
    location = require_region(body.get("location"), "resource group")
    present = world.store.get(GROUPS, group_id(subscription, group))
    if present is not None:
        require_writable_group(world, subscription, group)
        if normalized_location(present["location"]) != location:
            raise ArmError(
                409,
                "InvalidResourceGroupLocation",
                f"Invalid resource group location '{location}'. The Resource group already "
                f"exists in location '{present['location']}'.",
            )
    document: Document = {
        "id": present["id"] if present else group_id(subscription, group),
        "name": present["name"] if present else group,
        "type": TYPE,
        "location": location,
        "properties": {"provisioningState": "Succeeded"},
    }
    document.update({name: body[name] for name in ("tags", "managedBy") if name in body})
    world.store.put(GROUPS, document["id"], document)
    return Response(201 if present is None else 200, public(document))


@routes.route("GET", _ONE, "ResourceGroups_Get")
def get(world: World, request: Request, subscription: str, group: str) -> Response:
    """One group."""
    return Response(200, public(require_group(world, subscription, group)))


@routes.route("HEAD", _ONE, "ResourceGroups_CheckExistence")
def check_existence(world: World, request: Request, subscription: str, group: str) -> Response:
    """Answer 204 if it exists, otherwise 404, without a body."""
    found = world.store.get(GROUPS, group_id(subscription, group)) is not None
    return Response(204 if found else 404)


@routes.route("PATCH", _ONE, "ResourceGroups_Update")
def update(world: World, request: Request, subscription: str, group: str) -> Response:
    """Replace the tags of a group."""
    document = require_writable_group(world, subscription, group)
    body = schema.body(request, _PATCH)
    tags.require(body)
    if str(body.get("name", group)).lower() != group.lower():
        raise ArmError(
            400, "InvalidRequestContent", "The resource group name in the body does not match."
        )
    document.update({name: body[name] for name in ("tags", "managedBy") if name in body})
    world.store.put(GROUPS, document["id"], document)
    return Response(200, public(document))


@routes.route("DELETE", _ONE, "ResourceGroups_Delete")
def delete(world: World, request: Request, subscription: str, group: str) -> Response:
    """Begin to delete a group with everything in it; polled at Location only."""
    document = require_group(world, subscription, group)
    if document["properties"]["provisioningState"] == "Deleting":
        name = document["_emulator"]["deletion"]
    else:
        name = long_running.begin(
            world,
            takes=_DELETION_TAKES,
            event=_DELETION,
            payload={"subscription": subscription, "group": group},
        )
        document["properties"]["provisioningState"] = "Deleting"
        document["_emulator"] = {"deletion": name}
        world.store.put(GROUPS, document["id"], document)
    under = f"/subscriptions/{subscription}"
    headers = long_running.headers(
        world, request, name, under=under, results="operationresults", statuses=None
    )
    return Response(202, None, headers)


@routes.route("GET", _ALL, "ResourceGroups_List")
def list_all(world: World, request: Request, subscription: str) -> Response:
    """All groups of a subscription."""
    return listing(world.store.list(GROUPS, f"/subscriptions/{subscription}/"))


@routes.route("GET", "/subscriptions/{subscription}/operationresults/{name}", "_OperationResult")
def result(world: World, request: Request, subscription: str, name: str) -> Response:
    """Poll the deletion of a group: 202, then 200; 409 `ResourceGroupDeletionBlocked`."""
    return long_running.answer_result(world, request, name)


def register(world: World) -> None:
    """Register what ends a deletion: removing everything in the group, or refusing to."""
    long_running.finisher(world, _DELETION, _delete, failed=_roll_back)


def _delete(world: World, payload: Document) -> None:
    identifier = group_id(payload["subscription"], payload["group"])
    held = held_in(world, identifier)
    blocked = in_use.from_outside(world, identifier, held)
    for document in held:
        problem = blocked_deletion(world, document)
        if problem is not None:
            blocked.append((document["id"], problem))
    if blocked:
        raise ArmError(
            409,
            "ResourceGroupDeletionBlocked",
            f"Deletion of resource group '{payload['group']}' failed as resources with "
            f"identifiers '{', '.join(name for name, _ in blocked)}' could not be deleted. The "
            "provisioning state of the resource group will be rolled back.",
            details=[
                {"code": problem.code, "target": name, "message": problem.message}
                for name, problem in blocked
            ],
        )
    for document in held:
        if document.get("type") == VAULT_TYPE:
            deleted_vaults.note(world, document, lingers=False)
    for kind in world.store.kinds():
        for key in world.store.keys(kind, f"{identifier}/"):
            world.store.delete(kind, key)
    world.store.delete(GROUPS, identifier)


def _roll_back(world: World, payload: Document) -> None:
    document = require_group(world, payload["subscription"], payload["group"])
    document["properties"]["provisioningState"] = "Succeeded"
    document.pop("_emulator", None)
    world.store.put(GROUPS, document["id"], document)


def _require_name(name: str) -> None:
    if not _NAME.fullmatch(name) or name.endswith("."):
        raise ArmError(
            400,
            "InvalidResourceGroup",
            f"The provided resource group name '{name}' is invalid. It can be 1 to 90 "
            "characters: letters, digits, '-', '.', '(', ')' or '_', and may not end with a "
            "period.",
        )
