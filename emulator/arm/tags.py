"""What Resource Manager refuses of the tags of a resource.

Sources: "Use tags to organize your Azure resources and management hierarchy" (numbers, lengths,
characters, case) and the description of Tags_CreateOrUpdate (reserved prefixes). The codes
InvalidTagName and InvalidTagNameCharacters are published with their texts; the others are
[inferred].
"""

from __future__ import annotations

from collections.abc import Iterable

from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError

MOST = 50
NAME_MAX = 512
STORAGE_NAME_MAX = 128
VALUE_MAX = 256
_FORBIDDEN = "<>%&\\?/"
_RESERVED = ("microsoft", "azure", "windows")
_HIDDEN = ("hidden", "link")


def problem(tags: Iterable[tuple[str, str]], name_max: int = NAME_MAX) -> tuple[str, str] | None:
    """The code and the text of the refusal; None for tags that are accepted."""
    tags = list(tags)
    if len(tags) > MOST:
        return "TooManyTags", f"The number of tags {len(tags)} exceeds the maximum of {MOST}."
    seen = set()
    for name, value in tags:
        lower = name.lower()
        if not name.strip():
            return (
                "InvalidTagName",
                "The tag name must be non-null, non-empty and non-whitespace only.",
            )
        if len(name) > name_max:
            return (
                "InvalidTagName",
                f"Tag key too large. Following tag key '{name}' exceeded the maximum length. "
                f"Maximum allowed length for tag key - '{name_max}' characters.",
            )
        strange = not lower.startswith(_HIDDEN) and set(_FORBIDDEN) & set(name)
        if strange or not name.isprintable():
            return (
                "InvalidTagNameCharacters",
                f"The tag names '{name}' have reserved characters '<,>,%,&,\\,?,/' or control "
                "characters. These characters are only allowed for tags that start with the "
                "prefix 'hidden, link'.",
            )
        if lower.startswith(_RESERVED):
            return (
                "InvalidTagName",
                f"The tag name '{name}' has a prefix that is reserved: {', '.join(_RESERVED)}.",
            )
        if len(value) > VALUE_MAX:
            return (
                "InvalidTagValue",
                f"Tag value too large. Following tag value '{value}' exceeded the maximum length. "
                f"Maximum allowed length for tag value - '{VALUE_MAX}' characters.",
            )
        if lower in seen:
            return "InvalidTagName", f"The tag name '{name}' is there more than once."
        seen.add(lower)
    return None


def require(body: Document, name_max: int = NAME_MAX) -> None:
    """Check the member `tags` of a body, if there is one.

    Raises:
        ArmError: 400.
    """
    refused = problem((body.get("tags") or {}).items(), name_max)
    if refused is not None:
        raise ArmError(400, *refused)
