"""`python -m emulator.providers install|uninstall --home <PULUMI_HOME>`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from emulator.providers.install import InstallError, install, uninstall


def main(arguments: list[str]) -> int:
    """Run one command; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m emulator.providers",
        description="Install the stand-in Pulumi providers of local stacks.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    put = commands.add_parser("install", help="write the plugin folders")
    put.add_argument("--python", type=Path, default=Path(sys.executable), metavar="PYTHON")
    take = commands.add_parser("uninstall", help="remove the plugin folders that install wrote")
    for command in (put, take):
        command.add_argument("--home", type=Path, required=True, metavar="PULUMI_HOME")
    given = parser.parse_args(arguments)
    try:
        if given.command == "install":
            folders = install(given.home, given.python)
        else:
            folders = uninstall(given.home)
    except InstallError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for folder in folders:
        print(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
