"""ARM resources as documents: ids, lookups with ARM's refusals, and what a caller may see."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Rendered, Response, rendered

if TYPE_CHECKING:
    from emulator.kernel.world import World

PRIVATE = "_emulator"
GROUPS = "microsoft.resources/resourcegroups"


@dataclass(frozen=True)
class ResourceId:
    """A parsed ARM id.

    Attributes:
        text: the id as it was given.
        subscription: the subscription's GUID.
        group: the resource group's name; empty for an id without one.
        type: such as `Microsoft.Network/virtualNetworks/subnets`; empty for a resource group.
        names: the name for each part of the type after the namespace.
    """

    text: str
    subscription: str
    group: str
    type: str
    names: tuple[str, ...]

    @property
    def kind(self) -> str:
        """The kind under which the store keeps it."""
        return self.type.lower() or GROUPS

    @property
    def name(self) -> str:
        """The last name."""
        return self.names[-1] if self.names else self.group

    @classmethod
    def parse(cls, text: str) -> ResourceId:
        """Parse an id.

        Raises:
            ArmError: 400 `LinkedInvalidPropertyId`: it is not a resource id.
        """
        parts = text.strip().strip("/").split("/")
        refusal = ArmError(
            400,
            "LinkedInvalidPropertyId",
            f"Property id '{text}' is invalid. Expect fully qualified resource Id that start "
            "with '/subscriptions/{subscriptionId}' or '/providers/{resourceProviderNamespace}/'.",
        )
        lowered = [part.lower() for part in parts]
        if len(parts) < 4 or lowered[0] != "subscriptions" or lowered[2] != "resourcegroups":
            raise refusal
        if not all(parts):
            raise refusal
        rest = parts[4:]
        if not rest:
            return cls(text, parts[1], parts[3], "", ())
        if lowered[4] != "providers" or len(rest) < 4 or len(rest) % 2:
            raise refusal
        kind = "/".join([rest[1], *rest[2::2]])
        return cls(text, parts[1], parts[3], kind, tuple(rest[3::2]))


def group_id(subscription: str, group: str) -> str:
    """The id of a resource group."""
    return f"/subscriptions/{subscription}/resourceGroups/{group}"


def resource_id(subscription: str, group: str, namespace: str, *path: str) -> str:
    """The id of a resource; `path` alternates between type and name."""
    return "/".join([group_id(subscription, group), "providers", namespace, *path])


def public(document: Document) -> Document:
    """The document as a caller may see it: without the emulator's private fields."""
    return {name: value for name, value in document.items() if name != PRIVATE}


def listing(documents: Iterable[Document]) -> Response:
    """A list answer, in one page: `{"value": [...]}`."""
    return Response(200, {"value": [public(document) for document in documents]})


def list_of_views(views: Iterable[Sequence[bytes]], more: Document | None = None) -> Rendered:
    """The body of a list whose resources are JSON already, in pieces; `more` are its other fields.

    A page of a hundred items is most of a megabyte, so it is written once and not copied.
    """
    text = [b'{"value":[']
    for pieces in views:
        text += pieces
        text.append(b",")
    if len(text) > 1:
        text.pop()
    text.append(b"]")
    text += [b',"%s":%s' % (k.encode(), rendered(v)) for k, v in (more or {}).items()]
    text.append(b"}")
    return Rendered(b"".join(text))


def put(world: World, document: Document) -> None:
    """Keep a resource under the kind and key that its type and id give."""
    world.store.put(str(document["type"]).lower(), str(document["id"]), document)


def find(world: World, identifier: str) -> Document | None:
    """The resource of an id; None if there is none, or if it is not an id."""
    try:
        return world.store.get(ResourceId.parse(identifier).kind, identifier.rstrip("/"))
    except ArmError:
        return None


def require(world: World, kind: str, identifier: str) -> Document:
    """The resource of an id.

    Raises:
        ArmError: 404 `ResourceNotFound`, or 404 `ResourceGroupNotFound` if its group does not
            exist either.
    """
    document = world.store.get(kind.lower(), identifier)
    if document is not None:
        return document
    parsed = ResourceId.parse(identifier)
    require_group(world, parsed.subscription, parsed.group)
    raise not_found(parsed)


def require_parent(world: World, kind: str, identifier: str, child: str) -> Document:
    """The parent of a resource that is being written.

    Args:
        world: the world.
        kind: the parent's kind.
        identifier: the parent's id.
        child: the id of the child.

    Raises:
        ArmError: 404 `ParentResourceNotFound`, or 404 `ResourceGroupNotFound`.
    """
    document = world.store.get(kind.lower(), identifier)
    if document is not None:
        return document
    parsed, below = ResourceId.parse(identifier), ResourceId.parse(child)
    require_group(world, parsed.subscription, parsed.group)
    raise ArmError(
        404,
        "ParentResourceNotFound",
        "Failed to perform 'write' on resource(s) of type "
        f"'{below.type.partition('/')[2]}', because the parent resource "
        f"'{identifier}' could not be found.",
    )


def require_group(world: World, subscription: str, group: str) -> Document:
    """A resource group in which something is being read or written.

    Raises:
        ArmError: 404 `ResourceGroupNotFound`; 409 `ResourceGroupBeingDeleted`.
    """
    document = world.store.get(GROUPS, group_id(subscription, group))
    if document is None:
        raise ArmError(
            404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found."
        )
    return document


def require_writable_group(world: World, subscription: str, group: str) -> Document:
    """A resource group in which something is being written.

    Raises:
        ArmError: 404 `ResourceGroupNotFound`; 409 `ResourceGroupBeingDeleted`.
    """
    document = require_group(world, subscription, group)
    if document["properties"]["provisioningState"] == "Deleting":
        raise ArmError(
            409,
            "ResourceGroupBeingDeleted",
            f"The resource group '{group}' is in deprovisioning state and cannot perform this "
            "operation.",
        )
    return document


def require_reference(world: World, identifier: object, by: str) -> Document:
    """A resource that another one names in its body.

    Args:
        world: the world.
        identifier: what the body gives as the id.
        by: the id of the resource that names it.

    Raises:
        ArmError: 400 `InvalidResourceReference`, or 400 `LinkedInvalidPropertyId`.
    """
    parsed = ResourceId.parse(str(identifier))
    document = world.store.get(parsed.kind, parsed.text.rstrip("/"))
    if document is None:
        raise ArmError(
            400,
            "InvalidResourceReference",
            f"Resource {parsed.text} referenced by resource {by} was not found. Please make "
            "sure that the referenced resource exists, and that both resources are in the same "
            "region.",
        )
    return document


def not_found(parsed: ResourceId) -> ArmError:
    """The refusal for a resource that does not exist."""
    path = "/".join([parsed.type.split("/")[0], *_pairs(parsed)])
    return ArmError(
        404,
        "ResourceNotFound",
        f"The Resource '{path}' under resource group '{parsed.group}' was not found. For more "
        "details please go to https://aka.ms/ARMResourceNotFoundFix",
    )


def normalized_location(value: Any) -> str:
    """A region's name as ARM compares it: `West Europe` and `westeurope` are the same."""
    return str(value).replace(" ", "").lower()


def _pairs(parsed: ResourceId) -> list[str]:
    types = parsed.type.split("/")[1:]
    return [part for pair in zip(types, parsed.names, strict=True) for part in pair]
