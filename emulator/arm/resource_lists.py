"""Lists of resources of all types, without their properties.

Source: Microsoft.Resources, Resources_List and Resources_ListByResourceGroup.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from emulator.arm.vaults import deleted as deleted_vaults
from emulator.kernel.resources import (
    ResourceId,
    group_id,
    listing,
    normalized_location,
    require_group,
)
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World

API_VERSIONS = (
    "2019-07-01",
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
_SHOWN = ("id", "name", "type", "location", "tags", "sku", "kind", "identity", "zones")
_TERM = re.compile(r"\s*(\w+)\s+eq\s+'((?:[^']|'')*)'\s*", re.IGNORECASE)
_AND = re.compile(r"\s+and\s+", re.IGNORECASE)
_FIELDS = ("resourcetype", "name", "location", "resourcegroup", "tagname", "tagvalue")

routes = Routes(API_VERSIONS)


def held_in(world: World, identifier: str) -> list[Document]:
    """Every resource in a group (or subscription), with the children of resources."""
    return [
        document
        for kind in world.store.kinds()
        for document in world.store.list(kind, f"{identifier}/")
    ]


@routes.route(
    "GET",
    "/subscriptions/{subscription}/resourceGroups/{group}/resources",
    "Resources_ListByResourceGroup",
)
def list_by_group(world: World, request: Request, subscription: str, group: str) -> Response:
    """The resources of a group."""
    require_group(world, subscription, group)
    return _listed(world, request, group_id(subscription, group))


@routes.route("GET", "/subscriptions/{subscription}/resources", "Resources_List")
def list_all(world: World, request: Request, subscription: str) -> Response:
    """The resources of a subscription.

    Takes `$filter` with terms such as `resourceType eq 'Microsoft.Compute/disks'`, joined by `and`,
    for resourceType, name, location, resourceGroup, tagName and tagValue.
    """
    return _listed(world, request, f"/subscriptions/{subscription}")


def register(world: World) -> None:
    """Register no events."""


def _listed(world: World, request: Request, identifier: str) -> Response:
    terms = _terms(request.query.get("$filter", ""))
    held = held_in(world, identifier) + deleted_vaults.listed(world, identifier)
    return listing(
        {name: one[name] for name in _SHOWN if name in one}
        for one in held
        # Children have no location, and are not listed. Neither are groups.
        if "location" in one and "/providers/" in str(one.get("id", "")) and _fits(one, terms)
    )


def _terms(wanted: str) -> dict[str, str]:
    """The terms of a filter by their field in lower case.

    Raises:
        ArmError: 400 `InvalidFilterInQueryString`.
    """
    found = {}
    for term in _AND.split(wanted) if wanted.strip() else ():
        match = _TERM.fullmatch(term)
        if match is None or match.group(1).lower() not in _FIELDS:
            raise ArmError(
                400,
                "InvalidFilterInQueryString",
                f"Invalid $filter '{wanted}' specified in the query string.",
            )
        found[match.group(1).lower()] = match.group(2).replace("''", "'")
    return found


def _fits(one: Document, terms: dict[str, str]) -> bool:
    tags = one.get("tags") or {}
    facts: dict[str, Iterable[str]] = {
        "resourcetype": [str(one["type"])],
        "name": [str(one["name"])],
        "location": [normalized_location(one["location"])],
        "resourcegroup": [ResourceId.parse(str(one["id"])).group],
        "tagname": tags,
        "tagvalue": [value for name, value in tags.items() if terms.get("tagname", name) == name],
    }
    return all(
        any(fact.lower() == _compared(field, value) for fact in facts[field])
        for field, value in terms.items()
    )


def _compared(field: str, value: str) -> str:
    return normalized_location(value) if field == "location" else value.lower()
