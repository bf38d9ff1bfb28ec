"""Role definitions in the format of `az role definition create`, and their evaluation.

Source: "Understand Azure role definitions". Actions are compared case-insensitively, `*` stands
for any text, and `notActions` are subtracted from the same role's actions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from emulator.arm import identity
from emulator.kernel.schema import ANY
from emulator.kernel.wire import Request
from emulator.kernel.world import World

ACCESS = "access"
"""The kind of a document with the assignments of a caller, by the caller's object id."""
_TEXTS = [str]
_PERMISSIONS = {
    "actions": _TEXTS,
    "notActions": _TEXTS,
    "dataActions": _TEXTS,
    "notDataActions": _TEXTS,
}
SHAPE = {
    "name": str,
    "roleName": str,
    "id": ANY,
    "isCustom": bool,
    "description": str,
    "assignableScopes": _TEXTS,
    "permissions": [_PERMISSIONS],
    **_PERMISSIONS,
}
"""Both layouts that the Azure CLI takes: actions at the top, or in `permissions`."""


def allows(role: Mapping[str, Any], action: str) -> bool:
    """Whether a role definition of `SHAPE` allows an action."""
    return any(
        _among(part.get("actions"), action) and not _among(part.get("notActions"), action)
        for part in (role, *role.get("permissions", ()))
    )


def reaches(assigned: str, scope: str) -> bool:
    """Whether an assignment at one scope applies at another: at the same one, or below it."""
    upper, lower = assigned.rstrip("/").lower() + "/", scope.rstrip("/").lower() + "/"
    return lower.startswith(upper)


def scopes(world: World, request: Request) -> list[str] | None:
    """Where the caller has a role; None for a caller that may do everything."""
    settings = world.store.get(ACCESS, identity.caller(request))
    if settings is None:
        return None
    return [str(assignment["scope"]) for assignment in settings["assignments"]]


def _among(patterns: Any, action: str) -> bool:
    return any(_compiled(pattern).fullmatch(action) for pattern in patterns or ())


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*"), re.IGNORECASE)
