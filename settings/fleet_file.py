"""A fleet file: what several stacks declare together. Each of them names it and may differ in parts.

The config of the stack lies over the file: mappings are merged key by key, and any other value of the
stack, a list too, takes the place of the file's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from settings.translation import suggestion
from site_recovery.config_paths import split
from site_recovery.declared.wording import another_kind
from site_recovery.problems import Problem

KEY = "fleetFile"
PARTS = ("convergence", "machines", "replication", "source", "target", "waves")
"""What a fleet file may have: the parts of the config that are mappings."""


class _Constructor(SafeConstructor):
    """Reads a date as text, as the engine does with the stack's own config."""


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", SafeConstructor.construct_yaml_str)


@dataclass(frozen=True)
class Merged:
    """The config of a stack over its fleet file.

    Attributes:
        config: both together.
        problems: what is wrong with the file itself.
    """

    config: dict[str, Any]
    problems: tuple[Problem, ...] = ()
    _file: str = ""
    _own: Mapping[str, Any] = field(default_factory=dict)
    _shared: Mapping[str, Any] = field(default_factory=dict)

    def placed(self, problems: Iterable[Problem]) -> list[Problem]:
        """The problems, those of the fleet file with its name before the path."""
        return [
            replace(problem, path=f"{self._file}: {problem.path}")
            if self._is_shared(problem.path)
            else problem
            for problem in problems
        ]

    def _is_shared(self, place: str) -> bool:
        """Whether a path leads further into the file than into the stack's own config."""
        location = split(place)
        return _depth(self._shared, location) > _depth(self._own, location)


def merged(raw: Mapping[str, Any], folder: Path) -> Merged:
    """Put the config of a stack over the fleet file that it names.

    Args:
        raw: the config as returned by `settings.stack_config`.
        folder: the folder of Pulumi.yaml. The name of the file is relative to it.
    """
    named = raw.get(KEY)
    if named == "":
        # The default of Pulumi.yaml.
        return Merged({key: part for key, part in raw.items() if key != KEY})
    if not isinstance(named, str):
        return Merged(dict(raw))
    try:
        shared = _read(folder / named)
    except OSError as error:
        what = f"{named!r} cannot be read: {error.strerror or error}"
        return Merged(
            dict(raw), (Problem(KEY, what, "Name a file beside Pulumi.yaml, or create this one"),)
        )
    except (YAMLError, ValueError, TypeError) as error:
        return Merged(dict(raw), (Problem(named, f"it is not YAML: {_said(error)}", "Correct it"),))
    if not isinstance(shared, dict):
        what = "it is not a mapping of keys to values"
        return Merged(dict(raw), (Problem(named, what, f"Begin with one of {', '.join(PARTS)}"),))
    problems = [
        Problem(
            f"{named}: {key}",
            "this key does not belong into a fleet file",
            suggestion(key, PARTS)
            if key not in raw
            else f"Write it into the config of each stack. A fleet file has {', '.join(PARTS)}",
        )
        for key in sorted(set(shared) - set(PARTS))
    ]
    kept = {key: part for key, part in shared.items() if key in PARTS and isinstance(part, dict)}
    problems += [
        Problem(f"{named}: {key}", *another_kind(shared[key], "a mapping of keys to values"))
        for key in PARTS
        if key in shared and key not in kept
    ]
    return Merged(over(raw, kept), tuple(problems), named, raw, kept)


def _read(path: Path) -> Any:
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _Constructor
    # All keys are text, as the engine passes them.
    return json.loads(json.dumps(yaml.load(path.read_text("utf-8"))))


def _said(error: Exception) -> str:
    if isinstance(error, MarkedYAMLError) and error.problem_mark is not None:
        problem = " ".join((error.problem or "").split())
        return f"{problem} (line {error.problem_mark.line + 1})"
    return " ".join(str(error).split())


def over(own: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    """Config over shared config: mappings are merged key by key, and any other value is the own one."""
    result = dict(shared)
    for key, value in own.items():
        below = shared.get(key)
        merge = isinstance(value, dict) and isinstance(below, dict)
        result[key] = over(value, below or {}) if merge else value
    return result


def _depth(part: Any, location: Iterable[str | int]) -> int:
    """How many steps of a path exist."""
    depth = 0
    for step in location:
        known = (isinstance(step, str) and isinstance(part, dict) and step in part) or (
            isinstance(step, int) and isinstance(part, list) and step < len(part)
        )
        if not known:
            break
        part = part[step]
        depth += 1
    return depth
