"""All waves of a stack, as each of them gets them: as one text.

Every wave reviews the machines of all. SDK, engine and provider handle each value of an input by
itself, several times, and the engine writes it into its log. As values, the machines of all waves in
the inputs of each would cost more than everything else in a command of twenty waves.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from functools import cache, lru_cache
from types import MappingProxyType
from zlib import compress, decompress

from pydantic import TypeAdapter

from dynamic_providers.wave.inputs import OtherWave

_OF_ONE_RUN = 2
"""A process serves one run, whose waves all get the same text; tests have more of them."""


def packed(waves: Mapping[str, OtherWave]) -> str:
    """The waves, by name, as a text that `unpacked` reads."""
    return b64encode(compress(_waves().dump_json(dict(waves), exclude_none=True))).decode()


@lru_cache(_OF_ONE_RUN)
def unpacked(text: str) -> Mapping[str, OtherWave]:
    """The waves of a text, by name.

    Raises:
        ValueError: it is none of `packed`.
    """
    return MappingProxyType(_waves().validate_json(decompress(b64decode(text))))


@cache
def _waves() -> TypeAdapter[dict[str, OtherWave]]:
    return TypeAdapter(dict[str, OtherWave])
