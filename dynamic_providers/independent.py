"""Values of a resource that do not make what takes them depend on it."""

from __future__ import annotations

import asyncio
from typing import TypeVar

import pulumi

_T = TypeVar("_T")


def independent(output: pulumi.Output[_T]) -> pulumi.Output[_T]:
    """The same value, known or not, secret or not, without the resource that it comes from.

    With every input of a resource that comes from another one, the SDK looks through all that the
    other one depends on, and the engine keeps a list of its own. One such input says the same as
    eight. So a resource that takes many values of another takes all but one of them like this.
    """

    async def value() -> _T:
        found: _T = await output.future(with_unknowns=True)  # type: ignore[assignment]
        return found

    async def known() -> bool:
        return not await _failed(output) and await output.is_known()

    async def secret() -> bool:
        return not await _failed(output) and await output.is_secret()

    # As tasks, because the SDK awaits one after the other, and none after one that fails.
    return pulumi.Output(
        set(), value(), asyncio.ensure_future(known()), asyncio.ensure_future(secret())
    )


async def _failed(output: pulumi.Output[_T]) -> bool:
    """Whether the resource failed. Then only the value says it."""
    try:
        await output.future()
    except Exception:  # noqa: BLE001 - whatever the resource failed with
        return True
    return False
