"""The environment variables with which `pulumi` works on a stack of this checkout.

    python -m toolchain.environment export               shell lines, for eval
    python -m toolchain.environment export --real        the same for stacks on real clouds
    python -m toolchain.environment run pulumi preview   a command in it
    python -m toolchain.environment run --real pulumi …  the same for a stack on real clouds

A local stack differs from a real one only in where the clouds are and which plugins carry the calls.
Nothing of the user's own (~/.pulumi, ~/.aws, ~/.azure) is read or written. For a real stack only PATH
and PULUMI_PARALLEL are set.
"""

from __future__ import annotations

import argparse
import os
import shlex
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from toolchain import clouds_record, engine
from toolchain.layout import Layout, NotReadyError, checkout

_CONNECT_SECONDS = 1.0
_LOOPBACK = ("127.0.0.1", "localhost")
_PARALLEL = "256"
"""Enough that no wave waits for another. Pulumi's default is four operations for each processor."""
OVERRIDING = ("PULUMI_CONFIG_PASSPHRASE",)
"""Takes precedence over a variable of Pulumi's that is set here."""


def tools(layout: Layout, base: Mapping[str, str]) -> dict[str, str]:
    """What every stack needs.

    PATH of `base` with this checkout's Python and Pulumi in front, and how many operations Pulumi
    runs at a time, unless `base` says it.

    Raises:
        NotReadyError: before set-up.
    """
    found = engine.recorded(layout)
    if found is None:
        raise NotReadyError("This checkout is not set up. Run `make setup`.")
    ours = [str(layout.virtual_environment / "bin"), found.directory]
    rest = [
        folder for folder in base.get("PATH", os.defpath).split(os.pathsep) if folder not in ours
    ]
    return {
        "PATH": os.pathsep.join([*ours, *rest]),
        "PULUMI_PARALLEL": base.get("PULUMI_PARALLEL") or _PARALLEL,
    }


def backend(folder: Path) -> str:
    """The URL of a Pulumi backend in a folder.

    Without files that describe its files: Pulumi writes those in two steps, and if it is killed in
    between, no command reads the stack any more ("failed to load checkpoint: EOF").
    """
    return f"file://{folder}?metadata=skip"


def pulumi(layout: Layout) -> dict[str, str]:
    """Pulumi's own settings for local stacks: home, backend and passphrase under `.local`."""
    return {
        "PULUMI_HOME": str(layout.pulumi_home),
        "PULUMI_BACKEND_URL": backend(layout.state),
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(layout.passphrase),
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }


def clouds(layout: Layout, base: Mapping[str, str]) -> dict[str, str]:
    """The addresses and the credentials of the local clouds, and no other credentials.

    Raises:
        NotReadyError: the local clouds do not run, or their record is damaged.
    """
    recorded = clouds_record.read(layout)
    for name, port in recorded.ports.items():
        try:
            socket.create_connection(("127.0.0.1", port), _CONNECT_SECONDS).close()
        except (OSError, OverflowError):
            raise NotReadyError(
                f"The local {name} does not answer on port {port}. {clouds_record.START}"
            ) from None
    excepted = [host for host in base.get("NO_PROXY", "").split(",") if host]
    excepted += [host for host in _LOOPBACK if host not in excepted]
    return {
        **recorded.environment,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AZURE_CONFIG_DIR": str(layout.local / "azure"),
        "NO_PROXY": ",".join(excepted),
        "no_proxy": ",".join(excepted),
    }


def local(layout: Layout, base: Mapping[str, str]) -> dict[str, str]:
    """All variables of a local stack.

    Raises:
        NotReadyError: before set-up, or when the local clouds do not run.
    """
    return {**tools(layout, base), **pulumi(layout), **clouds(layout, base)}


def overriding(layout: Layout, base: Mapping[str, str]) -> list[str]:
    """The variables of `base` that would lead a local stack elsewhere, so they are unset.

    Raises:
        NotReadyError: the local clouds do not run, or their record is damaged.
    """
    own = [name for name in base if name in OVERRIDING]
    return sorted([*own, *clouds_record.read(layout).overriding(base)])


def real(layout: Layout, base: Mapping[str, str]) -> dict[str, str]:
    """All variables of a stack on real clouds; the rest is the user's own.

    Raises:
        NotReadyError: before set-up, or if `base` is the environment of local stacks.
    """
    url = base.get("PULUMI_BACKEND_URL", "")
    folder = Path(urlsplit(url).path).resolve()
    if url.startswith("file:") and folder.is_relative_to(layout.local.resolve()):
        raise NotReadyError(
            f"This shell has the environment of the local stacks: PULUMI_BACKEND_URL is {url}, which "
            "`make down` removes with every record in it. For a stack on real clouds use a new shell, "
            "without the variables of `make env`. For the local clouds add CLOUDS=local."
        )
    return tools(layout, base)


def main(arguments: list[str]) -> int:
    """Print the environment, or run a command in it. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m toolchain.environment")
    actions = parser.add_subparsers(dest="action", required=True)
    export = actions.add_parser("export", help="print shell lines for eval")
    run = actions.add_parser("run", help="run a command")
    for action in (export, run):
        action.add_argument("--real", action="store_true", help="for stacks on real clouds")
    run.add_argument("command", nargs=argparse.REMAINDER, help="the command and its arguments")
    chosen = parser.parse_args(arguments)
    layout = checkout()
    try:
        variables = (real if chosen.real else local)(layout, os.environ)
        unset = [] if chosen.real else overriding(layout, os.environ)
    except NotReadyError as problem:
        print(problem, file=sys.stderr)
        return 1
    if chosen.action == "export":
        for name in unset:
            print(f"unset {name}")
        for name, value in sorted(variables.items()):
            print(f"export {name}={shlex.quote(value)}")
        return 0
    os.environ.update(variables)
    for name in unset:
        del os.environ[name]
    # The command replaces this process, so that it gets the terminal and its signals.
    os.execvp(chosen.command[0], chosen.command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
