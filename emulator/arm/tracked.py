"""The properties that all tracked ARM resources share: id, name, type, location and tags."""

from __future__ import annotations

from emulator.arm import tags
from emulator.arm.regions import require_region, require_same_region
from emulator.kernel import schema
from emulator.kernel.resources import ResourceId, require_writable_group
from emulator.kernel.store import Document
from emulator.kernel.world import World

# Members of every body that are read-only, or common.
COMMON: dict[str, schema.Shape] = {
    "id": schema.IGNORED,
    "name": schema.IGNORED,
    "type": schema.IGNORED,
    "etag": schema.IGNORED,
    "systemData": schema.IGNORED,
    "location": str,
    "tags": schema.MapOf(str),
}


def begin_put(
    world: World,
    identifier: str,
    kind: str,
    body: Document,
    name_max: int = tags.NAME_MAX,
) -> tuple[Document | None, Document]:
    """The start of a PUT of a tracked resource: check its group and region, and begin its
    document.

    Args:
        world: the world.
        identifier: the resource's id as the path gives it.
        kind: the resource type in its proper case.
        body: the body as `schema.body` gives it.
        name_max: the longest name of a tag.

    Returns:
        The resource as it is, or None; and the new document without properties.

    Raises:
        ArmError: for tags, a group, a location or a move that ARM refuses.
    """
    tags.require(body, name_max)
    parsed = ResourceId.parse(identifier)
    require_writable_group(world, parsed.subscription, parsed.group)
    present = world.store.get(kind.lower(), identifier)
    location = require_region(body.get("location"), f"resource type '{kind}'")
    require_same_region(present, location, parsed.group)
    document: Document = {
        "id": present["id"] if present else identifier,
        "name": present["name"] if present else parsed.name,
        "type": kind,
        "location": location,
    }
    if "tags" in body:
        document["tags"] = body["tags"]
    return present, document
