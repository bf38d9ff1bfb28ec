"""Write the policies and roles of a stack: `python -m permissions --stack prod`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from permissions import rendering
from site_recovery import whole_files
from site_recovery.errors import MigrationError

_ROOT = rendering.FOLDER.parent


def main(arguments: list[str] | None = None) -> int:
    """Write the files and say what to do with them.

    Returns:
        The exit code: 1 if the stack's config lacks something, or a file cannot be written.
    """
    parser = argparse.ArgumentParser(prog="python -m permissions", description=__doc__)
    parser.add_argument("--stack", required=True)
    parser.add_argument(
        "--account", default="*", help="the id of the AWS account; default: any account"
    )
    parser.add_argument("--directory", type=Path, help="default: .local/permissions/<stack>")
    options = parser.parse_args(arguments)
    try:
        own = rendering.of_stack(_ROOT, options.stack, options.account or "*")
    except rendering.RenderingError as error:
        print(error, file=sys.stderr)
        return 1
    directory: Path = options.directory or Path(".local", "permissions", options.stack)
    commands = []
    for name in (*rendering.POLICIES, *own.roles):
        path = directory / f"{name}.json"
        try:
            whole_files.write(path, json.dumps(rendering.rendered(name, own), indent=2) + "\n")
        except MigrationError as error:
            print(error, file=sys.stderr)
            return 1
        part = name.partition("-")[2]
        commands.append(
            f"az role definition create --role-definition {path}"
            if name in own.roles
            else f"aws iam create-policy --policy-name {own.prefix}-{part} "
            f"--policy-document file://{path}"
        )
    reads = " and ".join(own.reads)
    print(f"Written for stack {options.stack}. An administrator creates them once:\n")
    print("\n".join(f"  {command}" for command in commands))
    print(f"\n`pulumi preview` needs only {reads}. Who gets which: docs/permissions.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
