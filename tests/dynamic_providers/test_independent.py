"""Values of a resource that do not make what takes them depend on it."""

from __future__ import annotations

import asyncio
import gc
import warnings
from typing import Any, cast

import pulumi
import pytest
from pulumi.output import UNKNOWN
from pulumi.resource import Resource
from pulumi.runtime.settings import SETTINGS

from dynamic_providers.independent import independent

_WAVE = cast(Resource, object())


async def _now(value: Any) -> Any:
    return value


async def _fails() -> Any:
    raise ValueError("the wave failed")


@pytest.mark.parametrize("secret", [False, True])
@pytest.mark.parametrize(
    ("value", "known"), [({"a": 1}, True), ({"a": UNKNOWN}, False), (None, False)]
)
def test_a_value_stays_as_it_is_but_depends_on_nothing(
    value: Any, known: bool, secret: bool
) -> None:
    async def told() -> tuple[Any, ...]:
        output = independent(pulumi.Output({_WAVE}, _now(value), _now(known), _now(secret)))
        return (
            await output.future(with_unknowns=True),
            await output.is_known(),
            await output.is_secret(),
            await output.resources(),
        )

    assert asyncio.run(told()) == (value, known, secret, set())


def test_a_value_of_a_resource_that_failed_fails_and_leaves_nothing_that_complains(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def told() -> None:
        known = asyncio.ensure_future(_now(True))
        failed = pulumi.Output({_WAVE}, _fails(), known)
        output = independent(failed)
        with pytest.raises(ValueError, match="the wave failed"):
            await output.future()
        await asyncio.sleep(0)
        # The SDK forgets them at the end of a program.
        SETTINGS.outputs -= {failed._data, output._data}

    gc.collect()  # what other tests left
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        asyncio.run(told())
        gc.collect()
    assert [one for one in warned if "never awaited" in str(one.message)] == []
    assert [one.getMessage() for one in caplog.records if one.name == "asyncio"] == []
