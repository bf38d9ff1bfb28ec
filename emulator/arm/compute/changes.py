"""What changes of machines and disks have in common: reading bodies, and refusing changes.

Source: Microsoft.Compute, VirtualMachines_CreateOrUpdate, _Update, Disks_CreateOrUpdate and _Update.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from emulator.kernel import schema
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request


def read(request: Request, shape: schema.Shape) -> Document:
    """A request's body, checked against its shape.

    Raises:
        ArmError: 400 `InvalidRequestContent` if it is no JSON object, 400 `BadRequest` if it has
            another shape.
    """
    content = request.json()
    try:
        body: Document = schema.read(content, shape)
    except schema.SchemaError as error:
        message = str(error)
        if error.unknown:
            message = f"Could not find member '{error.member}' on object of type 'Object'."
        raise ArmError(400, "BadRequest", message, target=error.path) from error
    return body


def require_unchanged(was: Document, wanted: Document, names: Iterable[str]) -> None:
    """Refuse a change of properties that cannot change.

    Args:
        was: the properties as they are.
        wanted: the properties that are asked for; what they leave out stays.
        names: the properties, with dots between their parts.

    Raises:
        ArmError: 409 `PropertyChangeNotAllowed`, as for the first of them.
    """
    for name in names:
        asked, known = member(wanted, name), member(was, name)
        if asked is not None and not _same(asked, known):
            raise ArmError(
                409,
                "PropertyChangeNotAllowed",
                f"Changing property '{name}' is not allowed.",
                target=name,
            )


def member(document: Document, path: str) -> Any:
    """A member at any depth; None if it is not there."""
    value: Any = document
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _same(asked: Any, known: Any) -> bool:
    if isinstance(asked, str) and isinstance(known, str):
        return asked.lower() == known.lower()
    return bool(asked == known)
