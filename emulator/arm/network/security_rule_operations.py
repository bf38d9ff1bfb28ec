"""Security rules as resources of their own.

Source: Microsoft.Network, SecurityRules_* and DefaultSecurityRules_* operations.
"""

from __future__ import annotations

from datetime import timedelta

from emulator.arm import async_operations
from emulator.arm.network import security_rules
from emulator.arm.network.requests import etag, read
from emulator.arm.network.security_groups import (
    CHANGE,
    CHANGE_TAKES,
    KIND,
    ONE,
    security_group_id,
)
from emulator.arm.network.versions import API_VERSIONS
from emulator.kernel import long_running
from emulator.kernel.resources import listing, require, require_group, require_parent
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World

_DELETION = "security rule deleted"
_DELETION_TAKES = timedelta(seconds=3)
_ALL = f"{ONE}/securityRules"
_ONE = f"{_ALL}/{{rule}}"
_DEFAULTS = f"{ONE}/defaultSecurityRules"

routes = Routes(API_VERSIONS)


@routes.route("PUT", _ONE, "SecurityRules_CreateOrUpdate")
def put(
    world: World, request: Request, subscription: str, group: str, name: str, rule: str
) -> Response:
    """Create (201) or replace (200) a rule."""
    identifier = security_group_id(subscription, group, name)
    document = require_parent(world, KIND, identifier, f"{identifier}/securityRules/{rule}")
    body = read(request, security_rules.SHAPE, "SecurityRule")
    changed = security_rules.create(document["id"], {**body, "name": rule})
    before = document["properties"]["securityRules"]
    kept = {one["name"].lower(): one for one in before}
    kept[rule.lower()] = changed
    rules = list(kept.values())
    security_rules.check(rules)
    document["properties"]["securityRules"] = rules
    document["etag"] = etag(world)
    world.store.put(KIND, document["id"], document)
    headers = async_operations.begin(world, request, document, takes=CHANGE_TAKES, event=CHANGE)
    del headers["Location"]
    return Response(201 if len(rules) > len(before) else 200, changed, headers)


@routes.route("GET", _ONE, "SecurityRules_Get")
def get(
    world: World, request: Request, subscription: str, group: str, name: str, rule: str
) -> Response:
    """One rule."""
    document = require(world, KIND, security_group_id(subscription, group, name))
    return Response(200, _require(document, "securityRules", rule))


@routes.route("GET", _ALL, "SecurityRules_List")
def list_all(world: World, request: Request, subscription: str, group: str, name: str) -> Response:
    """The rules of a group, without the default ones."""
    document = require(world, KIND, security_group_id(subscription, group, name))
    return listing(document["properties"]["securityRules"])


@routes.route("DELETE", _ONE, "SecurityRules_Delete")
def delete(
    world: World, request: Request, subscription: str, group: str, name: str, rule: str
) -> Response:
    """Begin to delete a rule: 202, or 204 if there is none."""
    require_group(world, subscription, group)
    document = world.store.get(KIND, security_group_id(subscription, group, name))
    found = None if document is None else _find(document, "securityRules", rule)
    if document is None or found is None:
        return Response(204)
    headers = async_operations.begin(
        world,
        request,
        {**document, "id": found["id"]},
        takes=_DELETION_TAKES,
        event=_DELETION,
    )
    return Response(202, None, headers)


@routes.route("GET", _DEFAULTS, "DefaultSecurityRules_List")
def list_defaults(
    world: World, request: Request, subscription: str, group: str, name: str
) -> Response:
    """The default rules of a group."""
    document = require(world, KIND, security_group_id(subscription, group, name))
    return listing(document["properties"]["defaultSecurityRules"])


@routes.route("GET", f"{_DEFAULTS}/{{rule}}", "DefaultSecurityRules_Get")
def get_default(
    world: World, request: Request, subscription: str, group: str, name: str, rule: str
) -> Response:
    """One default rule."""
    document = require(world, KIND, security_group_id(subscription, group, name))
    return Response(200, _require(document, "defaultSecurityRules", rule))


def register(world: World) -> None:
    """Register the event handler that ends a deletion."""
    long_running.finisher(world, _DELETION, _delete)


def _delete(world: World, payload: Document) -> None:
    group, _, name = str(payload["id"]).rpartition("/securityRules/")
    document = world.store.get(KIND, group)
    found = None if document is None else _find(document, "securityRules", name)
    if document is not None and found is not None:
        document["properties"]["securityRules"].remove(found)
        world.store.put(KIND, document["id"], document)


def _find(document: Document, kind: str, name: str) -> Document | None:
    rules: list[Document] = document["properties"][kind]
    return next((rule for rule in rules if rule["name"].lower() == name.lower()), None)


def _require(document: Document, kind: str, name: str) -> Document:
    found = _find(document, kind, name)
    if found is None:
        raise ArmError(404, "NotFound", f"Resource {document['id']}/{kind}/{name} not found.")
    return found
