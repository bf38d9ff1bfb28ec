"""Paths of a vault's resources: path templates, stored kinds, ids and their casing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import quote

from emulator.kernel import resources
from emulator.kernel.long_running import origin
from emulator.kernel.resources import list_of_views, public
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Rendered, Request
from emulator.kernel.world import World

API_VERSIONS = (
    "2016-08-10",
    "2018-01-10",
    "2018-07-10",
    "2021-06-01",
    "2021-11-01",
    "2021-12-01",
    "2022-08-01",
    "2022-10-01",
    "2023-01-01",
    "2023-06-01",
    "2023-08-01",
    "2024-01-01",
    "2024-02-01",
    "2024-04-01",
    "2024-10-01",
    "2025-01-01",
    "2025-02-01",
    "2025-08-01",
    "2026-01-01",
    "2026-02-01",
    "2026-06-01",
)
"""The api-versions answered side by side; poll URLs carry an older one than the request."""

POLL_API_VERSION = "2021-06-01"

VAULT = (
    "/subscriptions/{subscription}/resourceGroups/{group}"
    "/providers/Microsoft.RecoveryServices/vaults/{vault}"
)
VAULT_KIND = "microsoft.recoveryservices/vaults"

AZURE = "Microsoft Azure"
"""The name that ASR uses for Azure as a target fabric or container."""

RECOVERY_CONTAINER = (
    "/replicationFabrics/d49858f157601230a6ac5862fbbc6e63bf38d23ecd96cf953767945d457fe9d5"
    "/replicationProtectionContainers/d38048d4-b460-4791-8ece-108395ee8478"
)
"""The id of ASR's target container for Azure, relative to a vault's id (recorded)."""

PAGE_SIZE = 100
"""Resources on one page of a list that pages [inferred]."""


_Entry = TypeVar("_Entry", bound=Any)


@dataclass(frozen=True)
class Collection:
    """One resource type under a vault.

    Attributes:
        template: the path of one resource, with `{parameters}`.
        parameter: the template's last parameter, the resource's own name.
    """

    template: str
    parameter: str

    @property
    def collection(self) -> str:
        """The path template of the list."""
        return self.template.rsplit("/", 1)[0]

    @cached_property
    def type(self) -> str:
        """The ARM resource type, as it stands in a body."""
        segments = self.template.split("/providers/")[1].split("/")
        return "/".join([segments[0], *segments[1::2]])

    @cached_property
    def kind(self) -> str:
        """The kind under which documents are stored."""
        return self.type.lower()

    def key(self, path: Mapping[str, str]) -> str:
        """The id that path parameters name, in the casing of the service's responses."""
        return service_id(self.template.format_map(path))

    def id(self, parent_id: str, name: str) -> str:
        """The id of a child of `parent_id`."""
        return f"{service_id(parent_id)}/{self.template.rsplit('/', 2)[1]}/{name}"


FABRICS = Collection(f"{VAULT}/replicationFabrics/{{fabric}}", "fabric")
CONTAINERS = Collection(
    f"{FABRICS.template}/replicationProtectionContainers/{{container}}", "container"
)
PROVIDERS = Collection(
    f"{FABRICS.template}/replicationRecoveryServicesProviders/{{provider}}", "provider"
)
PROTECTABLE_ITEMS = Collection(
    f"{CONTAINERS.template}/replicationProtectableItems/{{protectable}}", "protectable"
)
MAPPINGS = Collection(
    f"{CONTAINERS.template}/replicationProtectionContainerMappings/{{mapping}}", "mapping"
)
PROTECTED_ITEMS = Collection(f"{CONTAINERS.template}/replicationProtectedItems/{{item}}", "item")
RECOVERY_POINTS = Collection(f"{PROTECTED_ITEMS.template}/recoveryPoints/{{point}}", "point")
TARGET_SIZES = Collection(f"{PROTECTED_ITEMS.template}/targetComputeSizes/{{size}}", "size")
POLICIES = Collection(f"{VAULT}/replicationPolicies/{{policy}}", "policy")
RECOVERY_PLANS = Collection(f"{VAULT}/replicationRecoveryPlans/{{plan}}", "plan")
JOBS = Collection(f"{VAULT}/replicationJobs/{{job}}", "job")
EVENTS = Collection(f"{VAULT}/replicationEvents/{{event}}", "event")
ALERT_SETTINGS = Collection(f"{VAULT}/replicationAlertSettings/{{setting}}", "setting")
VAULT_HEALTH = f"{VAULT}/replicationVaultHealth"

_PARENTS = (
    (FABRICS, "fabric"),
    (CONTAINERS, "container"),
    (PROTECTED_ITEMS, "item"),
)


def service_id(resource_id: str) -> str:
    """An id as Site Recovery returns it: beginning with `/Subscriptions/`, capital S."""
    return re.sub(r"^/subscriptions/", "/Subscriptions/", resource_id, flags=re.IGNORECASE)


def vault_id(path: Mapping[str, str]) -> str:
    """The vault's id in the service's casing."""
    return service_id(VAULT.format_map(path))


def vault_of(resource_id: str) -> str:
    """The vault's id within the id of something under it, or an empty string."""
    found = re.match(r"(/subscriptions/[^/]+/.*?/vaults/[^/]+)(/|$)", resource_id, re.IGNORECASE)
    return found.group(1) if found else ""


