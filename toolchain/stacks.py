"""The stacks on real clouds whose config is filled in: `python -m toolchain.stacks`.

Prints their names as a JSON list, for the matrix of a pipeline. A stack is left out while a value of its file, or
of its fleet file, is a placeholder and nothing else (`<...>`). Needs PyYAML and no other package, because it runs
before the packages are installed.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from itertools import pairwise
from pathlib import Path

import yaml

from toolchain.layout import checkout

LOCAL = ("dev", "dev-modernized")
"""The stacks of the local clouds."""
_FILE = re.compile(r"Pulumi\.(?P<stack>.+)\.yaml")
_PLACEHOLDER = re.compile(r"<[^<>]+>")
_FLEET = "ec2-to-azure:fleetFile"


class UnreadableError(Exception):
    """Files of stacks cannot be read. The text has each of them, and the way out."""


def ready(root: Path) -> tuple[list[str], dict[str, str]]:
    """The stacks of a checkout that are on real clouds.

    Returns:
        Those without a placeholder, sorted; and the first placeholder of each other one, by stack.

    Raises:
        UnreadableError: a file of any stack cannot be read.
    """
    found, waiting, wrong = [], {}, []
    for path in sorted(root.glob("Pulumi.*.yaml")):
        stack = _FILE.fullmatch(path.name)
        if stack is None or stack["stack"] in LOCAL:
            continue
        try:
            placeholder = _placeholder(path)
        except UnreadableError as problem:
            wrong.append(str(problem))
            continue
        if placeholder:
            waiting[stack["stack"]] = placeholder
        else:
            found.append(stack["stack"])
    if wrong:
        raise UnreadableError("\n".join(dict.fromkeys(wrong)))
    return found, waiting


def _placeholder(file: Path) -> str | None:
    """The first placeholder of a stack file and its fleet file."""
    scalars = _scalars(file)
    for key, value in pairwise(tuple(scalars)):
        # A fleet file that is missing is reported by the program.
        if key == _FLEET and (file.parent / value).is_file():
            scalars += _scalars(file.parent / value)
    return next((scalar for scalar in scalars if _PLACEHOLDER.fullmatch(scalar)), None)


def _scalars(file: Path) -> list[str]:
    """Every key and every value of a file, in its order.

    Raises:
        UnreadableError: it cannot be read.
    """
    try:
        events = list(yaml.parse(file.read_text("utf-8"), yaml.SafeLoader))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        why = " ".join(str(error).split())
        raise UnreadableError(
            f"{file.name} cannot be read, so no stack is chosen: {why}. "
            "Correct the file; it is YAML in UTF-8."
        ) from None
    return [event.value for event in events if isinstance(event, yaml.ScalarEvent)]


def main(arguments: list[str] | None = None) -> int:
    """Print the stacks. Returns the exit code, which is 1 if a file cannot be read."""
    argparse.ArgumentParser(prog="python -m toolchain.stacks", description=__doc__).parse_args(
        arguments
    )
    try:
        found, waiting = ready(checkout().root)
    except UnreadableError as problem:
        print(problem, file=sys.stderr)
        return 1
    for stack, placeholder in waiting.items():
        print(f"Pulumi.{stack}.yaml is left out: it still says {placeholder}", file=sys.stderr)
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
