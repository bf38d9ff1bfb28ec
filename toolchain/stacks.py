"""The stacks on real clouds whose config is filled in: `python3 -m toolchain.stacks`.

Prints their names as a JSON list, for the matrix of a pipeline. A stack whose file, or whose fleet file,
still has a placeholder (`<...>`) is left out. Needs nothing but Python, because it runs before the packages are installed.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

from toolchain.layout import checkout

LOCAL = ("dev", "dev-modernized")
"""The stacks of the local clouds."""
_FILE = re.compile(r"Pulumi\.(?P<stack>.+)\.yaml")
_PLACEHOLDER = re.compile(r"<[^<>\n]+>")
_FLEET = re.compile(r"^\s*ec2-to-azure:fleetFile:\s*['\"]?([^'\"\s]+)", re.MULTILINE)
_COMMENT = re.compile(r"(?:^|\s)#.*$", re.MULTILINE)


def ready(root: Path) -> tuple[list[str], dict[str, str]]:
    """The stacks of a checkout that are on real clouds.

    Returns:
        Those without a placeholder, sorted; and the first placeholder of each other one, by stack.
    """
    found, waiting = [], {}
    for path in sorted(root.glob("Pulumi.*.yaml")):
        stack = _FILE.fullmatch(path.name)
        if stack is None or stack["stack"] in LOCAL:
            continue
        text = _COMMENT.sub("", path.read_text("utf-8"))
        for fleet in _FLEET.findall(text):
            if (root / fleet).is_file():
                text += _COMMENT.sub("", (root / fleet).read_text("utf-8"))
        placeholder = _PLACEHOLDER.search(text)
        if placeholder:
            waiting[stack["stack"]] = placeholder[0]
        else:
            found.append(stack["stack"])
    return found, waiting


def main(arguments: list[str] | None = None) -> int:
    """Print the stacks. Returns the exit code."""
    argparse.ArgumentParser(prog="python -m toolchain.stacks", description=__doc__).parse_args(
        arguments
    )
    found, waiting = ready(checkout().root)
    for stack, placeholder in waiting.items():
        print(f"Pulumi.{stack}.yaml is left out: it still says {placeholder}", file=sys.stderr)
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
