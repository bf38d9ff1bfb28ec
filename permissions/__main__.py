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
    commands, removed = [], []
    try:
        for name in (*rendering.POLICIES, *own.roles):
            path = directory / f"{name}.json"
            whole_files.write(path, json.dumps(rendering.rendered(name, own), indent=2) + "\n")
            commands.append(_command(name, path, own))
        for name in (name for name in rendering.MACHINES_ROLES if name not in own.roles):
            path = directory / f"{name}.json"
            if path.exists():
                whole_files.remove(path)
                removed.append(path)
    except MigrationError as error:
        print(error, file=sys.stderr)
        return 1
    reads = " and ".join(own.reads)
    print(f"Written for stack {options.stack}. An administrator creates them once:\n")
    print("\n".join(f"  {command}" for command in commands))
    for path in removed:
        print(
            f"\nRemoved {path}: the machines are in the vault's subscription now. Delete its role "
            "definition, if it was created."
        )
    print(f"\n`pulumi preview` needs only {reads}. Who gets which: docs/permissions.md")
    return 0


def _command(name: str, path: Path, own: rendering.Names) -> str:
    """The command that makes the policy or the role of a file."""
    if name in own.roles:
        return f"az role definition create --role-definition {path}"
    part = name.partition("-")[2]
    return (
        f"aws iam create-policy --policy-name {own.prefix}-{part} --policy-document file://{path}"
    )


if __name__ == "__main__":
    sys.exit(main())
