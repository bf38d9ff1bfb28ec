"""Names and bodies of Microsoft.Network, and how it refuses them."""

from __future__ import annotations

import re

from emulator.arm import tags
from emulator.kernel import schema
from emulator.kernel.resources import require
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request
from emulator.kernel.world import World

_NAME = re.compile(r"[A-Za-z0-9]([\w.-]{0,78}\w)?", re.ASCII)


def require_name(name: str, lengths: tuple[int, int] = (1, 80)) -> None:
    """Refuse a name that Microsoft.Network does not accept.

    Source: "Naming rules and restrictions for Azure resources" (Microsoft Learn).

    Args:
        name: the name of a resource.
        lengths: the fewest and the most characters of its type.

    Raises:
        ArmError: 400 `InvalidResourceName`.
    """
    if not _NAME.fullmatch(name) or not lengths[0] <= len(name) <= lengths[1]:
        raise ArmError(
            400,
            "InvalidResourceName",
            f"Resource name {name} is invalid. The name can be {lengths[0]} to {lengths[1]} characters long. It must "
            "begin with a word character, and it must end with a word character or with '_'. The "
            "name may contain word characters or '.', '-', '_'.",
        )


def read(request: Request, shape: schema.Shape, what: str) -> Document:
    """A request's body, checked against its shape.

    Raises:
        ArmError: 400 `InvalidRequestContent` if it is not a JSON object, 400
            `InvalidRequestFormat` if it has another shape.
    """
    content = request.json()
    try:
        body: Document = schema.read(content, shape)
    except schema.SchemaError as error:
        raise malformed(f"{error} (object of type '{what}')") from error
    return body


def malformed(message: str) -> ArmError:
    """Microsoft.Network's 400 for a body that it cannot read."""
    return ArmError(
        400,
        "InvalidRequestFormat",
        "Cannot parse the request.",
        details=[{"code": "InvalidJson", "message": message}],
    )


def etag(world: World) -> str:
    """A new entity tag."""
    return f'W/"{world.guid()}"'


def with_new_tags(world: World, request: Request, kind: str, identifier: str) -> Document:
    """Replace the tags of a resource by those of a request (the operations `…_UpdateTags`).

    Raises:
        ArmError: there is no such resource, or its tags are refused.
    """
    document = require(world, kind, identifier)
    body = read(request, {"tags": schema.MapOf(str)}, "TagsObject")
    tags.require(body)
    document["tags"] = body.get("tags", {})
    world.store.put(kind, document["id"], document)
    return document
