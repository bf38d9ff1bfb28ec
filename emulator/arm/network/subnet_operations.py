"""Subnets as resources of their own.

Source: Microsoft.Network, Subnets_* operations.
"""

from __future__ import annotations

from datetime import timedelta

from emulator.arm import async_operations
from emulator.arm.network import subnets
from emulator.arm.network.requests import etag, read, require_name
from emulator.arm.network.versions import API_VERSIONS
from emulator.arm.network.virtual_networks import CHANGE, CHANGE_TAKES, KIND, ONE, network_id
from emulator.kernel import long_running
from emulator.kernel.resources import listing, require, require_group, require_parent
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import Request, Response
from emulator.kernel.world import World

_DELETION = "subnet deleted"
_DELETION_TAKES = timedelta(seconds=10)
_ALL = f"{ONE}/subnets"
_ONE = f"{_ALL}/{{subnet}}"

routes = Routes(API_VERSIONS)


@routes.route("PUT", _ONE, "Subnets_CreateOrUpdate")
def put(
    world: World, request: Request, subscription: str, group: str, network: str, subnet: str
) -> Response:
    """Create (201) or replace (200) one subnet."""
    identifier = network_id(subscription, group, network)
    document = require_parent(world, KIND, identifier, f"{identifier}/subnets/{subnet}")
    require_name(subnet)
    body = read(request, subnets.SHAPE, "Subnet")
    before = document["properties"]["subnets"]
    kept = {present["name"].lower(): present for present in before}
    changed = subnets.create(world, document["id"], subnet, body, kept)
    kept[subnet.lower()] = changed
    document["properties"]["subnets"] = list(kept.values())
    document["etag"] = etag(world)
    subnets.check(world, document, before)
    world.store.put(KIND, document["id"], document)
    headers = async_operations.begin(world, request, document, takes=CHANGE_TAKES, event=CHANGE)
    del headers["Location"]
    status = 201 if len(kept) > len(before) else 200
    return Response(status, subnets.shown(world, changed), headers)


@routes.route("GET", _ONE, "Subnets_Get")
def get(
    world: World, request: Request, subscription: str, group: str, network: str, subnet: str
) -> Response:
    """One subnet."""
    document = require(world, KIND, network_id(subscription, group, network))
    return Response(200, subnets.shown(world, subnets.require_subnet(document, subnet)))


@routes.route("GET", _ALL, "Subnets_List")
def list_all(
    world: World, request: Request, subscription: str, group: str, network: str
) -> Response:
    """The subnets of a network."""
    document = require(world, KIND, network_id(subscription, group, network))
    return listing(subnets.shown(world, subnet) for subnet in document["properties"]["subnets"])


@routes.route("DELETE", _ONE, "Subnets_Delete")
def delete(
    world: World, request: Request, subscription: str, group: str, network: str, subnet: str
) -> Response:
    """Begin to delete an unused subnet: 202, or 204 if there is none."""
    require_group(world, subscription, group)
    document = world.store.get(KIND, network_id(subscription, group, network))
    found = None if document is None else subnets.find(document, subnet)
    if document is None or found is None:
        return Response(204)
    subnets.require_unused(world, found)
    located = {**document, "id": found["id"]}
    headers = async_operations.begin(
        world, request, located, takes=_DELETION_TAKES, event=_DELETION
    )
    return Response(202, None, headers)


def register(world: World) -> None:
    """Register the event handler that ends a deletion."""
    long_running.finisher(world, _DELETION, _delete)


def _delete(world: World, payload: Document) -> None:
    network, _, name = str(payload["id"]).rpartition("/subnets/")
    document = world.store.get(KIND, network)
    found = None if document is None else subnets.find(document, name)
    if document is not None and found is not None:
        subnets.require_unused(world, found)
        document["properties"]["subnets"].remove(found)
        world.store.put(KIND, document["id"], document)
