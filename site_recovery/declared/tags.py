"""Tags of Azure resources, as Resource Manager accepts them.

Sources: "Use tags to organize your Azure resources and management hierarchy" (numbers, lengths,
characters, case), and the description of Tags_CreateOrUpdate (reserved prefixes), both Microsoft
Learn. The characters are allowed in names that begin with `hidden` or `link`, by Resource
Manager's own error text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import AfterValidator, Field

from site_recovery.declared.model import broken
from site_recovery.declared.wording import said

TAG_INSTANCE = "migrated-from-instance"
TAG_MACHINE = "migrated-from-machine"
"""Tags that a failover puts on the virtual machine. After Complete Migration has removed the item,
they are the evidence that the machine is migrated."""
TAG_ROLLED_BACK = "rolled-back-from-instance"
"""The tag that takes the place of `TAG_INSTANCE` when the failover was taken back."""

TAGS_MAX = 50
"""The most tags of a resource."""

OURS = (TAG_INSTANCE, TAG_MACHINE, TAG_ROLLED_BACK)
"""The tags that the program gives virtual machines, at most two of them at a time."""

OWN_MAX = TAGS_MAX - 2
"""The most tags that the config may give a virtual machine."""

_NOT = "!"
_KEPT_IN_AWS = ("aws:", "site-recovery:")
"""How names of tags begin that AWS sets itself ("Tag your Amazon EC2 resources"), and those that this
program sets on instances."""

_NAME_MAX = 512
_NAME_MAX_OF_STORAGE = 128
_FORBIDDEN = frozenset("<>%&\\?/")
_RESERVED = ("microsoft", "azure", "windows")
_HIDDEN = ("hidden", "link")


def _name(longest: int) -> AfterValidator:
    def check(name: str) -> str:
        lower = name.lower()
        if not name.strip():
            raise broken("the name of this tag is empty", "Give it a name")
        if len(name) > longest:
            raise broken(
                f"the name of this tag has {len(name)} characters", f"Use at most {longest}"
            )
        strange = not lower.startswith(_HIDDEN) and _FORBIDDEN & set(name)
        if strange or not name.isprintable():
            raise broken(
                "Azure refuses the name of this tag",
                "Use none of <>%&\\?/ in it, and no control characters",
            )
        if lower.startswith(_RESERVED):
            raise broken(
                f"Azure keeps names of tags for itself that begin with {', '.join(_RESERVED)}",
                "Begin it otherwise",
            )
        if lower in OURS:
            raise broken(
                "the program sets this tag, by which a migrated machine is recognised",
                "Use another name",
            )
        return name

    return AfterValidator(check)


def _together(most: int) -> AfterValidator:
    def check(tags: dict[str, str]) -> dict[str, str]:
        if len(tags) > most:
            raise broken(f"there are {len(tags)} tags, and Azure takes {most}", "Remove some")
        seen: dict[str, str] = {}
        for name in tags:
            other = seen.setdefault(name.lower(), name)
            if other != name:
                raise broken(
                    f"{said(other)} and {said(name)} are one tag for Azure, which ignores case",
                    "Remove one of them",
                )
        return tags

    return AfterValidator(check)


_Value = Annotated[str, Field(max_length=256)]

Tags = Annotated[
    dict[Annotated[str, _name(_NAME_MAX_OF_STORAGE)], _Value],
    _together(TAGS_MAX),
]
"""Tags of everything that the stack creates, a storage account among it."""

MachineTags = Annotated[dict[Annotated[str, _name(_NAME_MAX)], _Value], _together(OWN_MAX)]
"""Tags of a virtual machine."""


def _pattern(text: str) -> str:
    if not text.removeprefix(_NOT).strip() or not text.isprintable():
        raise broken(
            f"{said(text)} is no pattern for names of tags",
            "Write a name, with * for any text, such as 'team' or 'app-*'",
        )
    return text


TagPatterns = Annotated[
    list[Annotated[str, AfterValidator(_pattern)]],
    Field(min_length=1, title="list of patterns"),
]
"""Which tags of an EC2 instance its virtual machine gets: `*` for any text, a `!` first to leave out."""


def matching(patterns: Iterable[str], source: Mapping[str, str]) -> dict[str, str]:
    """The tags of an EC2 instance that the last pattern which fits their name takes.

    Names count as AWS has them, in their case. AWS's own tags and the program's are left out.

    >>> matching(["*", "!app-*"], {"team": "shop", "app-id": "7", "aws:autoscaling:x": "y"})
    {'team': 'shop'}
    """
    wanted = list(patterns)

    def takes(name: str) -> bool:
        fitting = [each for each in wanted if fnmatchcase(name, _plain(each.removeprefix(_NOT)))]
        return bool(fitting) and not fitting[-1].startswith(_NOT)

    return {
        name: value
        for name, value in source.items()
        if takes(name) and not name.lower().startswith(_KEPT_IN_AWS)
    }


def _plain(pattern: str) -> str:
    """A pattern in which only `*` has a meaning: names of tags may have the others of `fnmatch`."""
    return "".join(f"[{each}]" if each in "?[" else each for each in pattern)


def merged(own: Mapping[str, str], shared: Mapping[str, str]) -> dict[str, str]:
    """Both, where `own` wins. Names that differ in case only are one tag, spelled as in `own`."""
    names = {name.lower() for name in own}
    rest = {name: value for name, value in shared.items() if name.lower() not in names}
    return {**rest, **own}