def fabric_of(resource_id: str) -> str:
    """The fabric's id within the id of something under it."""
    return "/".join(resource_id.split("/")[:11])


def name_of(resource_id: str) -> str:
    """The last segment of an id."""
    return resource_id.rstrip("/").rsplit("/", 1)[-1]


def require_vault(world: World, path: Mapping[str, str]) -> Document:
    """The vault that a path names.

    Raises:
        ArmError: 404 `ResourceNotFound` or `ResourceGroupNotFound`.
    """
    return resources.require(world, VAULT_KIND, VAULT.format_map(path))


def require_parents(world: World, path: Mapping[str, str]) -> None:
    """Check the vault, the fabric, the container and the item that a path names.

    Raises:
        ArmError: 404, for the outermost one that does not exist.
    """
    require_vault(world, path)
    for collection, parameter in _PARENTS:
        if parameter in path and world.store.peek(collection.kind, collection.key(path)) is None:
            raise not_found(path[parameter])


def require(world: World, collection: Collection, path: Mapping[str, str]) -> Document:
    """The document of the resource that a path names, every parent checked.

    Raises:
        ArmError: 404.
    """
    found = find(world, collection, path)
    if found is None:
        raise not_found(path[collection.parameter])
    return found


def find(world: World, collection: Collection, path: Mapping[str, str]) -> Document | None:
    """The document of the resource that a path names, or None; every parent must be there.

    Raises:
        ArmError: 404, for a parent that is not there.
    """
    require_parents(world, {k: v for k, v in path.items() if k != collection.parameter})
    return world.store.get(collection.kind, collection.key(path))


def require_key(world: World, collection: Collection, path: Mapping[str, str]) -> str:
    """The key of the resource that a path names, for a view of it; every parent is checked.

    Raises:
        ArmError: 404.
    """
    require_parents(world, {k: v for k, v in path.items() if k != collection.parameter})
    key = collection.key(path)
    if world.store.peek(collection.kind, key) is None:
        raise not_found(path[collection.parameter])
    return key


def not_found(name: str) -> ArmError:
    """The service's error for a resource that does not exist (recorded).

    `refusals.identify` adds the ids of the request to it.
    """
    message = f"Specified resource with name '{name}' does not exist."
    detail = {
        "code": "ArmResourceDoesNotExist",
        "message": message,
        "possibleCauses": "Ensure correct resource name was specified.",
        "recommendedAction": "Verify ARM resource name details.",
    }
    return ArmError(404, "NotFound", message, details=[detail])


def put(world: World, collection: Collection, document: Document) -> None:
    """Store a document under its own id."""
    world.store.put(collection.kind, document["id"], document)


def child_keys(world: World, collection: Collection, parent_id: str) -> list[str]:
    """The keys of `children`, for lists of which one page is read."""
    return world.store.keys(collection.kind, parent_id.lower() + "/")


def stored(world: World, collection: Collection, key: str) -> Document:
    """The document of a key that was just listed."""
    document = world.store.get(collection.kind, key)
    assert document is not None
    return document


def seen(world: World, collection: Collection, key: str) -> Document:
    """As `stored`, for reading only: the document is shared and must not be changed."""
    document = world.store.peek(collection.kind, key)
    assert document is not None
    return document


def children_seen(world: World, collection: Collection, parent_id: str) -> list[Document]:
    """As `children`, for reading only: the documents are shared and must not be changed."""
    return world.store.peeks(collection.kind, parent_id.lower() + "/")


def children(world: World, collection: Collection, parent_id: str) -> list[Document]:
    """The documents of a collection under a vault, a fabric or a container, oldest first."""
    return world.store.list(collection.kind, parent_id.lower() + "/")


def page(
    request: Request, entries: Sequence[_Entry], show: Callable[[_Entry], Document] = public
) -> Document:
    """A list's body; with more than a page, `nextLink` leads on by `skipToken`.

    Args:
        request: the list's request.
        entries: the whole list, as documents or as keys of them.
        show: converts an entry to its response; called for those of the page only.

    Raises:
        ArmError: 400 for a token that the service did not issue.
    """
    found, link = _page(request, entries)
    return {"value": [show(entry) for entry in found], "nextLink": link}


def page_of_views(
    request: Request, entries: Sequence[_Entry], view: Callable[[_Entry], Sequence[bytes]]
) -> Rendered:
    """As `page`, of views that are JSON already, in pieces.

    Raises:
        ArmError: 400 for a token that the service did not issue.
    """
    found, link = _page(request, entries)
    return list_of_views((view(entry) for entry in found), {"nextLink": link})


def _page(request: Request, entries: Sequence[_Entry]) -> tuple[Sequence[_Entry], str | None]:
    """The entries of the page that a request asks for, and the link to the next one."""
    token = request.query.get("skipToken", request.query.get("$skipToken", "0"))
    if not token.isdigit():
        raise ArmError(400, "InvalidSkipToken", f"The skipToken '{token}' is not valid.")
    start, end = int(token), int(token) + PAGE_SIZE
    link = None
    if end < len(entries):
        query = {k: v for k, v in request.query.items() if k.lower() not in _SKIP_TOKENS}
        query["skipToken"] = str(end)
        pairs = "&".join(f"{quote(k, safe='$')}={quote(v)}" for k, v in query.items())
        link = f"{origin(request)}{quote(request.path)}?{pairs}"
    return entries[start:end], link


_SKIP_TOKENS = ("skiptoken", "$skiptoken")
