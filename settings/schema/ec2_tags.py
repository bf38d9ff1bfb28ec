"""Tags in EC2, as it accepts them ("Tag your Amazon EC2 resources", tag restrictions)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from site_recovery.declared.model import rule

TAG_KEY_MAX, TAG_VALUE_MAX = 128, 256
"""The most characters of a tag in EC2."""

_OURS_OF_A_SERVER = ("name", "site-recovery:role", "site-recovery:vault")
_KEPT_BY_AWS = "aws:"
_TAGS_MAX = 50 - len(_OURS_OF_A_SERVER)

TagKey = Annotated[
    str,
    rule(
        lambda key: key.strip() != "" and key.isprintable() and len(key) <= TAG_KEY_MAX,
        "{value} is no key of a tag in EC2",
        f"Write one as EC2 shows it: 1 to {TAG_KEY_MAX} characters, without `tag:`",
    ),
]
TagValue = Annotated[str, Field(max_length=TAG_VALUE_MAX)]

_OwnKey = Annotated[
    TagKey,
    rule(
        lambda key: (
            not key.lower().startswith((_KEPT_BY_AWS, *_OURS_OF_A_SERVER[1:]))
            and key.lower() != _OURS_OF_A_SERVER[0]
        ),
        "AWS or this program sets the tag {value} of a server",
        "Take another key",
    ),
]
ServerTags = Annotated[
    dict[_OwnKey, TagValue], Field(max_length=_TAGS_MAX, title="names and texts")
]
"""Tags that the config gives a server, beside those of the program."""
