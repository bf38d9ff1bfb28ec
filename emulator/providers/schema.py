"""The properties of a provider's types, and what a change of each one means."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from emulator.providers.values import UNKNOWN

Kind: TypeAlias = Literal[
    "string", "integer", "boolean", "object", "map", "list", "set", "json", "any"
]
Change: TypeAlias = Literal["add", "update", "delete"]

_PYTHON: dict[str, tuple[type[Any], ...]] = {
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
    "object": (dict,),
    "map": (dict,),
    "list": (list,),
    "set": (list,),
    "json": (str, dict, list),
}


@dataclass(frozen=True)
class Property:
    """One input of a type.

    Attributes:
        kind: `json` is a JSON text (an object is taken too, and becomes text); `any` is passed on
            unchecked.
        fields: the properties of an object, by name.
        items: what a list, set or map holds.
        required: whether it must be given.
        replace: whether the real provider replaces the resource when it changes.
        computed: whether the service chooses a value if none is given, so that leaving it out is
            not a change.
        write_only: whether the service never returns it.
        default: the value that the service uses if it is absent.
        key: the field that identifies the elements of a set.
        normal: normalises a value before it is compared.
        container: where it is in the body of a request, for instance `("properties",)`.
        wire: its name in that body, if it differs.
        maintained: elements may be resources of their own, so leaving it out keeps the existing
            ones.
    """

    kind: Kind = "string"
    fields: Mapping[str, Property] = field(default_factory=dict)
    items: Property | None = None
    required: bool = False
    replace: bool = False
    computed: bool = False
    write_only: bool = False
    default: Any = None
    key: str | None = None
    normal: Callable[[Any], Any] | None = None
    container: tuple[str, ...] = ()
    wire: str | None = None
    maintained: bool = False


@dataclass(frozen=True)
class Problem:
    """A problem of the inputs: the property's path and the reason."""

    path: str
    reason: str


@dataclass(frozen=True)
class Difference:
    """One change: the property's path, what happens to it, and whether it needs replacement."""

    path: str
    change: Change
    replace: bool


def join(path: str, name: str) -> str:
    """The path of a member, in the engine's notation."""
    if not name.replace("_", "a").isalnum():
        return f"{path}[{json.dumps(name)}]"
    return f"{path}.{name}" if path else name


# -- checking -------------------------------------------------------------------------------


def check(
    provider: str, token: str, inputs: Mapping[str, Any], properties: Mapping[str, Property]
) -> list[Problem]:
    """All problems of the inputs of a resource of type `token`."""
    return _check_object(f"the local {provider} provider", token, "", inputs, properties)


def _check_object(
    who: str,
    token: str,
    path: str,
    values: Mapping[str, Any],
    properties: Mapping[str, Property],
) -> list[Problem]:
    problems = []
    for name, value in values.items():
        here = join(path, name)
        if name.startswith("__"):
            continue
        if name not in properties:
            problems.append(Problem(here, _unknown(who, token, here, name, properties)))
        else:
            problems += _check_value(who, token, here, value, properties[name])
    problems += [
        Problem(join(path, name), f"{token} needs the property {join(path, name)}")
        for name, known in properties.items()
        if known.required and name not in values
    ]
    return problems


def _unknown(who: str, token: str, here: str, name: str, properties: Mapping[str, Property]) -> str:
    close = difflib.get_close_matches(name, properties, n=1)
    hint = f"; did you mean {close[0]}?" if close else f"; it knows: {', '.join(properties)}"
    return f"{who} does not know property {here} of {token}{hint}"


def _check_value(who: str, token: str, path: str, value: Any, known: Property) -> list[Problem]:
    if value == UNKNOWN or known.kind == "any":
        return []
    wanted: tuple[type[Any], ...] = _PYTHON[known.kind]
    right = isinstance(value, wanted) and (bool in wanted or not isinstance(value, bool))
    if not right:
        got = json.dumps(value)
        return [Problem(path, f"{path} of {token} must be a {known.kind}, not {got}")]
    if known.kind == "object":
        return _check_object(who, token, path, value, known.fields)
    if known.items is None:
        return []
    members = (
        ((join(path, name), item) for name, item in value.items())
        if known.kind == "map"
        else ((f"{path}[{index}]", item) for index, item in enumerate(value))
    )
    return [
        problem
        for here, item in members
        for problem in _check_value(who, token, here, item, known.items)
    ]


# -- comparing ------------------------------------------------------------------------------


def differences(
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    properties: Mapping[str, Property],
    path: str = "",
    replace: bool = False,
) -> list[Difference]:
    """The changes from `old` to `new`. `old` may have more than the program gave, because it may
    be the service's answer: a value that `new` leaves out is a change only if the service does not
    choose it.
    """
    found: list[Difference] = []
    for name, known in properties.items():
        here = join(path, name)
        forces = replace or known.replace
        before, after = old.get(name), new.get(name)
        if after is None:
            gone = not (known.computed or known.maintained or is_default(before, known))
            if gone:
                found.append(Difference(here, "delete", forces))
        elif before is None:
            if not is_default(after, known):
                found.append(Difference(here, "add", forces))
        else:
            found += _compare(before, after, known, here, forces)
    return found


