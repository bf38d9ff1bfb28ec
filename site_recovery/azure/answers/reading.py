"""Parses the entries of a list one by one, so that an odd one spoils no other."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from site_recovery import arm_ids
from site_recovery.declared.tags import TAG_INSTANCE, TAG_MACHINE
from site_recovery.errors import MigrationError
from site_recovery.snapshot import Kind, Unreadable

_T = TypeVar("_T")

_UNSET_YEARS = (1, 1753)
"""Years by which the service says that a time was never set."""
_SHOWN = 60
"""The most characters of an odd value that a message shows."""
_NAMING = frozenset(
    {
        *("id", "name", "friendlyName", "displayName", "targetObjectName"),
        *("protectableItemId", "fabricDiscoveryMachineId", "replicationProtectedItemId"),
        *("targetVmName", "recoveryAzureVMName", "tagValue", TAG_INSTANCE, TAG_MACHINE),
        *("ipAddress", "ipAddressList", "biosGuid"),
    }
)
"""The fields of a wire object that can tell which machine it belongs to."""


class Wire(BaseModel):
    """A part of a wire object: the fields that this program reads, by their names in Python.

    The service may leave out any field or answer null, unless the class says otherwise.
    """

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore")


class EncryptedDisk(Wire):
    """A disk of an item, which may have a disk encryption set."""

    disk_encryption_set_id: str | None = None

    @property
    def encryption_set(self) -> str | None:
        """The id of its set; empty if the service says that it has none, None if it does not say."""
        if "disk_encryption_set_id" not in self.model_fields_set:
            return None
        return self.disk_encryption_set_id or ""


def moment(value: object) -> datetime | None:
    """A time of the service in UTC, or None where it says by year 1 or 1753 that there is none.

    Raises:
        ValueError: it is no time.
    """
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise ValueError("no time")
    parsed = datetime.fromisoformat(value)
    if parsed.year in _UNSET_YEARS:
        return None
    try:
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("no time") from error


Moment = Annotated[datetime | None, BeforeValidator(moment)]


def _tags(value: object) -> object:
    """Tags as a mapping: InMageRcm lists them, and a tag in that list may have no value."""
    if not isinstance(value, list):
        return value
    if not all(isinstance(tag, Mapping) for tag in value):
        raise ValueError("no tags")
    return {tag["tagName"]: tag.get("tagValue") for tag in value if tag.get("tagName")}


Tags = Annotated[dict[str, str | None] | None, BeforeValidator(_tags)]
"""The tags of a resource; None if the service shows none. A tag without a value has None."""


def tags_of(shown: Mapping[str, str | None] | None) -> dict[str, str]:
    """Tags in which a missing value is empty."""
    return {name: value or "" for name, value in (shown or {}).items()}


class UnreadableError(MigrationError):
    """A single answer is not as the service documents it.

    Attributes:
        what: what is odd about it, in words.
    """

    def __init__(self, message: str, what: str) -> None:
        super().__init__(message)
        self.what = what


def each(
    kind: Kind, entries: Iterable[Any], parse: Callable[[Any], _T]
) -> tuple[tuple[_T, ...], tuple[Unreadable, ...]]:
    """Parse the entries of a list.

    Args:
        kind: what an entry is.
        entries: the wire objects.
        parse: parses one; raises `ValueError` if it is not as the service documents it.

    Returns:
        The parsed entries, and those that cannot be parsed, each in their order.
    """
    parsed: list[_T] = []
    odd: list[Unreadable] = []
    for entry in entries:
        try:
            parsed.append(parse(entry))
        except ValueError as error:
            marks = frozenset(_marks(entry))
            odd.append(Unreadable(kind, _name(entry), odd_part(error), marks))
    return tuple(parsed), tuple(odd)


def one(about: str, answer: Any, parse: Callable[[Any], _T]) -> _T:
    """Parse a single answer.

    Args:
        about: what was read; the message begins with it.
        answer: the wire object.
        parse: as for `each`.

    Raises:
        UnreadableError: it is not as the service documents it.
    """
    try:
        return parse(answer)
    except ValueError as error:
        what = odd_part(error)
        raise UnreadableError(
            f"{about}: what Azure answers about it cannot be read: {what}. Look at it in the vault, "
            "then run pulumi up again.",
            what,
        ) from error


def odd_part(error: ValueError) -> str:
    """What is odd, in words: `properties.progress is 'n/a'`."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors(include_url=False, include_context=False)[0]
    place = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in first["loc"]).lstrip(".")
    if first["type"] == "missing":
        return f"it has no {place}"
    return f"{place or 'it'} is {_brief(first['input'])}"


def _brief(value: object) -> str:
    try:
        text = _printable(json.dumps(value, ensure_ascii=False, default=str))
    except (ValueError, RecursionError):
        text = type(value).__name__
    return f"{text[:_SHOWN]}…" if len(text) > _SHOWN else text


def _name(entry: Any) -> str:
    """What people call an entry; empty if it has no name at all."""
    if not isinstance(entry, Mapping):
        return ""
    id_ = entry.get("id")
    for text in (entry.get("name"), arm_ids.name(id_) if isinstance(id_, str) else None):
        if isinstance(text, str) and text:
            return _printable(text)
    return ""


def _printable(text: str) -> str:
    """Text that every terminal can show: JSON may have half of a surrogate pair."""
    return text.encode("utf-8", "backslashreplace").decode()


def _marks(value: Any, key: str = "") -> Iterator[str]:
    """Names, ids and addresses anywhere in a wire object, in lower case."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _marks(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _marks(inner, key)
    elif isinstance(value, str) and value and key in _NAMING:
        yield value.lower()
        if "/" in value:
            yield arm_ids.name(value).lower()
