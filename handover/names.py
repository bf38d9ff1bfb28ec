"""Names of machines and resources as Python and Terraform take them."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable

SHARED = ""
"""The owner of what several machines use."""
SHARED_MODULE = "shared"
_NOT_IN_NAMES = re.compile(r"\W+")


def identifier(name: str) -> str:
    """A name of Pulumi as one of Python and Terraform."""
    word = _NOT_IN_NAMES.sub("_", name).lower()
    odd = word[:1].isdigit() or keyword.iskeyword(word) or word == SHARED_MODULE
    return f"machine_{word}" if odd else word


def modules(owners: Iterable[str]) -> dict[str, str]:
    """The file of each owner, without its ending; no two are the same."""
    made: dict[str, str] = {}
    for owner in dict.fromkeys(owners):
        name = SHARED_MODULE if owner == SHARED else identifier(owner)
        while name in made.values():
            name += "_"
        made[owner] = name
    return made