def _compare(
    before: Any, after: Any, known: Property, path: str, replace: bool
) -> list[Difference]:
    if after == UNKNOWN or before == UNKNOWN or type(before) is not type(after):
        same = before == after != UNKNOWN
        return [] if same else [Difference(path, "update", replace)]
    if known.kind == "object":
        return differences(before, after, known.fields, path, replace)
    item = known.items or Property("any")
    if known.kind == "map":
        return _compare_keyed(before, after, item, path, replace, join)
    if known.kind == "list":
        return _compare_keyed(
            dict(enumerate(before)), dict(enumerate(after)), item, path, replace, _index
        )
    if known.kind == "set":
        return _compare_sets(before, after, known, item, path, replace)
    if canonical(before, known) == canonical(after, known):
        return []
    return [Difference(path, "update", replace)]


def _index(path: str, index: Any) -> str:
    return f"{path}[{index}]"


def _compare_keyed(
    before: Mapping[Any, Any],
    after: Mapping[Any, Any],
    item: Property,
    path: str,
    replace: bool,
    place: Callable[[str, Any], str],
) -> list[Difference]:
    found = []
    for name in [*before, *(name for name in after if name not in before)]:
        here = place(path, name)
        if name not in after:
            found.append(Difference(here, "delete", replace))
        elif name not in before:
            found.append(Difference(here, "add", replace))
        else:
            found += _compare(before[name], after[name], item, here, replace)
    return found


def _compare_sets(
    before: list[Any],
    after: list[Any],
    known: Property,
    item: Property,
    path: str,
    replace: bool,
) -> list[Difference]:
    if known.key is not None:
        key = known.key
        old = {element.get(key): element for element in before}
        new = {element.get(key): (index, element) for index, element in enumerate(after)}
        found = [
            Difference(f"{path}[{index}]", "delete", replace)
            for index, element in enumerate(before)
            if element.get(key) not in new
        ]
        for name, (index, element) in new.items():
            here = f"{path}[{index}]"
            if name in old:
                found += _compare(old[name], element, item, here, replace)
            else:
                found.append(Difference(here, "add", replace))
        return found
    left = [canonical(element, item) for element in before]
    found = []
    for index, element in enumerate(after):
        form = canonical(element, item)
        if form in left:
            left.remove(form)
        else:
            found.append(Difference(f"{path}[{index}]", "add", replace))
    gone = [index for index, e in enumerate(before) if canonical(e, item) in left]
    found += [Difference(f"{path}[{index}]", "delete", replace) for index in gone]
    return found


def is_default(value: Any, known: Property) -> bool:
    """Whether a value means the same as its absence."""
    if value is None or value in ([], {}) or value == known.default:
        return True
    if known.kind == "object" and isinstance(value, dict):
        return all(
            is_default(value.get(name), sub) or sub.computed for name, sub in known.fields.items()
        )
    return False


def canonical(value: Any, known: Property) -> Any:
    """The normalised value, for comparison."""
    if known.normal is not None:
        return known.normal(value)
    if known.kind == "json" and isinstance(value, str):
        try:
            return json.dumps(json.loads(value), sort_keys=True)
        except ValueError:
            return value
    if known.kind == "object" and isinstance(value, dict):
        kept = {
            name: canonical(value[name], sub)
            for name, sub in known.fields.items()
            if name in value and not is_default(value[name], sub)
        }
        return json.dumps(kept, sort_keys=True)
    if known.kind == "set" and isinstance(value, list):
        item = known.items or Property("any")
        return json.dumps(sorted(json.dumps(canonical(element, item)) for element in value))
    return value


# -- reading back ---------------------------------------------------------------------------


def known_part(live: Any, known: Property) -> Any:
    """The part of a live value that a program could give: the service adds more to an object."""
    if isinstance(live, dict) and known.kind == "object":
        return {
            name: known_part(live[name], of) for name, of in known.fields.items() if name in live
        }
    if isinstance(live, list) and known.items is not None:
        return [known_part(item, known.items) for item in live]
    return live


def asked_part(live: Any, asked: Any, known: Property, before: Any = None) -> Any:
    """The live values of the program's inputs, in the shape of the inputs. The program's spelling
    is kept if it means the same, and values that the service does not return are taken as given.
    Values that the program never gave appear if they have changed.

    Args:
        live: what the service says now.
        asked: what the program asked for last time.
        known: the property.
        before: what the service said last time.
    """
    if live is None or known.write_only or asked == UNKNOWN:
        return asked
    if isinstance(live, dict) and isinstance(asked, dict) and known.kind in ("object", "any"):
        return _asked_members(live, asked, known, before if isinstance(before, dict) else {})
    if known.kind in ("list", "set") and isinstance(live, list) and isinstance(asked, list):
        if not _compare(live, asked, known, "", False):
            return asked
        if len(live) != len(asked) or known.kind == "set":
            return live
        item = known.items or Property("any")
        old = before if isinstance(before, list) and len(before) == len(live) else live
        return [
            asked_part(now, wanted, item, then)
            for now, wanted, then in zip(live, asked, old, strict=True)
        ]
    return asked if not _compare(live, asked, known, "", False) else live


def _asked_members(
    live: Mapping[str, Any], asked: Mapping[str, Any], known: Property, before: Mapping[str, Any]
) -> dict[str, Any]:
    passed_on = Property("any")
    part = {
        name: asked_part(
            live.get(name), wanted, known.fields.get(name, passed_on), before.get(name)
        )
        for name, wanted in asked.items()
    }
    for name, sub in known.fields.items():
        extra = live.get(name)
        quiet = sub.computed or is_default(extra, sub) or extra == before.get(name, extra)
        if name not in asked and not quiet:
            part[name] = extra
    return part
