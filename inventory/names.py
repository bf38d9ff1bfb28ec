"""Names of machines: from the tag `Name`, made valid for Azure and unique in the stack."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from site_recovery.declared import names

_TEST = "-test"
LONGEST = 59
"""A test failover puts `-test` behind the name of a machine, and Azure takes 64 letters."""
_SHOWN = 80
"""How many letters of a tag a person reads in a line."""
_INSTEAD = {"windows": "win", "microsoft": "ms", "login": "logon"}
"""Words that Azure reserves within a name, each with a shorter word that it accepts."""
_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L"}
    | {"đ": "d", "Đ": "D", "\u0131": "i", "þ": "th", "Þ": "Th", "ð": "d", "Ð": "D"}
)
"""Letters of Latin alphabets that Unicode does not take apart into a plain one and its mark."""


@dataclass(frozen=True)
class Name:
    """A name for the config; `reason` says why it is not the tag, or is None."""

    text: str
    reason: str | None = None


def valid(text: str) -> str:
    """The nearest name that Azure accepts; an empty text if nothing of it can be kept.

    >>> valid("Büro server.01")
    'Buro-server-01'
    """
    apart = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    plain = "".join(letter for letter in apart if not unicodedata.combining(letter))
    for word, instead in _INSTEAD.items():
        if word in plain.lower() and names.reserved(plain) is not None:
            plain = re.sub(word, instead, plain, flags=re.IGNORECASE)
    name = re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-")[:LONGEST].rstrip("-")
    if name and names.reserved(name) is not None:
        name = f"{name[: LONGEST - 3]}-vm"
    return name


def one_line(text: str) -> str:
    r"""A text of a person, such as the value of a tag, as it can stand in a comment or a list.

    Line ends and what cannot be printed become spaces, and a long text is cut.

    >>> one_line("shop\nconfig: {}")
    'shop config: {}'
    """
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    plain = " ".join(printable.split())
    return plain if len(plain) <= _SHOWN else f"{plain[: _SHOWN - 1]}…"


def unique(name: str, taken: Collection[str], longest: int = LONGEST) -> str:
    """The name, with a number at its end if it is taken. Azure's names ignore case.

    Args:
        name: a valid name.
        taken: names in lower case.
        longest: the most letters; a longer name is cut.
    """
    number, candidate = 1, name[:longest].rstrip("-")
    while candidate.lower() in taken:
        number += 1
        ending = f"-{number}"
        candidate = f"{name[: longest - len(ending)].rstrip('-')}{ending}"
    return candidate


def named(instances: Iterable[tuple[str, str | None]], taken: Iterable[str]) -> dict[str, Name]:
    """A name for each instance.

    Args:
        instances: instance ids, each with its tag `Name` if it has one.
        taken: names that other machines of the stack have.

    Returns:
        The names by instance id.
    """
    used = {name.lower() for name in taken}
    found: dict[str, Name] = {}
    for instance, tag in sorted(instances, key=lambda one: (one[1] or "", one[0])):
        wanted = valid(tag or "") or instance
        tests = {f"{name}{_TEST}" for name in used} | {name.removesuffix(_TEST) for name in used}
        name = unique(wanted, used | tests)
        found[instance] = Name(name, _reason(tag, wanted, name, wanted.lower() in used))
        used.add(name.lower())
    return found


def _reason(tag: str | None, wanted: str, name: str, taken: bool) -> str | None:
    if tag is None:
        return "it has no tag Name"
    if not tag.strip():
        return "its tag Name is empty"
    said = f"its tag Name is '{one_line(tag)}'"
    if taken:
        return f"{said}, and another machine has that name"
    if unique(wanted, ()) != name:
        return f"{said}, and a test failover gives a machine a name that ends in {_TEST}"
    if tag != name:
        return f"{said}, which Azure refuses as the name of a virtual machine"
    return None
