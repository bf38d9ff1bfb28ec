"""Whose a resource is that was found in a cloud, and what is done about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from recover.declared import Declared


@dataclass(frozen=True)
class Found:
    """A resource in a cloud with the identity of a declared one.

    Attributes:
        id: the id under which its provider imports it.
        evidence: what shows whose it is: what is declared and what is there, by the words for it.
        state: a word of the cloud for a resource that is not complete; empty for one that is.
        failed: whether it will never be complete.
    """

    id: str
    evidence: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    state: str = ""
    failed: bool = False

    def differences(self) -> str:
        """What is there and differs from what is declared, in words; empty if nothing does."""
        return " and ".join(
            f"its {what} is {there!r}, not {declared!r}"
            if there
            else f"it has no {what} ({declared!r} is declared)"
            for what, (declared, there) in self.evidence.items()
            if declared != there
        )


class Action(Enum):
    """What is done about a declared resource that is not recorded."""

    IMPORT = "import"
    """It is there and it is this stack's."""
    MAKE = "make"
    """It is not there, or to make it again changes nothing: the next `pulumi up` makes it."""
    REFUSE = "refuse"
    """A person has to decide or to wait."""


@dataclass(frozen=True)
class Verdict:
    """The decision about one resource.

    Attributes:
        text: for `REFUSE`: the resource, what is wrong, and the way out; otherwise empty.
    """

    declared: Declared
    action: Action
    id: str = ""
    text: str = ""


def decide(declared: Declared, found: Sequence[Found], *, parent_recorded: bool = True) -> Verdict:
    """Decide about a resource that is not recorded.

    Args:
        declared: the resource.
        found: everything in its cloud that has its identity.
        parent_recorded: whether its component is recorded.
    """
    if not found:
        return Verdict(declared, Action.MAKE)
    problem = _problem(found, parent_recorded)
    if problem:
        return _refused(declared, problem)
    return Verdict(declared, Action.IMPORT, id=found[0].id)


def beside(declared: Declared, others: Sequence[Found], recorded: Iterable[str]) -> Verdict:
    """Decide about a resource that is recorded, and that a run began to replace.

    Args:
        declared: the resource.
        others: what has its identity in its cloud and is not recorded.
        recorded: the ids of what is.
    """
    ids = " and ".join(sorted(one.id for one in others))
    return _refused(
        declared,
        f"{ids} {'exist' if len(others) > 1 else 'exists'} beside {' and '.join(sorted(recorded))}, "
        "which the record has: a run that was to replace it was killed. Delete what the record does "
        "not have, then `make recover` again.",
    )


def _refused(declared: Declared, problem: str) -> Verdict:
    kind = declared.type.rpartition(":")[2]
    return Verdict(declared, Action.REFUSE, text=f"{declared.name} ({kind}): {problem}")


def _problem(found: Sequence[Found], parent_recorded: bool) -> str:
    """Why what was found cannot be recorded, and the way out; empty if it can."""
    if len(found) > 1:
        ids = " and ".join(sorted(one.id for one in found))
        return (
            f"{ids} exist, and the stack has one. Delete those that nothing uses, then "
            "`make recover` again."
        )
    (one,) = found
    if different := one.differences():
        return (
            f"{one.id} exists, and this stack did not make it: {different}. Declare another name, "
            "or adopt it with target.adopt if it is a part that can be adopted."
        )
    if one.failed:
        return f"{one.id} is {one.state}: Azure could not make it. Delete it, then `pulumi up`."
    if one.state:
        return f"{one.id} is {one.state}: it is still being made. `make recover` again later."
    if not parent_recorded:
        return (
            f"{one.id} exists, but the stack has lost more of its record than this. Restore the "
            "record with `pulumi stack import`, or delete what exists."
        )
    return ""
