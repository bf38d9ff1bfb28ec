"""Changes a text where its content changed, and leaves the rest as a person wrote it.

A YAML library keeps comments, but not how far an entry is indented, quoted or spaced. So what it would
write without the change is compared with what it writes with it, and only the difference is applied.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

Lines = Sequence[str]


def plain(text: str) -> str:
    """The text as libraries write it, with the line ends of Unix."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def ended(text: str, like: str) -> str:
    """A text with the line ends of Unix, ended as another one is."""
    return text.replace("\n", "\r\n") if like.count("\r\n") * 2 > like.count("\n") else text


def changed(own: str, before: str, after: str) -> str:
    """The own text with the change that leads from `before` to `after`.

    Args:
        own: as a person wrote it, with any line ends.
        before: the same content as a library writes it.
        after: what the library writes with the change.

    Returns:
        Own lines as they are where nothing changed, and those of `after` elsewhere, ended as own ones.
    """
    if before == after:
        return own
    # A file that lacks the last line end gets it, or what comes after it would join its last line.
    last = "" if not own or own.endswith(("\n", "\r")) else ended("\n", own)
    mine = f"{own}{last}".splitlines(keepends=True)
    base, theirs = (ended(text, own).splitlines(keepends=True) for text in (before, after))
    return "".join(_merged(mine, base, theirs))


def _merged(own: Lines, base: Lines, after: Lines) -> Iterator[str]:
    pieces = list(_pieces(own, base))
    position = 0
    for tag, start, end, first, last in _differences(base, after):
        if tag == "equal":
            continue
        # Own lines right before an insertion follow it; those before lines that go do not go with them.
        yield from _kept(pieces, own, base, position, start, whole=end > start)
        yield from after[first:last]
        position = end
    yield from _kept(pieces, own, base, position, len(base), whole=True)


def _pieces(own: Lines, base: Lines) -> Iterator[tuple[int, int, int, int]]:
    """The smallest parts of `base` that are parts of `own`, as ranges of both."""
    for tag, start, end, first, last in _differences(base, own):
        if tag == "equal":
            for offset in range(end - start):
                yield start + offset, start + offset + 1, first + offset, first + offset + 1
        else:
            yield start, end, first, last


def _kept(
    pieces: Sequence[tuple[int, int, int, int]],
    own: Lines,
    base: Lines,
    position: int,
    end: int,
    *,
    whole: bool,
) -> Iterator[str]:
    """The lines for a part of `base` without changes: own ones, unless a change cuts a piece in two.

    `whole` says whether own lines at the end of the part, which `base` lacks, belong to it.
    """
    for start, stop, first, last in pieces:
        low, high = max(start, position), min(stop, end)
        if (low, high) == (start, stop) and (start < end or whole):
            yield from own[first:last]
        elif low < high:
            yield from base[low:high]


def _differences(one: Lines, other: Lines) -> Sequence[tuple[str, int, int, int, int]]:
    first, second = list(map(plain, one)), list(map(plain, other))
    return SequenceMatcher(None, first, second, autojunk=False).get_opcodes()
